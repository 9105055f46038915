"""The agent without a key: whole turns with real voices, real threads and the real detector."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from openlpm.agents.agent import Agent, BargedIn, Feeling, Trouble, TurnEnded, Voice, Words
from openlpm.agents.mind import Answer
from openlpm.agents.offline import OfflineMind
from openlpm.agents.registry import make_agent
from openlpm.agents.settings import AgentSettings
from openlpm.agents.silence import Manners
from openlpm.agents.turn_agent import TurnAgent
from openlpm.agents.turns import TurnDetector
from openlpm.agents.voice import EspeakMouth, Line, voice_for
from openlpm.core.errors import AgentError, InputError
from openlpm.core.seeds import Split
from openlpm.synth.sound.espeak import Synthesiser
from openlpm.synth.sound.voices import voices_of
from support.agents import Reader

pytestmark = pytest.mark.contract

USER = next(voice for voice in voices_of(Split.TEST) if voice.language.startswith("en"))
SILENT = Manners(greets=False)


def talk(scenario: Callable[[Reader], Awaitable[None]], agent: Callable[[], Agent] | None = None) -> None:
    """A conversation with the offline agent, closed afterwards."""

    async def run() -> None:
        spoken_to = agent() if agent else make_agent("offline", AgentSettings(character="Ada", manners=SILENT))
        await spoken_to.start()
        try:
            await scenario(Reader(spoken_to))
        finally:
            await spoken_to.close()

    asyncio.run(run())


def spoken(text: str = "I would like to know how you are today.") -> np.ndarray:
    said_A = Synthesiser().say(text, USER).samples_A
    return np.concatenate([np.zeros(8_000, np.float32), said_A, np.zeros(14_000, np.float32)])


def push(agent: Agent, sound_A: np.ndarray) -> None:
    for start in range(0, sound_A.shape[0], 320):
        agent.hear(sound_A[start : start + 320], 16_000)


def test_a_typed_question_is_answered_with_words_a_feeling_and_a_voice():
    async def scenario(reader: Reader) -> None:
        reader.agent.ask("What is your name?")
        assert "Ada" in await reader.utterance()
        kinds = [type(event) for event in reader.seen]
        assert kinds.index(Feeling) < kinds.index(Voice)
        sound_A = np.concatenate([event.samples_A for event in reader.seen if isinstance(event, Voice)])
        assert 1.0 < sound_A.shape[0] / 16_000 < 12.0
        assert np.abs(sound_A).max() > 0.1
        assert [event.last for event in reader.seen if isinstance(event, Voice)][-1] is True

    talk(scenario)


def test_words_to_be_said_are_said_literally_and_in_order():
    async def scenario(reader: Reader) -> None:
        for text in ("The first thing to say.", "My name is Bob.", "Why?"):
            reader.agent.say(text)
        assert [await reader.utterance() for _ in range(3)] == ["The first thing to say.", "My name is Bob.", "Why?"]

    talk(scenario)


def test_the_agent_greets_by_its_name():
    async def scenario(reader: Reader) -> None:
        assert "Ada" in await reader.utterance()

    talk(scenario, lambda: make_agent("offline", AgentSettings(character="Ada")))


def test_a_spoken_turn_is_answered_after_its_end():
    async def scenario(reader: Reader) -> None:
        push(reader.agent, spoken())
        ended = await reader.until(TurnEnded)
        assert 0.4 < ended.hangover_s < 0.6
        assert await reader.utterance()
        assert not any(isinstance(event, BargedIn) for event in reader.seen)

    talk(scenario)


def test_whoever_speaks_into_the_answer_interrupts_it():
    async def scenario(reader: Reader) -> None:
        reader.agent.say("one two three four five six. " * 6)
        await reader.until(Voice)
        await reader.until(Voice)
        reader.agent.playing(heard_s=1.0, left_s=9.0)
        reader.agent.say("this was waiting and must not be heard")
        push(reader.agent, spoken())
        barged = await reader.until(BargedIn)
        assert 0.15 < barged.onset_s < 0.6
        words = [event for event in reader.seen if isinstance(event, Words) and event.line == 1][-1]
        assert words.final
        assert 2 <= len(words.text.split()) <= 12, "about a second of it was heard"
        reader.seen.clear()
        await reader.utterance()
        assert not any("waiting" in event.text for event in reader.seen if isinstance(event, Words))

    talk(scenario)


def test_words_that_were_given_and_then_cut_are_told_once_and_as_far_as_they_were_heard():
    async def scenario(reader: Reader) -> None:
        reader.agent.say("one two three four five six seven eight")
        reader.agent.say("this was never heard")
        for _ in range(2):
            await reader.utterance()
        seconds = sum(event.samples_A.shape[0] for event in reader.seen if isinstance(event, Voice)) / 16_000
        reader.agent.playing(heard_s=seconds / 4, left_s=3 * seconds / 4)
        reader.seen.clear()
        reader.agent.ask("What is your name?")
        await reader.until(BargedIn)
        first, second = [event for event in reader.seen if isinstance(event, Words)]
        assert (first.line, second.line, second.text) == (1, 2, "")
        assert "one two three four five six seven eight".startswith(first.text)
        assert 0 < len(first.text.split()) < 8
        await reader.utterance()
        assert {event.line for event in reader.seen[3:] if isinstance(event, Words)} == {3}

    talk(scenario)


def test_nothing_of_an_interrupted_answer_is_given_after_the_interruption():
    async def scenario(reader: Reader) -> None:
        reader.agent.say("A sentence that is long enough. " * 40)
        reader.agent.say("This was waiting.")
        await reader.until(Voice)
        reader.agent.interrupt()
        reader.agent.say("Done now.")
        await reader.until(Words, lambda words: words.final and words.text == "Done now.")
        await reader.until(Voice, lambda voice: voice.last)
        reader.seen.clear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.until(Voice)
        assert not reader.seen

    talk(scenario)


def test_voice_that_was_made_and_not_read_is_dropped_by_an_interruption():
    async def scenario(reader: Reader) -> None:
        reader.agent.say("A sentence that is long enough. " * 4)
        async with asyncio.timeout(5):
            while not reader.agent._spoken._utterances or not reader.agent._spoken._utterances[0].complete:
                await asyncio.sleep(0.005)
        reader.agent.interrupt()
        await reader.agent.close()
        assert not [event for event in await reader.rest() if isinstance(event, Voice)]

    talk(scenario)


def test_a_user_who_goes_on_before_the_answer_sounds_is_not_answered_twice():
    async def scenario(reader: Reader) -> None:
        push(reader.agent, spoken())
        await reader.until(TurnEnded)
        await reader.until(Voice, lambda voice: voice.last)
        push(reader.agent, spoken())
        await reader.until(BargedIn)
        await reader.until(TurnEnded)

    talk(scenario)


def test_typed_words_interrupt_what_is_being_said():
    async def scenario(reader: Reader) -> None:
        reader.agent.say("A sentence that is long enough. " * 10)
        await reader.until(Voice)
        reader.agent.ask("What is your name?")
        await reader.until(BargedIn)
        assert "Ada" in await reader.utterance()

    talk(scenario)


def test_an_answer_that_was_heard_leaves_the_floor_free():
    async def scenario(reader: Reader) -> None:
        reader.agent.say("Hello there.")
        await reader.utterance()
        reader.heard_whole()
        push(reader.agent, spoken())
        await reader.until(TurnEnded)
        assert not any(isinstance(event, BargedIn) for event in reader.seen)

    talk(scenario)


def test_a_long_silence_is_broken_and_not_for_ever():
    async def scenario(reader: Reader) -> None:
        for _ in range(2):
            assert await reader.utterance()
            reader.heard_whole()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await reader.until(Words)

    talk(
        scenario,
        lambda: make_agent("offline", AgentSettings(manners=Manners(greets=False, silence_s=0.05, most_silences=2))),
    )


class FailingMind:
    """A mind that fails in the way it is told to; the rest is the offline one's."""

    def __init__(self, error: Exception) -> None:
        self._error, self._rest = error, OfflineMind("Ada", 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)

    async def answer_text(self, text: str) -> Answer:
        yield Line(text="It begins well.")
        raise self._error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (AgentError("The chat server is tired."), "The chat server is tired."),
        (RuntimeError("secret internals"), "The agent could not answer; try again."),
    ],
)
def test_an_answer_that_fails_is_told_and_the_conversation_goes_on(error, message):
    def agent() -> Agent:
        return TurnAgent(FailingMind(error), EspeakMouth(voice_for(1)), TurnDetector(), SILENT)

    async def scenario(reader: Reader) -> None:
        reader.agent.ask("Anything")
        assert (await reader.until(Trouble)).message == message
        assert await reader.utterance() == "It begins well."
        reader.agent.say("Still here.")
        assert await reader.utterance() == "Still here."

    talk(scenario, agent)


def test_closing_in_the_middle_of_everything_leaves_nothing_behind():
    async def scenario(reader: Reader) -> None:
        reader.agent.say("A sentence that is long enough. " * 20)
        push(reader.agent, spoken())
        await reader.until(Voice)
        await reader.agent.close()
        await reader.agent.close()
        reader.agent.say("too late")
        await reader.rest()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others

    talk(scenario)


def test_sound_that_cannot_be_heard_is_refused_at_once():
    async def scenario(reader: Reader) -> None:
        with pytest.raises(InputError, match="rate_hz=1"):
            reader.agent.hear(np.zeros(10, np.float32), 1)

    talk(scenario)
