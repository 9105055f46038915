"""Synthetic conversations as the dataset pipeline meets them: filmed, cut into shots, with the truth of every frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.rig import State
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.data.people.faces import POINTS, box_of
from openlpm.data.states.rule import runs_of
from openlpm.media.mix import soft_limit
from openlpm.synth.act.conversation import Conversation, converse
from openlpm.synth.act.filming import Film, Layout, cast_of, draw_shots, films_of, landmarks_in, rig_of
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.landmarks import LANDMARKS
from openlpm.synth.look.pose import PICTURE_SIZE
from openlpm.synth.look.render import Render, drawn, render_frames
from openlpm.synth.sound.speech_bank import SpeechBank

LEAST_SHOT_FRAMES = 3 * FRAME_RATE_HZ
"""Shorter shots are no clips for the pipeline."""
CHOSEN_POINTS = tuple(LANDMARKS.index(name) for name in POINTS)
"""Where the points of ``data.people.faces`` are among the renderer's."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TruePerson:
    """What is true of one person of a clip; arrays have a row a frame of the clip."""

    style: str
    """How they are drawn; animals and robots are styles of their own here."""
    state_F: NDArray[np.int8]
    """``core.rig.State``; speech over speech counts as ``SPEAK``, as the rule of the paper has three states."""
    box_F4: NDArray[np.float32]
    points_FP2: NDArray[np.float32]


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DialogueClip:
    """One shot of one file."""

    name: str
    conversation: Conversation
    film: Film
    first_frame: int
    end_frame: int
    people: tuple[TruePerson, ...]
    """Those who are in the picture, from left to right."""

    @property
    def num_frames(self) -> int:
        """At 24 frames a second."""
        return self.end_frame - self.first_frame

    @property
    def layout(self) -> Layout:
        """How the file shows its people."""
        return Layout.CUT if self.film.size[1] == PICTURE_SIZE else Layout.SIDE_BY_SIDE

    def sound(self) -> NDArray[np.float32]:
        """What is heard, mono at 16 kHz: both voices alike."""
        start, end = samples_at_frame(self.first_frame), samples_at_frame(self.end_frame)
        records = self.conversation.records
        return soft_limit(records[0].speak_A[start:end] + records[1].speak_A[start:end])

    def pictures(self, render: Render = render_frames) -> NDArray[np.uint8]:
        """The frames ``FHWC`` of the clip."""
        frames_FHWC = np.zeros((self.num_frames, *self.film.size, 3), np.uint8)
        for panel in self.film.panels:
            if panel.shown_F[self.first_frame]:
                rig_FR = rig_of(self.conversation, panel.side)[self.first_frame : self.end_frame]
                parameters_1V = cast_of(self.conversation, panel.side).parameters_BV
                columns = slice(panel.left, panel.left + PICTURE_SIZE)
                frames_FHWC[:, :, columns] = drawn(parameters_1V.expand(len(rig_FR), -1), rig_FR, render)
        return frames_FHWC


def style_of(identity: Identity) -> str:
    """The style of a drawing; who is no human is one of its own."""
    return identity.style if identity.species == "human" else "robot" if identity.species == "robot" else "animal"


def dialogue_clips(
    bank: SpeechBank, layout: Layout, *, minutes: float, seconds_each: int = 30, seed: int = 0
) -> Iterator[DialogueClip]:
    """Clips of conversations between identities and voices of the bank's split, about so many minutes in all."""
    frames_left, index = round(minutes * 60 * FRAME_RATE_HZ), 0
    while frames_left > 0:
        number = 1_000_000 * list(Split).index(bank.split) + 1000 * seed + index
        conversation = converse(number, bank, num_frames=seconds_each * FRAME_RATE_HZ)
        for clip in clips_of(conversation, layout):
            if frames_left > 0:
                frames_left -= clip.num_frames
                yield clip
        index += 1


def clips_of(conversation: Conversation, layout: Layout) -> Iterator[DialogueClip]:
    """The shots of a conversation's file that are long enough."""
    states = [record.state_F for record in conversation.records]
    film = films_of(layout, conversation.num_frames, draw_shots(conversation.seed, states[0], states[1]))[0]
    shown_SF = np.stack([panel.shown_F for panel in film.panels])
    for shown in np.unique(shown_SF, axis=1).T:
        for first, end in runs_of((shown_SF == shown[:, None]).min(axis=0)):
            if end - first >= LEAST_SHOT_FRAMES:
                yield DialogueClip(
                    name=f"{conversation.seed}-{layout}-{first}",
                    conversation=conversation,
                    film=film,
                    first_frame=first,
                    end_frame=end,
                    people=tuple(
                        _truth(conversation, film, index, slice(first, end)) for index in np.flatnonzero(shown).tolist()
                    ),
                )


def _truth(conversation: Conversation, film: Film, index: int, frames: slice) -> TruePerson:
    panel = film.panels[index]
    record = conversation.records[panel.side]
    assert record.truth is not None
    points_FP2 = landmarks_in(conversation, panel)[frames][:, CHOSEN_POINTS]
    state_F = record.state_F[frames]
    return TruePerson(
        style=style_of(Identity.from_seed(record.truth.seed)),
        state_F=np.where(state_F == State.BOTH, State.SPEAK, state_F).astype(np.int8),
        box_F4=np.stack([box_of(points_P2) for points_P2 in points_FP2]),
        points_FP2=points_FP2,
    )
