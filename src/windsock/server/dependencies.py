"""What a handler needs beside its event's arguments: planned when it is registered, made anew for each event."""

from __future__ import annotations

import contextlib
import enum
import inspect
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_origin

from windsock.arguments import hints_of
from windsock.errors import ConfigurationError
from windsock.server.socket import Socket

if TYPE_CHECKING:
    from collections.abc import Mapping

Dependency = Callable[..., Any]
"""Makes a value: a function or class, plain or ``async``, or a generator function that cleans up after ``yield``."""

_SOCKET: Final = 0
_CONTEXT: Final = 1
_BY_NAME: Final = (inspect.Parameter.KEYWORD_ONLY,)
_STARRED: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Depends:
    """Asks for what a function makes: ``user: Annotated[User, Depends(current_user)]``.

    The function may take the :class:`Socket`, the :class:`Context` and further dependencies, each by its annotation.
    A plain one is called on the event loop, as plain handlers are. A generator's part after ``yield`` runs when the
    handler has ended and before its acknowledgement is sent; what the handler raised is raised at the ``yield``.

    Args:
        dependency: makes the value; the annotated class itself when not given.
        use_cache: whether those who ask for it during one event share one value.
    """

    dependency: Dependency | None = None
    use_cache: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """What a dependency may know of the event, its payload excepted.

    Attributes:
        socket: whose event it is.
        event: its name.
    """

    socket: Socket
    event: str


class DependencyOverrides(MutableMapping[Dependency, Dependency]):
    """Stand-ins for dependencies, for tests: ``io.dependency_overrides[current_user] = somebody``.

    A change counts from the next event on. What stands in may have dependencies of its own.

    Attributes:
        version: grows with each change.
    """

    def __init__(self) -> None:
        self.version: int = 0
        self._replacements: dict[Dependency, Dependency] = {}

    def __getitem__(self, dependency: Dependency) -> Dependency:
        return self._replacements[dependency]

    def __setitem__(self, dependency: Dependency, replacement: Dependency) -> None:
        self._replacements[dependency] = replacement
        self.version += 1

    def __delitem__(self, dependency: Dependency) -> None:
        del self._replacements[dependency]
        self.version += 1

    def __iter__(self) -> Iterator[Dependency]:
        return iter(self._replacements)

    def __len__(self) -> int:
        return len(self._replacements)


class Kind(enum.Enum):
    """How a dependency makes its value."""

    PLAIN = enum.auto()
    COROUTINE = enum.auto()
    GENERATOR = enum.auto()
    ASYNC_GENERATOR = enum.auto()

    @classmethod
    def of(cls, function: Dependency) -> Kind:
        """The kind of a function, or of what a callable object's class says."""
        candidates = (function,) if inspect.isclass(function) else (function, getattr(function, "__call__", None))  # noqa: B004  the method, not whether there is one
        for kind, test in (
            (cls.COROUTINE, inspect.iscoroutinefunction),
            (cls.GENERATOR, inspect.isgeneratorfunction),
            (cls.ASYNC_GENERATOR, inspect.isasyncgenfunction),
        ):
            if any(test(candidate) for candidate in candidates):
                return kind
        return cls.PLAIN


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a plan. Numbers are places among the values that the plan has made so far.

    Attributes:
        make: the dependency; of a generator, what makes a context manager of it.
        kind: how it gives its value.
        takes: places of its arguments by position.
        named: places of those by name.
    """

    make: Dependency
    kind: Kind
    takes: tuple[int, ...]
    named: tuple[tuple[str, int], ...]

    def call(self, values: list[Any]) -> Any:
        """Calls the dependency with what was made before."""
        arguments = [values[place] for place in self.takes]
        if not self.named:
            return self.make(*arguments)
        return self.make(*arguments, **{name: values[place] for name, place in self.named})


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls that one event of a handler costs, in their order.

    Attributes:
        steps: each needs only values before it.
        places: where each of the handler's parameters finds its value.
        awaits: whether something is to be awaited, or cleaned up.
        contextual: whether anything asks for the context.
    """

    steps: tuple[Step, ...]
    places: tuple[int, ...]
    awaits: bool
    contextual: bool


