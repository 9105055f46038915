"""What the model may rely on in every synthetic performance."""

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from openlpm.core.emotion import EMOTIONS
from openlpm.core.record import Event, PerformanceRecord
from openlpm.core.rig import NUM_RIG, RIG_HIGH_R, RIG_LOW_R, VISEMES, Rig, State
from openlpm.core.seeds import Split
from openlpm.synth.act.acting import ActionCue
from openlpm.synth.act.actions import ACTIONS
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.feelings import Course
from openlpm.synth.act.perform import ClipStyle, perform
from openlpm.synth.act.persona import PERSONAS, Persona
from openlpm.synth.act.phrasing import ADJECTIVES, ADVERBS
from openlpm.synth.act.reactions import CUE_KINDS, REACTION_KINDS
from openlpm.synth.sound.speech_bank import SpeechBank, build

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
    assert met > 20


def test_the_jaw_moves_with_the_voice(bank: SpeechBank) -> None:
    for record in clips(bank, ClipKind.SPEAK, 6):
        loud_F = np.sqrt(np.add.reduceat(record.speak_A**2, np.arange(NUM_FRAMES) * 2000 // 3))
        own, shifted = (np.corrcoef(rig_of(record)[:, Rig.JAW], np.roll(loud_F, lag))[0, 1] for lag in (0, 24))
        assert own > 0.25
        assert own > shifted + 0.1


def test_a_listener_reacts_after_cues_and_at_no_other_time(bank: SpeechBank) -> None:
    cues, answered = 0, 0
    for record in clips(bank, ClipKind.LISTEN, 30):
        assert record.truth is not None
        heard = [event.start_frame for event in record.truth.events if event.kind in CUE_KINDS]
        starts = [event.start_frame for event in record.truth.events if event.kind in REACTION_KINDS]
        for start in starts:
            assert any(4 <= start - cue <= 36 for cue in heard), "a reaction begins 0.2 to 1.5 s after a cue"
        for end in (event.start_frame for event in events_of(record, "partner_phrase_end")):
            if end < NUM_FRAMES - 20:
                cues += 1
                answered += any(4 <= start - end <= 20 for start in starts)
            # The cue can be heard: there is voice before it and none after it.
            sample = end * 2000 // 3
            before_A, after_A = (
                record.listen_A[max(sample - 6000, 0) : sample],
                record.listen_A[sample + 1334 : sample + 3800],
            )
            assert np.abs(before_A).max() > 0.02
            if after_A.size:
                assert np.square(after_A).mean() < 0.01 * np.square(before_A).mean()
    assert cues > 30
    assert 0.6 < answered / cues < 0.97


def clips_where_the_partner_is(emotion: str, number: int, **style: object) -> list[PerformanceRecord]:
    """Clips that listen to a partner of one emotion: the bank holds no other speech of theirs."""
    return clips(bank_of(emotion), ClipKind.LISTEN, number, **style)


@cache
def large_bank() -> SpeechBank:
    return build(Split.TEST, 300, seed=4)


def bank_of(emotion: str) -> SpeechBank:
    """Eight sentences of two voices, all called ``emotion``."""
    bank = large_bank()
    voices = np.unique(bank.voice_index[bank.kind_index == 0])[:8]
    first = [bank.utterances_of(int(voice))[0] for voice in voices]
    emotions = bank.emotion_index.copy()
    emotions[:] = EMOTIONS.index(emotion)
    kinds = np.full_like(bank.kind_index, 1)
    kinds[first] = 0
    return replace(bank, emotion_index=emotions, kind_index=kinds)


@pytest.mark.parametrize(
    ("emotion", "cue", "reaction", "felt"),
    [
        ("happy", "partner_warm", "smile", "happy"),
        ("sad", "partner_sad", "concern", "sad"),
        ("angry", "partner_angry", "recoil", "afraid"),
        ("amused", "partner_laugh", "smile", "happy"),
        ("excited", "partner_sudden", "startle", "surprised"),
    ],
)
def test_the_tone_of_the_partners_voice_decides_what_a_listener_shows(
    emotion: str, cue: str, reaction: str, felt: str
) -> None:
    warm = Persona(warmth=1.0, attention=1.0)
    cues = answered = 0
    for record in clips_where_the_partner_is(emotion, 24, persona=warm):
        assert record.truth is not None
        assert record.truth.emotion_FE is not None
        for heard in events_of(record, cue):
            if heard.start_frame > NUM_FRAMES - 48:
                continue
            answers = [
                event for event in events_of(record, reaction) if 4 <= event.start_frame - heard.start_frame <= 36
            ]
            cues += 1
            answered += bool(answers)
            for answer in answers:
                shown_F = record.truth.emotion_FE[answer.start_frame : answer.end_frame, EMOTIONS.index(felt)]
                assert shown_F.max() > 0.3
        assert not rig_of(record)[:, MOUTH].any()
    assert cues >= 4
    assert answered / cues > 0.45


def test_a_neutral_voice_is_answered_without_emotion() -> None:
    for record in clips_where_the_partner_is("neutral", 8):
        kinds = {event.kind for event in record.truth.events} if record.truth else set()
        assert not kinds & {"concern", "startle", "recoil", "frown", "laugh_along"}


def test_a_bored_listener_reacts_less_and_looks_away_more_than_an_attentive_one(bank: SpeechBank) -> None:
    reactions, looks = {}, {}
    for name in ("attentive", "bored"):
        records = clips(bank, ClipKind.LISTEN, 24, persona=PERSONAS[name])
        reactions[name] = sum(len(events_of(record, kind)) for record in records for kind in REACTION_KINDS)
        gaze = np.concatenate([gaze_of(record)[record.state_F == State.LISTEN] for record in records])
        looks[name] = np.mean(np.abs(gaze).max(axis=1) < 0.15)
    assert reactions["bored"] < 0.65 * reactions["attentive"]
    assert looks["attentive"] > 0.8
    assert looks["bored"] < 0.7


def gaze_of(record: PerformanceRecord) -> np.ndarray:
    """Where the eyes look relative to the camera."""
    rig_FR = rig_of(record)
    return rig_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]] + 0.9 * rig_FR[:, [Rig.YAW, Rig.PITCH]]


