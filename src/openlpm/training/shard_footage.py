"""Footage from shards: units of any length cut into clips that windows are drawn from, with their voices and captions.

The counterpart of ``training.footage`` for people who were filmed. Pictures stay coded in their shards until a bank is
filled, or a moment of them is wanted.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.data.people.faces import POINT
from openlpm.data.shards.facts import SampleFacts
from openlpm.data.shards.reading import Sample, ShardSet
from openlpm.data.shards.told import Telling
from openlpm.dit.condition import ReferenceKind
from openlpm.synth.act.telling import Told
from openlpm.training.footage import WINDOW_STRIDE
from openlpm.training.forked import in_order
from openlpm.training.traits import strata
from openlpm.training.window_captions import Stretches, WindowCaptions, joined, numbered

_CHUNK: Final = 16
_MOUTH = [number for name, number in POINT.items() if name.startswith(("mouth", "lip", "gap"))]
_EYES = [number for name, number in POINT.items() if name.startswith(("eye", "lid", "brow"))]
_MOUTH_MARGIN, _EYES_MARGIN = 0.18, 0.06
"""As ``synth.look.landmarks`` has them: a mouth of a filmed person weighs as much as a drawn one."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ShardFootageConfig:
    """What a process takes from shards."""

    folder: Path
    """A dataset, or a folder of shards."""
    share: float = 1.0
    """Of all windows, those that come from shards; the others are of drawn performers."""
    num_clips: int = 6144
    """Most that a process takes; where there are more, every process has its own."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"share={self.share}: give a share above 0 and up to 1, or no shards at all")
        if self.num_clips < 1:
            raise ConfigError(f"num_clips={self.num_clips}: give 1 or more")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A stretch of a sample that is a clip of its own; it begins and ends at multiples of WINDOW_STRIDE frames."""

    sample: Sample
    facts: SampleFacts
    first_frame: int
    num_frames: int


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShardFootage:
    """N clips of at most F frames; what is shorter is filled up with nothing."""

    pieces: tuple[Piece, ...]
    num_frames: int
    """What arrays have room for."""
    frames_N: NDArray[np.int64]
    """Frames of each clip."""
    state_NF: NDArray[np.int8]
    speak_NA: NDArray[np.int16]
    listen_NA: NDArray[np.int16]
    mouth_NF4: NDArray[np.float32]
    """Boxes in pixels; NaN where no face was found."""
    eyes_NF4: NDArray[np.float32]
    stretches: Stretches
    told: WindowCaptions
    """Captions of the stretches of every clip; empty ones where a clip has ended."""
    stratum_N: NDArray[np.int64]
    share: float
    left_out: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many samples could not be used, by why."""

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def size(self) -> int:
        """Side of the pictures."""
        return self.pieces[0].facts.size


def cuts(num_frames: int, most: int) -> list[tuple[int, int]]:
    """A unit as clips of at most ``most`` frames, first frame and length of each: all of it, some of it twice."""
    whole = num_frames // WINDOW_STRIDE * WINDOW_STRIDE
    if whole <= most:
        return [(0, whole)] if whole else []
    count = -(-whole // most)
    return [((whole - most) * index // (count - 1) // WINDOW_STRIDE * WINDOW_STRIDE, most) for index in range(count)]


def pieces_of(
    config: ShardFootageConfig, *, num_frames: int, shortest: int, rank: int
) -> tuple[tuple[Piece, ...], Mapping[str, int]]:
    """The clips of a process, and how many samples cannot serve, by why. The same whenever it is asked.

    Raises:
        InputError: there are no shards, or they are damaged.
        ConfigError: no sample can serve.
    """
    found: list[Piece] = []
    left_out = Counter[str]()
    for sample in ShardSet.opened(config.folder).samples():
        facts = sample.facts()
        if not any(each.kind == ReferenceKind.GLOBAL for each in facts.references):
            left_out["no picture of the person from another moment"] += 1
            continue
        cut = [each for each in cuts(facts.num_frames, num_frames) if each[1] >= shortest]
        if not cut:
            left_out[f"shorter than a window of {shortest / FRAME_RATE_HZ:g} s"] += 1
        found += [Piece(sample=sample, facts=facts, first_frame=first, num_frames=length) for first, length in cut]
    if not found:
        why = "; ".join(f"{count} {reason}" for reason, count in sorted(left_out.items())) or "they are empty"
        raise ConfigError(f"{config.folder}: no sample of these shards can be learnt from ({why})")
    if len(found) > config.num_clips:
        order = generator("shards", config.seed).permutation(len(found))
        taken = sorted(np.roll(order, -rank * config.num_clips)[: config.num_clips].tolist())
        found = [found[index] for index in taken]
    return tuple(found), dict(left_out)


def make_shard_footage(
    config: ShardFootageConfig,
    *,
    num_frames: int,
    windows: tuple[int, ...],
    rank: int,
    workers: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ShardFootage:
    """Voices, states, landmarks and captions of one process; call it before CUDA is touched: it forks.

    Clips are at most ``num_frames`` long. Stretches as long as one of ``windows`` (frames) get captions of their own.

    Raises:
        InputError: there are no shards, or they are damaged.
        ConfigError: no sample can serve.
    """
    pieces, left_out = pieces_of(config, num_frames=num_frames, shortest=min(windows, default=WINDOW_STRIDE), rank=rank)
    stretches = Stretches(num_frames=num_frames, lengths=windows, stride=WINDOW_STRIDE)
    jobs = [pieces[first : first + _CHUNK] for first in range(0, len(pieces), _CHUNK)]
    parts: list[_Part] = []
    for part in in_order(partial(_read_some, stretches), jobs, workers):
        parts.append(part)
        on_progress(len(parts), len(jobs))
    return ShardFootage(
        pieces=pieces,
        num_frames=num_frames,
        frames_N=np.array([piece.num_frames for piece in pieces]),
        state_NF=np.concatenate([part.state_NF for part in parts]),
        speak_NA=np.concatenate([part.speak_NA for part in parts]),
        listen_NA=np.concatenate([part.listen_NA for part in parts]),
        mouth_NF4=np.concatenate([part.mouth_NF4 for part in parts]),
        eyes_NF4=np.concatenate([part.eyes_NF4 for part in parts]),
        stretches=stretches,
        told=joined([part.told for part in parts]),
        stratum_N=strata([piece.facts.emotion for piece in pieces], np.array([piece.facts.motion for piece in pieces])),
        share=config.share,
        left_out=left_out,
    )


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Part:
    """Clips that one worker has read."""

    state_NF: NDArray[np.int8]
    speak_NA: NDArray[np.int16]
    listen_NA: NDArray[np.int16]
    mouth_NF4: NDArray[np.float32]
    eyes_NF4: NDArray[np.float32]
    told: WindowCaptions


def _read_some(stretches: Stretches, pieces: Sequence[Piece]) -> _Part:
    read = [(piece, piece.sample.tracks()) for piece in pieces]
    frames, samples = stretches.num_frames, samples_at_frame(stretches.num_frames)
    part = _Part(
        state_NF=np.zeros((len(pieces), frames), np.int8),
        speak_NA=np.zeros((len(pieces), samples), np.int16),
        listen_NA=np.zeros((len(pieces), samples), np.int16),
        mouth_NF4=np.full((len(pieces), frames, 4), np.nan, np.float32),
        eyes_NF4=np.full((len(pieces), frames, 4), np.nan, np.float32),
        told=numbered([_told(piece, tracks["states_F"], stretches) for piece, tracks in read]),
    )
    for row, (piece, tracks) in enumerate(read):
        own_A, partner_A = piece.sample.voices(piece.facts.num_frames)
        first, end = piece.first_frame, piece.first_frame + piece.num_frames
        heard = slice(samples_at_frame(first), samples_at_frame(end))
        length = samples_at_frame(end) - samples_at_frame(first)
        part.state_NF[row, : piece.num_frames] = tracks["states_F"][first:end]
        part.speak_NA[row, :length], part.listen_NA[row, :length] = own_A[heard], partner_A[heard]
        points_FP2 = tracks["points_FP2"][first:end]
        part.mouth_NF4[row, : piece.num_frames] = box_around(points_FP2[:, _MOUTH], _MOUTH_MARGIN)
        part.eyes_NF4[row, : piece.num_frames] = box_around(points_FP2[:, _EYES], _EYES_MARGIN)
    return part


def _told(piece: Piece, states_F: NDArray[np.int8], stretches: Stretches) -> list[Told]:
    nothing = Told(caption="", acts=False)
    telling = Telling.of(piece.facts, states_F)
    return [
        telling.stretch(piece.first_frame + first, length)
        if telling is not None and first + length <= piece.num_frames
        else nothing
        for first, length in stretches
    ]


def box_around(points_FP2: NDArray[np.float32], margin: float) -> NDArray[np.float32]:
    """Boxes x0, y0, x1, y1 around points, with a margin in lengths of the longer side; NaN where points are missing."""
    low_F2, high_F2 = points_FP2.min(axis=1), points_FP2.max(axis=1)
    room_F1 = margin * (high_F2 - low_F2).max(axis=1, keepdims=True)
    return np.concatenate([low_F2 - room_F1, high_F2 + room_F1], axis=1)
