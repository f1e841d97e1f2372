"""Socket.IO packets that are malformed or out of turn."""

from __future__ import annotations

import json

import pytest

from tests.attacks.conftest import Target, on_the_original_too
from tests.attacks.offender import Offender, gone_after_rest
from tests.attacks.wire import Client, ConnectionEnded
from tests.protocol.wire import BINARY

on_both_transports = pytest.mark.parametrize("transport", ["websocket", "polling"])

PLACEHOLDER = {"_placeholder": True, "num": 0}


def event(*arguments: object, count: int = 1) -> str:
    return f"5{count}-" + json.dumps(["echo", *arguments])


MALFORMED = {
    "no packet type": "x",
    "unknown packet type": "7",
    "another unknown packet type": "9[]",
    "a digit of another script as the type": "٢[]",
    "an event without a payload": "2",
    "an event with an object": '2{"0":"echo"}',
    "an event with a string": '2"echo"',
    "an event with null": "2null",
    "an event without a name": "2[]",
    "an event named by null": "2[null]",
    "an event named by true": "2[true]",
    "an event named by a list": '2[["echo"]]',
    "an event named by an object": '2[{"echo":1}]',
    "JSON cut off": '2["echo",',
    "JSON with more behind it": '2["echo"]]',
    "JSON with single quotes": "2['echo']",
    "JSON with a comment": '2["echo"/*x*/]',
    "JSON with a trailing comma": '2["echo",]',
    "JSON with NaN": '2["echo",NaN]',
    "JSON with Infinity": '2["echo",Infinity]',
    "JSON with -Infinity": '2["echo",-Infinity]',
    "JSON with a leading zero": '2["echo",01]',
    "JSON with a control character": '2["echo","\x01"]',
    "JSON with a bad escape": '2["echo","\\x41"]',
    "JSON with a byte order mark": '2\ufeff["echo"]',
    "an acknowledgement that is no list": '31{"a":1}',
    "an acknowledgement with a string": '31"a"',
    "a disconnect with a payload": '1{"a":1}',
    "attachments without a count": "5",
    "attachments without a dash": "51",
    "attachments counted by a letter": "5a-",
    "attachments counted by a fraction": '51.23-["echo"]',
    "a negative count": '5-1-["echo"]',
    "a count with a sign": '5+1-["echo"]',
    "a count with a space": '5 1-["echo"]',
    "a count in hexadecimal": '50x1-["echo"]',
    "a count with an exponent": '51e0-["echo"]',
    "a count with an underscore": '51_0-["echo"]',
    "a superscript count": '5²-["echo"]',
    "an Arabic count": '5\u0661-["echo"]',
    "no attachments at all": '50-["echo"]',
    "too many attachments": '511-["echo"]',
    "very many attachments": "5" + "9" * 400 + '-["echo"]',
    "an acknowledgement without a count": '6["a"]',
    "a binary acknowledgement without a payload": "61-",
    "a binary event without a payload": "51-",
    "a negative id": "3-1[]",
    "an id with a superscript": '2²["echo"]',
    "an id with an Arabic digit": '2\u0661["echo"]',
    "an id of 5000 digits": "2" + "1" * 5000 + '["echo"]',
    "an id of 16 digits": "2" + "1" * 16 + '["echo"]',
    "an id of 16 digits in another namespace": "2/admin," + "1" * 16 + '["whoami"]',
    "an acknowledged id of 16 digits": "3" + "1" * 16 + "[]",
    "an acknowledged id of 5000 digits": "3" + "1" * 5000 + "[]",
    "an id with a fraction": '21.5["echo"]',
    "an event named connect": '2["connect"]',
    "an event named disconnect": '2["disconnect","transport close"]',
    "an event named disconnecting": '2["disconnecting"]',
    "an event named connect_error": '2["connect_error"]',
    "an event named newListener": '2["newListener"]',
    "an event named removeListener": '2["removeListener"]',
    "an error of a server": '4{"message":"no"}',
    "an error that is a string": '4"no"',
}


@pytest.mark.parametrize("packet", MALFORMED.values(), ids=MALFORMED.keys())
@on_both_transports
def test_a_malformed_packet_ends_the_connection(target: Target, transport: str, packet: str) -> None:
    with Offender(target, transport) as offender:
        offender.send(packet)
        offender.assert_ended()


