"""Two voices of a source are told apart by how they sound, and what sounds like the other one leaves a track."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from openlpm.core.units import AUDIO_RATE_HZ, samples_at_frame
from openlpm.data.packed import pack
from openlpm.data.pairing.apart import Examples, Who, columns_of, ear_for, features_of
from openlpm.data.pairing.config import PairingConfig
from openlpm.data.pairing.gating import without_others
from openlpm.data.pairing.mixture import Mixture
from openlpm.data.pairing.part import Filming, Stretch, Unit, UnitKind
from openlpm.data.pairing.settling import settle_sources
from openlpm.data.pairing.timbre import NUM_TIMBRE, PITCH, TIMBRE_STEP, VOICING, Timbre, timbre_of
from openlpm.data.pairing.turns import phrases_of
from openlpm.data.parts import Rights, Source, Span
from openlpm.data.people.part import People, Person
from openlpm.data.records import Record, plain
from openlpm.data.states.part import States

pytestmark = pytest.mark.unit

FRAMES = 480
HUM = slice(80_000, 88_000)
LOW, HIGH = (105.0, 1.0), (210.0, 1.2)
"""Pitch, and by how much a mouth is smaller than that of the first."""


def voice(seed: int, pitch_and_size: tuple[float, float], num_frames: int) -> np.ndarray:
    """Vowels of a fifth of a second, one after another, of a voice that nobody has."""
    rng, (pitch_hz, size) = np.random.default_rng(seed), pitch_and_size
    count = samples_at_frame(num_frames)
    times_A = np.arange(count) / AUDIO_RATE_HZ
    phase_A = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.08 * np.sin(2 * np.pi * 0.7 * times_A))) / AUDIO_RATE_HZ
    vowel_A = (times_A * 5).astype(np.int64)
    formants = [rng.uniform(low, high, vowel_A[-1] + 1) * size for low, high in ((300, 800), (1000, 2200))]
    sound_A = 0.001 * rng.standard_normal(count)
    for harmonic in range(1, int(3500 / pitch_hz)):
        height_V = sum(np.exp(-(((harmonic * pitch_hz - formant_V) / 150) ** 2)) for formant_V in formants)
        sound_A += (0.2 * (height_V + 0.02) / np.sqrt(harmonic))[vowel_A] * np.cos(harmonic * phase_A)
    return sound_A.astype(np.float32)


def examples(seed: int, kind: tuple[float, float], num_frames: int = 240) -> Examples:
    found = Examples()
    features = features_of(timbre_of(voice(seed, kind, num_frames), num_frames))
    found.add(features, np.ones(features.loud_L.shape[0], np.bool_))
    return found


def test_pitch_and_loudness_are_those_of_the_sound_wherever_a_block_ends() -> None:
    sound_A = voice(1, (150.0, 1.0), 300)
    timbre_LX = timbre_of(sound_A, 300)
    assert timbre_LX.shape == (1200, NUM_TIMBRE)
    assert abs(float(np.median(timbre_LX[:, PITCH])) - np.log2(1.5)) < 0.05
    assert float(np.median(timbre_LX[:, VOICING])) > 0.7
    later_LX = timbre_of(sound_A[samples_at_frame(240) :], 60)
    assert np.abs(later_LX[4:-4, :PITCH] - timbre_LX[964:-4, :PITCH]).max() < 1e-3
    assert np.isfinite(timbre_of(np.zeros(0, np.float32), 10)).all()


def test_a_mixture_finds_what_its_rows_are_like_and_the_same_every_time() -> None:
    rng = np.random.default_rng(2)
    rows_NX = np.concatenate([rng.normal(-4, 1, (300, 3)), rng.normal(4, 1, (300, 3))])
    there, between = np.full((1, 3), 4.0), np.zeros((1, 3))
    mixture = Mixture(rows_NX, 4)
    assert mixture.log_likelihood(there)[0] > mixture.log_likelihood(between)[0] + 3
    assert np.array_equal(mixture.log_likelihood(rows_NX), Mixture(rows_NX, 4).log_likelihood(rows_NX))


def test_an_ear_tells_words_that_it_has_never_heard() -> None:
    ear = ear_for(examples(3, LOW), examples(4, HIGH))
    assert ear is not None
    for kind, sign in ((LOW, 1), (HIGH, -1)):
        odds_L = sign * ear.odds(features_of(timbre_of(voice(9, kind, 48), 48)))
        assert (odds_L > 0.3).mean() > 0.95
    silent_L = ear.odds(features_of(timbre_of(np.concatenate([voice(9, LOW, 24), np.zeros(16_000, np.float32)]), 48)))
    assert not np.abs(silent_L[108:]).max() > 0.05


def test_one_voice_under_two_names_and_too_little_of_a_voice_teach_nothing() -> None:
    assert ear_for(examples(3, LOW), examples(4, LOW)) is None
    assert ear_for(examples(3, LOW), examples(4, HIGH, num_frames=8)) is None
    assert ear_for(Examples(), examples(4, HIGH)) is None


def test_examples_end_when_a_voice_is_known_well_enough() -> None:
    found = examples(3, LOW, num_frames=24 * 40)
    assert found.count == 30 * 96
    assert found.extend(found).rows().shape[0] == 30 * 96


def stretch(first: int, end: int) -> Stretch:
    """In columns of the mel grid."""
    return Stretch(first_sample=first * 500 // 3, end_sample=end * 500 // 3)


def odds(length: int, *runs: tuple[int, int, float]) -> np.ndarray:
    odds_L = np.full(length, 2.0, np.float32)
    for first, end, value in runs:
        odds_L[first:end] = value
    return odds_L


def test_what_is_surely_anothers_leaves_a_stretch_and_a_moment_of_doubt_does_not() -> None:
    alone_L = np.zeros(400, np.bool_)
    own = (stretch(50, 300),)
    assert without_others(own, odds(400), alone_L) == own
    found = without_others(own, odds(400, (100, 130, -2.0)), alone_L)
    assert found == (stretch(50, 100), stretch(130, 300))
    for doubt in (odds(400, (100, 130, -1.0)), odds(400, (100, 104, -3.0))):
        assert without_others(own, doubt, alone_L) == own
    assert without_others(own, odds(400, (40, 310, -2.0)), alone_L) == ()
    assert without_others((), odds(400, (40, 310, -2.0)), alone_L) == ()


def test_where_both_are_seen_to_speak_more_evidence_is_asked_for_and_next_to_a_cut_less() -> None:
    both_L, own = np.ones(400, np.bool_), (stretch(0, 400),)
    weak = odds(400, (200, 230, -1.5))
    assert without_others(own, weak, both_L) == own
    assert len(without_others(own, weak, ~both_L)) == 2
    doubtful = odds(400, (388, 400, 0.2), (200, 212, 0.2))
    assert without_others(own, doubtful, ~both_L) == (stretch(0, 388),)
    silent = odds(400, (380, 400, 0.0))
    assert without_others(own, silent, ~both_L) == own


def test_a_hole_of_a_moment_ends_no_phrase() -> None:
    held = (stretch(0, 100), stretch(110, 200), stretch(260, 300))
    assert phrases_of(held) == (stretch(0, 200), stretch(260, 300))
    assert phrases_of(()) == ()


def unit_record(clip: Record, person: int, who_F: np.ndarray, own: Sequence[Stretch], sound_A: np.ndarray) -> Record:
    unit = Unit(
        person=person, first_frame=0, num_frames=FRAMES, kind=UnitKind.CONVERSATION, filming=Filming.ALONE,
        states=pack(np.full(FRAMES, 2, np.int8)), crops=pack(np.zeros((FRAMES, 3), np.float32), step=0.25),
        own=tuple(own), partner=(stretch(960, 1920),), identity="", listens_to="",
    )  # fmt: skip
    timbre = Timbre(columns=pack(timbre_of(sound_A, FRAMES), step=TIMBRE_STEP), who=pack(who_F.astype(np.int8)))
    return clip.child("pairing", unit, timbre)


def source_with_a_hum(other: tuple[float, float]) -> list[Record]:
    """Somebody speaks for ten seconds, then another one, who is heard for half a second of the first ten too."""
    sound_A = voice(5, LOW, FRAMES)
    sound_A[160_000:] = voice(6, other, FRAMES)[160_000:]
    sound_A[HUM] = voice(7, other, FRAMES)[HUM]
    nothing = pack(np.zeros((FRAMES, 4), np.float32), step=1.0)
    person = Person(
        first_frame=0, num_frames=FRAMES, points=nothing, turns=nothing, boxes=nothing, crops=nothing,
        looks=pack(np.zeros(75, np.float32), step=0.002), score=0.9, face_share=0.4, cut_off_share=0.0,
    )  # fmt: skip
    another = replace(person, looks=pack(np.ones(75, np.float32), step=0.002))
    states = States(
        states=(pack(np.repeat([2, 1], 240).astype(np.int8)), pack(np.repeat([1, 2], 240).astype(np.int8))),
        speech=pack(np.ones(FRAMES, np.float32), step=0.01), offset_frames=0, offset_margin=0.0,
    )  # fmt: skip
    span = Span(first_pts=0, end_pts=FRAMES, time_base=Fraction(1, 24), first_frame=0, num_frames=FRAMES)
    people = People(detector="cast", num_frames=FRAMES, persons=(person, another))
    source = Source(name="a/b.mp4", sha256="0", size_bytes=0, rights=Rights())
    parts = {part.NAME: plain(part) for part in (source, span, people, states)}
    clip = Record(stage="states", parent=None, parts=parts)
    first_F, second_F = np.repeat([Who.OWN, Who.OTHER], 240), np.repeat([Who.OTHER, Who.OWN], 240)
    first_F[118:134] = Who.NOBODY  # as where labels change
    return [
        unit_record(clip, 0, first_F, [stretch(0, 960)], sound_A),
        unit_record(clip, 1, second_F, [stretch(960, 1920)], sound_A),
    ]


def test_a_hum_of_the_other_one_within_ones_own_speech_is_not_in_ones_own_track() -> None:
    first, second = settle_sources(source_with_a_hum(HIGH), PairingConfig())
    left = first.part(Unit).own
    assert len(left) == 2
    assert abs(left[0].end_sample - HUM.start) < 1200
    assert abs(left[1].first_sample - HUM.stop) < 1200
    for (later,) in (first.part(Unit).partner, second.part(Unit).own):
        assert abs(later.first_sample - 160_000) < 1200
        assert later.end_sample == samples_at_frame(FRAMES)
    assert first.part(Unit).identity == second.part(Unit).listens_to
    assert not first.has(Timbre)
    again = list(settle_sources(source_with_a_hum(HIGH), PairingConfig()))
    assert [record.id for record in again] == [first.id, second.id]


def test_voices_that_nobody_can_tell_apart_keep_the_stretches_of_their_labels() -> None:
    first, _ = settle_sources(source_with_a_hum(LOW), PairingConfig())
    assert first.part(Unit).own == (stretch(0, 960),)
    assert not first.has(Timbre)


def test_units_that_nobody_has_listened_to_keep_the_stretches_of_their_labels() -> None:
    unheard = [
        replace(record, parts={name: part for name, part in record.parts.items() if name != Timbre.NAME})
        for record in source_with_a_hum(HIGH)
    ]
    first, second = settle_sources(unheard, PairingConfig(by_voice=False))
    assert first.part(Unit).own == (stretch(0, 960),)
    assert second.part(Unit).own == (stretch(960, 1920),)


def test_a_mask_of_frames_covers_four_columns_each() -> None:
    assert columns_of(np.array([True, False])).tolist() == [True] * 4 + [False] * 4
