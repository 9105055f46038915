"""The small parts of agents: sentences, what was heard, events that wait, rules, settings."""

import asyncio
import re
import time

import numpy as np
import pytest

from openlpm.agents.agent import Feeling, Trouble, Voice, Who, Words
from openlpm.agents.chain import felt
from openlpm.agents.dialogue import Dialogue
from openlpm.agents.impression import Impression, impression_of
from openlpm.agents.offline import OfflineMind
from openlpm.agents.outbox import Outbox
from openlpm.agents.registry import make_agent, settings_from
from openlpm.agents.sentences import SentenceSplitter, split_sentences
from openlpm.agents.settings import AgentKind, AgentSettings, agent_kind
from openlpm.agents.small_talk import RULES
from openlpm.agents.spoken import Heard, SpokenLog
from openlpm.agents.turn_events import TurnOver
from openlpm.agents.voice import EspeakMouth, Line, voice_for
from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.prosody import Prosody

pytestmark = pytest.mark.unit


def test_text_becomes_sentences_and_nothing_is_lost():
    text = "Hello, Dr. Miller said. It costs 3.50 today! Does that sound right to you?\nYes"
    assert split_sentences(text) == [
        "Hello, Dr. Miller said.",
        "It costs 3.50 today!",
        "Does that sound right to you?",
        "Yes",
    ]


def test_a_sentence_is_given_as_soon_as_it_is_over_however_it_arrives():
    splitter = SentenceSplitter()
    found = [splitter.push(letter) for letter in "This is the first one. And the second"]
    assert [index for index, sentences in enumerate(found) if sentences] == [22]
    assert splitter.rest() == ["And the second"]


def test_a_sentence_without_end_is_cut_at_a_comma():
    found = SentenceSplitter().push("word " * 12 + "comma, " + "word " * 15)
    assert len(found) == 1
    assert found[0].endswith("comma,")


def test_marks_of_written_pages_are_not_spoken():
    assert split_sentences("**Bold** words and `code`.\n- an item of a list") == [
        "Bold words and code .",
        "an item of a list",
    ]


def test_what_was_heard_of_an_interrupted_utterance_is_its_share_of_words():
    log = SpokenLog()
    log.begin()
    for text in ("one two three four.", "five six seven eight."):
        log.begin_line(text)
        log.add_sound(2.0)
    log.playing(heard_s=3.0, left_s=1.0)
    log.begin()
    log.begin_line("this waited")
    assert log.interrupt() == [Heard(1, "one two three four. five six"), Heard(2, "")]
    assert log.is_empty


def test_a_word_that_was_begun_was_heard():
    log = SpokenLog()
    log.begin()
    log.begin_line("one two three four.")
    log.add_sound(2.0)
    log.playing(heard_s=0.1, left_s=1.9)
    assert log.interrupt() == [Heard(1, "one")]


def test_an_utterance_is_over_when_all_of_it_was_heard():
    log = SpokenLog()
    log.begin()
    log.begin_line("all of it")
    log.add_sound(1.0)
    assert log.playing(heard_s=0.0, left_s=0.0) == [], "it has not begun"
    assert log.playing(heard_s=0.5, left_s=0.0) == [], "more of it may come"
    log.complete()
    assert log.playing(heard_s=0.0, left_s=0.0) == ["all of it"]
    assert log.playing(heard_s=0.0, left_s=0.0) == []
    assert log.is_empty


def test_the_next_utterance_begins_where_the_heard_time_falls_back():
    log = SpokenLog()
    for text in ("first", "second"):
        log.begin()
        log.begin_line(text)
        log.add_sound(2.0)
        log.complete()
    assert log.playing(heard_s=1.9, left_s=2.1) == []
    assert log.playing(heard_s=0.1, left_s=1.9) == ["first"]
    assert log.playing(heard_s=2.0, left_s=0.0) == ["second"]


def test_dropping_the_voice_keeps_the_other_events_in_order():
    async def scenario() -> list[object]:
        outbox = Outbox()
        voice = Voice(samples_A=np.zeros(160, np.float32), rate_hz=16_000)
        first, second = Words(who=Who.AGENT, text="one"), Trouble(message="two")
        for event in (first, voice, voice, second):
            outbox.put(event)
        outbox.drop_voice()
        outbox.close()
        return [event async for event in outbox.events()] == [first, second]

    assert asyncio.run(scenario())