OUT_OF_TURN = {
    "an event before CONNECT": ['2["echo",1]'],
    "an acknowledgement before CONNECT": ["31[]"],
    "a disconnect before CONNECT": ["1"],
    "binary before CONNECT": [b"x"],
    "an event in a namespace not joined": ["0", '2/admin,["whoami"]'],
    "an acknowledgement in a namespace not joined": ["0", "3/admin,1[]"],
    "a disconnect from a namespace not joined": ["0", "1/admin,"],
    "CONNECT twice": ["0", "0"],
    "CONNECT with a list": ["0[]"],
    "CONNECT with a string": ['0"token"'],
    "CONNECT with a boolean": ["0true"],
    "CONNECT with null": ["0null"],
    "binary that nothing announced": ["0", b"x"],
    "text between attachments": ["0", event(PLACEHOLDER), '2["echo",1]'],
    "CONNECT between attachments": ["0", event(PLACEHOLDER), "0/admin,"],
    "one attachment more than announced": ["0", event(PLACEHOLDER), b"x", b"y"],
}


@pytest.mark.parametrize("packets", OUT_OF_TURN.values(), ids=OUT_OF_TURN.keys())
@on_both_transports
@on_the_original_too
def test_a_packet_out_of_turn_ends_the_connection(target: Target, transport: str, packets: list[str | bytes]) -> None:
    joined = packets[0] == "0"
    with Offender(target, transport, connect=joined) as offender:
        offender.send(*packets[joined:])
        if offender.websocket is not None:
            offender.assert_ended()
        elif offender.polling is not None:
            gone_after_rest(offender.polling)


WRONG_PLACEHOLDERS = {
    "a method's name": [{"_placeholder": True, "num": "splice"}],
    "a prototype": [{"_placeholder": True, "num": "__proto__"}],
    "minus one": [{"_placeholder": True, "num": -1}],
    "one of one": [{"_placeholder": True, "num": 1}],
    "a fraction": [{"_placeholder": True, "num": 1.5}],
    "a fraction below one": [{"_placeholder": True, "num": 0.5}],
    "true": [{"_placeholder": True, "num": True}],
    "null": [{"_placeholder": True, "num": None}],
    "a digit in a string": [{"_placeholder": True, "num": "0"}],
    "nothing": [{"_placeholder": True}],
    "a list": [{"_placeholder": True, "num": [0]}],
    "an object": [{"_placeholder": True, "num": {"valueOf": 0}}],
    "a very large number": [{"_placeholder": True, "num": 10**15}],
    "the same attachment twice": [PLACEHOLDER, PLACEHOLDER],
    "within an object": [{"a": {"b": {"_placeholder": True, "num": 7}}}],
}


@pytest.mark.parametrize("arguments", WRONG_PLACEHOLDERS.values(), ids=WRONG_PLACEHOLDERS.keys())
@on_both_transports
def test_a_wrong_placeholder_ends_the_connection(target: Target, transport: str, arguments: list[object]) -> None:
    """CVE-2022-2421."""
    with Offender(target, transport) as offender:
        offender.send(event(*arguments), b"attachment")
        offender.assert_ended()


@pytest.mark.parametrize("value", [False, 1, "true", None, [], {}], ids=repr)
@on_both_transports
def test_what_only_looks_like_a_placeholder_is_data(target: Target, transport: str, value: object) -> None:
    """As for the original, ``_placeholder`` must be ``true``."""
    with Offender(target, transport) as offender:
        lookalike = {"_placeholder": value, "num": 99}
        offender.send(event(lookalike, PLACEHOLDER), b"x")
        offender.send("2" + json.dumps(["echo", {"_placeholder": True, "num": 99}, "text"]))
        answer = offender.receive()
        assert answer.startswith("51-")
        assert json.loads(answer[3:])[1] == lookalike


