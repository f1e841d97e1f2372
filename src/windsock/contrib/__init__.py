"""What connects a server to other systems; each with an extra of its name (``windsock[prometheus]``)."""
