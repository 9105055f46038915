"""The pump and its agent by a virtual clock: no engine, no network, no waiting."""

import asyncio
from typing import Any

import numpy as np
import pytest

from openlpm.agents.agent import BargedIn, Trouble, Voice
from openlpm.core.errors import AgentError, PerformanceEnded
from openlpm.engine.performer import Activity, Frame, PerformerMetrics
from openlpm.serving.conversation import Conversation
from openlpm.serving.metrics import ServerMetrics

pytestmark = pytest.mark.contract


class Clock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 50.0

    def now_s(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class Stage:
    """A performer of so many moments, the last of which ends it."""

    id, size = "stage", 256

    def __init__(self, count: int) -> None:
        self.count, self.next, self.closed = count, 0, False
        self.read_s: list[float] = []
        self.pushed: list[tuple[int, bool]] = []
        self.epoch = 0

    def next_due_s(self) -> float | None:
        return 50.0 + self.next / 24

    def read(self, now_s: float) -> list[Frame]:
        if self.next >= self.count:
            raise PerformanceEnded("it is over")
        self.read_s.append(now_s)
        found = []
        while self.next < self.count and 50.0 + self.next / 24 <= now_s + 1e-9:
            found.append(
                Frame(
                    number=self.next,
                    due_s=50.0 + self.next / 24,
                    picture_HWC=np.zeros((2, 2, 3), np.uint8),
                    fresh=True,
                    sound_A=np.zeros(2_000, np.int16),
                    activity=Activity.IDLE,
                    epoch=self.epoch,
                )
            )
            self.next += 1
        return found

    def push_agent_audio(self, samples_A: Any, rate_hz: int, *, last: bool = False) -> int:
        self.pushed.append((len(samples_A), last))
        return self.epoch

    def push_user_audio(self, samples_A: Any, rate_hz: int) -> None:
        return

    def interrupt(self) -> int:
        self.epoch += 1
        return self.epoch

    def metrics(self) -> PerformerMetrics:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True


class Line:
    """An agent that does what it is given to do."""

    def __init__(self, *events: Any, refuses: bool = False, breaks: bool = False) -> None:
        self.given, self.refuses, self.breaks, self.closed = events, refuses, breaks, False

    async def start(self) -> None:
        if self.refuses:
            raise AgentError("the agent cannot be reached: set OPENLPM_AGENT")

    async def events(self):
        for event in self.given:
            yield event
        if self.breaks:
            raise RuntimeError("broken")
        await asyncio.Event().wait()

    def playing(self, *, heard_s: float, left_s: float) -> None:
        return

    async def close(self) -> None:
        self.closed = True


class Seen:
    def __init__(self) -> None:
        self.frames: list[Frame] = []

    waiting = 0

    def show(self, frame: Frame) -> None:
        self.frames.append(frame)


def talked(agent: Line, count: int = 48) -> tuple[Stage, Seen, list[dict[str, Any]]]:
    stage, seen, told = Stage(count), Seen(), []

    async def talk() -> None:
        conversation = Conversation(stage, agent, tell=told.append, metrics=ServerMetrics(), clock=Clock())
        conversation.attach(seen)
        with pytest.raises(PerformanceEnded):
            await conversation.run()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(talk())
    assert stage.closed
    assert agent.closed
    return stage, seen, told


def test_every_moment_is_shown_once_and_when_it_is_due() -> None:
    stage, seen, told = talked(Line())
    assert [frame.number for frame in seen.frames] == list(range(48))
    assert stage.read_s == [pytest.approx(50.0 + number / 24) for number in range(48)]
    assert told[0] == {"type": "state", "activity": "idle", "epoch": 0}


def test_what_the_agent_does_reaches_performer_and_client() -> None:
    voice = Voice(samples_A=np.zeros(100, np.float32), rate_hz=24_000, last=True)
    stage, _, told = talked(Line(voice, BargedIn(onset_s=0.2), Trouble(message="No network.")))
    assert stage.pushed == [(100, True)]
    assert {"type": "interrupted", "epoch": 1, "by": "voice"} in told
    assert {"type": "trouble", "message": "No network."} in told
    assert {"type": "state", "activity": "idle", "epoch": 1} in told


def test_an_agent_that_cannot_be_reached_says_so_and_the_character_stays() -> None:
    _, seen, told = talked(Line(refuses=True))
    assert len(seen.frames) == 48
    assert [each["message"] for each in told if each["type"] == "trouble"] == [
        "the agent cannot be reached: set OPENLPM_AGENT"
    ]


def test_an_agent_that_breaks_is_reported_without_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    _, seen, told = talked(Line(breaks=True))
    assert len(seen.frames) == 48
    assert [each["message"] for each in told if each["type"] == "trouble"] == [
        "The agent failed; the character no longer answers."
    ]
    assert "an agent failed" in caplog.text
