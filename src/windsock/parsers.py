"""Wire formats for Socket.IO packets, and what one of your own is made of (docs/parsers.md).

A parser is given to one server, ``Server(parser=MsgpackParser())``, and to each of its clients; nothing is set for the
whole process.
"""

from windsock.errors import EncodeError, PacketError, UndecodableArgument
from windsock.protocol.engineio import Message
from windsock.protocol.parsers.json import JsonParser
from windsock.protocol.parsers.msgpack import MsgpackParser
from windsock.protocol.socketio import Decoder, Packet, PacketType, Parser, check_payload

__all__ = [
    "Decoder",
    "EncodeError",
    "JsonParser",
    "Message",
    "MsgpackParser",
    "Packet",
    "PacketError",
    "PacketType",
    "Parser",
    "UndecodableArgument",
    "check_payload",
]