def test_listeners_look_at_the_camera_more_than_speakers_and_speakers_more_than_idlers() -> None:
    at_camera, bank = {}, bank_of("neutral")
    for kind, state in ((ClipKind.LISTEN, State.LISTEN), (ClipKind.SPEAK, State.SPEAK), (ClipKind.IDLE, State.IDLE)):
        gaze = np.concatenate([gaze_of(record)[record.state_F == state] for record in clips(bank, kind, 16)])
        at_camera[kind] = np.mean(np.abs(gaze).max(axis=1) < 0.15)
    assert at_camera[ClipKind.LISTEN] > at_camera[ClipKind.SPEAK] + 0.08
    assert at_camera[ClipKind.SPEAK] > at_camera[ClipKind.IDLE] + 0.05


def test_speakers_move_their_heads_and_blink_more_than_listeners(bank: SpeechBank) -> None:
    speed, blinks = {}, {}
    for kind in (ClipKind.LISTEN, ClipKind.SPEAK):
        records = clips(bank, kind, 40)
        head = [
            np.abs(np.diff(rig_of(record)[:, [Rig.YAW, Rig.ROLL, Rig.SHIFT_X]], axis=0)).mean() for record in records
        ]
        speed[kind] = np.mean(head)
        blinks[kind] = np.mean([len(events_of(record, "blink")) for record in records])
    assert speed[ClipKind.SPEAK] > 1.15 * speed[ClipKind.LISTEN]
    assert blinks[ClipKind.SPEAK] > 1.1 * blinks[ClipKind.LISTEN]


def test_an_interrupted_speaker_stops_in_time_and_is_taken_aback(bank: SpeechBank) -> None:
    met = 0
    for record in clips(bank, ClipKind.INTERRUPTED, 16):
        for cue in events_of(record, "partner_interrupts"):
            at = cue.start_frame * 2000 // 3
            assert not record.speak_A[at + int(0.36 * 16_000) :].any(), "the voice stops 0.3 s after the interruption"
            assert record.speak_A[max(at - 16_000, 0) : at].any()
            assert record.listen_A[at : at + 32_000].any()
            assert not rig_of(record)[cue.start_frame + 14 :, MOUTH].any()
            assert [event.kind for event in events_of(record, "taken_aback")] == ["taken_aback"]
            assert not [event for event in events_of(record, "turn_yield") if event.end_frame > cue.start_frame]
            met += 1
    assert met == 16


def test_a_turn_begins_with_a_breath_and_ends_with_eyes_on_the_camera(bank: SpeechBank) -> None:
    breaths = []
    for record in clips(bank, ClipKind.LISTEN_THEN_SPEAK, 24):
        for start in events_of(record, "turn_start"):
            if start.start_frame >= 14:
                breath_F = rig_of(record)[:, Rig.BREATH]
                breaths.append(breath_F[start.start_frame] - breath_F[start.start_frame - 14 : start.start_frame].min())
                # The last 0.15 s before the voice belong to its first sound.
                assert rig_of(record)[start.start_frame - 9 : start.start_frame - 4, Rig.JAW].max() <= 0.06
    assert np.mean(breaths) > 0.4
    looks = [
        np.abs(gaze_of(record)[end.start_frame + 6 : end.start_frame + 10]).max() < 0.2
        for record in clips(bank_of("neutral"), ClipKind.SPEAK_THEN_LISTEN, 24)
        for end in events_of(record, "turn_yield")
        if end.start_frame > 0 and end.end_frame < NUM_FRAMES
    ]
    assert len(looks) > 10
    assert np.mean(looks) > 0.75


