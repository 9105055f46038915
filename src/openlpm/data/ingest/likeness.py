"""Whether two files show the same: to the byte, or as the eye sees it (another codec, size or rate).

Pictures alone are not enough, for one person in one room looks alike in every recording: what moves must agree too.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final, final

import av
import av.error
import cv2
import numpy as np
from numpy.typing import NDArray

from openlpm.data.footage import decoded, opened, stamped
from openlpm.data.parts import Media, Source
from openlpm.data.records import Decision, Record

_MOMENTS: Final = 16
_SIDE: Final = 32
_CELLS: Final = 8
_LENGTHS: Final = 0.03
"""Copies of one video may differ by so much in length, where frames were lost at an end."""
_STILL: Final = 1.0
"""Mean grey levels of movement under which there is none to compare."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Likeness:
    """Sixteen moments of a video: what they look like in 64 bits each, and what moves between them."""

    NAME: ClassVar[str] = "likeness"
    looks: str
    """Hexadecimal, 16 digits a moment: signs of the lowest frequencies (a perceptual hash)."""
    movement: str
    """Base64 of signed bytes: 8 by 8 grey levels a moment, less their mean over all moments."""


def draw_likeness(path: Path, media: Media) -> Likeness | None:
    """The likeness of a source; None if not one frame of it can be decoded."""
    greys = [_grey(frame, media) for frame in _moments(path, media)]
    if not greys:
        return None
    greys += [greys[-1]] * (_MOMENTS - len(greys))
    looks = "".join(f"{_hash(grey_HW):016x}" for grey_HW in greys)
    cells_MHW = np.stack([cv2.resize(grey_HW, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA) for grey_HW in greys])
    moving_MHW = np.clip(np.rint(cells_MHW - cells_MHW.mean(axis=0)), -127, 127).astype(np.int8)
    return Likeness(looks=looks, movement=base64.b64encode(moving_MHW.tobytes()).decode())


def settle_likeness(records: Iterable[Record], config: Any) -> Iterator[Record]:
    """Drop copies: the first of each kind in the order of the manifest stays."""
    seen: dict[str, str] = {}
    kept: list[tuple[float, NDArray[np.uint64], NDArray[np.float64], str]] = []
    for record in records:
        source = record.part(Source)
        if record.decision is not Decision.KEEP:
            yield record
        elif source.sha256 in seen:
            yield _copy(record, "duplicate", seen[source.sha256])
        else:
            seen[source.sha256] = source.name
            seconds = float(record.part(Media).duration_s)
            looks_M, moving_X = _numbers(record.part(Likeness))
            twin = next(
                (
                    name
                    for other_s, other_M, other_X, name in kept
                    if abs(other_s - seconds) <= _LENGTHS * seconds
                    and _alike((looks_M, moving_X), (other_M, other_X), config)
                ),
                None,
            )
            if twin is None:
                kept.append((seconds, looks_M, moving_X, source.name))
                yield record
            else:
                yield _copy(record, "looks_like_another", twin)


def _copy(record: Record, reason: str, of: str) -> Record:
    return replace(
        record,
        decision=Decision.DROP,
        reasons=(f"ingest.{reason}",),
        parts={**record.parts, "copy": {"of": of}},
    )


def _alike(
    one: tuple[NDArray[np.uint64], NDArray[np.float64]],
    other: tuple[NDArray[np.uint64], NDArray[np.float64]],
    config: Any,
) -> bool:
    differing = np.bitwise_count(one[0] ^ other[0]).mean()
    if differing > config.like_bits:
        return False
    strengths = [float(np.abs(moving_X).mean()) for moving_X in (one[1], other[1])]
    if max(strengths) < _STILL:
        return bool(differing <= config.like_bits / 2)
    power = float(np.sqrt((one[1] ** 2).sum() * (other[1] ** 2).sum()))
    return power > 0 and float((one[1] * other[1]).sum()) / power >= config.like_motion


def _numbers(likeness: Likeness) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    looks_M = np.array([int(likeness.looks[at : at + 16], 16) for at in range(0, 16 * _MOMENTS, 16)], dtype=np.uint64)
    return looks_M, np.frombuffer(base64.b64decode(likeness.movement), dtype=np.int8).astype(np.float64)


def _moments(path: Path, media: Media) -> Iterator[av.VideoFrame]:
    """A frame at the middle of each sixteenth, found by seeking where that is shorter than decoding all."""
    ticks = media.end_pts - media.first_pts
    wanted = [media.first_pts + (2 * index + 1) * ticks // (2 * _MOMENTS) for index in range(_MOMENTS)]
    with opened(path) as container:
        stream = container.streams[media.stream]
        assert isinstance(stream, av.VideoStream)
        stream.thread_type = "NONE"
        for goal in wanted:
            if media.num_packets > _FEW_PACKETS:
                try:
                    container.seek(goal, stream=stream, backward=True, any_frame=False)
                except av.error.FFmpegError:
                    continue
                found = next((frame for pts, frame in stamped(decoded(container, stream), media) if pts >= goal), None)
                if found is not None:
                    yield found
        if media.num_packets > _FEW_PACKETS:
            return
        left = list(wanted)
        for pts, frame in stamped(decoded(container, stream), media):
            while left and pts >= left[0]:
                left.pop(0)
                yield frame
            if not left:
                return


_FEW_PACKETS: Final = 1500
"""A minute: decoding that is cheaper than sixteen seeks into long groups of pictures."""


def _grey(frame: av.VideoFrame, media: Media) -> NDArray[np.float32]:
    small = frame.reformat(width=_SIDE, height=_SIDE, format="gray", interpolation="AREA")
    return np.rot90(small.to_ndarray(), k=media.rotation // 90).astype(np.float32)


def _hash(grey_HW: NDArray[np.float32]) -> int:
    low_X = cv2.dct(np.ascontiguousarray(grey_HW))[:8, :8].ravel()
    bits_X = low_X > np.median(low_X[1:])
    return int.from_bytes(np.packbits(bits_X).tobytes(), "big")
