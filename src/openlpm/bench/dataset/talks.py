"""Conversations of drawn people as files, with what is true of both of them: what ``openlpm synth render`` writes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.dialogue_clips import CHOSEN_POINTS, style_of
from openlpm.core.errors import InputError
from openlpm.core.rig import State
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.media.video import VideoWriter
from openlpm.synth.act.conversation import SIDES, Conversation, converse
from openlpm.synth.act.filming import Film, Layout, draw_shots, film_blocks, films_of, landmarks_in
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Render, render_frames
from openlpm.synth.sound.speech_bank import SpeechBank

SECONDS_EACH: Final = 30
LAYOUTS: Final = (Layout.CUT, Layout.SIDE_BY_SIDE)


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Side:
    """One of the two people, over the whole file."""

    style: str
    """How they are drawn; animals and robots are styles of their own here."""
    state_F: NDArray[np.int8]
    """``core.rig.State``; speech over speech counts as ``SPEAK``, as the rule of the paper has three states."""
    points_FP2: NDArray[np.float32]
    """Where the landmarks are in the picture; NaN while this side is not shown."""
    voice_A: NDArray[np.float32]
    """This side's voice alone."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Talk:
    """One file."""

    path: Path
    layout: Layout
    sides: tuple[Side, Side]

    @property
    def num_frames(self) -> int:
        """At 24 frames a second, which is the rate of the file."""
        return self.sides[0].state_F.shape[0]


def filmed(
    bank: SpeechBank,
    folder: Path,
    minutes: float,
    report: Callable[[str, int, int], None],
    *,
    device: torch.device | str = "cpu",
    render: Render = render_frames,
) -> Iterator[Talk]:
    """So many minutes of conversations between people and voices of the bank's split, half of them of each layout.

    Files that are there are whole, and not drawn again.
    """
    frames_each = min(round(minutes * 60 * FRAME_RATE_HZ / len(LAYOUTS)), SECONDS_EACH * FRAME_RATE_HZ)
    number = max(round(minutes * 60 * FRAME_RATE_HZ / len(LAYOUTS) / frames_each), 1)
    base = 1_000_000 * list(Split).index(bank.split) + 500_000
    for index in range(number * len(LAYOUTS)):
        layout = LAYOUTS[index % len(LAYOUTS)]
        conversation = converse(base + index, bank, num_frames=frames_each)
        states = [record.state_F for record in conversation.records]
        film = films_of(layout, frames_each, draw_shots(conversation.seed, states[0], states[1]))[0]
        path = folder / f"talk-{layout}-{index:04d}-{frames_each}.mp4"
        if not path.is_file():
            with VideoWriter(path, size=film.size) as writer:
                for frames_FHWC, samples_A in film_blocks(conversation, film, device=device, render=render):
                    writer.write(frames_FHWC, samples_A)
        report("conversations", index + 1, number * len(LAYOUTS))
        yield _talk(path, layout, conversation, film)


def rendered(folder: Path) -> list[Talk]:
    """What ``openlpm synth render`` has written to a folder, all layouts but ``separate``.

    Raises:
        InputError: there is none.
    """
    found = [talk for header in sorted(folder.glob("*.json")) if (talk := _read(header)) is not None]
    if not found:
        raise InputError(f"{folder} holds no conversation of openlpm synth render with one file; make some, or none")
    return found


def _talk(path: Path, layout: Layout, conversation: Conversation, film: Film) -> Talk:
    def side(index: int) -> Side:
        record = conversation.records[index]
        assert record.truth is not None
        return Side(
            style=style_of(Identity.from_seed(record.truth.seed)),
            state_F=_three(record.state_F),
            points_FP2=landmarks_in(conversation, film.panels[index])[:, CHOSEN_POINTS],
            voice_A=record.speak_A,
        )

    return Talk(path=path, layout=layout, sides=(side(0), side(1)))


def _read(path: Path) -> Talk | None:
    header: Any = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(header, dict) or "conversation" not in header or header["layout"] == Layout.SEPARATE:
        return None
    with np.load(path.with_suffix(".npz")) as arrays:

        def side(name: str) -> Side:
            seed = int(str(header["sides"][name]["identity"]).removeprefix("seed:"))
            return Side(
                style=style_of(Identity.from_seed(seed)),
                state_F=_three(arrays[f"{name}_state"]),
                points_FP2=arrays[f"{name}_landmarks"][:, CHOSEN_POINTS],
                voice_A=arrays[f"{name}_voice"].astype(np.float32) / np.float32(32767),
            )

        sides = (side(SIDES[0]), side(SIDES[1]))
    return Talk(path=path.with_suffix(".mp4"), layout=Layout(header["layout"]), sides=sides)


def _three(state_F: NDArray[np.int8]) -> NDArray[np.int8]:
    return np.where(state_F == State.BOTH, State.SPEAK, state_F).astype(np.int8)
