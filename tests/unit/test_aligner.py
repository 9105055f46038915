"""From phones that were heard to a mouth that says them."""

from pathlib import Path

import numpy as np
import pytest

from openlpm.core.rig import VISEMES
from openlpm.media.audio import open_audio
from openlpm.synth.act.mouth_motion import loudness
from openlpm.synth.sound.aligner import follow, spans_of
from openlpm.synth.sound.aligner_phones import PhoneRecogniser, TimedPhone, visemes_of_phones
from openlpm.synth.sound.espeak import Phone, Utterance
from openlpm.synth.sound.human_speech import VisemeSpan
from openlpm.synth.sound.voices import HumanVoice

pytestmark = pytest.mark.unit

JAW, PRESS = 0, 3


def named(spans: tuple[VisemeSpan, ...]) -> list[tuple[str, int, int]]:
    return [(VISEMES[span.viseme], span.start_sample, span.end_sample) for span in spans]


def test_phones_become_visemes_and_diphthongs_and_affricates_two() -> None:
    phones = [TimedPhone("M", 0.1, 0.2), TimedPhone("AY", 0.2, 0.4), TimedPhone("CH", 0.4, 0.5)]
    assert named(visemes_of_phones(phones, 16_000)) == [
        ("PP", 1600, 3200),
        ("aa", 3200, 5120),
        ("ih", 5120, 6400),
        ("DD", 6400, 7040),
        ("CH", 7040, 8000),
    ]


def test_silence_and_noises_are_gaps_and_nothing_reaches_out_of_the_recording() -> None:
    phones = [TimedPhone("SIL", 0.0, 0.3), TimedPhone("+NSN+", 0.3, 0.5), TimedPhone("EH", 0.9, 1.2)]
    phones.append(TimedPhone("B", 1.2, 1.3))
    assert named(visemes_of_phones(phones, 16_000)) == [("E", 14_400, 16_000)]


def test_speech_that_fits_no_phone_keeps_the_mouth_half_open() -> None:
    assert named(visemes_of_phones([TimedPhone("+SPN+", 0.1, 0.2)], 16_000)) == [("E", 1600, 3200)]


def test_the_parts_of_a_diphthong_follow_each_other() -> None:
    samples_A = np.zeros(3200, np.float32)
    phones = (Phone(0, 1600, ""), Phone(1600, 3200, "ˈaɪ"))
    voice = HumanVoice(name="x")
    spans = spans_of(Utterance(samples_A=samples_A, phones=phones, text="", voice=voice))
    assert [VISEMES[viseme] for viseme in spans.viseme_S] == ["aa", "ih"]
    assert spans.start_S == pytest.approx([0.1, 0.16])
    assert spans.end_S == pytest.approx([0.16, 0.2])
    assert spans.stressed_S.tolist() == [True, True]


def test_the_mouth_opens_where_the_aligner_hears_a_vowel_and_shuts_where_it_hears_a_p() -> None:
    spans = (VisemeSpan(VISEMES.index("aa"), 8000, 16_000), VisemeSpan(VISEMES.index("PP"), 16_000, 17_600))
    samples_A = np.full(24_000, 0.1, np.float32)
    track = follow(samples_A, lambda _: spans, 40)
    assert track.mouth_F6.shape == (40, 6)
    assert track.mouth_F6[18, JAW] > 0.6
    assert track.mouth_F6[25, PRESS] > 0.99
    assert np.all(track.mouth_F6[[2, 38]] == 0.0)


def test_the_recogniser_speaks_where_a_man_does_and_rests_where_he_pauses(shared_data: Path) -> None:
    pytest.importorskip("pocketsphinx")
    sound = open_audio(shared_data / "speech" / "jfk.flac")
    samples_A = sound.read(0, sound.num_samples)
    num_frames = samples_A.shape[0] * 24 // 16_000
    loud_F = loudness(samples_A, num_frames)
    said_F = np.zeros(num_frames, np.bool_)
    for span in visemes_of_phones(PhoneRecogniser().phones(samples_A), samples_A.shape[0]):
        said_F[span.start_sample * 24 // 16_000 : span.end_sample * 24 // 16_000 + 1] = True
    assert said_F[loud_F > 0.5].mean() > 0.95
    assert said_F[loud_F < 0.05].mean() < 0.5


def test_what_is_heard_does_not_depend_on_what_was_heard_before(shared_data: Path) -> None:
    pytest.importorskip("pocketsphinx")
    names = ("grid-bbaf2n", "grid-brbk7n", "grid-lbax4n", "grid-lbbc2a")
    voices = [open_audio(shared_data / "video" / f"{name}.mpg").read(0, 47_000) for name in names]
    recogniser = PhoneRecogniser()
    heard = [recogniser.phones(voice_A) for voice_A in voices]
    assert [recogniser.phones(voice_A) for voice_A in reversed(voices)] == heard[::-1]


def test_the_recogniser_hears_nothing_in_silence_or_in_no_sound_at_all() -> None:
    pytest.importorskip("pocketsphinx")
    recogniser = PhoneRecogniser()
    assert recogniser.phones(np.zeros(0, np.float32)) == ()
    noise_A = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * np.float32(1e-4)
    assert len(visemes_of_phones(recogniser.phones(noise_A), 32_000)) <= 2
