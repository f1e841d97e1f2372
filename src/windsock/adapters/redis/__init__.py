"""Servers that share their rooms over Redis, as those of Socket.IO do."""
