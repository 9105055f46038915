"""How performances behave: the numbers behind the claim that they are human and caused by what is heard.

    python runs/behaviour_statistics.py [--clips 1000] [--utterances 1000]

Needs the extra [tts]. Prints, for each state, blinks a minute, saccades a second, the share of frames that look at the
camera and the speed of the head; for each cue, how often it is answered in time, and how often it would seem so by
chance (reactions of the next clip); the variety of captions; and clips a second of one core.
"""

import argparse
import time
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from openlpm.core.record import Event, PerformanceRecord
from openlpm.core.rig import Rig, State
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.act.perform import perform
from openlpm.synth.act.reactions import ANSWERS, WINDOW_S
from openlpm.synth.sound.speech_bank import build

_NUM_FRAMES = 240
_HEAD = [Rig.YAW, Rig.PITCH, Rig.ROLL]


def main() -> None:
    """Perform and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--utterances", type=int, default=1000)
    asked = parser.parse_args()
    bank = build(Split.VALIDATION, asked.utterances, seed=0)
    start = time.process_time()
    records = [perform(800_000, seed, bank, num_frames=_NUM_FRAMES) for seed in range(asked.clips)]
    print(f"{asked.clips / (time.process_time() - start):.0f} clips of 10 s in a second of one core")
    by_state(records)
    by_cue(records)
    words = [len(record.caption.split()) for record in records]
    print(f"captions: {len({record.caption for record in records})} different, {np.median(words):.0f} words (median)")
    acts = sum(event.kind.startswith("action:") for record in records for event in events_of(record))
    felt = np.mean([1.0 - emotion_of(record)[:, 0].mean() for record in records])
    print(f"actions: {acts / asked.clips:.2f} a clip; emotion: {felt:.2f} of full intensity on average")


def rig_of(record: PerformanceRecord) -> NDArray[np.float32]:
    """The true rig."""
    assert record.truth is not None
    return record.truth.rig_FR


def emotion_of(record: PerformanceRecord) -> NDArray[np.float32]:
    """The true emotions."""
    assert record.truth is not None
    assert record.truth.emotion_FE is not None
    return record.truth.emotion_FE


def events_of(record: PerformanceRecord) -> tuple[Event, ...]:
    """What happened."""
    assert record.truth is not None
    return record.truth.events


def by_state(records: list[PerformanceRecord]) -> None:
    """A row for each state."""
    for state in State:
        frames = blinks = saccades = 0
        looks = speed = 0.0
        for record in records:
            inside_F, rig_FR = record.state_F == state, rig_of(record)
            gaze_F2 = rig_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]] + 0.9 * rig_FR[:, [Rig.YAW, Rig.PITCH]]
            jump_F = np.linalg.norm(np.diff(gaze_F2, axis=0, prepend=gaze_F2[:1]), axis=1) > 0.12
            first_F = jump_F & ~np.concatenate([[False], jump_F[:-1]])
            frames += int(inside_F.sum())
            saccades += int((first_F & inside_F).sum())
            looks += float((np.abs(gaze_F2).max(axis=1) < 0.2)[inside_F].sum())
            speed += float(
                np.abs(np.diff(rig_FR[:, _HEAD], axis=0, prepend=rig_FR[:1, _HEAD])).sum(axis=1)[inside_F].sum()
            )
            blinks += sum(event.kind == "blink" and bool(inside_F[event.start_frame]) for event in events_of(record))
        seconds = frames / FRAME_RATE_HZ
        print(
            f"{state.name:7} {seconds / 60:6.1f} min  blinks {blinks / seconds * 60:5.1f} /min  saccades "
            f"{saccades / seconds:.2f} /s  camera {looks / frames:.2f}  head {speed / seconds:.2f} rad/s"
        )


def by_cue(records: list[PerformanceRecord]) -> None:
    """A row for each kind of cue."""
    cues: Counter[str] = Counter()
    own: Counter[str] = Counter()
    other: Counter[str] = Counter()
    for record, stranger in zip(records, records[1:] + records[:1], strict=True):
        for cue in events_of(record):
            if cue.kind in ANSWERS and cue.start_frame < _NUM_FRAMES - WINDOW_S[1] * FRAME_RATE_HZ:
                cues[cue.kind] += 1
                own[cue.kind] += _answered(record, cue.kind, cue.start_frame)
                other[cue.kind] += _answered(stranger, cue.kind, cue.start_frame)
    for kind, count in cues.most_common():
        print(f"{kind:20} {count:5}  answered {own[kind] / count:.2f}  by chance {other[kind] / count:.2f}")


def _answered(record: PerformanceRecord, kind: str, frame: int) -> bool:
    low, high = (round(edge * FRAME_RATE_HZ) - 1 for edge in WINDOW_S)
    return any(
        event.kind in ANSWERS[kind] and low <= event.start_frame - frame <= high + 1 for event in events_of(record)
    )


if __name__ == "__main__":
    main()
