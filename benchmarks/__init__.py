"""The benchmark: Windsock beside Socket.IO on Node and python-socketio, under one load generator written in C."""
