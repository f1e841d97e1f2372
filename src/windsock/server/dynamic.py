"""Namespaces that come to be when a client asks for one (Socket.IO documentation, "Dynamic namespaces")."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from windsock.adapters.base import EVERYBODY, Target
from windsock.server.broadcast import BroadcastOperator, Rooms, names
from windsock.server.emissions import UNACKNOWLEDGED
from windsock.server.hooks import Hookable, Hooks
from windsock.server.namespace import F, M, Namespace, Registry

if TYPE_CHECKING:
    from windsock.adapters.base import AdapterFactory
    from windsock.engine.transports.outbox import Outbox
    from windsock.protocol.socketio import Parser
    from windsock.server.dependencies import DependencyOverrides
    from windsock.server.recovery import ConnectionStateRecovery

NamespacePredicate = Callable[[str, dict[str, Any]], bool]
"""Of a namespace's name and the client's auth payload: whether there is such a namespace."""


class DynamicNamespace(Hookable):
    """What all namespaces that match have in common. Got with ``io.of(re.compile(...))`` or ``io.of(predicate)``.

    A namespace is made when the first client connects to it and goes when the last one has left, so that names
    made up by clients do not pile up.

    Attributes:
        registry: handlers and middlewares, shared by the namespaces.
        children: the namespaces that exist, by name.
        parser: the wire format.
    """

    def __init__(
        self,
        rule: re.Pattern[str] | NamespacePredicate,
        parser: Parser,
        outbox: Outbox,
        adapter: AdapterFactory,
        overrides: DependencyOverrides | None = None,
        recovery: ConnectionStateRecovery | None = None,
    ) -> None:
        name = rule.pattern if isinstance(rule, re.Pattern) else getattr(rule, "__qualname__", type(rule).__qualname__)
        self.registry: Registry = Registry(name, overrides)
        self.children: dict[str, Namespace] = self.registry.namespaces
        self.parser: Parser = parser
        self._rule = rule
        self._outbox = outbox
        self._adapter = adapter
        self._recovery = recovery

    def on(self, event: str) -> Callable[[F], F]:
        """See :meth:`Registry.on`."""
        return self.registry.on(event)

    def on_server_event(self, event: str) -> Callable[[F], F]:
        """See :meth:`Namespace.on_server_event`; of every namespace that matches."""
        return self.registry.server_events.on(event)

    def emits(self, event: str, *arguments: Any, ack: Any = UNACKNOWLEDGED, description: str = "") -> None:
        """See :meth:`Registry.emits`."""
        self.registry.emits(event, *arguments, ack=ack, description=description)

    def use(self, middleware: M) -> M:
        """See :meth:`Registry.use`."""
        return self.registry.use(middleware)

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends an event to every client of every namespace that matches."""
        DynamicOperator(self).emit(event, *arguments)

    def send(self, *arguments: Any) -> None:
        """Sends the event ``message``; see :meth:`emit`."""
        self.emit("message", *arguments)

    def to(self, *rooms: Rooms) -> DynamicOperator:
        """Everybody in these rooms, of every namespace that matches."""
        return DynamicOperator(self).to(*rooms)

    def in_(self, *rooms: Rooms) -> DynamicOperator:
        """Same as :meth:`to`."""
        return self.to(*rooms)

    def except_(self, *rooms: Rooms) -> DynamicOperator:
        """Everybody who is in none of these rooms."""
        return DynamicOperator(self).except_(*rooms)

    @property
    def volatile(self) -> DynamicOperator:
        """Everybody; the event may be dropped for a client that cannot take it now."""
        return DynamicOperator(self).volatile

    @property
    def local(self) -> DynamicOperator:
        """Everybody on this node."""
        return DynamicOperator(self).local

    def compress(self, compress: bool) -> DynamicOperator:
        """Everybody; whether transports may compress the event."""
        return DynamicOperator(self).compress(compress)

    def matches(self, name: str, auth: dict[str, Any]) -> bool:
        """Whether a client may have a namespace of this name."""
        if isinstance(self._rule, re.Pattern):
            return self._rule.search(name) is not None
        return self._rule(name, auth)

    def adopt(self, namespace: Namespace) -> None:
        """Makes a namespace that the application asked for by name one of these, guarded as they are."""
        namespace.parent = self
        namespace.registry = self.registry
        namespace.handlers = self.registry.routes
        self.children[namespace.name] = namespace
        if self.registry.hooks.outgoing:
            namespace.tap()

    def covers(self, name: str) -> bool:
        """Whether a namespace of this name is one of these, whoever asks."""
        return isinstance(self._rule, re.Pattern) and self._rule.search(name) is not None

    def make(self, name: str) -> Namespace:
        """A namespace of this name."""
        return Namespace(name, self.parser, self._outbox, self._adapter, self, recovery=self._recovery)

    def _hooks(self) -> Hooks:
        return self.registry.hooks

    def _intercept(self) -> Hooks:
        return self.registry.intercept()

    def _tap(self) -> Hooks:
        return self.registry.tap()

    def _untap(self) -> None:
        self.registry.untap()


class DynamicOperator:
    """Whom the next ``emit`` is for, in every namespace of a rule. Immutable: each operator gives a new one.

    What wants an answer, or looks at sockets, is asked of one namespace: ``socket.namespace``.
    """

    __slots__ = ("_dynamic", "_target")

    def __init__(self, dynamic: DynamicNamespace, target: Target = EVERYBODY) -> None:
        self._dynamic = dynamic
        self._target = target

    def to(self, *rooms: Rooms) -> DynamicOperator:
        """Adds rooms; see :meth:`BroadcastOperator.to`."""
        return self._with(rooms=self._target.rooms | names(rooms))

    def in_(self, *rooms: Rooms) -> DynamicOperator:
        """Same as :meth:`to`."""
        return self.to(*rooms)

    def except_(self, *rooms: Rooms) -> DynamicOperator:
        """Leaves out whoever is in one of these rooms."""
        return self._with(except_=self._target.except_ | names(rooms))

    @property
    def volatile(self) -> DynamicOperator:
        """The event may be dropped for a client that cannot take it now."""
        return self._with(volatile=True)

    @property
    def local(self) -> DynamicOperator:
        """Only for the sockets of this node."""
        return self._with(local=True)

    def compress(self, compress: bool) -> DynamicOperator:
        """Whether transports that compress may compress the event; they may by default."""
        return self._with(compress=compress)

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends an event; see :meth:`BroadcastOperator.emit`."""
        for namespace in list(self._dynamic.children.values()):
            BroadcastOperator(namespace, self._target).emit(event, *arguments)

    def _with(self, **changes: Any) -> DynamicOperator:
        return DynamicOperator(self._dynamic, replace(self._target, **changes))
