"""Entries that are broken on purpose, made from how the truth is seen.

A critic knows no time: a held, reversed, repeated or exchanged clip reads exactly as the same change to its pictures
would. What changes pictures themselves (noise, tremor, codecs, another face) is drawn or coded and then seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench import metrics
from openlpm.bench.lpm.measures import Control
from openlpm.bench.lpm.movement import SHORTEST_LOOP
from openlpm.bench.lpm.picture import WINDOW_FRAMES, Pictures
from openlpm.bench.lpm.strata import Track
from openlpm.bench.lpm.task import Task
from openlpm.bench.lpm.view import View
from openlpm.bench.reading import ClipReading
from openlpm.core.rig import MOUTH_CHANNELS, Rig
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.acting import along
from openlpm.synth.act.actions import ACTIONS

_LISTENS = (Track.LISTENING, Track.CONVERSATION)
_NOD_EVERY = 2 * FRAME_RATE_HZ
_LOOP_SECONDS, _SHORT_LOOP_SHARE = 10, 0.3
_STILL_CHANGE = float(np.log(1e-3))
_OPEN, _LEAST_CHATTER = 0.1, 2 * FRAME_RATE_HZ
_NUM_CHANGES = 3
"""The last columns of a description are how it changes (``picture``)."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Other:
    """Another case, from which something is taken."""

    task: Task
    view: View


Make = Callable[[Task, View, Sequence[Other]], View | None]


def held(truth: View) -> View:
    """The first frame to the end."""
    return _at(truth, np.zeros(truth.frame_F.size, np.int64), moves=False)


def backward(task: Task, truth: View, _others: Sequence[Other]) -> View | None:
    """From the end to the beginning."""
    return None if task.case.track == Track.LONG else _at(truth, np.arange(truth.frame_F.size)[::-1])


def repeated(task: Task, truth: View, _others: Sequence[Other]) -> View:
    """Ten seconds again and again; of a short clip a third (two seconds at least), of a long one two excerpts."""
    count = truth.frame_F.size
    if task.case.track == Track.LONG:
        length = truth.excerpts[1].stop
    else:
        length = min(_LOOP_SECONDS * FRAME_RATE_HZ, max(int(_SHORT_LOOP_SHARE * count), SHORTEST_LOOP))
        length -= length % WINDOW_FRAMES
    return _at(truth, np.arange(count) % length)


def other_voice(task: Task, truth: View, others: Sequence[Other]) -> View | None:
    """The mouth says what is said in another case."""
    if task.mouth_FX is None:
        return None
    other = next((each for each in others if each.task.mouth_FX is not None), None)
    if other is None:
        return None
    reading, taken = truth.reading, other.view.reading
    rig_FR = reading.rig_FR.copy()
    rig_FR[:, list(MOUTH_CHANNELS)] = taken.rig_FR[:, list(MOUTH_CHANNELS)]
    return truth.with_reading(replace(reading, rig_FR=rig_FR, viseme_F=taken.viseme_F))


def late_by(frames: int) -> Make:
    """Sound that comes so much later, or in every other case earlier, than the picture."""

    def make(task: Task, truth: View, _others: Sequence[Other]) -> View | None:
        if task.mouth_FX is None:
            return None
        sign = 1 if task.case.seed_base % 2 else -1
        return replace(truth, sound_late_s=sign * frames / FRAME_RATE_HZ)

    return make


def other_partner(task: Task, truth: View, others: Sequence[Other]) -> View | None:
    """The whole performance of somebody in another conversation, in which as much is spoken; the face is the same."""
    if task.case.track not in _LISTENS or not others or task.record is None:
        return None
    share = metrics.speaking(task.record.state_F).mean()
    known = [each for each in others if each.task.record is not None]

    def apart(other: Other) -> float:
        assert other.task.record is not None
        return abs(float(metrics.speaking(other.task.record.state_F).mean() - share))

    return _as_played_by(truth, min(known, key=apart)) if known else None


def other_mood(task: Task, truth: View, others: Sequence[Other]) -> View | None:
    """The performance of a case in another mood."""
    mine = _mood(task)
    other = next((each for each in others if mine >= 0 and _mood(each.task) not in (mine, -1)), None)
    return None if other is None else _as_played_by(truth, other)


def other_person(task: Task, truth: View, others: Sequence[Other]) -> View | None:
    """The same performance by another character."""
    other = next((each for each in others if each.task.case.char != task.case.char), None)
    if other is None:
        return None
    return truth.with_reading(replace(truth.reading, identity_FD=other.view.reading.identity_FD))


def chatter(task: Task, truth: View, others: Sequence[Other]) -> View | None:
    """The mouth moves all the time, as somebody's who speaks."""
    if task.case.track not in _LISTENS:
        return None
    count = truth.frame_F.size
    rig_FR = truth.reading.rig_FR.copy()
    talker = max(others, key=_spoken, default=None)
    if talker is None or _spoken(talker) < _LEAST_CHATTER:
        rig_FR[:, Rig.JAW] = 0.5 * np.sin(np.pi * np.arange(count) / 6) ** 2
    else:
        assert talker.task.record is not None
        speaks_F = metrics.speaking(talker.task.record.state_F)
        said_SX = talker.view.reading.rig_FR[speaks_F][:, list(MOUTH_CHANNELS)]
        rig_FR[:, list(MOUTH_CHANNELS)] = np.resize(said_SX, (count, len(MOUTH_CHANNELS)))
    return truth.with_reading(replace(truth.reading, rig_FR=rig_FR))


