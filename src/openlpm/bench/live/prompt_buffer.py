"""A receiver's pictures as soon as they are whole, as browsers have them."""

from typing import Any, final

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame

from openlpm.core.errors import OpenLPMError

_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_CAPACITY = 512
"""Packets, as aiortc's own."""


@final
class PromptBuffer(JitterBuffer):
    """In place of aiortc's: the last packet of a picture, which is marked (RFC 6184, section 5.1), makes it whole.

    aiortc's own gives a picture away when a packet of the next one comes: a frame late, and half a second late where
    the sender has nothing new to show.
    """

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        packets: list[Any] = []
        for count in range(self._capacity):
            packet = self._packets[((self._origin or 0) + count) % self._capacity]
            if packet is None:
                return None
            if packets and packet.timestamp != packets[0].timestamp:
                return self._taken(packets)
            packets.append(packet)
            if packet.marker:
                return self._taken(packets)
        return None

    def _taken(self, packets: list[Any]) -> JitterFrame:
        self.remove(len(packets))
        return JitterFrame(data=b"".join(each._data for each in packets), timestamp=packets[0].timestamp)  # noqa: SLF001


def give_at_once(receiver: RTCRtpReceiver) -> None:
    """Give a receiver of pictures a ``PromptBuffer``.

    Raises:
        OpenLPMError: this aiortc has none to replace.
    """
    if not hasattr(receiver, _BUFFER):
        raise OpenLPMError(
            "the jitter buffer of aiortc cannot be replaced: install the version that pyproject.toml names"
        )
    setattr(receiver, _BUFFER, PromptBuffer(capacity=_CAPACITY, is_video=True))
