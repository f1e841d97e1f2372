"""The documentation's site: what its pages take from the code, and the check of what was built."""
