"""Real-time for Python: Socket.IO and WebSocket."""
