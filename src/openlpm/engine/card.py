"""A test card in place of a character: frame numbers and loudness, for tests, measurements and the doctor.

It goes through the same engine, process and clock. The top row of cells is the frame's number in the stream as a
binary number (most significant first, 32 cells), the second row the same inverted; below, the left half is as
bright as the own voice is loud, the right half as the partner's. Cells are 8 pixels wide: video codecs keep them. The
prompts ``fail`` and ``die`` end the performance, or the process, for tests of what follows.
"""

import os
import pickle
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.engine.activity import loudness
from openlpm.engine.moments import Moments
from openlpm.engine.orders import Chunk, NotWantedError, Order, Role, StageFacts, always_wanted

_SIZE, _FRAMES, _CELL, _BITS = 256, 8, 8, 32
_ROW = 16
_FULL_LOUDNESS = 0.25
_PARTS = 4
"""In each of which a chunk may turn out not to be wanted."""


@dataclass
class _Row:
    role: Role
    next_frame: int = 0
    kept: Moments[int] = field(default_factory=Moments[int])
    """Frames to return to."""
    hue: int = field(default=0)


@final
class CardStage:
    """A ``Stage`` that draws cards, ``places`` at once; it takes ``chunk_s`` longer for a chunk than it needs."""

    def __init__(self, *, places: int = 64, chunk_s: float = 0.0) -> None:
        self.facts = StageFacts(
            size=_SIZE,
            chunk_frames=_FRAMES,
            speak_ahead=1_567,
            listen_ahead=233,
            batch=places,
            chunk_s=chunk_s,
            places=places,
        )
        self._rows: dict[str, _Row] = {}

    def join(self, performance: str, role: Role) -> None:
        self._rows[performance] = _Row(role, hue=zlib.crc32(performance.encode()) % 256)

    def leave(self, performance: str) -> None:
        self._rows.pop(performance, None)

    def make(self, orders: list[Order], wanted: Callable[[], bool] = always_wanted) -> list[Chunk]:
        for _ in range(_PARTS):
            time.sleep(self.facts.chunk_s / _PARTS)
            if all(order.keep for order in orders) and not wanted():
                raise NotWantedError
        return [self._made(order) for order in orders]

    def save(self, performance: str) -> bytes:
        return pickle.dumps(self._rows[performance])

    def restore(self, performance: str, saved: bytes) -> None:
        self._rows[performance] = pickle.loads(saved)

    def _made(self, order: Order) -> Chunk:
        row = self._rows[order.performance]
        if order.caption == "fail":
            raise InputError("asked to fail")
        if order.caption == "die":
            os._exit(3)
        before = None if order.back is None else row.kept.back_to(order.back)
        if before is not None:
            row.next_frame = before
        row.kept.keep(order.ticket, row.next_frame if order.keep else None)
        facts = self.facts
        own_F = loudness(order.speak_A[: -facts.speak_ahead], _FRAMES)
        partner_F = loudness(order.listen_A[: -facts.listen_ahead], _FRAMES)
        pictures = [
            draw_card(row.next_frame + frame, float(own_F[frame]), float(partner_F[frame]), row.hue)
            for frame in range(_FRAMES)
        ]
        row.next_frame += _FRAMES
        return Chunk(performance=order.performance, ticket=order.ticket, pictures_FHWC=np.stack(pictures))


def draw_card(number: int, own: float, partner: float, hue: int) -> NDArray[np.uint8]:
    """A card, (256, 256, 3)."""
    card_HWC = np.full((_SIZE, _SIZE, 3), 96, np.uint8)
    for bit in range(_BITS):
        lit = number >> (_BITS - 1 - bit) & 1
        columns = slice(bit * _CELL, (bit + 1) * _CELL)
        card_HWC[:_ROW, columns] = 235 * lit
        card_HWC[_ROW : 2 * _ROW, columns] = 235 * (1 - lit)
    for half, level in enumerate((own, partner)):
        shade = round(235 * min(level / _FULL_LOUDNESS, 1.0))
        card_HWC[3 * _ROW : 12 * _ROW, half * 128 + 8 : half * 128 + 120] = shade
    card_HWC[13 * _ROW :] = (hue, 255 - hue, 128)
    return card_HWC


def read_card(picture_HWC: NDArray[np.uint8]) -> tuple[int, float, float] | None:
    """Number and both loudnesses (0 to 1 of full) of a card that may have been through a codec; None: unreadable."""
    grey_HW = picture_HWC.mean(axis=2)
    rows = grey_HW[: 2 * _ROW].reshape(2, _ROW, _BITS, _CELL)[:, 4:-4, :, 2:-2].mean(axis=(1, 3))
    lit = rows > 118
    if (lit[0] == lit[1]).any():
        return None
    number = int("".join("1" if bit else "0" for bit in lit[0]), 2)
    own, partner = (float(grey_HW[64:184, half * 128 + 24 : half * 128 + 104].mean()) / 235 for half in range(2))
    return number, own, partner
