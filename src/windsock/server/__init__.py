"""Socket.IO: connections, namespaces, sockets, rooms, events and acknowledgements."""
