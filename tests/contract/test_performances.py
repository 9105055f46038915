"""What the model may rely on in every synthetic performance."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from openlpm.core.record import Event, PerformanceRecord
from openlpm.core.rig import NUM_RIG, VISEMES, Rig, State
from openlpm.core.seeds import Split
from openlpm.synth.behaviour import RIG_HIGH_R, RIG_LOW_R
from openlpm.synth.dialogue import ClipKind
from openlpm.synth.perform import ClipStyle, perform
from openlpm.synth.speech_bank import SpeechBank, build

pytestmark = pytest.mark.contract

MOUTH = [Rig.JAW, Rig.WIDTH, Rig.ROUNDING, Rig.PRESS, Rig.TEETH, Rig.TONGUE]
NUM_FRAMES = 144


@pytest.fixture(scope="module")
def bank() -> SpeechBank:
    return build(Split.TEST, 12, seed=1)


def clips(bank: SpeechBank, kind: ClipKind, number: int, **style: object) -> list[PerformanceRecord]:
    chosen = ClipStyle(kind=kind, **style)  # type: ignore[arg-type]
    return [perform(900_000 + seed, seed, bank, num_frames=NUM_FRAMES, style=chosen) for seed in range(number)]


def rig_of(record: PerformanceRecord) -> np.ndarray:
    assert record.truth is not None
    return record.truth.rig_FR


def events_of(record: PerformanceRecord, kind: str) -> list[Event]:
    assert record.truth is not None
    return [event for event in record.truth.events if event.kind == kind]


def test_the_same_seeds_give_the_same_record_and_other_seeds_another(bank: SpeechBank) -> None:
    first, again, other = (perform(900_001, seed, bank, num_frames=NUM_FRAMES) for seed in (5, 5, 6))
    np.testing.assert_array_equal(rig_of(first), rig_of(again))
    np.testing.assert_array_equal(first.speak_A, again.speak_A)
    np.testing.assert_array_equal(first.listen_A, again.listen_A)
    assert first.caption == again.caption
    assert first.truth is not None
    assert again.truth is not None
    assert first.truth.events == again.truth.events
    assert not np.array_equal(rig_of(first), rig_of(other))


@pytest.mark.parametrize("num_frames", [24, 97, 240])
def test_every_value_of_the_rig_stays_in_its_range(bank: SpeechBank, num_frames: int) -> None:
    for seed in range(25):
        record = perform(900_000, seed, bank, num_frames=num_frames)
        rig_FR = rig_of(record)
        assert rig_FR.shape == (num_frames, NUM_RIG)
        assert rig_FR.dtype == np.float32
        assert np.all(rig_FR >= RIG_LOW_R)
        assert np.all(rig_FR <= RIG_HIGH_R)
        assert np.abs(record.speak_A).max() <= 1.0
        assert np.abs(record.listen_A).max() <= 1.0


@pytest.mark.parametrize("kind", [ClipKind.LISTEN, ClipKind.IDLE, ClipKind.TRAP])
def test_a_mouth_that_does_not_speak_is_exactly_closed(bank: SpeechBank, kind: ClipKind) -> None:
    for record in clips(bank, kind, 6):
        assert not record.speak_A.any()
        assert not rig_of(record)[:, MOUTH].any()
        assert record.truth is not None
        assert not record.truth.viseme_F.any()
        assert record.listen_A.any() == (kind != ClipKind.IDLE)


def test_lips_meet_in_every_closure_and_only_while_speaking(bank: SpeechBank) -> None:
    met = 0
    for record in clips(bank, ClipKind.SPEAK, 8):
        assert record.truth is not None
        shut_F = record.truth.viseme_F == VISEMES.index("PP")
        starts = np.flatnonzero(shut_F & ~np.concatenate([[False], shut_F[:-1]]))
        for start in starts[1:-1]:  # a closure at the clip's edge may lie outside it
            end = start + int(np.argmin(np.append(shut_F[start:], False)))
            held = rig_of(record)[max(start - 1, 0) : end + 1]
            assert held[:, Rig.PRESS].max() == 1.0
            assert held[:, Rig.JAW].min() == 0.0
            met += 1
    assert met > 30


def test_the_jaw_moves_with_the_voice(bank: SpeechBank) -> None:
    for record in clips(bank, ClipKind.SPEAK, 6):
        loud_F = np.sqrt(np.add.reduceat(record.speak_A**2, np.arange(NUM_FRAMES) * 2000 // 3))
        own, shifted = (np.corrcoef(rig_of(record)[:, Rig.JAW], np.roll(loud_F, lag))[0, 1] for lag in (0, 24))
        assert own > 0.25
        assert own > shifted + 0.1


def test_a_listener_reacts_after_phrase_ends_and_at_no_other_time(bank: SpeechBank) -> None:
    cues, answered = 0, 0
    for record in clips(bank, ClipKind.LISTEN, 30):
        ends = [event.start_frame for event in events_of(record, "partner_phrase_end")]
        starts = [event.start_frame for kind in ("nod", "smile", "brow_raise") for event in events_of(record, kind)]
        for start in starts:
            assert any(4 <= start - end <= 20 for end in ends), "a reaction begins 0.2 to 0.8 s after a cue"
        for end in ends:
            if end < NUM_FRAMES - 20:
                cues += 1
                answered += any(4 <= start - end <= 20 for start in starts)
            # The cue can be heard: there is voice before it and none after it.
            sample = end * 2000 // 3
            assert np.abs(record.listen_A[max(sample - 6000, 0) : sample + 667]).max() > 0.02
            assert np.abs(record.listen_A[sample + 1334 : sample + 3800]).max(initial=0.0) < 0.02
    assert cues > 30
    assert 0.6 < answered / cues < 0.97


def test_a_nod_dips_the_head(bank: SpeechBank) -> None:
    nods = 0
    for record in clips(bank, ClipKind.LISTEN, 12):
        for nod in events_of(record, "nod"):
            if nod.end_frame < NUM_FRAMES:
                pitch_F = rig_of(record)[nod.start_frame : nod.end_frame, Rig.PITCH]
                assert pitch_F[0] - pitch_F.min() > 0.05
                nods += 1
    assert nods > 5


def test_noise_and_music_in_the_partners_track_cause_nothing(bank: SpeechBank) -> None:
    for record in clips(bank, ClipKind.TRAP, 6):
        assert not {event.kind for event in record.truth.events} - {"blink"} if record.truth else False
        assert np.all(record.state_F == State.IDLE)


def test_states_say_who_is_heard(bank: SpeechBank) -> None:
    seen: Counter[int] = Counter()
    for kind in (ClipKind.DIALOGUE, ClipKind.OVERLAP, ClipKind.LISTEN_THEN_SPEAK, ClipKind.SPEAK_THEN_LISTEN):
        for record in clips(bank, kind, 8):
            seen.update(record.state_F.tolist())
            edges = np.arange(NUM_FRAMES) * 2000 // 3
            own_F = np.maximum.reduceat(np.abs(record.speak_A), edges) > 0.05
            partner_F = np.maximum.reduceat(np.abs(record.listen_A), edges) > 0.05
            speaks_F = np.isin(record.state_F, (State.SPEAK, State.BOTH))
            hears_F = np.isin(record.state_F, (State.LISTEN, State.BOTH))
            assert np.mean(own_F & ~speaks_F) < 0.03
            assert np.mean(partner_F & ~hears_F) < 0.03
    assert set(seen) == {0, 1, 2, 3}


def test_in_an_overlap_both_are_heard_at_once(bank: SpeechBank) -> None:
    for record in clips(bank, ClipKind.OVERLAP, 6):
        assert np.any(record.state_F == State.BOTH)


def test_blinks_shut_both_eyes_for_a_frame_and_come_at_a_human_rate(bank: SpeechBank) -> None:
    blinks = 0
    for record in clips(bank, ClipKind.IDLE, 10):
        rig_FR = rig_of(record)
        np.testing.assert_array_equal(rig_FR[:, Rig.BLINK_LEFT], rig_FR[:, Rig.BLINK_RIGHT])
        for blink in events_of(record, "blink"):
            if blink.end_frame < NUM_FRAMES:
                assert rig_FR[blink.start_frame : blink.end_frame, Rig.BLINK_LEFT].max() > 0.95
                blinks += 1
    assert 6 <= blinks / (10 * 6) * 60 <= 45


def test_the_head_moves_visibly_and_smoothly(bank: SpeechBank) -> None:
    records = [perform(900_000, seed, bank, num_frames=NUM_FRAMES) for seed in range(40)]
    yaw = np.stack([rig_of(record)[:, Rig.YAW] for record in records])
    assert 0.08 < yaw.std() < 0.18
    assert np.abs(np.diff(yaw, axis=1)).max() < 0.12


def test_a_mood_is_seen_on_the_face_and_named_in_the_caption(bank: SpeechBank) -> None:
    smiles = {}
    for mood, word in (("happy", "happily"), ("sad", "sadly")):
        records = clips(bank, ClipKind.SPEAK, 4, mood=mood, intensity=1.0)
        assert all(word in record.caption for record in records)
        smiles[mood] = np.mean([rig_of(record)[:, Rig.SMILE].mean() for record in records])
    assert smiles["happy"] > 0.3 > -0.2 > smiles["sad"]


def test_a_caption_names_what_is_done_in_its_order(bank: SpeechBank) -> None:
    style = ClipStyle(kind=ClipKind.LISTEN_THEN_SPEAK)
    for seed in range(8):
        record = perform(900_000, seed, bank, num_frames=NUM_FRAMES, style=style, appearance="A man with a hat")
        assert record.caption.startswith("A man with a hat listens")
        assert " and then speaks" in record.caption
        assert ("nods" in record.caption) == bool(events_of(record, "nod"))


def test_events_are_in_order_and_inside_the_clip(bank: SpeechBank) -> None:
    for seed in range(20):
        record = perform(900_000, seed, bank, num_frames=NUM_FRAMES)
        assert record.truth is not None
        assert all(before.start_frame <= after.start_frame for before, after in pairwise(record.truth.events))
        assert all(0 <= event.start_frame < event.end_frame <= NUM_FRAMES for event in record.truth.events)
