"""Conversations composed of real clips: what the pipeline makes of filmed people.

No filmed two-person conversation with sound is at hand. A conversation here is composed: a clip of somebody who speaks
beside the picture of a quiet face, the quiet face alone while the other is heard, and two quiet faces while a telephone
call runs, whose labelled turns say when there is somebody to listen to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.real_faces import labels
from openlpm.bench.states import JudgedPerson, motion_of
from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, samples_at_frame
from openlpm.data.people.cut_out import cut_out
from openlpm.data.people.faces import Detector
from openlpm.data.people.tracking import Track, follow
from openlpm.data.states.judging import JudgingConfig, judge
from openlpm.data.states.rule import DISCARD, StateConfig, states_of
from openlpm.data.states.scorer import SpeakerScorer
from openlpm.media.audio import open_audio
from openlpm.media.probe import open_container

_SIDE = 360
_LONGEST_S = 10.0
_ROOM_TONE = 1e-3


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ComposedClip:
    """Panels of real faces side by side with one sound."""

    name: str
    frames_FHWC: NDArray[np.uint8]
    sound_A: NDArray[np.float32]
    states_PF: NDArray[np.int8]
    """What is true of the face of each panel, from left to right."""


def composed_clips(folder: Path) -> Iterator[ComposedClip]:
    """Conversations of the clips under ``folder/video`` and of the call under ``folder/dialogue``.

    Raises:
        InputError: a clip is missing.
    """
    known = labels()
    quiet: list[str] = known["quiet"]
    for index, (name, spans) in enumerate(known["speech_s"].items()):
        frames_FHWC, sound_A = _panel(folder / "video" / name, known), _sound(folder / "video" / name)
        count = min(frames_FHWC.shape[0], round(_LONGEST_S * FRAME_RATE_HZ))
        speaks_F = _covered(spans, count)
        listener = _looped(_panel(folder / "video" / quiet[index % len(quiet)], known), count)
        states = [_spoken(speaks_F), _heard(speaks_F)]
        panels = [frames_FHWC[:count], listener]
        if index % 2:
            states, panels = states[::-1], panels[::-1]
        sound_A = sound_A[: samples_at_frame(count)]
        yield _clip(f"{name} beside {quiet[index % len(quiet)]}", panels, sound_A, states)
        if name.startswith("talk"):
            yield _clip(f"{name} heard", [listener], sound_A, [_heard(speaks_F)])
    spans = _turns(folder / "dialogue" / "phone-call.rttm")
    sound_A = _sound(folder / "dialogue" / "phone-call.wav")
    count = sound_A.shape[0] * FRAME_RATE_HZ // AUDIO_RATE_HZ
    hears_F = _heard(_covered(spans, count))
    panels = [_looped(_panel(folder / "video" / name, known), count) for name in quiet[:2]]
    yield _clip("telephone", panels, sound_A, [hears_F, hears_F])


def judged_panels(
    clip: ComposedClip, detector: Detector, scorer: SpeakerScorer, config: JudgingConfig | None = None
) -> list[JudgedPerson]:
    """The states of the face of each panel; a panel whose face no track follows is discarded."""
    num_frames = clip.frames_FHWC.shape[0]
    tracks = follow(clip.frames_FHWC, detector.find(clip.frames_FHWC))
    found_PF = np.full(clip.states_PF.shape, DISCARD, np.int8)
    if tracks:
        judged = judge(motion_of(tracks, num_frames), clip.sound_A, scorer, config=config)
        for track, state_F in zip(tracks, judged.states, strict=True):
            panel = min(int(_middle(track) // _SIDE), len(clip.states_PF) - 1)
            frames = np.array(track.frames)
            found_PF[panel, frames] = state_F[frames]
    return [
        JudgedPerson(clip=clip.name, group="composed", true_F=true_F, found_F=found_F)
        for true_F, found_F in zip(clip.states_PF, found_PF, strict=True)
    ]


def _middle(track: Track) -> float:
    return float(np.mean([(face.box_4[0] + face.box_4[2]) / 2 for face in track.faces]))


def _clip(
    name: str, panels: list[NDArray[np.uint8]], sound_A: NDArray[np.float32], states: list[NDArray[np.int8]]
) -> ComposedClip:
    frames_FHWC = np.concatenate(panels, axis=2)
    return ComposedClip(name=name, frames_FHWC=frames_FHWC, sound_A=sound_A, states_PF=np.stack(states))


def _spoken(speaks_F: NDArray[np.bool_]) -> NDArray[np.int8]:
    """True states of who is heard: those of the rule with perfect signals."""
    return states_of(speaks_F.astype(np.float32), speaks_F, speaks_F, np.ones_like(speaks_F), StateConfig())


def _heard(speech_F: NDArray[np.bool_]) -> NDArray[np.int8]:
    """True states of a quiet face while others are heard."""
    nobody_F = np.zeros_like(speech_F)
    return states_of(speech_F.astype(np.float32), nobody_F, nobody_F, ~nobody_F, StateConfig())


def _covered(spans_s: Sequence[Sequence[float]], count: int) -> NDArray[np.bool_]:
    middle_F = (np.arange(count) + 0.5) / FRAME_RATE_HZ
    covered_F = np.zeros(count, np.bool_)
    for begin, end in spans_s:
        covered_F[(middle_F >= begin) & (middle_F < end)] = True
    return covered_F


def _turns(path: Path) -> list[tuple[float, float]]:
    """Begin and end of the turns of an RTTM file."""
    if not path.is_file():
        raise InputError(f"there is no file {path}: give the folder of the real recordings")
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("SPEAKER")]
    return [(float(row[3]), float(row[3]) + float(row[4])) for row in rows]


def _sound(path: Path) -> NDArray[np.float32]:
    source = open_audio(path)
    samples_A = source.read(0, source.num_samples)
    tone_A = _ROOM_TONE * np.random.default_rng(6).standard_normal(source.num_samples)
    return (samples_A + tone_A).astype(np.float32)


def _looped(frames_FHWC: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """As many frames, forwards and backwards without a jump."""
    last = frames_FHWC.shape[0] - 1
    order = np.abs((np.arange(count) + last) % (2 * last) - last) if last else np.zeros(count, np.int64)
    return frames_FHWC[order]


def _panel(path: Path, known: dict[str, Any]) -> NDArray[np.uint8]:
    """A clip at 24 fps as squares about its face."""
    moment = known["faces"][path.name][0]["faces"][0]
    frames: list[NDArray[np.uint8]] = []
    with open_container(path) as container:
        if not container.streams.video:
            raise InputError(f"{path} has no picture in it; give a video file")
        stream = container.streams.video[0]
        rate = float(stream.average_rate or FRAME_RATE_HZ)
        for index, frame in enumerate(container.decode(stream)):
            while (len(frames) + 0.5) / FRAME_RATE_HZ < (index + 1) / rate and len(frames) < 30 * FRAME_RATE_HZ:
                picture_HWC = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                rows, columns = picture_HWC.shape[:2]
                side = min(rows, columns)
                x = float(np.clip(moment["x"] * columns, side / 2, columns - side / 2))
                y = float(np.clip(moment["y"] * rows, side / 2, rows - side / 2))
                frames.append(cut_out(picture_HWC, (x, y, float(side)), _SIDE))
    return np.stack(frames)
