"""How a conversation is filmed: cameras, cuts, the pictures of a file and where faces are in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.core.seeds import generator
from openlpm.core.units import samples_at_frame
from openlpm.media.mix import mix_voices, soft_limit
from openlpm.synth.act.conversation import SIDES, Conversation
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.pose import PICTURE_SIZE
from openlpm.synth.look.render import Cast, Render, drawn, render_frames

_BLOCK_FRAMES = 12
_LEAST_SHOT_FRAMES = 24
_CUT_FRAMES = (-5, 13)  # a cut comes so long after the first word
_LONG_FRAMES = 84
_REACTION_FRAMES = (28, 52)
_REACTION_PROBABILITY = 0.6


class Layout(StrEnum):
    """What the files of a conversation show."""

    CUT = "cut"
    """One file, 256 by 256: one side at a time, mostly whoever speaks."""
    SIDE_BY_SIDE = "side-by-side"
    """One file, 512 wide: both sides all the time."""
    SEPARATE = "separate"
    """A file a side, in step with one another."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """A stretch of frames that shows one side."""

    first_frame: int
    end_frame: int
    side: int


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """Where and when a file shows a side."""

    side: int
    left: int
    """First column of the side's picture, in pixels of the file's."""
    shown_F: NDArray[np.bool_]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Film:
    """One file of a conversation."""

    suffix: str
    """What its name has behind that of the conversation."""
    size: tuple[int, int]
    """Rows and columns."""
    panels: tuple[Panel, ...]
    own: int | None = None
    """The side whose microphone is heard, the other from further away; None: both alike."""


def draw_shots(seed: int, state_F: NDArray[np.int8], partner_F: NDArray[np.int8]) -> tuple[Shot, ...]:
    """Shots that follow who speaks and now and then show who listens, each at least a second; they cover the clip.

    The states are those of the first and the second side.
    """
    rng = generator("shots", seed)
    num_frames = state_F.shape[0]
    speaks = [(track_F == State.SPEAK) | (track_F == State.BOTH) for track_F in (state_F, partner_F)]
    alone_F = np.where(speaks[0] & ~speaks[1], 0, np.where(speaks[1] & ~speaks[0], 1, -1))
    wishes: list[tuple[int, int]] = []
    for frame in np.flatnonzero(alone_F >= 0).tolist():
        if not wishes or wishes[-1][1] != alone_F[frame]:
            wishes.append((frame, int(alone_F[frame])))
    cuts = [(frame + int(rng.integers(*_CUT_FRAMES)), side) for frame, side in wishes[1:]]
    side = wishes[0][1] if wishes else 0
    ends = [frame for frame, _ in cuts[1:]] + [num_frames]
    for (begin, shown), end in zip([(0, side), *cuts], [cuts[0][0] if cuts else num_frames, *ends], strict=False):
        if end - begin >= _LONG_FRAMES and rng.random() < _REACTION_PROBABILITY:
            away = begin + int(rng.uniform(0.3, 0.6) * (end - begin))
            cuts += [(away, 1 - shown), (away + int(rng.integers(*_REACTION_FRAMES)), shown)]
    shots: list[Shot] = []
    first = 0
    for frame, to in sorted(cuts):
        if to != side and frame - first >= _LEAST_SHOT_FRAMES and num_frames - frame >= _LEAST_SHOT_FRAMES:
            shots.append(Shot(first_frame=first, end_frame=frame, side=side))
            first, side = frame, to
    return (*shots, Shot(first_frame=first, end_frame=num_frames, side=side))


def films_of(layout: Layout, num_frames: int, shots: tuple[Shot, ...]) -> tuple[Film, ...]:
    """The files of a layout; only ``Layout.CUT`` has use for ``shots``."""
    always_F = np.ones(num_frames, dtype=np.bool_)
    square = (PICTURE_SIZE, PICTURE_SIZE)
    match layout:
        case Layout.CUT:
            shown = [np.zeros(num_frames, dtype=np.bool_) for _ in SIDES]
            for shot in shots:
                shown[shot.side][shot.first_frame : shot.end_frame] = True
            panels = tuple(Panel(side=side, left=0, shown_F=shown[side]) for side in range(2))
            return (Film(suffix="", size=square, panels=panels),)
        case Layout.SIDE_BY_SIDE:
            panels = tuple(Panel(side=side, left=side * PICTURE_SIZE, shown_F=always_F) for side in range(2))
            return (Film(suffix="", size=(PICTURE_SIZE, 2 * PICTURE_SIZE), panels=panels),)
        case Layout.SEPARATE:
            return tuple(
                Film(
                    suffix=f"-{name}", size=square, panels=(Panel(side=side, left=0, shown_F=always_F),), own=side
                )
                for side, name in enumerate(SIDES)
            )  # fmt: skip


def film_blocks(
    conversation: Conversation,
    film: Film,
    *,
    device: torch.device | str = "cpu",
    render: Render = render_frames,
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """The pictures ``frames_FHWC`` of a file and the sound that belongs to them, block by block.

    ``render`` may be compiled: it always draws as many at once.
    """
    casts = [cast_of(conversation, side, device) for side in range(2)]
    for first in range(0, conversation.num_frames, _BLOCK_FRAMES):
        end = min(first + _BLOCK_FRAMES, conversation.num_frames)
        frames_FHWC = np.zeros((end - first, *film.size, 3), dtype=np.uint8)
        for panel in film.panels:
            shown_F = panel.shown_F[first:end]
            if shown_F.any():
                rig_FR = rig_of(conversation, panel.side)[first:end][shown_F]
                picture_FHWC = drawn(
                    casts[panel.side].parameters_BV.expand(len(rig_FR), -1), rig_FR, render, at_once=_BLOCK_FRAMES
                )
                frames_FHWC[shown_F, :, panel.left : panel.left + PICTURE_SIZE] = picture_FHWC
        yield frames_FHWC, _sound(conversation, film, samples_at_frame(first), samples_at_frame(end))


def landmarks_in(conversation: Conversation, panel: Panel) -> NDArray[np.float32]:
    """Where the landmarks of a side are in the written picture, ``xy_FP2`` in pixels; NaN while it is not shown."""
    cast = cast_of(conversation, panel.side)
    rig_BFR = torch.from_numpy(rig_of(conversation, panel.side))[None]
    xy_FP2 = cast.landmarks(rig_BFR)[0].numpy() + np.array([panel.left, 0], dtype=np.float32)
    return np.where(panel.shown_F[:, None, None], xy_FP2, np.float32(np.nan)).astype(np.float32)


def cast_of(conversation: Conversation, side: int, device: torch.device | str = "cpu") -> Cast:
    """One side as somebody who can be drawn."""
    truth = conversation.records[side].truth
    assert truth is not None
    return Cast([Identity.from_seed(truth.seed)], device=device)


def rig_of(conversation: Conversation, side: int) -> NDArray[np.float32]:
    """The rig track of one side."""
    truth = conversation.records[side].truth
    assert truth is not None
    return truth.rig_FR


def _sound(conversation: Conversation, film: Film, start: int, end: int) -> NDArray[np.float32]:
    voices = [record.speak_A[start:end] for record in conversation.records]
    if film.own is None:
        return soft_limit(voices[0] + voices[1])
    return mix_voices(voices[film.own], voices[1 - film.own])