def test_a_pause_inside_a_turn_is_held_with_averted_eyes(bank: SpeechBank) -> None:
    away = [
        np.abs(gaze_of(record)[hold.start_frame + 2 : hold.end_frame]).max(axis=1).mean()
        for record in clips(bank, ClipKind.SPEAK, 24)
        for hold in events_of(record, "turn_hold")
        if hold.end_frame - hold.start_frame > 8
    ]
    assert len(away) > 8
    assert np.median(away) > 0.25


def test_hums_come_while_the_partner_speaks_and_with_a_nod() -> None:
    hums = 0
    for record in clips(large_bank(), ClipKind.BACKCHANNEL, 30):
        for hum in events_of(record, "backchannel"):
            assert record.speak_A[hum.start_frame * 2000 // 3 : hum.end_frame * 2000 // 3].any()
            assert any(abs(nod.start_frame - hum.start_frame) <= 1 for nod in events_of(record, "nod"))
            hums += 1
    assert hums > 15


def test_shoulders_shake_with_laughter_of_ones_own() -> None:
    shaken, bank = 0, large_bank()
    two_voices = (np.arange(bank.num_utterances) * 2 // bank.num_utterances).astype(np.int32)
    for record in clips(replace(bank, voice_index=two_voices), ClipKind.SPEAK, 120, mood="amused"):
        for laugh in events_of(record, "voice:laugh"):
            if laugh.end_frame - laugh.start_frame > 20 and laugh.end_frame < NUM_FRAMES:
                shoulder_F = rig_of(record)[laugh.start_frame : laugh.end_frame, Rig.SHOULDER]
                turns_F = np.diff(np.sign(np.diff(shoulder_F)))
                assert shoulder_F.max() > 0.3
                assert np.count_nonzero(turns_F) >= 4
                assert record.speak_A[laugh.start_frame * 2000 // 3 : laugh.end_frame * 2000 // 3].any()
                shaken += 1
    assert shaken >= 3


def test_the_face_feels_what_the_performers_own_voice_expresses() -> None:
    for emotion in ("happy", "sad", "angry"):
        for record in clips(bank_of(emotion), ClipKind.SPEAK, 3):
            assert record.truth is not None
            assert record.truth.emotion_FE is not None
            speaks_F = record.state_F == State.SPEAK
            assert record.truth.emotion_FE[speaks_F, EMOTIONS.index(emotion)].mean() > 0.5


def test_emotions_come_and_go_smoothly_within_a_clip(bank: SpeechBank) -> None:
    style = {"mood": "angry", "second_mood": "happy", "intensity": 1.0}
    for record in clips(bank, ClipKind.IDLE, 6, course=Course.CHANGE, **style):
        angry_F, happy_F = felt(record, "angry"), felt(record, "happy")
        assert min(angry_F[0], happy_F[-1]) > 0.7
        assert max(angry_F[-1], happy_F[0]) < 0.1
        assert np.abs(np.diff(angry_F)).max() < 0.2
        assert rig_of(record)[0, Rig.FURROW] > 0.4 > rig_of(record)[-1, Rig.FURROW]
    for record in clips(bank, ClipKind.IDLE, 6, course=Course.MIX, **style):
        assert np.all(felt(record, "angry") > felt(record, "happy"))
        assert np.all(felt(record, "happy") > 0.4)
    for record in clips(bank, ClipKind.IDLE, 6, course=Course.SWELL, **style):
        assert felt(record, "angry").max() > 0.9
        assert felt(record, "neutral")[[0, -1]].min() > 0.5


def felt(record: PerformanceRecord, emotion: str) -> np.ndarray:
    assert record.truth is not None
    assert record.truth.emotion_FE is not None
    return record.truth.emotion_FE[:, EMOTIONS.index(emotion)]


@pytest.mark.parametrize("kind", [ClipKind.IDLE, ClipKind.SPEAK, ClipKind.LISTEN])
def test_actions_happen_in_their_order_and_are_recorded(bank: SpeechBank, kind: ClipKind) -> None:
    cues = (ActionCue(action="look_left"), ActionCue(action="nod"), ActionCue(action="raise_left_hand", at_s=4.0))
    for record in clips(bank, kind, 6, actions=cues):
        assert record.truth is not None
        acted = [event for event in record.truth.events if event.kind.startswith("action:")]
        assert [event.kind for event in acted] == ["action:look_left", "action:nod", "action:raise_left_hand"]
        assert acted[2].start_frame == 96
        middle = [(event.start_frame + event.end_frame) // 2 for event in acted]
        assert gaze_of(record)[middle[0], 0] < -0.5
        nod = rig_of(record)[acted[1].start_frame : acted[1].end_frame, Rig.PITCH]
        assert nod[0] - nod.min() > 0.1
        assert rig_of(record)[middle[2], Rig.ARM_LEFT] > 0.8


def test_an_action_of_the_mouth_leaves_speech_alone(bank: SpeechBank) -> None:
    plain = clips(bank, ClipKind.SPEAK, 4)
    yawning = clips(bank, ClipKind.SPEAK, 4, actions=(ActionCue(action="yawn"),))
    for before, after in zip(plain, yawning, strict=True):
        spoken_F = np.abs(rig_of(before)[:, MOUTH[1:]]).max(axis=1) > 1 / 8  # from here on speech owns the mouth
        assert spoken_F.any()
        np.testing.assert_array_equal(rig_of(before)[spoken_F][:, MOUTH], rig_of(after)[spoken_F][:, MOUTH])
    for record in clips(bank, ClipKind.IDLE, 4, actions=(ActionCue(action="yawn"),)):
        assert rig_of(record)[:, Rig.JAW].max() > 0.7


def test_hands_come_up_with_lively_speech_and_never_without_speech(bank: SpeechBank) -> None:
    arms = [Rig.ARM_LEFT, Rig.ARM_RIGHT]
    lively = clips(bank, ClipKind.SPEAK, 16, persona=PERSONAS["lively"])
    raised = [record for record in lively if rig_of(record)[:, arms].max() > 0.3]
    assert 4 <= len(raised) <= 15
    assert all(events_of(record, "gesture") for record in raised)
    assert not any(rig_of(record)[:, arms].any() for record in clips(bank, ClipKind.LISTEN, 8))


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


def test_a_disturbance_under_the_partners_voice_changes_nothing_that_is_seen(bank: SpeechBank) -> None:
    clear, disturbed = (clips(bank, ClipKind.LISTEN, 3, disturbed=disturbed) for disturbed in (False, True))
    for quiet, noisy in zip(clear, disturbed, strict=True):
        assert not np.array_equal(quiet.listen_A, noisy.listen_A)
        np.testing.assert_array_equal(quiet.state_F, noisy.state_F)
        assert quiet.truth is not None
        assert noisy.truth is not None
        reactions = [[event for event in one.truth.events if event.kind != "blink"] for one in (quiet, noisy)]
        assert reactions[0] == reactions[1]


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
    for mood in ("happy", "sad"):
        words = {*(word for table in (ADJECTIVES, ADVERBS) for word in table[mood].usual + table[mood].held_out)}
        records = clips(bank, ClipKind.IDLE, 8, mood=mood, intensity=1.0)
        assert all(any(word in record.caption for word in words) for record in records)
        smiles[mood] = np.mean([rig_of(record)[:, Rig.SMILE].mean() for record in records])
    assert smiles["happy"] > 0.4 > -0.4 > smiles["sad"]


def test_training_captions_have_no_held_out_words(bank: SpeechBank) -> None:
    held_out = {phrase for action in ACTIONS.values() for phrase in action.held_out}
    style = ClipStyle(kind=ClipKind.IDLE, actions=(ActionCue(action="yawn"), ActionCue(action="wink_left")))
    found = dict.fromkeys(Split, 0)
    for split in (Split.TRAIN, Split.TEST):
        for seed in range(20):
            text = perform(1, seed, replace(bank, split=split), num_frames=240, style=style).caption.lower()
            found[split] += any(phrase.replace("{their}", "their") in text for phrase in held_out)
    assert found[Split.TRAIN] == 0
    assert found[Split.TEST] >= 4


def test_the_clock_of_the_background_runs_with_the_clip(bank: SpeechBank) -> None:
    clocks = [rig_of(record)[:, Rig.TIME] for record in clips(bank, ClipKind.IDLE, 4)]
    for clock_F in clocks:
        np.testing.assert_allclose(np.diff(clock_F), 1 / 24, atol=1e-3)
    assert len({float(clock_F[0]) for clock_F in clocks}) == 4


def test_events_are_in_order_and_inside_the_clip(bank: SpeechBank) -> None:
    for seed in range(20):
        record = perform(900_000, seed, bank, num_frames=NUM_FRAMES)
        assert record.truth is not None
        assert all(before.start_frame <= after.start_frame for before, after in pairwise(record.truth.events))
        assert all(0 <= event.start_frame < event.end_frame <= NUM_FRAMES for event in record.truth.events)
