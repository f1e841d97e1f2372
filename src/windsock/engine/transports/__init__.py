"""How the packets of a session travel: one module a transport."""
