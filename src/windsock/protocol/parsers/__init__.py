"""Wire formats for Socket.IO packets, one module each."""
