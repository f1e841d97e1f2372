"""The REST interface, the pages, and what stands at the edge of both."""
