"""The committed OpenAPI document, which the web client is built from."""

import json
from pathlib import Path

from typer.testing import CliRunner

from chat.tests.people import Town
from windsock_chat.main import app
from windsock_chat.realtime.contract import CLIENT_EVENTS, SERVER_EVENTS

COMMITTED = Path(__file__).parents[1] / "openapi.json"


def test_the_committed_document_is_what_the_server_is(tmp_path: Path) -> None:
    written = tmp_path / "openapi.json"
    result = CliRunner().invoke(app, ["openapi", "--output", str(written)])
    assert result.exit_code == 0
    stale = "chat/openapi.json is stale: run `.venv/bin/windsock-chat openapi --output chat/openapi.json`"
    assert written.read_text() == COMMITTED.read_text(), stale


async def test_the_server_hands_out_the_same_document(served: Town) -> None:
    response = await served.browser().get("/openapi.json")
    assert response.json() == json.loads(COMMITTED.read_text())


def test_the_document_tells_of_every_event_and_every_refusal() -> None:
    document = json.loads(COMMITTED.read_text())
    events = document["x-socket-events"]
    assert set(events["client"]) == set(CLIENT_EVENTS)
    assert set(events["server"]) == set(SERVER_EVENTS)
    schemas = document["components"]["schemas"]
    for event in (*events["client"].values(), *events["server"].values(), events["handshake"]):
        for reference in event.values():
            assert reference["$ref"].removeprefix("#/components/schemas/") in schemas
    assert "HTTPValidationError" not in schemas
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path != "/api/v1/health":
                assert "429" in operation["responses"], (method, path)
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    (content,) = response["content"].values()
                    assert content["schema"]["$ref"].endswith("/ErrorBody"), (method, path, status)


def test_everything_that_is_sent_refuses_unknown_fields_and_is_bounded() -> None:
    schemas = json.loads(COMMITTED.read_text())["components"]["schemas"]
    sent = {name: schema for name, schema in schemas.items() if schema.get("additionalProperties") is False}
    assert {event.payload.__name__ for event in CLIENT_EVENTS.values()} <= set(sent)
    for name, schema in sent.items():
        for field, declared in schema["properties"].items():
            for kind in declared.get("anyOf", [declared]):
                if kind.get("type") == "string" and "enum" not in kind and kind.get("format") != "uuid":
                    assert "maxLength" in kind, (name, field)
                if kind.get("type") == "integer":
                    assert "maximum" in kind, (name, field)
