"""A Socket.IO client for asyncio; :mod:`windsock.client.sync` wraps it for scripts."""
