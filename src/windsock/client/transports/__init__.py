"""How packets travel to a server and back."""
