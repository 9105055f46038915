"""Laughs, sighs and other sounds without words: the mouth that belongs to each, where it is heard."""

from itertools import pairwise

import numpy as np
import pytest

from openlpm.core.errors import ConfigError
from openlpm.core.rig import VISEMES
from openlpm.core.units import frames_in_samples
from openlpm.synth.act.mouth_motion import VisemeSpans, mouth_motion
from openlpm.synth.sound.acoustics import measured
from openlpm.synth.sound.espeak import Phone, Synthesiser, Utterance
from openlpm.synth.sound.nonverbal import Piece, make_sound, played
from openlpm.synth.sound.visemes import is_stressed, shares_of
from openlpm.synth.sound.vocal_kinds import EMOTIONS_OF, NON_VERBAL, VocalKind
from openlpm.synth.sound.voices import Voice

pytestmark = pytest.mark.unit

VOICES = (Voice(language="de", variant="m3"), Voice(language="fr", variant="f2", pitch=60))
PP, AA, SIL = (VISEMES.index(name) for name in ("PP", "aa", "sil"))


def sounds(kind: VocalKind, count: int = 8) -> list[Utterance]:
    rng, synthesiser, felt = np.random.default_rng(3), Synthesiser(), EMOTIONS_OF[kind]
    return [make_sound(kind, VOICES[n % 2], felt[n % len(felt)], rng, synthesiser) for n in range(count)]


def seconds_in(utterance: Utterance, viseme: int) -> float:
    return sum(
        share.share * (phone.end_sample - phone.start_sample) / 16_000
        for phone in utterance.phones
        for share in shares_of(phone.ipa)
        if share.viseme == viseme
    )


def mouth_of(utterance: Utterance) -> np.ndarray:
    """The six mouth channels, a row a frame."""
    rows: list[tuple[float, float, int, bool]] = []
    for phone in utterance.phones:
        begin = phone.start_sample / 16_000
        for share in shares_of(phone.ipa):
            end = begin + share.share * (phone.end_sample - phone.start_sample) / 16_000
            rows.append((begin, end, share.viseme, is_stressed(phone.ipa)))
            begin = end
    start_S, end_S, viseme_S, stressed_S = (np.array(column) for column in zip(*rows, strict=True))
    spans = VisemeSpans(start_S, end_S, viseme_S.astype(np.int8), stressed_S)
    return mouth_motion(spans, np.ones(frames_in_samples(utterance.samples_A.shape[0]), np.float32)).mouth_F6


@pytest.mark.parametrize("kind", NON_VERBAL)
def test_a_sound_is_heard_where_its_phones_are_and_nowhere_else(kind: VocalKind) -> None:
    for sound in sounds(kind):
        phones = sound.phones
        assert phones[0].start_sample == 0
        assert all(before.end_sample == after.start_sample for before, after in pairwise(phones))
        assert abs(phones[-1].end_sample - sound.samples_A.shape[0]) <= 1
        assert 0.02 < np.abs(sound.samples_A).max() < 1.0
        assert (sound.kind, sound.voice in VOICES) == (kind, True)
        heard = [sound.samples_A[p.start_sample : p.end_sample] for p in phones if p.ipa]
        assert max(np.sqrt(np.square(part).mean()) for part in heard) > 0.008
        quiet = [sound.samples_A[p.start_sample : p.end_sample] for p in phones if not p.ipa]
        assert quiet, "a sound begins and ends in silence"
        assert np.abs(sound.samples_A[:160]).max() < 1e-3


@pytest.mark.parametrize("kind", NON_VERBAL)
def test_no_two_sounds_of_a_kind_are_the_same(kind: VocalKind) -> None:
    made = sounds(kind)
    assert len({sound.samples_A.shape[0] for sound in made}) >= 6


def test_most_hums_are_made_with_closed_lips() -> None:
    closed = [
        seconds_in(sound, PP) > 0.9 * (sound.samples_A.shape[0] / 16_000 - 0.04)
        for sound in sounds(VocalKind.MM_HM, 20)
    ]
    assert 10 <= sum(closed) < 20


def test_a_laugh_opens_and_shuts_again_and_again_and_is_higher_than_a_filled_pause() -> None:
    laughs = sounds(VocalKind.LAUGH)
    for laugh in laughs:
        vowels = [p for p in laugh.phones if shares_of(p.ipa)[0].viseme >= AA]
        assert len(vowels) >= 3
    pitch = [float(np.nanmean([measured(each).pitch_hz for each in some])) for some in (laughs, sounds(VocalKind.UH))]
    assert pitch[0] > 1.2 * pitch[1]


def test_a_yawn_is_long_and_wide_and_a_gasp_is_short_breath() -> None:
    for yawn in sounds(VocalKind.YAWN):
        assert seconds_in(yawn, AA) > 1.0
    for gasp in sounds(VocalKind.GASP):
        assert gasp.samples_A.shape[0] < 1.2 * 16_000
    voiced = [
        np.mean([measured(each).voiced_share for each in sounds(kind)]) for kind in (VocalKind.GASP, VocalKind.UH)
    ]
    assert voiced[0] < 0.5
    assert voiced[1] > 0.9


def test_people_laugh_three_to_seven_syllables_a_second() -> None:
    for laugh in sounds(VocalKind.LAUGH):
        vowels = [p for p in laugh.phones if p.ipa and p.ipa != "h" and "̥" not in p.ipa]
        first = [phone.start_sample for phone in vowels]
        assert 3.0 < 16_000 / np.median(np.diff(first)) < 7.0


def test_the_mouth_of_a_laugh_swings_and_that_of_a_yawn_stays_wide() -> None:
    for laugh in sounds(VocalKind.LAUGH):
        jaw_F = mouth_of(laugh)[:, 0]
        inner = jaw_F[1:-1]
        peaks = (inner > jaw_F[:-2]) & (inner >= jaw_F[2:]) & (inner > 0.3)
        assert peaks.sum() >= 2
    for yawn in sounds(VocalKind.YAWN):
        assert (mouth_of(yawn)[:, 0] > 0.6).sum() > 24


def test_playing_faster_raises_pitch_and_moves_phones_along() -> None:
    tone_A = np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000).astype(np.float32)
    piece = Piece(tone_A, (Phone(0, 4000, "m"), Phone(4000, 16_000, "a")))
    fast = played(piece, np.full(16_000, 1.25))
    assert fast.samples_A.shape[0] == pytest.approx(12_800, abs=2)
    assert fast.phones[0].end_sample == pytest.approx(3200, abs=1)
    assert int(np.abs(np.fft.rfft(fast.samples_A, 16_000)).argmax()) == pytest.approx(250, abs=2)


def test_speech_is_not_a_sound_without_words() -> None:
    with pytest.raises(ConfigError, match="speech"):
        make_sound(VocalKind.SPEECH, VOICES[0], "neutral", np.random.default_rng(0), Synthesiser())