def test_voice_that_nobody_reads_is_bounded():
    async def scenario() -> float:
        outbox = Outbox()
        for _ in range(40):
            outbox.put(Voice(samples_A=np.zeros(160_000, np.float32), rate_hz=16_000))
        outbox.close()
        return sum([event.samples_A.shape[0] / 16_000 async for event in outbox.events()])

    assert asyncio.run(scenario()) == pytest.approx(300.0)


def test_every_rule_answers_with_an_emotion_that_there_is():
    for rule in RULES:
        re.compile(rule.pattern)
        assert rule.emotion in EMOTIONS
        assert 0 < rule.intensity <= 1
        assert rule.replies


@pytest.mark.parametrize(
    ("typed", "answer", "emotion"),
    [
        ("Hi, my name is bob", "Bob", "happy"),
        ("Are you a real person?", "AI|No person", None),
        ("What are you?", "AI|No person", None),
        ("what is your name", "Ada", "proud"),
        ("I feel so lonely since my wife left me", "lonely", "tender"),
        ("I want my money back, now", "your money back", "thoughtful"),
        ("tell me a joke", ".", "amused"),
        ("I want to kill myself", "emergency number", "tender"),
        ("qwerty", ".", "thoughtful"),
    ],
)
def test_typed_words_get_an_answer_that_fits(typed, answer, emotion):
    line = Dialogue("Ada", 1).answer(typed)
    assert re.search(answer, line.text), line.text
    assert line.feeling is not None
    assert emotion is None or line.feeling.emotion == emotion
    assert "{" not in line.text


def test_nothing_that_a_user_types_is_read_as_a_slot():
    dialogue = Dialogue("Ada", 1)
    for typed in ("I want {name} and {0}", "my name is {user}", "{", "I like {nonsense!r:>9999}", "", "\x00" * 5_000):
        assert dialogue.answer(typed).text


def test_the_character_remembers_a_name_and_does_not_repeat_itself():
    dialogue = Dialogue("Ada", 1)
    dialogue.answer("my name is Grace")
    assert "Grace" in dialogue.answer("hello").text
    said = [dialogue.answer("mumble mumble").text for _ in range(5)]
    assert len(set(said)) == 5


def test_a_spoken_turn_is_answered_by_how_it_sounded():
    mind = OfflineMind("Ada", 0)

    def answer(**how: object) -> Line:
        usual = {"length_s": 2.0, "loudness_db": 0.0, "rises": False, "lively": False, "flat": False}
        return mind.answer_to(Impression(**(usual | how)))

    assert "question" in answer(rises=True).text.lower()
    loud = answer(loudness_db=10.0)
    assert loud.feeling == Feeling(emotion="surprised", intensity=0.7)
    assert re.search(r"\b12 seconds", answer(length_s=12.2).text)
    assert "question" not in answer(length_s=2.0).text.lower()


def test_the_same_impression_twice_is_not_answered_alike():
    mind = OfflineMind("Ada", 0)
    heard = Impression(length_s=2.0, loudness_db=0.0, rises=True, lively=False, flat=False)
    assert mind.answer_to(heard).text != mind.answer_to(heard).text


def test_a_question_is_told_from_a_statement_by_its_tune():
    t_A = np.arange(24_000) / 16_000

    def tune(end_hz: float) -> TurnOver:
        hertz_A = np.where(t_A < 1.1, 140.0, np.interp(t_A, [1.1, 1.5], [140.0, end_hz]))
        phase_A = 2 * np.pi * np.cumsum(hertz_A) / 16_000
        sound_A = sum(np.sin(k * phase_A) / k for k in range(1, 8)) * 0.1
        return TurnOver(samples_A=sound_A.astype(np.float32), length_s=1.5, level_db=-24.0, hangover_s=0.5)

    assert impression_of(tune(230.0), -28.0).rises
    assert not impression_of(tune(110.0), -28.0).rises


def test_a_turn_of_silence_makes_some_impression():
    turn = TurnOver(samples_A=np.zeros(100, np.float32), length_s=0.0, level_db=-60.0, hangover_s=0.5)
    assert not impression_of(turn, -28.0).rises


