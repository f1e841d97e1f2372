"""What a server does, in figures: what those who export metrics have in common. It needs no extra."""
