"""What a server and its clients may say to each other, written down for other programs.

:func:`describe` reads it from a server's handlers and declarations; :func:`to_asyncapi` and :func:`to_typescript` write
it. The same is had with ``windsock asyncapi`` and ``windsock types``.
"""

from windsock.contracts.asyncapi import to_asyncapi
from windsock.contracts.contract import Contract, Event, NamespaceContract, Value, describe
from windsock.contracts.typescript import to_typescript

__all__ = ["Contract", "Event", "NamespaceContract", "Value", "describe", "to_asyncapi", "to_typescript"]
