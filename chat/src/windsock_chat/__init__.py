"""A self-hosted chat on Windsock."""
