"""What the chat is about, in the standard library alone: its nouns, its rules, and the interfaces it needs.

The dataclasses here are also what travels: REST answers and socket events are these, serialised.
"""
