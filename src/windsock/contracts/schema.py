"""The JSON Schemas of the types that handlers and declarations name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import PydanticUserError, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema

from windsock.arguments import RAW
from windsock.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic_core import core_schema

Schema = dict[str, Any]
Way = Literal["validation", "serialization"]
"""Pydantic's words for what clients send and for what they are sent."""

DEFINITIONS: Final = "#/$defs/"
ANYTHING: Final[Schema] = {}


class WireSchema(GenerateJsonSchema):
    """The schemas of what travels: models go out under their fields' names, as ``model_dump()`` gives them.

    Attributes:
        by_alias: whether the fields of the model at hand go by their aliases.
    """

    by_alias: bool

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        """With aliases where they are read or written."""
        return self._aliased(bool(schema["cls"].model_config.get("serialize_by_alias")), super().model_schema, schema)

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> Schema:
        """With aliases where they are read."""
        return self._aliased(False, super().dataclass_schema, schema)

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        """What has a default is written all the same."""
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            return not field.get("serialization_exclude") and field.get("serialization_exclude_if") is None
        return super().field_is_required(field, total)

    def _aliased(self, written: bool, generate: Any, schema: Any) -> Schema:
        before = self.by_alias
        self.by_alias = written or self.mode == "validation"
        try:
            found: Schema = generate(schema)
        finally:
            self.by_alias = before
        return found


class Schemas:
    """Collects types, then gives the schema of each, with the definitions that they share.

    A type that is read differently than it is written has two definitions (``Said-Input``, ``Said-Output``).
    """

    def __init__(self) -> None:
        self._inputs: list[tuple[int, Way, TypeAdapter[Any]]] = []

    def add(self, annotation: Any, way: Way, subject: str) -> int | None:
        """Takes a type; gives the ticket for its schema, ``None`` when the type says nothing.

        Raises:
            ConfigurationError: pydantic cannot describe it.
        """
        if annotation in RAW:
            return None
        ticket = len(self._inputs)
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(annotation)
            adapter.json_schema(mode=way, schema_generator=WireSchema)  # here the error can name its place
        except (PydanticUserError, PydanticInvalidForJsonSchema) as error:
            raise ConfigurationError(f"expected a type that JSON Schema can describe in {subject}: {error}") from error
        self._inputs.append((ticket, way, adapter))
        return ticket

    def generate(self) -> tuple[dict[int | None, Schema], dict[str, Schema]]:
        """The schemas by ticket, and the definitions by name."""
        found, shared = TypeAdapter.json_schemas(
            self._inputs, schema_generator=WireSchema, ref_template=f"{DEFINITIONS}{{model}}"
        )
        schemas: dict[int | None, Schema] = {None: ANYTHING}
        schemas.update({ticket: schema for (ticket, _), schema in found.items()})
        return schemas, dict(sorted(shared.get("$defs", {}).items()))
