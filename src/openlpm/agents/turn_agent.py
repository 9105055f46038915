"""An agent of parts: it listens for turns, asks a mind for answers and a mouth for their sound."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.agent import AgentEvent, BargedIn, Trouble, TurnEnded, Voice, Who, Words
from openlpm.agents.ears import Ears
from openlpm.agents.mind import Answer, Mind, UserSaid
from openlpm.agents.outbox import Outbox
from openlpm.agents.silence import Manners, Silence
from openlpm.agents.spoken import SpokenLog
from openlpm.agents.turn_events import Aside, TurnBegan, TurnEvent, TurnOver, TurnPaused, TurnTaken
from openlpm.agents.turns import TurnDetector
from openlpm.agents.voice import Line, Mouth
from openlpm.core.errors import OpenLPMError
from openlpm.core.units import AUDIO_RATE_HZ

_LOG = logging.getLogger(__name__)
_MOST_WAITING = 8


@final
class TurnAgent:
    """``Agent`` of a turn detector, a mind and a mouth; owns all three."""

    def __init__(self, mind: Mind, mouth: Mouth, detector: TurnDetector, manners: Manners | None = None) -> None:
        self._mind, self._mouth, self._manners = mind, mouth, manners or Manners()
        self._ears = Ears(detector, tell=self._hear_turn, deaf=self._tell_deaf)
        self._outbox = Outbox()
        self._spoken = SpokenLog()
        self._answering: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: deque[Answer] = deque(maxlen=_MOST_WAITING)
        self._rate_hz = AUDIO_RATE_HZ  # of the last piece
        self._silence = Silence(self._manners, self._break_silence)
        self._closed = False

    async def start(self) -> None:
        await self._mind.start()
        self._ears.start()
        greeting = self._mind.greeting() if self._manners.greets else None
        if greeting is not None:
            self._answer(_one(greeting))
        self._silence.begin()

    def hear(self, samples_A: NDArray[np.float32], rate_hz: int) -> None:
        self._ears.hear(samples_A, rate_hz)

    def ask(self, text: str) -> None:
        self._silence.user_spoke()
        if self._is_busy():
            self._barge_in(0.0)
        self._answer(self._mind.answer_text(text))

    def say(self, text: str) -> None:
        if self._answering is None:
            self._answer(_one(Line(text=text)))
        else:
            self._waiting.append(_one(Line(text=text)))

    def playing(self, *, heard_s: float, left_s: float) -> None:
        for text in self._spoken.playing(heard_s=heard_s, left_s=left_s):
            self._mind.was_heard(text)
        self._ears.character_is_heard(heard=left_s > 0.0)
        if left_s > 0.0:
            self._silence.begin()

    def interrupt(self) -> None:
        self._stop()
        self._silence.begin()

    def events(self) -> AsyncIterator[AgentEvent]:
        return self._outbox.events()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._silence.close()
        self._waiting.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._ears.close()
        await self._mouth.close()
        await self._mind.close()
        self._outbox.close()

    def _hear_turn(self, event: TurnEvent) -> None:
        if not isinstance(event, Aside):
            self._silence.user_spoke()
            self._silence.begin()
        match event:
            case TurnBegan(onset_s=onset_s) | TurnTaken(onset_s=onset_s):
                # Also when the answer has not begun to sound: then the user had not finished.
                if self._is_busy():
                    self._barge_in(onset_s)
            case TurnPaused(length_s=length_s):
                hum = None if self._is_busy() else self._mind.hum(length_s)
                if hum is not None:
                    self._answer(_one(hum))
            case TurnOver():
                self._outbox.put(TurnEnded(hangover_s=event.hangover_s))
                self._answer(self._mind.answer_turn(event))
            case Aside():
                pass

    def _tell_deaf(self) -> None:
        self._outbox.put(Trouble(message="The agent can hear you no more; type, or start a new conversation."))

    def _is_busy(self) -> bool:
        return self._answering is not None or not self._spoken.is_empty

    def _barge_in(self, onset_s: float) -> None:
        self._stop()
        self._outbox.put(BargedIn(onset_s=onset_s))

    def _stop(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
            self._answering = None
        self._waiting.clear()
        self._outbox.drop_voice()
        for heard in self._spoken.interrupt():
            self._outbox.put(Words(who=Who.AGENT, text=heard.words, line=heard.line))
            self._mind.was_heard(heard.words)
        self._ears.character_is_heard(heard=False)

    def _answer(self, answer: Answer) -> None:
        if self._closed:
            return
        if self._answering is not None:
            self._waiting.append(answer)
            return
        task = asyncio.get_running_loop().create_task(self._give(answer), name="answer")
        self._answering = task
        self._tasks.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._answering is task:
            self._answering = None
            self._silence.begin()
            if self._waiting:
                self._answer(self._waiting.popleft())

    async def _give(self, answer: Answer) -> None:
        said = ""
        try:
            async with aclosing(answer):
                async for part in answer:
                    if isinstance(part, UserSaid):
                        self._outbox.put(Words(who=Who.USER, text=part.text))
                        continue
                    if not said:
                        self._spoken.begin()
                    said = f"{said} {part.text}".strip()
                    await self._speak(part, said)
        except OpenLPMError as error:
            self._outbox.put(Trouble(message=str(error)))
        except Exception:  # noqa: BLE001 (the boundary of a conversation: it goes on without this answer)
            _LOG.exception("an answer failed")
            self._outbox.put(Trouble(message="The agent could not answer; try again."))
        if said:
            self._outbox.put(Words(who=Who.AGENT, text=self._spoken.complete(), line=self._spoken.last_line))
            # Which piece is the last is known only after it was given: a hundredth of a second of silence ends it.
            self._outbox.put(
                Voice(samples_A=np.zeros(self._rate_hz // 100, np.float32), rate_hz=self._rate_hz, last=True)
            )

    async def _speak(self, line: Line, said: str) -> None:
        if line.feeling is not None:
            self._outbox.put(line.feeling)
        self._spoken.begin_line(line.text)
        self._outbox.put(Words(who=Who.AGENT, text=said, final=False, line=self._spoken.last_line))
        async with aclosing(self._mouth.speak(line)) as sounds:
            async for sound in sounds:
                self._rate_hz = sound.rate_hz
                self._spoken.add_sound(sound.samples_A.shape[0] / sound.rate_hz)
                self._outbox.put(Voice(samples_A=sound.samples_A, rate_hz=sound.rate_hz))

    def _break_silence(self) -> bool:
        line = None if self._is_busy() else self._mind.silence()
        if line is not None:
            self._answer(_one(line))
        return line is not None


async def _one(line: Line) -> Answer:
    yield line
