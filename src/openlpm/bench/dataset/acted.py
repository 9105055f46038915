"""Films of unseen performers who act, and where a unit of the pipeline lies in what is true of them.

A film shows two performers in turn, shot by shot; every shot is a performance of its own, so a performer is seen at
several moments and references have somewhere to come from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.core.record import PerformanceRecord
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.data.pairing.part import Unit
from openlpm.data.parts import Source, Span
from openlpm.data.records import Record
from openlpm.media.mix import soft_limit
from openlpm.media.video import VideoWriter
from openlpm.synth.act.acting import ActionCue
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.perform import perform
from openlpm.synth.act.style import ClipStyle, draw_style
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.pose import PICTURE_SIZE
from openlpm.synth.look.render import Cast, Render, drawn, render_frames
from openlpm.synth.sound.speech_bank import SpeechBank

_BLOCK, _SHOTS, _MOST_FILMS = 24, 4, 200
_ACTIONS: Final = 3
_QUIET = 0.5
"""Share of the shots in which nobody speaks, as only there a mouth may act."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ActedFilm:
    """One file and what was acted in it."""

    path: Path
    shots: tuple[PerformanceRecord, ...]
    """One after another, all of one length."""

    @property
    def shot_frames(self) -> int:
        """Frames of a shot."""
        return self.shots[0].num_frames


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Frames of one performance."""

    shot: PerformanceRecord
    first_frame: int
    num_frames: int

    @property
    def frames(self) -> slice:
        """As an index into tracks of the performance."""
        return slice(self.first_frame, self.first_frame + self.num_frames)


def act_films(
    folder: Path, bank: SpeechBank, count: int, *, shot_s: int = 8, render: Render = render_frames
) -> Iterator[ActedFilm]:
    """Write films of performers of the bank's split, two in each."""
    for film in acted_films(folder, bank, count, shot_s=shot_s):
        write_shots({film.path: 0}, film.shots, render=render)
        yield film


def acted_films(folder: Path, bank: SpeechBank, count: int, *, shot_s: int = 8) -> Iterator[ActedFilm]:
    """The same without writing them: what is in the files that ``act_films`` wrote."""
    everybody = seeds_of(bank.split)
    chosen = generator("bench", "acted", bank.split.value).choice(len(everybody), 2 * _MOST_FILMS, replace=False)
    for number in range(count):
        pair = [everybody[int(index)] for index in chosen[2 * number : 2 * number + 2]]
        seeds = [1_000_000 * list(Split).index(bank.split) + 1000 * number + index for index in range(_SHOTS)]
        records = tuple(
            perform(pair[index % 2], seed, bank, num_frames=shot_s * FRAME_RATE_HZ, style=busy_style(seed))
            for index, seed in enumerate(seeds)
        )
        yield ActedFilm(path=folder / f"acted{number:03d}.mp4", shots=records)


def busy_style(seed: int) -> ClipStyle:
    """A style as clips have it, with so many actions that each is seen now and then."""
    rng, style = generator("bench", "acted", seed), draw_style(seed)
    kind = ClipKind.IDLE if rng.random() < _QUIET else style.kind
    may = [name for name in ACTION_NAMES if kind == ClipKind.IDLE or not ACTIONS[name].uses_mouth]
    actions = tuple(ActionCue(action=may[index]) for index in rng.choice(len(may), _ACTIONS, replace=False).tolist())
    return replace(style, kind=kind, actions=actions, disturbed=False)


def moment_of(films: Iterable[ActedFilm], record: Record) -> Moment | None:
    """What a unit is footage of; None if it reaches over a cut."""
    unit = record.part(Unit)
    return moment_at(films, record, record.part(Span), unit.first_frame, unit.num_frames)


def moment_at(
    films: Iterable[ActedFilm], record: Record, span: Span, first_frame: int, num_frames: int
) -> Moment | None:
    """The same of some frames of a clip of the record's source."""
    name = record.part(Source).name.rpartition("/")[2]
    film = next(film for film in films if film.path.name == name)
    first = round(float(span.start_s) * FRAME_RATE_HZ) + first_frame
    shot, inside = divmod(first, film.shot_frames)
    if inside + num_frames > film.shot_frames or shot >= len(film.shots):
        return None
    return Moment(shot=film.shots[shot], first_frame=inside, num_frames=num_frames)


def write_shots(
    late_frames: Mapping[Path, int],
    shots: Sequence[PerformanceRecord],
    *,
    device: torch.device | str = "cpu",
    render: Render = render_frames,
) -> None:
    """Performances one after another as video files, whose sounds come so many frames late (negative: early)."""
    with ExitStack() as stack:
        writers = {path: stack.enter_context(VideoWriter(path, size=PICTURE_SIZE)) for path in late_frames}
        for record in shots:
            assert record.truth is not None
            parameters_1V = Cast([Identity.from_seed(record.truth.seed)], device=device).parameters_BV
            sound_A = soft_limit(record.speak_A + record.listen_A)
            sounds = {path: _later(sound_A, frames) for path, frames in late_frames.items()}
            for first in range(0, record.num_frames, _BLOCK):
                rig_FR = record.truth.rig_FR[first : first + _BLOCK]
                block_FHWC = drawn(parameters_1V.expand(len(rig_FR), -1), rig_FR, render)
                samples = slice(samples_at_frame(first), samples_at_frame(first + len(rig_FR)))
                for path, writer in writers.items():
                    writer.write(block_FHWC, np.ascontiguousarray(sounds[path][samples]))


def _later(sound_A: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """A sound moved by so many frames, as long as before, with silence where there is none of it."""
    moved, silence_A = samples_at_frame(abs(frames)), np.zeros(samples_at_frame(abs(frames)), np.float32)
    if not moved:
        return sound_A
    return np.concatenate([silence_A, sound_A[:-moved]] if frames > 0 else [sound_A[moved:], silence_A])
