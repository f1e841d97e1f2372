"""The AsyncAPI document that a contract becomes, judged by the official parser."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
import pytest
import yaml
from pydantic import Field

from tests.contracts.javascript import DIRECTORY, LIMIT
from tests.contracts.shop import Colour, Said, make_server
from windsock import Server, Socket
from windsock.contracts import describe, to_asyncapi
from windsock.protocol.socketio import PacketType


def parse(document: dict[str, Any]) -> dict[str, Any]:
    """What the parser understood, and what it complains of."""
    done = subprocess.run(
        ["node", "asyncapi.mjs"],
        cwd=DIRECTORY,
        input=json.dumps(document),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    understood: dict[str, Any] = json.loads(done.stdout)
    return understood


@pytest.fixture
def document() -> dict[str, Any]:
    """The shop's."""
    return to_asyncapi(describe(make_server()), title="Shop", version="1.2.0")


def test_the_official_parser_understands_it(document: dict[str, Any]) -> None:
    understood = parse(document)
    assert understood["complaints"] == []
    assert understood["version"] == "3.0.0"
    assert understood["channels"] == [["Root", "/"], ["AdminArea", "/admin-area"], ["TenantD", None]]
    operations = {id: rest for id, *rest in understood["operations"]}
    assert operations["Root.receiveSay"] == ["receive", ["say"], 1]
    assert operations["Root.receiveTell"] == ["receive", ["tell"], 0]
    assert operations["Root.sendAsk"] == ["send", ["ask"], 1]
    assert operations["Root.sendSaid"] == ["send", ["said"], 0]
    assert operations["Root.connect"] == ["receive", ["CONNECT"], 0]
    assert operations["AdminArea.receiveShutDown"] == ["receive", ["shut down"], 0]
    assert operations["TenantD.sendNews"] == ["send", ["news"], 0]
    assert len(operations) == 18
    assert {"Said", "SayInput", "SayOutput", "Receipt", "Refusal"} <= set(understood["schemas"])


def test_the_parser_would_complain(document: dict[str, Any]) -> None:
    document["operations"]["Root.receiveSay"]["action"] = "shout"
    assert parse(document)["complaints"]
    document["operations"]["Root.receiveSay"]["action"] = "receive"
    document["channels"]["Root"]["messages"]["receiveSay"]["payload"]["$ref"] = "#/components/schemas/Nowhere"
    assert parse(document)["complaints"]


def test_a_payload_is_the_argument_or_the_list_of_them(document: dict[str, Any]) -> None:
    messages = document["channels"]["Root"]["messages"]
    assert messages["receiveSay"]["payload"] == {"$ref": "#/components/schemas/SayInput"}
    assert messages["receiveSay"]["description"] == "Says something.\n\nTo everybody."
    assert messages["receiveSayAck"]["payload"] == {
        "anyOf": [{"$ref": "#/components/schemas/Receipt"}, {"$ref": "#/components/schemas/Refusal"}]
    }
    assert messages["receiveSum"]["payload"] == {
        "type": "array",
        "minItems": 1,
        "items": [{"type": "integer"}],
        "additionalItems": {"type": "integer"},
    }
    assert messages["receiveSum"]["x-arguments"] == ["first"]
    assert messages["receiveFind"]["payload"]["minItems"] == 1
    assert [item["type"] for item in messages["receiveFind"]["payload"]["items"]] == ["string", "integer"]
    assert messages["sendCleared"]["payload"] == {"type": "array", "minItems": 0, "maxItems": 0}
    assert messages["sendAskAck"]["payload"]["anyOf"][0] == {"$ref": "#/components/schemas/Colour"}


def test_what_is_written_has_the_names_and_fields_that_the_document_says(document: dict[str, Any]) -> None:
    said = Said(
        room="r",
        text="t",
        at=datetime.now(UTC),
        by=UUID(int=1),
        colour=Colour.RED,
        likes={},
        by_colour={Colour.RED: 1},
        place=(1, 2),
        trail=(),
        picture=b"x",
        **{"odd-name": "x"},
    )
    text = make_server().parser.encode(PacketType.EVENT, "/", ["said", said], None, True).text
    sent = orjson.loads(text[text.index(b"[") :])[1]
    schema = document["components"]["schemas"]["Said"]
    assert set(sent) == set(schema["properties"]) == set(schema["required"])


def test_what_stands_beside_a_reference_is_kept(document: dict[str, Any]) -> None:
    """The draft of JSON Schema that AsyncAPI builds on takes no heed of it there."""
    say = document["components"]["schemas"]["SayInput"]["properties"]
    assert say["colour"] == {"default": "red", "allOf": [{"$ref": "#/components/schemas/Colour"}]}


def test_the_order_of_registration_does_not_show() -> None:
    def make(events: list[str]) -> Server:
        io = Server()
        for event in events:
            io.emits(event, Said)
            io.of(f"/{event}").emits(event, int)

            @io.on(f"do-{event}")
            def handle(socket: Socket, said: Said) -> Said:
                return said

        return io

    documents = [
        json.dumps(to_asyncapi(describe(make(events)), title="t", version="1")) for events in (["a", "b"], ["b", "a"])
    ]
    assert documents[0] == documents[1]


def test_it_survives_yaml(document: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml.safe_dump(document)) == document


@dataclass
class Parcel:
    odd_name: Annotated[str, Field(alias="odd-name")]


def test_a_dataclass_is_read_by_its_aliases_and_written_by_its_names() -> None:
    io = Server()
    io.emits("sent", Parcel)

    @io.on("send")
    def send(socket: Socket, parcel: Parcel) -> None: ...

    schemas = to_asyncapi(describe(io), title="Parcels", version="1")["components"]["schemas"]
    assert set(schemas["ParcelInput"]["properties"]) == {"odd-name"}
    assert set(schemas["ParcelOutput"]["properties"]) == {"odd_name"}
    text = io.parser.encode(PacketType.EVENT, "/", ["sent", Parcel("x")], None, True).text
    assert text == b'42["sent",{"odd_name":"x"}]'
