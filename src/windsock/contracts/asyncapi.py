"""A contract as an AsyncAPI 3 document."""

from __future__ import annotations

from typing import Any, Final

from windsock.contracts.contract import Contract, Event, NamespaceContract, Value
from windsock.contracts.names import distinct
from windsock.contracts.schema import DEFINITIONS, Schema

VERSION: Final = "3.0.0"

_CHILDREN: Final = ("items", "additionalProperties", "propertyNames", "contains", "not")
_LISTS: Final = ("anyOf", "oneOf", "allOf")
_MAPS: Final = ("properties", "patternProperties")
_REFUSAL: Final[Schema] = {
    "type": "object",
    "description": "Why there is no answer.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            "required": ["code", "message"],
        }
    },
    "required": ["error"],
}


def to_asyncapi(contract: Contract, *, title: str, version: str) -> dict[str, Any]:
    """The document, from the server's point of view: it receives what clients send.

    A namespace is a channel whose address is the namespace's name, or ``null`` where a rule makes the names; an event
    is a message and an operation in it, and its acknowledgement the operation's reply. A payload with one argument is
    that argument; with any other number it is the list of them, and ``x-arguments`` tells the number.

    Args:
        contract: what to write.
        title: of the interface.
        version: of the interface.
    """
    labels = distinct([namespace.name for namespace in contract.namespaces])
    document = Document(distinct([*contract.definitions, "Refusal"]))
    for namespace in contract.namespaces:
        document.add(namespace, labels[namespace.name] or "Root")
    return {
        "asyncapi": VERSION,
        "info": {"title": title, "version": version},
        "defaultContentType": "application/json",
        "channels": document.channels,
        "operations": document.operations,
        "components": {
            "schemas": {
                **{document.names[name]: document.schema(schema) for name, schema in contract.definitions.items()},
                document.names["Refusal"]: _REFUSAL,
            }
        },
    }


class Document:
    """Gathers channels and operations.

    Args:
        names: of the definitions, as components may be named.

    Attributes:
        names: of the definitions.
        channels: by namespace.
        operations: by namespace and event.
    """

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.channels: dict[str, Any] = {}
        self.operations: dict[str, Any] = {}

    def add(self, namespace: NamespaceContract, label: str) -> None:
        """Adds a namespace."""
        messages: dict[str, Any] = {}
        by_name = namespace.name.startswith("/")
        self.channels[label] = {
            "address": namespace.name if by_name else None,
            "title": f"Socket.IO namespace {namespace.name}",
            "messages": messages,
        }
        if namespace.auth is not None:
            messages["connect"] = self._message("CONNECT", (namespace.auth,), "What a client says when it connects.")
            self._operate(label, "receive", "connect", None)
        for action, events in (("receive", namespace.received), ("send", namespace.sent)):
            ids = distinct([event.name for event in events], ["Connect"])
            for event in events:
                name = f"{action}{ids[event.name]}"
                messages[name] = self._event(event)
                answer = None
                if event.answer is not None:
                    answer = f"{name}Ack"
                    messages[answer] = self._answer(event, refusable=action == "receive")
                self._operate(label, action, name, answer)

    def schema(self, schema: Any) -> Any:
        """A schema in the older draft that AsyncAPI builds on (JSON Schema draft 07)."""
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            name = self.names[schema["$ref"].removeprefix(DEFINITIONS)]
            reference = {"$ref": f"#/components/schemas/{name}"}
            # What stands beside a reference is ignored there.
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            return {**self.schema(beside), "allOf": [reference]} if beside else reference
        # Its discriminator is a name where OpenAPI's, which pydantic writes, is an object; the union says it all.
        found = {key: value for key, value in schema.items() if key not in ("prefixItems", "discriminator")}
        for key in _CHILDREN:
            if key in found:
                found[key] = self.schema(found[key])
        for key in _LISTS:
            if key in found:
                found[key] = [self.schema(each) for each in found[key]]
        for key in _MAPS:
            if key in found:
                found[key] = {name: self.schema(each) for name, each in found[key].items()}
        if "prefixItems" in schema:
            if "items" in found:
                found["additionalItems"] = found["items"]
            found["items"] = [self.schema(each) for each in schema["prefixItems"]]
        return found

    def _operate(self, label: str, action: str, message: str, answer: str | None) -> None:
        channel = f"#/channels/{label}"
        operation: dict[str, Any] = {
            "action": action,
            "channel": {"$ref": channel},
            "messages": [{"$ref": f"{channel}/messages/{message}"}],
        }
        if answer is not None:
            operation["reply"] = {
                "channel": {"$ref": channel},
                "messages": [{"$ref": f"{channel}/messages/{answer}"}],
            }
        self.operations[f"{label}.{message}"] = operation

    def _event(self, event: Event) -> dict[str, Any]:
        return self._message(event.name, event.arguments, event.description, event.rest)

    def _answer(self, event: Event, *, refusable: bool) -> dict[str, Any]:
        assert event.answer is not None
        message = self._message(event.name, event.answer, "")
        message["title"] = f"Acknowledgement of {event.name}"
        if refusable:
            refusal = {"$ref": f"#/components/schemas/{self.names['Refusal']}"}
            message["payload"] = {"anyOf": [message["payload"], refusal]}
        return message

    def _message(
        self, name: str, values: tuple[Value, ...], description: str, rest: Value | None = None
    ) -> dict[str, Any]:
        message: dict[str, Any] = {"name": name, "title": name}
        if description:
            message["description"] = description
        if len(values) == 1 and values[0].required and rest is None:
            message["payload"] = self.schema(values[0].schema)
            return message
        message["x-arguments"] = [value.name for value in values]
        more = False if rest is None else self.schema(rest.schema)
        payload: dict[str, Any] = {"type": "array", "minItems": sum(value.required for value in values)}
        if values:
            payload["items"] = [self.schema(value.schema) for value in values]
            payload["additionalItems"] = more
        elif rest is None:
            payload["maxItems"] = 0
        else:
            payload["items"] = more
        message["payload"] = payload
        return message
