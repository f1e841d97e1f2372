"""permessage-deflate by the ``websockets`` library, for some messages and not for others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.frames import Frame
from websockets.typing import ExtensionParameter

DEFLATE_THRESHOLD: Final = 1024
"""Bytes, as with socket.io-client: what is shorter is not worth it."""


class SelectiveDeflate(PerMessageDeflate):
    """Compresses what it is told to. What it leaves as it is does not enter its window (RFC 7692, section 6).

    Attributes:
        on: whether the next message is compressed.
    """

    on: bool = True

    def encode(self, frame: Frame) -> Frame:
        """A frame that is about to leave."""
        return super().encode(frame) if self.on else frame


class SelectiveDeflateFactory(ClientPerMessageDeflateFactory):
    """Offers it to a server, with the library's own settings."""

    def __init__(self) -> None:
        super().__init__(client_max_window_bits=True, compress_settings={"memLevel": 5})

    def process_response_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> SelectiveDeflate:
        """What was agreed on."""
        agreed = super().process_response_params(params, accepted_extensions)
        return SelectiveDeflate(
            agreed.remote_no_context_takeover,
            agreed.local_no_context_takeover,
            agreed.remote_max_window_bits,
            agreed.local_max_window_bits,
            agreed.compress_settings,
        )
