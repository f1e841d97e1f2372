"""Proofs of who somebody is: passwords, access tokens, refresh tokens."""
