"""Conversations as films that cost little: each face is drawn in a few mouth poses, and every frame shows the nearest.

The head keeps still and the camera sways a little, so that no frame repeats the one before it.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.dataset.talks import Side, Talk
from openlpm.bench.dialogue_clips import CHOSEN_POINTS, style_of
from openlpm.core.rig import Rig, State
from openlpm.core.units import samples_at_frame
from openlpm.data.people.cut_out import cut_out
from openlpm.media.mix import soft_limit
from openlpm.media.video import VideoWriter
from openlpm.synth.act.conversation import Conversation
from openlpm.synth.act.filming import Film, Layout, cast_of, draw_shots, films_of, rig_of
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import drawn

MOUTH = [Rig.JAW, Rig.WIDTH, Rig.ROUNDING, Rig.PRESS]
POSES = 8
SIDE = 256
_BOOKS: dict[tuple[int, int], tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]] = {}
"""By conversation and side: drawing is what costs."""


def write_talk(path: Path, conversation: Conversation, layout: Layout, *, late_frames: int = 0) -> Talk:
    """The film of a conversation and what is true of it; ``late_frames`` puts the sound out of step."""
    states = [record.state_F for record in conversation.records]
    film = films_of(layout, conversation.num_frames, draw_shots(conversation.seed, states[0], states[1]))[0]
    pages, chosen, points = zip(*(_book(conversation, side) for side in range(2)), strict=True)
    sound_A = soft_limit(conversation.records[0].speak_A + conversation.records[1].speak_A)
    sound_A = np.roll(sound_A, samples_at_frame(late_frames))
    with VideoWriter(path, size=film.size) as writer:
        for frame in range(conversation.num_frames):
            picture_HWC = np.zeros((*film.size, 3), np.uint8)
            for panel in film.panels:
                if panel.shown_F[frame]:
                    page_HWC = pages[panel.side][chosen[panel.side][frame]]
                    picture_HWC[:, panel.left : panel.left + SIDE] = cut_out(page_HWC, _camera(frame), SIDE)
            block_A = sound_A[samples_at_frame(frame) : samples_at_frame(frame + 1)]
            writer.write(picture_HWC[None], block_A)
    sides = [_side(conversation, film, index, points[index][chosen[index]]) for index in range(2)]
    return Talk(path=path, layout=layout, sides=(sides[0], sides[1]))


def _camera(frame: int) -> tuple[float, float, float]:
    return 128 + 1.5 * np.sin(frame / 4), 128 + 1.5 * np.cos(frame / 5), 250.0


def _book(conversation: Conversation, index: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]:
    """Pages, which of them each frame shows, and the landmarks of each page."""
    key = (conversation.seed, index)
    if key not in _BOOKS:
        _BOOKS[key] = _drawn_book(conversation, index)
    return _BOOKS[key]


def _drawn_book(
    conversation: Conversation, index: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]:
    rig_FR, cast = rig_of(conversation, index), cast_of(conversation, index)
    mouth_FX = rig_FR[:, MOUTH]
    order = np.argsort(mouth_FX[:, 0], kind="stable")
    pages_KX = mouth_FX[order[np.linspace(0, order.shape[0] - 1, POSES).astype(int)]]
    chosen_F = np.square(mouth_FX[:, None] - pages_KX[None]).sum(axis=2).argmin(axis=1)
    rig_KR = np.tile(np.median(rig_FR, axis=0), (POSES, 1)).astype(np.float32)
    rig_KR[:, MOUTH] = pages_KX
    pictures_KHWC = drawn(cast.parameters_BV.expand(POSES, -1), rig_KR)
    points_KP2 = cast.landmarks(torch.from_numpy(rig_KR)[None])[0][:, list(CHOSEN_POINTS)].numpy()
    return pictures_KHWC, chosen_F, points_KP2


def _side(conversation: Conversation, film: Film, index: int, points_FP2: NDArray[np.float32]) -> Side:
    record, panel = conversation.records[index], film.panels[index]
    assert record.truth is not None
    shown_FP2 = np.where(panel.shown_F[:, None, None], points_FP2 + np.array([panel.left, 0]), np.nan)
    return Side(
        style=style_of(Identity.from_seed(record.truth.seed)),
        state_F=np.where(record.state_F == State.BOTH, State.SPEAK, record.state_F).astype(np.int8),
        points_FP2=shown_FP2.astype(np.float32),
        voice_A=record.speak_A,
    )
