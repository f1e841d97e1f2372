"""The client for plain WebSocket."""