class Planner:
    """Puts what a handler needs into an order.

    Args:
        subject: what the plan is for, as errors name it.
        overrides: stand-ins.
    """

    def __init__(self, subject: str, overrides: Mapping[Dependency, Dependency]) -> None:
        self._subject = subject
        self._overrides = overrides
        self._steps: list[Step] = []
        self._shared: dict[Dependency, int] = {}
        self._path: list[Dependency] = []
        self._contextual = False

    def plan(self, wanted: list[Any]) -> Plan:
        """The plan for parameters with these annotations, each of which :func:`is_injected`."""
        places = tuple(self._place(annotation) for annotation in wanted)
        awaits = any(step.kind is not Kind.PLAIN for step in self._steps)
        return Plan(tuple(self._steps), places, awaits, self._contextual)

    def _place(self, annotation: Any) -> int:
        if annotation is Socket:
            return _SOCKET
        if annotation is Context:
            self._contextual = True
            return _CONTEXT
        marker = find_marker(annotation)
        assert marker is not None
        asked = marker.dependency or get_args(annotation)[0]
        return self._add(self._overrides.get(asked, asked), shared=marker.use_cache)

    def _add(self, dependency: Dependency, *, shared: bool) -> int:
        if not callable(dependency):
            raise ConfigurationError(f"expected something to call in a Depends of {self._subject}, got {dependency!r}")
        if dependency in self._path:
            circle = " → ".join(_name(each) for each in (*self._path, dependency))
            raise ConfigurationError(f"expected dependencies without a circle in {self._subject}, got {circle}")
        if shared and dependency in self._shared:
            return self._shared[dependency]
        self._path.append(dependency)
        step = self._step(dependency)
        self._path.pop()
        place = 2 + len(self._steps)  # after the socket and the context
        self._steps.append(step)
        if shared:
            self._shared[dependency] = place
        return place

    def _step(self, dependency: Dependency) -> Step:
        takes: list[int] = []
        named: list[tuple[str, int]] = []
        by_position = True
        hints = hints_of(dependency)
        for parameter in _parameters(dependency, self._subject):
            annotation = hints.get(parameter.name, parameter.annotation)
            if not is_injected(annotation):
                if parameter.default is inspect.Parameter.empty and parameter.kind not in _STARRED:
                    raise ConfigurationError(
                        f"expected the parameter {parameter.name!r} of {_name(dependency)} in {self._subject} to be a "
                        "Socket, a Context or Annotated[..., Depends(...)]: nothing else gives a dependency its values"
                    )
                by_position = False  # one is left out, so those after it cannot be counted
            elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY and not by_position:
                raise ConfigurationError(
                    f"expected {parameter.name!r} of {_name(dependency)} before its optional parameters: it has no name"
                )
            elif by_position and parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
                takes.append(self._place(annotation))
            else:
                named.append((parameter.name, self._place(annotation)))
        kind = Kind.of(dependency)
        make = dependency
        if kind is Kind.GENERATOR:
            make = contextlib.contextmanager(dependency)
        elif kind is Kind.ASYNC_GENERATOR:
            make = contextlib.asynccontextmanager(dependency)
        return Step(make, kind, tuple(takes), tuple(named))


