"""Turn detection from samples alone: no clock, no thread, real voices of the synthesiser."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from openlpm.agents.barge_in import FEATURES, WEIGHTS_FILE, BargeInConfig
from openlpm.agents.ear import Ear
from openlpm.agents.turn_events import Aside, TurnBegan, TurnConfig, TurnEvent, TurnOver, TurnPaused, TurnTaken
from openlpm.agents.turns import TurnDetector
from openlpm.core.errors import ConfigError, InputError
from openlpm.core.seeds import Split, generator
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.sound.augment import noise
from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.nonverbal import make_sound
from openlpm.synth.sound.vocal_kinds import VocalKind
from openlpm.synth.sound.voices import Voice, voices_of

pytestmark = pytest.mark.unit

FloatArray = NDArray[np.float32]
VOICE = next(voice for voice in voices_of(Split.TEST) if voice.language.startswith("en"))
SENTENCE = "Could you tell me where the next station is, please?"


@pytest.fixture(scope="module")
def said() -> Callable[..., FloatArray]:
    synthesiser = Synthesiser()

    def say(text: str = SENTENCE, *, level_db: float = -24.0, voice: Voice = VOICE) -> FloatArray:
        return at_level(synthesiser.say(text, voice).samples_A, level_db)

    return say


def at_level(sound_A: FloatArray, level_db: float) -> FloatArray:
    heard = np.flatnonzero(np.abs(sound_A) > 0.03 * np.abs(sound_A).max())
    cut_A = sound_A[heard[0] : heard[-1] + 1]
    return (cut_A * 10 ** (level_db / 20) / np.sqrt(np.square(cut_A).mean())).astype(np.float32)


def silence(seconds: float) -> FloatArray:
    hiss_A = noise(generator("silence", seconds), int(seconds * AUDIO_RATE_HZ))
    return (hiss_A * 10 ** (-65 / 20)).astype(np.float32)


def told(
    *sounds: FloatArray, heard: bool = False, config: TurnConfig | None = None, step: int = 160
) -> list[tuple[float, TurnEvent]]:
    """What is decided, and when in the sound, pushed 10 ms at a time."""
    detector = TurnDetector(config)
    detector.character_is_heard(heard=heard)
    sound_A = np.concatenate(sounds)
    return [
        ((start + step) / AUDIO_RATE_HZ, event)
        for start in range(0, sound_A.shape[0], step)
        for event in detector.push(sound_A[start : start + step], AUDIO_RATE_HZ)
    ]


def kinds(events: list[tuple[float, TurnEvent]]) -> list[type]:
    return [type(event) for _, event in events]


def test_a_sentence_is_a_turn_that_ends_after_the_hangover(said):
    spoken_A = said("Good morning to you.")
    events = told(silence(1.0), spoken_A, silence(1.2))
    assert kinds(events) == [TurnBegan, TurnPaused, TurnOver]
    end_s = 1.0 + spoken_A.shape[0] / AUDIO_RATE_HZ
    assert events[0][0] == pytest.approx(1.25, abs=0.1)
    assert 0.4 < events[-1][0] - end_s < 0.75
    over = events[-1][1]
    assert isinstance(over, TurnOver)
    assert over.hangover_s == pytest.approx(0.5, abs=0.04)
    assert over.length_s == pytest.approx(spoken_A.shape[0] / AUDIO_RATE_HZ, abs=0.15)
    assert over.level_db == pytest.approx(-24.0, abs=3.0)


def test_a_turn_keeps_the_sound_of_its_beginning(said):
    spoken_A = said()
    over = told(silence(1.0), spoken_A, silence(1.0))[-1][1]
    assert isinstance(over, TurnOver)
    wanted_A, kept_A = spoken_A[:800], over.samples_A[:AUDIO_RATE_HZ]
    others = np.lib.stride_tricks.sliding_window_view(kept_A, 800) - wanted_A
    assert np.square(others).sum(axis=1).min() < 0.01 * np.square(wanted_A).sum(), "the first syllable is missing"


def test_a_short_pause_does_not_end_a_turn(said):
    events = told(silence(0.5), said(), silence(0.3), said(), silence(1.0))
    assert kinds(events).count(TurnOver) == 1


def test_pieces_of_any_length_are_decided_alike(said):
    sounds = (silence(0.5), said(), silence(1.0))
    whole = [event for _, event in told(*sounds, step=64_000)]
    pieces = [event for _, event in told(*sounds, step=111)]
    assert [type(event) for event in whole] == [type(event) for event in pieces]
    assert isinstance(whole[-1], TurnOver)
    assert isinstance(pieces[-1], TurnOver)
    assert np.array_equal(whole[-1].samples_A, pieces[-1].samples_A)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_sound_of_any_rate_is_heard(said, rate_hz):
    sound_A = np.concatenate([silence(0.5), said(), silence(1.2)])
    num = sound_A.shape[0] * rate_hz // AUDIO_RATE_HZ
    resampled_A = np.interp(np.arange(num) / rate_hz, np.arange(sound_A.shape[0]) / AUDIO_RATE_HZ, sound_A)
    detector = TurnDetector()
    events = detector.push(resampled_A.astype(np.float32), rate_hz)
    assert [type(event) for event in events if not isinstance(event, TurnPaused)] == [TurnBegan, TurnOver]


def test_a_sentence_takes_the_turn_from_the_character_soon(said):
    for voice in [voice for voice in voices_of(Split.TEST) if voice.language.startswith("en")][:6]:
        events = told(silence(1.0), said(voice=voice), silence(0.2), heard=True)
        assert kinds(events)[:1] == [TurnTaken], voice
        assert events[0][0] - 1.0 < 0.45, voice


def test_a_hum_does_not_take_the_turn():
    synthesiser = Synthesiser()
    taken = 0
    for number in range(40):
        voice = voices_of(Split.TEST)[number]
        hum = make_sound(VocalKind.MM_HM, voice, "neutral", generator("hum", number), synthesiser)
        events = told(silence(0.8), at_level(hum.samples_A, -27.0), silence(0.6), heard=True)
        taken += TurnTaken in kinds(events)
    assert taken <= 2, "one in twenty"


def test_whoever_hums_for_long_takes_the_turn():
    hum = at_level(make_sound(VocalKind.UH, VOICE, "neutral", generator("uh"), Synthesiser()).samples_A, -24.0)
    middle_A = hum[hum.shape[0] // 4 : -hum.shape[0] // 4]
    events = told(silence(0.8), *([middle_A] * 12), heard=True)
    assert TurnTaken in kinds(events)


def test_noise_is_no_turn():
    for heard in (False, True):
        hiss_A = generator("hiss").standard_normal(10 * AUDIO_RATE_HZ).astype(np.float32) * np.float32(0.05)
        assert not {TurnBegan, TurnTaken} & set(kinds(told(hiss_A, heard=heard)))


def test_the_characters_own_voice_coming_back_takes_no_turn(said):
    echo_A = said("This is what the character itself is saying, and it goes on for a while.", level_db=-45.0)
    assert TurnTaken not in kinds(told(silence(0.5), echo_A, silence(0.5), heard=True))


def test_an_echo_is_no_turn_when_the_character_falls_silent(said):
    detector = TurnDetector()
    detector.character_is_heard(heard=True)
    echo_A = said("This is what the character itself is saying.", level_db=-45.0)
    before = detector.push(np.concatenate([silence(0.5), echo_A[: -AUDIO_RATE_HZ // 5]]), AUDIO_RATE_HZ)
    detector.character_is_heard(heard=False)
    after = detector.push(np.concatenate([echo_A[-AUDIO_RATE_HZ // 5 :], silence(1.0)]), AUDIO_RATE_HZ)
    assert not [event for event in before + after if not isinstance(event, Aside)]


def test_an_answer_that_begins_before_the_character_is_done_is_a_turn(said):
    detector = TurnDetector()
    detector.character_is_heard(heard=True)
    spoken_A = said("Yes.")
    events = detector.push(np.concatenate([silence(0.5), spoken_A[:1600]]), AUDIO_RATE_HZ)
    detector.character_is_heard(heard=False)
    events += detector.push(np.concatenate([spoken_A[1600:], silence(1.2)]), AUDIO_RATE_HZ)
    assert isinstance(events[-1], TurnOver)


def test_a_turn_without_end_is_ended(said):
    talk = [said(), silence(0.1)] * 3
    events = told(silence(0.5), *talk, config=TurnConfig(longest_s=2.0))
    assert TurnOver in kinds(events)


def test_a_quiet_user_is_known_after_a_turn(said):
    detector = TurnDetector()
    quiet_A = np.concatenate([silence(0.5), said(level_db=-44.0), silence(0.8)])
    for _ in range(4):
        assert isinstance(detector.push(quiet_A, AUDIO_RATE_HZ)[-1], TurnOver)
    detector.character_is_heard(heard=True)
    assert any(isinstance(event, TurnTaken) for event in detector.push(quiet_A, AUDIO_RATE_HZ))


def test_the_rule_was_fitted_to_what_is_measured():
    with np.load(WEIGHTS_FILE) as stored:
        assert stored["inner"].shape[1] == stored["mean"].shape[0] == len(FEATURES)


def test_what_cannot_be_heard_is_refused():
    with pytest.raises(InputError, match="mono"):
        Ear().push(np.zeros((2, 100), np.float32), 16_000)
    with pytest.raises(InputError, match="rate_hz=4000"):
        Ear().push(np.zeros(100, np.float32), 4_000)


def test_broken_samples_do_no_harm():
    detector = TurnDetector()
    detector.push(np.full(2_000, np.nan, np.float32), AUDIO_RATE_HZ)
    assert detector.push(np.full(2_000, np.inf, np.float32), AUDIO_RATE_HZ) is not None


def test_configurations_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="hangover_s"):
        TurnConfig(hangover_s=0.2)
    with pytest.raises(ConfigError, match="longest_s"):
        TurnConfig(longest_s=0.1)
    with pytest.raises(ConfigError, match="earliest_s"):
        BargeInConfig(earliest_s=2.0)
