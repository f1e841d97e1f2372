"""Who is in which room, here and elsewhere."""
