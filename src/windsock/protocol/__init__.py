"""The wire formats, without input or output: no socket, no clock, no event loop."""
