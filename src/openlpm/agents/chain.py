"""Speech-to-text, chat and text-to-speech in a row: the agent of three OpenAI-compatible servers."""

import re
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.agent import Feeling
from openlpm.agents.endpoint import Endpoint
from openlpm.agents.mind import Answer, UserSaid
from openlpm.agents.sentences import SentenceSplitter
from openlpm.agents.services import Message, chat, transcribe
from openlpm.agents.turn_events import TurnOver
from openlpm.agents.voice import Line
from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import AgentError, ConfigError
from openlpm.core.units import AUDIO_RATE_HZ

_LONGEST_TURN_S = 90.0
_FEELING: Final = re.compile(r"^\s*[\[(]([a-z]+)[\])]\s*", re.IGNORECASE)
_HOW: Final = (
    "You speak aloud in a live conversation: answer in one to three short spoken sentences, without lists, links or "
    "markup. You may begin a sentence with one of these words in brackets to show how you feel: " + ", ".join(EMOTIONS)
)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ChainConfig:
    """What the chat is told."""

    instructions: str = "You are a friendly character in a video call."
    greeting: str = "Hello! What would you like to talk about?"
    """Said at the start; empty: the user begins."""
    most_messages: int = 24
    """So many of the last messages are remembered."""

    def __post_init__(self) -> None:
        if self.most_messages < 2:
            raise ConfigError(f"most_messages={self.most_messages}: remember at least a question and its answer")


@final
class ChainMind:
    """``Mind`` of a speech-to-text and a chat server; owns both endpoints."""

    def __init__(self, ears: Endpoint, chat_server: Endpoint, config: ChainConfig | None = None) -> None:
        self._ears, self._chat, self._config = ears, chat_server, config or ChainConfig()
        self._history: deque[Message] = deque(maxlen=self._config.most_messages)
        self._unread_A: NDArray[np.float32] = np.zeros(0, np.float32)

    async def start(self) -> None:
        await self._ears.check()
        await self._chat.check()

    def greeting(self) -> Line | None:
        if not self._config.greeting:
            return None
        return Line(text=self._config.greeting, feeling=Feeling(emotion="happy", intensity=0.7))

    async def answer_text(self, text: str) -> Answer:
        self._history.append({"role": "user", "content": text})
        messages = [{"role": "system", "content": f"{self._config.instructions}\n{_HOW}"}, *self._history]
        splitter = SentenceSplitter()
        async with aclosing(chat(self._chat, messages)) as pieces:
            async for piece in pieces:
                for sentence in splitter.push(piece):
                    if (line := felt(sentence)) is not None:
                        yield line
        for sentence in splitter.rest():
            if (line := felt(sentence)) is not None:
                yield line

    async def answer_turn(self, turn: TurnOver) -> Answer:
        # A turn whose words were never asked for goes on in the next one: the user only paused.
        self._unread_A = np.concatenate([self._unread_A, turn.samples_A])[-int(_LONGEST_TURN_S * AUDIO_RATE_HZ) :]
        try:
            text = await transcribe(self._ears, self._unread_A)
        except AgentError:
            self._unread_A = self._unread_A[:0]
            raise
        self._unread_A = self._unread_A[:0]
        if not text:
            return
        yield UserSaid(text=text)
        async with aclosing(self.answer_text(text)) as answer:
            async for line in answer:
                yield line

    def hum(self, length_s: float) -> Line | None:
        return None

    def silence(self) -> Line | None:
        return None

    def was_heard(self, text: str) -> None:
        if text:
            self._history.append({"role": "assistant", "content": text})

    async def close(self) -> None:
        await self._ears.close()
        await self._chat.close()


def felt(sentence: str) -> Line | None:
    """A sentence that may begin with a feeling in brackets; None where nothing is to be said."""
    found = _FEELING.match(sentence)
    text = sentence[found.end() :] if found else sentence
    name = found.group(1).lower() if found else ""
    feeling = Feeling(emotion=name, intensity=0.8) if name in EMOTIONS else None
    return Line(text=text, feeling=feeling) if text.strip() else None
