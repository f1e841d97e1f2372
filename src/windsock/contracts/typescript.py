"""A contract as the event maps that ``socket.io-client`` takes as type parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from windsock.contracts.contract import Contract, Event, NamespaceContract, Value
from windsock.contracts.names import distinct
from windsock.contracts.schema import DEFINITIONS, Schema

_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")
_RESERVED: Final = frozenset(
    re.findall(
        r"\w+",
        """
        ack arguments await break case catch class const continue debugger default delete do else enum eval export
        extends false finally for function if implements import in instanceof interface let new null package private
        protected public return static super switch this throw true try typeof var void while with yield
        """,
    )
)
"""Words that cannot name a parameter, and the acknowledgement's own."""

_PRIMITIVES: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_OWN: Final = ("Ack", "Refusal", "RefusalError")
_HEADER: Final = """\
// Written by `windsock types`: change the server's annotations, not this file.
"""
_REFUSAL: Final = """\
/** What a handler's failure is answered with. */
export interface RefusalError {
  code: string;
  message: string;
  [field: string]: unknown;
}

export interface Refusal {
  error: RefusalError;
}

/** An acknowledgement: the handler's answer, or why there is none. */
export type Ack<Answer> = Answer | Refusal;
"""


def to_typescript(contract: Contract) -> str:
    """The text of a TypeScript module.

    The namespace ``/`` has ``ServerToClientEvents``, ``ClientToServerEvents`` and, if its handler of ``connect`` asks
    for one, ``Auth``; the names of other namespaces' begin with theirs: ``AdminServerToClientEvents`` for ``/admin``.
    Bytes are ``ArrayBuffer`` on the way to a browser, and whatever it can send as binary on the way from it.
    An event that is acknowledged has its callback as the last parameter; one that is not has none.

    Returns:
        The same text for the same contract, whatever the order in which it was registered.
    """
    labels = distinct([namespace.name for namespace in contract.namespaces])
    maps = [
        f"{label}{suffix}"
        for label in labels.values()
        for suffix in ("Auth", "ServerToClientEvents", "ClientToServerEvents")
    ]
    module = Module(contract, distinct(contract.definitions, (*_OWN, *maps)))
    parts = [_HEADER]
    if any(event.answer is not None for namespace in contract.namespaces for event in namespace.received):
        parts.append(_REFUSAL)
    parts.extend(module.definitions())
    for namespace in contract.namespaces:
        parts.extend(module.namespace(namespace, labels[namespace.name]))
    return "\n".join(parts)