def _spoken(other: Other) -> int:
    """Frames in which somebody speaks with an open mouth: who only hums does not chatter."""
    if other.task.record is None:
        return 0
    return int((metrics.speaking(other.task.record.state_F) & (other.task.true_rig[:, Rig.JAW] > _OPEN)).sum())


def nods(task: Task, truth: View, _others: Sequence[Other]) -> View | None:
    """A listener who rests and nods every two seconds, whatever is heard."""
    if task.case.track != Track.LISTENING:
        return None
    reading = truth.reading
    resting_FR = reading.rig_FR - reading.rig_FR.astype(np.float64)
    resting_FR += np.median(reading.rig_FR, axis=0)
    noise_R = task.yardstick.eyesight.noise_R
    resting_FR += noise_R * np.random.default_rng(task.case.seed_base).standard_normal(resting_FR.shape)
    time_F = (np.arange(resting_FR.shape[0]) % _NOD_EVERY) / FRAME_RATE_HZ
    for channel, knots in ACTIONS["nod"].motion.items():
        resting_FR[:, channel] += along(knots, time_F)
    resting_FR[:, list(MOUTH_CHANNELS)] = reading.rig_FR[:, list(MOUTH_CHANNELS)]
    return truth.with_reading(replace(reading, rig_FR=resting_FR.astype(np.float32)))


def scrambled(task: Task, truth: View, _others: Sequence[Other]) -> View | None:
    """The actions of a text in another order: each with the rest that follows it, the first last."""
    if task.case.track != Track.TEXT or task.record is None or task.record.truth is None:
        return None
    starts = sorted(e.start_frame for e in task.record.truth.events if e.kind.startswith("action:"))
    if len(starts) < 2:
        return None
    edges = [*starts, truth.frame_F.size]
    parts = [np.arange(first, end) for first, end in pairwise(edges)]
    order = np.concatenate([np.arange(starts[0]), *parts[1:], parts[0]])
    return _at(truth, order)


MAKERS: Mapping[Control, Make] = {
    Control.FREEZE: lambda _task, truth, _others: held(truth),
    Control.REVERSED: backward,
    Control.LOOP: repeated,
    Control.SHUFFLED: other_voice,
    Control.SHIFTED_2: late_by(2),
    Control.SHIFTED_4: late_by(4),
    Control.SHIFTED_8: late_by(8),
    Control.SHIFTED_15: late_by(15),
    Control.SHIFTED_25: late_by(25),
    Control.PARTNER: other_partner,
    Control.MOOD: other_mood,
    Control.PERSON: other_person,
    Control.CHATTER: chatter,
    Control.NODS: nods,
    Control.SCRAMBLE: scrambled,
}
"""Those that need no new picture; the others are of ``showing``."""


def _at(view: View, place_F: NDArray[np.int64], *, moves: bool = True) -> View:
    """The clip whose frames are those at some places of this one."""
    reading, pictures = view.reading, view.pictures
    windows = pictures.looks_WX.shape[0]
    looks_WX = pictures.looks_WX[_window_of(view, place_F)[:windows]]
    if not moves:
        looks_WX = looks_WX.copy()
        looks_WX[:, -_NUM_CHANGES:] = _STILL_CHANGE
    still = 1.0 if moves else 0.0
    return replace(
        view,
        reading=ClipReading(
            rig_FR=reading.rig_FR[place_F],
            viseme_F=reading.viseme_F[place_F],
            identity_FD=reading.identity_FD[place_F],
        ),
        pictures=Pictures(
            sharp_F=pictures.sharp_F[place_F],
            change_F=still * pictures.change_F[place_F],
            tremor_F=still * pictures.tremor_F[place_F],
            looks_WX=looks_WX,
        ),
    )


def _window_of(view: View, place_F: NDArray[np.int64]) -> NDArray[np.int64]:
    """For every window which window of the clip stands for it."""
    window_F = np.zeros(view.frame_F.size, np.int64)
    begins: list[int] = []
    for span in view.excerpts:
        length = span.stop - span.start
        firsts = list(range(0, length - 1, WINDOW_FRAMES))
        window_F[span] = len(begins) + np.minimum(np.arange(length) // WINDOW_FRAMES, len(firsts) - 1)
        begins += [span.start + first for first in firsts]
    return window_F[place_F[begins]]


def _as_played_by(truth: View, other: Other) -> View:
    """Somebody else's movements, with the own face and the own pictures."""
    taken = other.view.reading
    return truth.with_reading(replace(truth.reading, rig_FR=taken.rig_FR, viseme_F=taken.viseme_F))


def _mood(task: Task) -> int:
    """The emotion of most clear seconds; -1 where none is clear."""
    from openlpm.bench.emotions import labels_of

    if task.record is None:
        return -1
    label_W = labels_of(task.record)
    clear = label_W[label_W >= 0]
    return int(np.bincount(clear).argmax()) if clear.size else -1
