"""Socket.IO packets that are malformed, out of turn, or too many."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Mapping

import pytest

from tests.attacks.conftest import Target
from tests.attacks.wire import (
    BINARY,
    TEXT,
    WEBSOCKET,
    WITHIN,
    Client,
    ConnectionEnded,
    PollingSession,
    WebSocket,
    frame,
)


class Offender:
    """A connected client of either transport whose next messages are not to be trusted."""

    def __init__(self, target: Target, transport: str, *, connect: bool = True) -> None:
        self.websocket: WebSocket | None = None
        self.polling: PollingSession | None = None
        self._read: list[str] = []
        if transport == "websocket":
            self.websocket = WebSocket(target.port, WEBSOCKET)
            self.websocket.receive_text()
        else:
            self.polling = PollingSession(target.port)
        if connect:
            self.send("0")
            assert self.receive().startswith('0{"sid"')
            assert self.receive().startswith('2["welcome"')

    def __enter__(self) -> Offender:
        return self

    def __exit__(self, *_: object) -> None:
        if self.websocket is not None:
            self.websocket.close()

    def send(self, *messages: str | bytes) -> None:
        """Engine.IO messages, in one request or segment."""
        try:
            if self.websocket is not None:
                self.websocket.send(
                    b"".join(
                        frame(TEXT, b"4" + message.encode()) if isinstance(message, str) else frame(BINARY, message)
                        for message in messages
                    )
                )
            elif self.polling is not None:
                self.polling.post(
                    b"\x1e".join(
                        b"4" + message.encode() if isinstance(message, str) else b"b" + base64.b64encode(message)
                        for message in messages
                    )
                )
        except ConnectionEnded:
            return

    def receive(self) -> str:
        """The next message, text only."""
        if self.websocket is not None:
            text = self.websocket.receive_text()
            assert text[0] == "4", text
            return text[1:]
        assert self.polling is not None
        while not self._read:
            self._read = [packet for packet in self.polling.packets() if packet != "6"]
        text = self._read.pop(0)
        assert text[0] == "4", text
        return text[1:]

    def assert_ended(self) -> None:
        """The server has closed the connection."""
        if self.websocket is not None:
            self.websocket.close_code()
        elif self.polling is not None:
            self.polling.assert_gone()

    def assert_alive(self) -> None:
        """The connection works as before."""
        self.send('2900["echo-ack","alive"]')
        while not (text := self.receive()).startswith("3900"):
            pass
        assert text == '3900["alive"]'


on_both_transports = pytest.mark.parametrize("transport", ["websocket", "polling"])
on_the_original_too = pytest.mark.parametrize("target", ["windsock", "node"], indirect=True)

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


def gone_after_rest(session: PollingSession) -> None:
    """The answers to the packets that were in order are still delivered."""
    deadline = time.monotonic() + WITHIN
    while session.get().status == 200:
        assert time.monotonic() < deadline
    session.assert_gone()


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


def test_attachments_that_never_come(target: Target) -> None:
    """One packet a connection can wait for, and no timer for it; when the connection ends it is forgotten."""
    with target.growth(4 * 2**20):
        for _ in range(3):
            offenders = [Offender(target, "websocket") for _ in range(100)]
            for offender in offenders:
                offender.send(event(*({"_placeholder": True, "num": number} for number in range(10)), count=10))
                offender.send(*[b"x"] * 9)
            for offender in offenders:
                offender.__exit__()


def test_attachments_larger_than_one_message(target: Target) -> None:
    """Ten attachments of the largest size are one packet."""
    with Client(target.port) as client:
        placeholders = [{"_placeholder": True, "num": number} for number in range(10)]
        client.send_text("4510-1" + json.dumps(["echo-ack", *placeholders]))
        for _ in range(10):
            client.send_frame(BINARY, bytes(900_000))
        assert client.receive_text(within=10).startswith("4610-1[")


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


@on_both_transports
def test_a_namespace_of_64_kilobytes(target: Target, transport: str) -> None:
    with Offender(target, transport) as offender, target.growth(2 * 2**20):
        for _ in range(50):
            offender.send("0/" + "n" * 65_536 + ",")
    target.check()


@on_both_transports
def test_a_flood_of_unknown_namespaces(target: Target, transport: str) -> None:
    """Refused one by one until the connection is; nothing is kept of any."""
    with Offender(target, transport) as offender, target.growth(2 * 2**20):
        for start in range(0, 100_000, 2000):
            offender.send(*(f"0/flood-{number}," for number in range(start, start + 2000)))
        if offender.websocket is not None:
            offender.websocket.close_code(within=20)
        elif offender.polling is not None:
            gone_after_rest(offender.polling)


def test_a_flood_of_dynamic_namespaces(target: Target) -> None:
    """Namespaces made by a pattern go with their last socket."""

    def flood() -> None:
        for round_ in range(20):
            with Client(target.port) as client:
                client.send(b"".join(frame(TEXT, f"40/dynamic-{round_}{number},".encode()) for number in range(100)))
                assert client.call("echo-ack", 1) == [1]

    flood()
    with target.growth(2 * 2**20):
        flood()


def test_joining_and_leaving_without_end(target: Target) -> None:
    with Client(target.port) as client:
        client.call("echo-ack", 1)
        with target.growth(2 * 2**20):
            for start in range(0, 2000, 100):
                rooms = [f"room-{number}" for number in range(start, start + 100)]
                client.call("join", *rooms)
                assert client.call("leave", *rooms) == [[]]


def test_very_many_rooms_and_arguments(target: Target) -> None:
    with Client(target.port) as client:
        assert len(client.call("join", *(str(number) for number in range(5000)))[0]) == 5000
        assert len(client.call("echo-ack", *range(50_000))) == 50_000
    with target.growth(4 * 2**20):
        for _ in range(5):
            with Client(target.port) as client:
                client.call("join", *(f"r{number}" for number in range(5000)))


@pytest.mark.parametrize("target", [("windsock", {"connect_timeout": 0.3})], indirect=True)
@on_both_transports
def test_a_connection_that_never_joins_is_closed(target: Target, transport: str) -> None:
    with Offender(target, transport, connect=False) as offender:
        if offender.websocket is not None:
            offender.websocket.close_code(within=3)
        elif offender.polling is not None:
            gone_after_rest(offender.polling)
    with Offender(target, transport, connect=False) as offender:
        offender.send("0/nowhere,")
        assert offender.receive().startswith("4/nowhere,")
        if offender.websocket is not None:
            offender.websocket.close_code(within=3)
        elif offender.polling is not None:
            gone_after_rest(offender.polling)


@pytest.mark.parametrize("target", [("windsock", {"connect_timeout": 0.5})], indirect=True)
def test_many_idle_connections_that_never_join(target: Target) -> None:
    _, before = target.server.threads_and_descriptors()
    idle = [WebSocket(target.port, WEBSOCKET) for _ in range(300)]
    sessions = [PollingSession(target.port) for _ in range(300)]
    for websocket in idle:
        websocket.close_code(within=5)
        websocket.close()
    for session in sessions:
        assert session.packets() in (["1"], ["6"]) or session.get().status == 400
    target.check()
    _, after = target.server.threads_and_descriptors()
    assert after <= before + 20


def test_a_client_that_does_not_read_is_closed_and_the_rest_is_not(target: Target) -> None:
    """5,000 broadcasts of 20 KB to a client that stopped reading: its budget is used up, nobody else's."""
    with Client(target.port, receive_buffer=4096) as sleeper, Client(target.port) as publisher:
        sleeper.call("join", "crowd")
        publisher.call("watch")
        order = {"from": "server", "to": ["crowd"], "event": "news", "arguments": ["x" * 20_000]}
        with target.growth(24 * 2**20):
            for number in itertools.count(1):
                text = publisher_call(publisher, number, order)
                if text.startswith('42["left"'):
                    assert json.loads(text[2:])[1]["id"] == sleeper.id
                    break
                assert number < 5000, "the sleeper was not closed"


def publisher_call(publisher: Client, number: int, order: Mapping[str, object]) -> str:
    publisher.send_text(f"42{number}" + json.dumps(["publish", order]))
    return publisher.receive_text()


def test_requests_without_end_whose_answers_nobody_reads(target: Target) -> None:
    """Every message asks for 100 KB: the server stops reading, or closes; its memory stays."""
    with Client(target.port, receive_buffer=4096) as client, target.growth(24 * 2**20):
        row = b"".join(frame(TEXT, b'42%d["big",100000,false]' % number) for number in range(100))
        assert client.flood(row, 100_000) < 100_000
        target.check()


def test_slow_handlers_without_end(target: Target) -> None:
    """Each waits; the server reads on only as they end."""
    with Client(target.port) as client, target.growth(16 * 2**20):
        row = frame(TEXT, b'42["answer-late"]') * 1000
        assert client.flood(row, 2000, within=1) < 2000
        target.check()