class Module:
    """Writes one module.

    Args:
        contract: what to write.
        names: of its definitions.
    """

    def __init__(self, contract: Contract, names: dict[str, str]) -> None:
        self._contract = contract
        self._names = names
        self._received = _reachable(contract)

    def definitions(self) -> Iterator[str]:
        """The types that several places share."""
        for name, schema in sorted(self._contract.definitions.items(), key=lambda item: self._names[item[0]]):
            head = _comment(schema.get("description", ""), "")
            incoming = name in self._received
            if _is_record(schema):
                yield f"{head}export interface {self._names[name]} {self._members(schema, '', incoming)}\n"
            else:
                yield f"{head}export type {self._names[name]} = {self.type_of(schema, '', incoming)};\n"

    def namespace(self, namespace: NamespaceContract, label: str) -> Iterator[str]:
        """The event maps of a namespace."""
        where = f"the namespace {namespace.name}" if namespace.name.startswith("/") else namespace.name
        if namespace.auth is not None:
            optional = "" if namespace.auth.required else " | undefined"
            kind = self.type_of(namespace.auth.schema, "", True)
            head = _comment(f"What a client says when it connects to {where}.", "")
            yield f"{head}export type {label}Auth = {kind}{optional};\n"
        for suffix, events, incoming, says in (
            ("ServerToClientEvents", namespace.sent, False, "the server emits"),
            ("ClientToServerEvents", namespace.received, True, "clients send"),
        ):
            lines = "".join(self._event(event, incoming) for event in events)
            head = _comment(f"What {says} in {where}.", "")
            body = f"{{\n{lines}}}" if lines else "{}"
            # A map without events is no interface: TypeScript linters take an empty one for a mistake.
            yield (
                f"{head}export interface {label}{suffix} {body}\n"
                if lines
                else (f"{head}export type {label}{suffix} = Record<never, never>;\n")
            )

    def type_of(self, schema: Schema | bool, indent: str, incoming: bool) -> str:
        """The type of a schema.

        Args:
            schema: in JSON Schema.
            indent: of the line on which it begins.
            incoming: whether clients send it.
        """
        if schema is True or schema is False:
            return "unknown" if schema else "never"
        if "$ref" in schema:
            return self._names[schema["$ref"].removeprefix(DEFINITIONS)]
        if "const" in schema:
            return json.dumps(schema["const"], ensure_ascii=False)
        if "enum" in schema:
            return _union(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return _union(self.type_of(each, indent, incoming) for each in schema[several])
        if "allOf" in schema:
            return " & ".join(_grouped(self.type_of(each, indent, incoming)) for each in schema["allOf"])
        kind = schema.get("type")
        if isinstance(kind, list):
            return _union(self.type_of({**schema, "type": each}, indent, incoming) for each in kind)
        if kind == "string" and schema.get("format") == "binary":
            return "Blob | ArrayBuffer | ArrayBufferView" if incoming else "ArrayBuffer"
        if kind == "array":
            return self._array(schema, indent, incoming)
        if kind == "object":
            return self._object(schema, indent, incoming)
        return _PRIMITIVES.get(kind, "unknown") if isinstance(kind, str) else "unknown"

    def _array(self, schema: Schema, indent: str, incoming: bool) -> str:
        items = schema.get("items", True)
        first = schema.get("prefixItems")
        if first is None:
            return "[]" if schema.get("maxItems") == 0 else f"{_grouped(self.type_of(items, indent, incoming))}[]"
        least = schema.get("minItems", 0)
        parts = [
            each if number < least else f"{_grouped(each)}?"
            for number, each in enumerate(self.type_of(item, indent, incoming) for item in first)
        ]
        if items is not False and schema.get("maxItems") != len(first):
            parts.append(f"...{_grouped(self.type_of(items, indent, incoming))}[]")
        return f"[{', '.join(parts)}]"

    def _object(self, schema: Schema, indent: str, incoming: bool) -> str:
        if _is_record(schema):
            return self._members(schema, indent, incoming)
        patterns = schema.get("patternProperties")
        values = list(patterns.values()) if patterns else [schema.get("additionalProperties", True)]
        kind = _union(self.type_of(value, indent, incoming) for value in values)
        # An index signature, because a type may hold itself in it; in a Record it may not.
        keys = self.type_of({"type": "string", **schema.get("propertyNames", {})}, indent, incoming)
        return f"{{ [key: string]: {kind} }}" if keys == "string" else f"{{ [key in {keys}]?: {kind} }}"

    def _members(self, schema: Schema, indent: str, incoming: bool) -> str:
        required = set(schema.get("required", ()))
        inner = indent + "  "
        lines = []
        kinds = {name: self.type_of(field, inner, incoming) for name, field in schema.get("properties", {}).items()}
        for name, kind in kinds.items():
            field = schema["properties"][name]
            head = _comment(field.get("description", ""), inner) if isinstance(field, dict) else ""
            mark = "" if name in required else "?"
            lines.append(f"{head}{inner}{_key(name)}{mark}: {kind};\n")
        more = schema.get("additionalProperties")
        if isinstance(more, dict) or more is True:
            # Every named member has to fit the index signature, which a type of its own for the rest would not allow.
            lines.append(f"{inner}[field: string]: unknown;\n")
        return f"{{\n{''.join(lines)}{indent}}}" if lines else "Record<string, never>"

    def _event(self, event: Event, incoming: bool) -> str:
        head = f"{_comment(event.description, '  ')}  {_key(event.name)}: "
        arguments = [self._parameter(value, incoming) for value in event.arguments]
        rest = "" if event.rest is None else f"...{self._parameter(event.rest, incoming, '[]')}"
        if event.answer is None:
            marked = [
                each if value.required else each.replace(":", "?:", 1)
                for each, value in zip(arguments, event.arguments, strict=True)
            ]
            return f"{head}({', '.join([*marked, rest] if rest else marked)}) => void;\n"
        ack = f"ack: {self._ack(event.answer, incoming)}"
        least = sum(value.required for value in event.arguments)
        if least == len(arguments) and not rest:
            return f"{head}({', '.join([*arguments, ack])}) => void;\n"
        # The callback comes last however many arguments come before it, so each number of them is a form of its own.
        forms = [[*arguments[:count], ack] for count in range(least, len(arguments) + 1)]
        if rest:
            forms[-1].insert(-1, rest)
        tuples = " | ".join(f"[{', '.join(form)}]" for form in forms)
        return f"{head}(...parameters: {tuples}) => void;\n"

    def _parameter(self, value: Value, incoming: bool, suffix: str = "") -> str:
        kind = self.type_of(value.schema, "  ", incoming)
        return f"{_parameter(value.name)}: {_grouped(kind) + suffix if suffix else kind}"

    def _ack(self, answer: tuple[Value, ...], incoming: bool) -> str:
        # What answers an event goes the other way.
        if len(answer) == 1:
            kind = self._sole_answer(answer[0].schema, incoming)
            return f"(answer: {f'Ack<{kind}>' if incoming else kind}) => void"
        several = f"[{', '.join(self.type_of(value.schema, '  ', not incoming) for value in answer)}]"
        return f"(...answer: {f'{several} | [Refusal]' if incoming else several}) => void"

    def _sole_answer(self, schema: Schema, incoming: bool) -> str:
        # An answer of None is an acknowledgement without arguments.
        alternatives = schema.get("anyOf", [schema])
        return _union(
            "undefined" if each == {"type": "null"} and incoming else self.type_of(each, "  ", not incoming)
            for each in alternatives
        )


def _is_record(schema: Schema) -> bool:
    return schema.get("type") == "object" and "properties" in schema


def _reachable(contract: Contract) -> set[str]:
    """The definitions that clients send; one that goes both ways is taken as sent to them, which is the narrower."""
    sent: set[str] = set()
    received: set[str] = set()
    for namespace in contract.namespaces:
        values = [] if namespace.auth is None else [namespace.auth]
        for event in namespace.received:
            values += [*event.arguments, *([event.rest] if event.rest else [])]
            _collect([value.schema for value in event.answer or ()], contract, sent)
        for event in namespace.sent:
            values += event.answer or ()
            _collect([value.schema for value in event.arguments], contract, sent)
        _collect([value.schema for value in values], contract, received)
    return received - sent


def _collect(schema: Any, contract: Contract, found: set[str]) -> None:
    if isinstance(schema, list):
        for each in schema:
            _collect(each, contract, found)
    elif isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix(DEFINITIONS)
            if name not in found:
                found.add(name)
                _collect(contract.definitions[name], contract, found)
        _collect(list(schema.values()), contract, found)


def _union(kinds: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(kinds)) or "never"


def _grouped(kind: str) -> str:
    return f"({kind})" if " | " in kind or " & " in kind else kind


def _key(name: str) -> str:
    return name if _IDENTIFIER.match(name) else json.dumps(name, ensure_ascii=False)


def _parameter(name: str) -> str:
    text = name if name.isascii() and _IDENTIFIER.match(name) else "argument"
    return f"{text}_" if text in _RESERVED else text


def _comment(text: str, indent: str) -> str:
    lines = text.strip().replace("*/", "*\\/").splitlines()
    if not lines:
        return ""
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"
