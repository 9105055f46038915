"""A performer and an agent, coupled: who hears whom, what is said, and who watches."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.agents.agent import Agent, AgentEvent, BargedIn, Feeling, Trouble, TurnEnded, Voice, Who, Words
from openlpm.core.errors import AgentError, ConfigError, InputError
from openlpm.engine.performer import Activity, Frame, Performer
from openlpm.engine.silencing import Silencing
from openlpm.serving.clock import Clock, RealClock
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.outputs import Output
from openlpm.serving.playback import Playback

_log = logging.getLogger(__name__)
_BEFORE_FIRST_S = 0.01
_REPORT_FRAMES = 4
"""How often the agent is told what has been heard."""
_MOST_EARLY = 8
_VOICED = 0.02
"""A microphone louder than this has a user behind it."""

Tell = Callable[[Mapping[str, Any]], None]


@final
class Conversation:
    """Runs until the performance ends or ``run`` is cancelled. Used from one event loop; nothing but ``run`` waits."""

    def __init__(
        self,
        performer: Performer,
        agent: Agent,
        *,
        tell: Tell,
        metrics: ServerMetrics,
        answers: bool = True,
        clock: Clock | None = None,
    ) -> None:
        """``tell`` takes what the client is to know; where nobody ``answers`` the agent does not hear the user."""
        self.performer, self._agent = performer, agent
        self._tell, self._metrics, self._answers = tell, metrics, answers
        self._clock = clock or RealClock()
        self._outputs: list[Output] = []
        self._playback = Playback()
        self._agent_runs = False
        self._early: list[Callable[[], None]] = []
        self._told: tuple[Activity, int] | None = None
        self._turn_ended_s: float | None = None
        self._voice_delay_s: float | None = None
        self._observed = 0
        """The last interruption of which the metrics know."""
        self.active_s = self._clock.now_s()
        """When the user last spoke or pressed something."""

    @property
    def idle_s(self) -> float:
        """Since then."""
        return self._clock.now_s() - self.active_s

    def attach(self, output: Output) -> None:
        """Show moments to ``output`` too, from the next on."""
        if output not in self._outputs:
            self._outputs.append(output)

    def detach(self, output: Output) -> None:
        """Show it nothing any more."""
        if output in self._outputs:
            self._outputs.remove(output)

    def hear(self, samples_A: NDArray[np.float32], rate_hz: int) -> None:
        """The user's microphone."""
        if samples_A.shape[0] and float(np.abs(samples_A).max()) > _VOICED:
            self.active_s = self._clock.now_s()
        self.performer.push_user_audio(samples_A, rate_hz)
        if self._agent_runs and self._answers:
            self._agent.hear(samples_A, rate_hz)

    def say(self, text: str) -> None:
        """Have the character say these words."""
        self._once_it_runs(lambda: self._agent.say(text))

    def ask(self, text: str) -> None:
        """Have it answer what the user typed."""
        self._once_it_runs(lambda: self._agent.ask(text))

    def prompt(self, text: str) -> None:
        """How it behaves."""
        self.active_s = self._clock.now_s()
        self.performer.set_prompt(text)

    def feel(self, emotion: str, intensity: float) -> None:
        """How it looks."""
        self.active_s = self._clock.now_s()
        self.performer.set_emotion(emotion, intensity)

    def interrupt(self) -> None:
        """The button."""
        self.active_s = self._clock.now_s()
        if self._agent_runs:
            self._agent.interrupt()
        self._fall_silent("button")

    def speak(self, samples_A: NDArray[np.float32], rate_hz: int, *, last: bool) -> None:
        """A piece of the character's own voice, from whoever has it.

        Raises:
            InputError: it cannot be taken.
        """
        self.performer.push_agent_audio(samples_A, rate_hz, last=last)
        self._playback.pushed(samples_A.shape[0] / rate_hz, last=last)

    async def run(self) -> None:
        """Deliver moments and do what the agent does; closes both at the end.

        Raises:
            PerformanceEnded: the performance ended by itself.
        """
        following = asyncio.create_task(self._follow(), name="agent")
        try:
            await self._pump()
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            self._agent_runs = False
            self.performer.close()
            await self._agent.close()

    async def _pump(self) -> None:
        while True:
            due_s = self.performer.next_due_s()
            wait_s = _BEFORE_FIRST_S if due_s is None else max(due_s - self._clock.now_s(), 0.0)
            await self._clock.sleep(wait_s)
            for frame in self.performer.read(self._clock.now_s()):
                self._deliver(frame)

    def _deliver(self, frame: Frame) -> None:
        for output in self._outputs:
            output.show(frame)
        self._metrics.frames.inc()
        if not frame.fresh:
            self._metrics.held_frames.inc()
        if (frame.activity, frame.epoch) != self._told:
            self._told = frame.activity, frame.epoch
            self._tell({"type": "state", "activity": frame.activity.value, "epoch": frame.epoch})
        self._playback.due(frame)
        if self._agent_runs and (frame.number % _REPORT_FRAMES == 0 or frame.ends_speech):
            self._agent.playing(heard_s=self._playback.heard_s, left_s=self._playback.left_s)

    def numbers(self) -> dict[str, Any]:
        """What the client is told once a second."""
        now = self.performer.metrics()
        self._playback.settle(now.queued_voice_s)
        waiting = max((output.waiting for output in self._outputs), default=0)
        if now.chunk_ms is not None:
            self._metrics.steady_chunk_ms.observe(now.chunk_ms)
        if now.render_fps is not None:
            self._metrics.render_fps.set(now.render_fps)
        if now.voice_delay_s is not None and now.voice_delay_s != self._voice_delay_s:
            self._voice_delay_s = now.voice_delay_s
            self._metrics.voice_delay_ms.observe(1e3 * now.voice_delay_s)
        self._metrics.queue_depth.set(waiting)
        self._observe(now.silencing)
        return {
            "type": "numbers",
            "render_fps": now.render_fps,
            "chunk_ms": now.chunk_ms,
            "held": now.held,
            "frames": now.frames,
            "voice_delay_s": now.voice_delay_s,
            "queued_voice_s": now.queued_voice_s,
            "queue_depth": waiting,
            "interruption": None if now.silencing is None else _told_of(now.silencing),
        }

    def _observe(self, silencing: Silencing | None) -> None:
        if silencing is None or silencing.shown_s is None or silencing.epoch == self._observed:
            return
        self._observed = silencing.epoch
        self._metrics.silent_ms.observe(1e3 * (silencing.silent_s - silencing.asked_s))
        self._metrics.silent_picture_ms.observe(1e3 * (silencing.shown_s - silencing.asked_s))

    async def _follow(self) -> None:
        try:
            await self._agent.start()
            self._agent_runs = True
            early, self._early = self._early, []
            for action in early:
                action()
            async for event in self._agent.events():
                self._do(event)
        except AgentError as error:
            self._trouble(str(error))
        except Exception:  # noqa: BLE001 (the session's boundary: without its agent a character still listens)
            _log.exception("an agent failed")
            self._metrics.errors.labels("agent").inc()
            self._trouble("The agent failed; the character no longer answers.")
        finally:
            self._agent_runs = False

    def _do(self, event: AgentEvent) -> None:
        match event:
            case Voice():
                self._voice(event)
            case Words():
                if event.who is Who.USER:
                    self.active_s = self._clock.now_s()
                line = {} if event.line is None else {"line": event.line}
                said = {"who": event.who.value, "text": event.text, "final": event.final, **line}
                self._tell({"type": "words", **said})
            case TurnEnded():
                self.active_s = self._turn_ended_s = self._clock.now_s()
                self._tell({"type": "turn", "hangover_s": event.hangover_s})
            case BargedIn():
                self.active_s = self._clock.now_s()
                self._fall_silent("voice")
            case Feeling():
                self._feeling(event)
            case Trouble():
                self._trouble(event.message)

    def _voice(self, voice: Voice) -> None:
        if self._turn_ended_s is not None:
            self._metrics.tts_first_pcm_ms.observe(1e3 * (self._clock.now_s() - self._turn_ended_s))
            self._turn_ended_s = None
        try:
            self.speak(voice.samples_A, voice.rate_hz, last=voice.last)
        except InputError as error:
            self._trouble(str(error))

    def _feeling(self, feeling: Feeling) -> None:
        try:
            self.performer.set_emotion(feeling.emotion, feeling.intensity)
        except ConfigError as error:
            self._trouble(str(error))
            return
        self._tell({"type": "emotion", "name": feeling.emotion, "intensity": feeling.intensity})

    def _fall_silent(self, by: str) -> None:
        epoch = self.performer.interrupt()
        self._playback.interrupted()
        self._metrics.interruptions.labels(by).inc()
        self._tell({"type": "interrupted", "epoch": epoch, "by": by})
        if self._agent_runs:
            self._agent.playing(heard_s=0.0, left_s=0.0)

    def _trouble(self, message: str) -> None:
        self._tell({"type": "trouble", "message": message})

    def _once_it_runs(self, action: Callable[[], None]) -> None:
        self.active_s = self._clock.now_s()
        if self._agent_runs:
            action()
        elif len(self._early) < _MOST_EARLY:
            self._early.append(action)


def _told_of(silencing: Silencing) -> dict[str, Any]:
    """Steps in seconds since it was asked for, which is on the server's clock."""
    asked_s = silencing.asked_s
    steps = {
        "silent_s": silencing.silent_s,
        "ordered_s": silencing.ordered_s,
        "made_s": silencing.made_s,
        "shown_s": silencing.shown_s,
    }
    since = {name: None if at_s is None else at_s - asked_s for name, at_s in steps.items()}
    return {"epoch": silencing.epoch, "server_s": asked_s, **since, "frame": silencing.frame}
