"""The agent that needs no key and no network: rules for what is typed, and honest answers to what is only heard."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, final

from openlpm.agents.agent import Feeling
from openlpm.agents.dialogue import Dialogue
from openlpm.agents.impression import Impression, impression_of
from openlpm.agents.mind import Answer
from openlpm.agents.turn_events import TurnOver
from openlpm.agents.voice import Line
from openlpm.core.errors import ConfigError

_USUAL_DB = -28.0
_LONG_S, _SHORT_S = 6.0, 0.8
_HUM_AFTER_S, _HUM_EVERY_S = 6.0, 7.0


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class _Heard:
    """What may be said of a turn that sounded in some way."""

    fits: Callable[[Impression], bool]
    replies: tuple[str, ...]
    emotion: str
    intensity: float = 0.7


_HEARD: Final = (
    _Heard(
        fits=lambda heard: heard.loud,
        replies=(
            "You raised your voice just now. Did something stir you up?",
            "That was loud and clear, louder than before. Are you excited, or cross with me?",
        ),
        emotion="surprised",
    ),
    _Heard(
        fits=lambda heard: heard.rises,
        replies=(
            "Your voice went up at the end, like a question. I cannot make out words: type it, and I will answer.",
            "That sounded like a question. I hear tunes, not words, so please write it down for me.",
            "A question, I believe. What answer would you like best?",
        ),
        emotion="confused",
        intensity=0.6,
    ),
    _Heard(
        fits=lambda heard: heard.length_s >= _LONG_S,
        replies=(
            "You spoke for about {seconds} seconds, and I listened to all of it. What was the most important part?",
            "That was quite a story, {seconds} seconds of it. I hear the melody only, but you seemed to mean it.",
        ),
        emotion="thoughtful",
    ),
    _Heard(
        fits=lambda heard: heard.quiet,
        replies=(
            "You said that softly. Is it something close to your heart?",
            "So quiet. Come a little closer to the microphone, if you like.",
        ),
        emotion="tender",
        intensity=0.9,
    ),
    _Heard(
        fits=lambda heard: heard.length_s < _SHORT_S,
        replies=("Short and to the point. Go on?", "Mm. Tell me more, I like hearing you.", "I heard you. And then?"),
        emotion="amused",
        intensity=0.5,
    ),
    _Heard(
        fits=lambda heard: heard.lively,
        replies=(
            "There is a lot of life in your voice today. What are you looking forward to?",
            "You sound animated. I enjoy that, even without the words.",
        ),
        emotion="happy",
        intensity=0.9,
    ),
    _Heard(
        fits=lambda heard: heard.flat,
        replies=(
            "You sound a little flat. Has it been a long day?",
            "That came very evenly. Are you tired, or just calm?",
        ),
        emotion="tender",
    ),
)
"""In order: the first that fits, unless it was what fitted the last time and another fits too."""
_OTHERWISE: Final = (
    "I heard you, about {seconds} seconds. I cannot tell words yet, but I like the sound of you. What shall we do?",
    "Thank you for talking to me. I follow your voice, not your words; whatever you type, I can answer.",
    "Mm-hm. Go on, I am listening.",
    "I listen to how you say it, since I cannot hear what. How did it make you feel?",
)
_GREETINGS: Final = (
    "Hello, I am {name}. Talk to me, or type something.",
    "Hi there. I am {name}, an AI character. What brings you here?",
)
_SILENCES: Final = (
    "Are you still there? I do not mind the quiet.",
    "I could tell you how I work, if you ask me.",
    "Take your time. I am here.",
)
_HUMS: Final = ("Mm-hm.", "I see.", "Yeah.", "Oh.")


@final
class OfflineMind:
    """``Mind`` of rules; what it cannot know it does not claim."""

    def __init__(self, name: str, seed: int) -> None:
        if not name.strip():
            raise ConfigError(f"name={name!r}: give the character a name")
        self._name = name.strip()
        self._dialogue = Dialogue(self._name, seed)
        self._usual_db = _USUAL_DB
        self._last_fit: _Heard | None = None
        self._hummed_at_s = 0.0

    async def start(self) -> None:
        return

    def greeting(self) -> Line | None:
        return self._line(_GREETINGS, Feeling(emotion="happy", intensity=0.8), name=self._name)

    async def answer_text(self, text: str) -> Answer:
        yield self._dialogue.answer(text)

    async def answer_turn(self, turn: TurnOver) -> Answer:
        self._hummed_at_s = 0.0
        heard = await asyncio.to_thread(impression_of, turn, self._usual_db)
        self._usual_db += 0.4 * (turn.level_db - self._usual_db)
        yield self.answer_to(heard)

    def answer_to(self, heard: Impression) -> Line:
        """What is said to a turn that sounded so."""
        fitting = [entry for entry in _HEARD if entry.fits(heard)]
        others = [entry for entry in fitting if entry is not self._last_fit]
        fit = (others or [None])[0]
        self._last_fit = fit
        seconds = str(max(round(heard.length_s), 1))
        if fit is None:
            return self._line(_OTHERWISE, Feeling(emotion="thoughtful", intensity=0.5), seconds=seconds)
        return self._line(fit.replies, Feeling(emotion=fit.emotion, intensity=fit.intensity), seconds=seconds)

    def hum(self, length_s: float) -> Line | None:
        if length_s < self._hummed_at_s:
            self._hummed_at_s = 0.0  # another turn
        if length_s < _HUM_AFTER_S or length_s - self._hummed_at_s < _HUM_EVERY_S:
            return None
        self._hummed_at_s = length_s
        return Line(text=self._dialogue.choose(_HUMS))

    def silence(self) -> Line | None:
        return self._line(_SILENCES, Feeling(emotion="thoughtful", intensity=0.4))

    def was_heard(self, text: str) -> None:
        return

    async def close(self) -> None:
        return

    def _line(self, replies: Sequence[str], feeling: Feeling, **values: str) -> Line:
        return Line(text=self._dialogue.choose(replies).format(**values), feeling=feeling)