@on_both_transports
def test_a_placeholder_very_deep(target: Target, transport: str) -> None:
    """Deep nesting is refused or carried; it never exhausts the stack."""
    for depth in (900, 5000, 100_000):
        nested = "[" * depth + json.dumps(PLACEHOLDER) + "]" * depth
        with Offender(target, transport) as offender:
            offender.send(f'51-["echo-ack",{nested}]', b"x")
        target.check()


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":', "[[["])
@on_both_transports
def test_very_deep_json(target: Target, transport: str, opening: str) -> None:
    closing = opening.replace("[", "]").replace('{"a":', "}")[::-1]
    for depth in (500, 1100, 20_000, 100_000):
        with Offender(target, transport) as offender, target.processor(0.3):
            offender.send('2["echo-ack",' + opening * depth + "1" + closing * depth + "]")
            offender.send('0/admin,{"token":' + opening * depth + "1" + closing * depth + "}")
            offender.send("2" + opening * depth)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@on_both_transports
def test_what_is_nested_deeper_than_can_be_sent_on_is_refused(target: Target, transport: str, opening: str) -> None:
    """The handlers send back what they get: the log would blame them for what a client sent."""
    closing = "]" if opening == "[" else "}"
    for depth in (201, 254, 300, 1000):
        with Offender(target, transport) as offender:
            nested = opening * depth + "1" + closing * depth
            offender.send(f'21["echo",{nested}]', f'22["echo-ack",{nested}]', f"3999[{nested}]")
            for id in (1, 2):
                [answer] = json.loads(offender.receive().removeprefix(f"3{id}"))
                assert answer["error"]["code"] == "invalid_payload"
            offender.send(f'20["echo",{opening * 200}1{closing * 200}]')
            assert offender.receive() == f'2["echo",{opening * 200}1{closing * 200}]'


@pytest.mark.parametrize("refused", ['"\\ud800"', "[" * 300 + "]" * 300], ids=["surrogate", "nesting"])
@on_both_transports
def test_an_event_with_attachments_is_refused_with_them(target: Target, transport: str, refused: str) -> None:
    with Offender(target, transport) as offender:
        offender.send(f'52-7["echo",{refused},{json.dumps(PLACEHOLDER)}]', b"one", b"two")
        [answer] = json.loads(offender.receive().removeprefix("37"))
        assert answer["error"]["code"] == "invalid_payload"
        offender.send(event(PLACEHOLDER), b"three")
        assert offender.receive() == event(PLACEHOLDER).replace(" ", "")


NUMBERS = {
    "1e999": None,
    "-1e999": None,
    "1e-999": None,
    "-0": None,
    "-0.0": None,
    "9007199254740993": 9007199254740993,
    "9223372036854775807": 9223372036854775807,
    "9223372036854775808": None,
    "18446744073709551615": None,
    "18446744073709551616": None,
    "-9223372036854775808": -9223372036854775808,
    "-9223372036854775809": None,
    "1" * 400: None,
    "1" * 5000: None,
    "0." + "1" * 5000: None,
    "1e" + "9" * 50: None,
}


@pytest.mark.parametrize(("number", "exactly"), NUMBERS.items(), ids=lambda value: str(value)[:24])
def test_numbers_at_the_edge(target: Target, number: str, exactly: int | None) -> None:
    """Carried as a number, or refused; integers of 64 bits exactly."""
    with Offender(target, "websocket") as offender:
        offender.send(f'21["echo-ack",{number}]')
        try:
            answer = offender.receive()
        except (AssertionError, ConnectionEnded):
            assert exactly is None, "closed"
            return
        value = json.loads(answer[answer.index("[") :])[0]
        assert value == exactly if exactly is not None else isinstance(value, int | float | dict)


@on_both_transports
def test_duplicate_keys_are_one(target: Target, transport: str) -> None:
    with Offender(target, transport) as offender:
        offender.send('21["echo-ack",{"a":1,"a":2,"__proto__":{"b":3},"constructor":4}]')
        assert json.loads(offender.receive()[2:]) == [{"a": 2, "__proto__": {"b": 3}, "constructor": 4}]


@on_both_transports
def test_a_nul_in_text(target: Target, transport: str) -> None:
    with Offender(target, transport) as offender:
        offender.send('21["echo-ack","a\\u0000b"]')
        assert json.loads(offender.receive()[2:]) == ["a\0b"]


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\udc00\\ud800", "x\\ud800", "\\ud83d\\u0041"])
@on_both_transports
def test_half_a_surrogate_pair(target: Target, transport: str, escape: str) -> None:
    """Not text that Python could write or store: the event is answered with an error, and the connection stays."""
    for packet in (f'21["echo-ack","{escape}"]', f'21["echo-ack",{{"{escape}":1}}]', f'21["{escape}",1]'):
        with Offender(target, transport) as offender:
            offender.send(packet)
            answer = offender.receive()
            assert answer.startswith("31[")
            assert "error" in json.loads(answer[2:])[0]
            offender.assert_alive()


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff"])
@on_both_transports
def test_half_a_surrogate_pair_elsewhere(target: Target, transport: str, escape: str) -> None:
    with Offender(target, transport) as offender:
        offender.send(f'2["echo","{escape}"]')
        offender.assert_alive()
    for packet in (f'0/dynamic-1,{{"a":"{escape}"}}', f'31["{escape}"]'):
        with Offender(target, transport) as offender:
            offender.send(packet)
        target.check()


@pytest.mark.parametrize(
    "name",
    ["error", "__class__", "__init__", "on", "emit", "_dispatch", "connection", "", "no-such-event", "x" * 100_000],
)
@on_both_transports
def test_an_event_nobody_listens_to(target: Target, transport: str, name: str) -> None:
    """No attribute is looked up by it and nothing is thrown: at most an acknowledgement that says so."""
    with Offender(target, transport) as offender:
        offender.send("2" + json.dumps([name, 1]), "21" + json.dumps([name, 1]))
        offender.assert_alive()


@on_both_transports
def test_an_event_named_by_a_number(target: Target, transport: str) -> None:
    """The original's parser allows it."""
    with Offender(target, transport) as offender:
        offender.send("2[5,1]", "2[-1]", "2[1.5]")
        offender.assert_alive()


@on_both_transports
def test_acknowledgements_of_what_was_never_sent(target: Target, transport: str) -> None:
    with Offender(target, transport) as offender, target.growth(2 * 2**20):
        for start in range(0, 20_000, 1000):
            offender.send(*(f"3{number}[{number}]" for number in range(start, start + 1000)))
        offender.assert_alive()


@on_both_transports
def test_an_id_of_fifteen_digits(target: Target, transport: str) -> None:
    with Offender(target, transport) as offender:
        offender.send('2999999999999999["echo-ack",1]')
        assert offender.receive() == "3999999999999999[1]"
        offender.send('20001["echo-ack",1]')
        assert offender.receive() in ("30001[1]", "31[1]")


@on_both_transports
def test_an_attachment_header_without_attachments_keeps_nothing(target: Target, transport: str) -> None:
    """CVE-2026-69185."""
    with Offender(target, transport) as offender:
        offender.send(*['50-["echo"]'] * 1000, '2["echo",1]')
        offender.assert_ended()


def test_attachments_larger_than_one_message(target: Target) -> None:
    """Ten attachments of the largest size are one packet."""
    with Client(target.port) as client:
        placeholders = [{"_placeholder": True, "num": number} for number in range(10)]
        client.send_text("4510-1" + json.dumps(["echo-ack", *placeholders]))
        for _ in range(10):
            client.send_frame(BINARY, bytes(900_000))
        assert client.receive_text().startswith("4610-1[")


@on_both_transports
def test_guessing_a_recovery(target: Target, transport: str) -> None:
    """A ``pid`` that was never given out opens a session like any other."""
    with Client(target.port) as victim:
        guesses = [
            {"pid": "guess", "offset": "../../x"},
            {"pid": victim.id, "offset": ""},
            {"pid": victim.parameters["sid"], "offset": "0"},
            {"pid": ["a"], "offset": {"b": 1}},
            {"pid": None},
            {"pid": "x" * 10_000, "offset": "y" * 10_000},
        ]
        for guess in guesses:
            with Offender(target, transport, connect=False) as offender:
                offender.send("0" + json.dumps(guess))
                answer = json.loads(offender.receive()[1:])
                assert answer["sid"] != victim.id
                assert "pid" not in answer or answer["pid"] != guess["pid"]
                assert offender.receive().startswith('2["welcome"')
                offender.assert_alive()


@pytest.mark.parametrize(
    "name",
    [
        "/unknown",
        "/../",
        "/%2e%2e/",
        "/a/../admin",
        "//admin",
        "/admin/",
        "/ADMIN",
        "/admin?token=secret",
        "/dynamic-",
        "/dynamic-1x",
        "/\u0000",
        "/\ud7ff\U0001f389",
        "/constructor",
        "/__proto__",
        "/" + "n" * 500,
    ],
    ids=lambda name: name[:20],
)
@on_both_transports
def test_an_unknown_namespace_is_refused_and_nothing_else_happens(target: Target, transport: str, name: str) -> None:
    with Offender(target, transport) as offender:
        offender.send(f"0{name},")
        assert offender.receive() == f'4{name},{{"message":"Invalid namespace"}}'
        offender.assert_alive()
