"""Engine.IO: sessions, their two transports, and the way from one to the other."""