class Injection:
    """A handler together with what it depends on: called like one that depends on nothing.

    Args:
        event: whose handler it is.
        function: the handler.
        injected: its parameters that are no arguments of the event, with their annotations; none is the first.
        overrides: stand-ins.

    Raises:
        ConfigurationError: a dependency needs itself, or something that nothing gives.
    """

    __slots__ = ("_event", "_function", "_inserted", "_named", "_overrides", "_plan", "_version", "_wanted")

    def __init__(
        self,
        event: str,
        function: Callable[..., Any],
        injected: list[tuple[inspect.Parameter, int, Any]],
        overrides: DependencyOverrides,
    ) -> None:
        self._event = event
        self._function = function
        self._overrides = overrides
        self._wanted = [annotation for _, _, annotation in injected]
        places = range(len(injected))
        # By position where something by position may follow; there they come before every optional argument.
        self._inserted = [(injected[at][1], at) for at in places if injected[at][0].kind not in _BY_NAME]
        self._named = [(injected[at][0].name, at) for at in places if injected[at][0].kind in _BY_NAME]
        self._prepare()

    def __call__(self, socket: Socket, *arguments: Any) -> Any:
        """Makes what the handler depends on and calls it: gives its result, or a coroutine."""
        if self._overrides.version != self._version:
            self._prepare()
        plan = self._plan
        values: list[Any] = [socket, Context(socket, self._event) if plan.contextual else None]
        if plan.awaits:
            return self._call(plan, values, arguments)
        for step in plan.steps:
            values.append(step.call(values))
        return self._finish(plan, values, arguments)

    async def _call(self, plan: Plan, values: list[Any], arguments: tuple[Any, ...]) -> Any:
        async with AsyncExitStack() as stack:
            for step in plan.steps:
                value = step.call(values)
                if step.kind is Kind.COROUTINE:
                    value = await value
                elif step.kind is Kind.GENERATOR:
                    value = stack.enter_context(value)
                elif step.kind is Kind.ASYNC_GENERATOR:
                    value = await stack.enter_async_context(value)
                values.append(value)
            outcome = self._finish(plan, values, arguments)
            return await outcome if inspect.isawaitable(outcome) else outcome

    def _finish(self, plan: Plan, values: list[Any], arguments: tuple[Any, ...]) -> Any:
        places = plan.places
        positional = [values[_SOCKET], *arguments]
        for index, at in self._inserted:
            positional.insert(index, values[places[at]])
        return self._function(*positional, **{name: values[places[at]] for name, at in self._named})

    def _prepare(self) -> None:
        # A plan that cannot be made leaves the version as it is, so that the next event fails as well.
        self._plan = Planner(f"the handler of {self._event!r}", self._overrides).plan(self._wanted)
        self._version = self._overrides.version


def is_injected(annotation: Any) -> bool:
    """Whether a parameter of this annotation is given by Windsock and not by the event."""
    return annotation is Socket or annotation is Context or find_marker(annotation) is not None


def find_marker(annotation: Any) -> Depends | None:
    """The ``Depends`` in an annotation, if any; FastAPI's own counts as one.

    Raises:
        ConfigurationError: it is FastAPI's ``Security``, whose scopes mean nothing here.
    """
    if get_origin(annotation) is not Annotated:
        return None
    for extra in get_args(annotation)[1:]:
        marker = as_marker(extra)
        if marker is not None:
            return marker
    return None


def as_marker(value: Any) -> Depends | None:
    """The value as ``Depends``, if it is one or FastAPI's: told by its name, so that nobody has to import it."""
    if isinstance(value, Depends):
        return value
    kind = type(value)
    if kind.__module__ != "fastapi.params":
        return None
    if kind.__name__ == "Security":
        raise ConfigurationError("expected Depends, got FastAPI's Security: its scopes mean nothing to a handler")
    return Depends(value.dependency, value.use_cache) if kind.__name__ == "Depends" else None


def _parameters(dependency: Dependency, subject: str) -> list[inspect.Parameter]:
    try:
        parameters = list(inspect.signature(dependency).parameters.values())
    except ValueError as error:
        raise ConfigurationError(f"expected a signature of {_name(dependency)} in {subject}: {error}") from error
    for parameter in parameters:
        check_default(parameter, _name(dependency))
    return parameters


def check_default(parameter: inspect.Parameter, subject: str) -> None:
    """Refuses ``user: User = Depends(…)``, which a type checker cannot understand.

    Raises:
        ConfigurationError: the parameter has such a default.
    """
    if as_marker(parameter.default) is not None:
        raise ConfigurationError(
            f"expected {parameter.name}: Annotated[..., Depends(...)] in {subject}, got Depends as a default value"
        )


def _name(dependency: Dependency) -> str:
    return getattr(dependency, "__qualname__", None) or repr(dependency)
