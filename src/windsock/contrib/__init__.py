"""What connects a server to other systems; each module has an extra of its name (``windsock[prometheus]``)."""
