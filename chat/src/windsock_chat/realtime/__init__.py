"""The chat's side of the sockets: who is connected, what they may send, what they are told."""