def test_a_listener_hums_only_in_long_turns_and_not_in_every_pause():
    mind = OfflineMind("Ada", 0)
    hums = [mind.hum(float(length_s)) is not None for length_s in range(1, 22)]
    assert [length for length, hummed in enumerate(hums, 1) if hummed] == [7, 14, 21]


def test_a_voice_belongs_to_a_character():
    assert voice_for(4) == voice_for(4)
    assert len({voice_for(seed).name for seed in range(30)}) > 8
    assert all(voice_for(seed, high=True).variant != voice_for(seed, high=False).variant for seed in range(20))


def test_the_loop_goes_on_while_the_voice_is_made(monkeypatch):
    synthesiser_says = Synthesiser.say

    def slowly(self: Synthesiser, text: str, voice: object, prosody: Prosody) -> object:
        time.sleep(0.2)  # holds the thread, not the loop
        return synthesiser_says(self, text, voice, prosody)

    monkeypatch.setattr(Synthesiser, "say", slowly)

    async def scenario() -> tuple[int, int]:
        mouth, turns = EspeakMouth(voice_for(1)), 0
        speaking = asyncio.create_task(_all(mouth))
        while not speaking.done():
            turns += 1
            await asyncio.sleep(0.005)
        await mouth.close()
        return turns, speaking.result()

    turns, num_sounds = asyncio.run(scenario())
    assert num_sounds == 2
    assert turns > 20


async def _all(mouth: EspeakMouth) -> int:
    feeling = Feeling(emotion="happy")
    return len(
        [sound async for sound in mouth.speak(Line(text="One sentence here. Another one here.", feeling=feeling))]
    )


def test_the_voice_neither_begins_with_silence_nor_is_too_loud():
    async def scenario() -> list[np.ndarray]:
        mouth = EspeakMouth(voice_for(1))
        sounds = [sound.samples_A async for sound in mouth.speak(Line(text="Hello there, how are you?"))]
        await mouth.close()
        return sounds

    (sound_A,) = asyncio.run(scenario())
    assert np.abs(sound_A[:800]).max() > 0.01
    assert np.abs(sound_A).max() < 1.0


def test_a_feeling_in_brackets_is_shown_and_not_spoken():
    assert felt("[happy] Hello you.") == Line(text="Hello you.", feeling=Feeling(emotion="happy", intensity=0.8))
    assert felt("(laughs) Hello you.") == Line(text="Hello you.")
    assert felt("[sad]") is None


def test_without_a_word_the_offline_agent_is_meant():
    assert agent_kind({}) is AgentKind.OFFLINE
    assert agent_kind({"OPENLPM_AGENT": "chain"}) is AgentKind.CHAIN
    with pytest.raises(ConfigError, match="OPENLPM_AGENT='oracle': choose one of offline, realtime, chain"):
        agent_kind({"OPENLPM_AGENT": "oracle"})


def test_a_key_for_openai_goes_to_no_other_server():
    environment = {
        "OPENAI_API_KEY": "secret",
        "OPENLPM_CHAT_URL": "http://127.0.0.1:1234/v1",
        "OPENLPM_TTS": "espeak",
        "OPENLPM_REALTIME_URL": "ws://127.0.0.1:9/realtime",
    }
    settings = settings_from(environment)
    assert settings.chain.ears.key_variable == "OPENAI_API_KEY"
    assert settings.chain.chat.key_variable == "OPENLPM_CHAT_KEY"
    assert settings.chain.mouth is None
    assert settings.realtime.key_variable == "OPENLPM_REALTIME_KEY"
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "ws://somebody:password@127.0.0.1/"])
def test_an_address_that_cannot_be_is_refused_without_being_shown(url):
    with pytest.raises(ConfigError) as caught:
        settings_from({"OPENLPM_REALTIME_URL": url})
    assert "OPENLPM_REALTIME_URL" in str(caught.value)
    assert "password@" not in str(caught.value)


def test_there_is_no_agent_of_another_name():
    with pytest.raises(ConfigError, match="choose one of offline"):
        make_agent("oracle", AgentSettings())
