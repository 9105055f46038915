"""One performance under way, as the engine sees it: what is said and heard when, and which pictures belong to it.

Time is cut into slots of one chunk each. A slot is planned when its pictures are ordered, which is as late as they can
still be ready; sound, state and words of the slot are fixed then. If its moment comes first, because the worker is
late, it is planned without pictures: sound goes on and the last picture is held.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import PerformanceEnded
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.engine.activity import STATES, Ear, activity, loudness
from openlpm.engine.counts import Counts
from openlpm.engine.orders import Chunk, Order, Role, StageFacts
from openlpm.engine.performer import SAMPLES_A_FRAME, Activity, Frame, PerformerMetrics
from openlpm.engine.voices import AgentVoice, UserVoice
from openlpm.engine.wishes import Wishes
from openlpm.synth.act.feelings import Feeling
from openlpm.synth.act.planner import Planner

_SLEEP_S = 2.0
"""Unread for so long, a performance stands still."""
_HEAD_START_S = 0.02
_FAR_S = 1.0
"""No further ahead are slots planned, however slow the worker is."""
_FADE = 480
"""Samples of sound over which an interrupted voice fades."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Host:
    """What a performance needs of whoever runs it."""

    now_s: Callable[[], float]
    wake: Callable[[], None]
    """Called when there may be something to plan."""
    save: "Callable[[Performance], bytes]"
    """Called by ``snapshot``."""


@final
@dataclass(kw_only=True, slots=True, eq=False)
class _Slot:
    """The frames of a chunk and what belongs to them."""

    number: int
    ticket: int | None
    """None: no pictures were ordered."""
    epoch: int
    sound_A: NDArray[np.int16]
    voiced: bool
    activities: list[Activity]
    end_frame: int | None
    pictures_FHWC: NDArray[np.uint8] | None = None


@final
class Performance:
    """A ``Performer``; the engine's thread plans, delivers and ends it, any thread does the rest."""

    def __init__(
        self,
        performance: str,
        role: Role,
        facts: StageFacts,
        *,
        host: Host,
        planner: Planner | None = None,
    ) -> None:
        self.id, self.role, self._facts = performance, role, facts
        self._now_s, self._wake, self._save = host.now_s, host.wake, host.save
        self._lock = threading.RLock()
        self._own, self._partner = AgentVoice(facts.speak_ahead), UserVoice(facts.listen_ahead)
        self._own_ear, self._partner_ear = Ear(), Ear()
        self._planner = planner
        self._wishes = Wishes(prompt=role.caption)
        self._caption: str | None = None
        """Words that the worker does not know yet."""
        self._slots: dict[int, _Slot] = {}
        self._next_slot = self._next_frame = self._next_ticket = self._epoch = 0
        self._in_flight: int | None = None
        self._back = False
        self._origin_s: float | None = None
        self._joined_s = self._read_s = host.now_s()
        self._picture_HWC: NDArray[np.uint8] | None = None
        self._state = Activity.IDLE
        self._ended: str | None = None
        self._counts = Counts()

    @property
    def size(self) -> int:
        return self._facts.size

    def push_agent_audio(self, samples_A: NDArray[np.float32], rate_hz: int, *, last: bool = False) -> int:
        with self._lock:
            self._own.push(samples_A, rate_hz, last=last, now_s=self._now_s())
            return self._epoch

    def push_user_audio(self, samples_A: NDArray[np.float32], rate_hz: int) -> None:
        with self._lock:
            self._partner.push(samples_A, rate_hz, now_s=self._now_s())

    def set_prompt(self, text: str) -> None:
        with self._lock:
            self._wish(self._wishes.prompted(text))

    def set_emotion(self, name: str, intensity: float = 1.0) -> None:
        with self._lock:
            self._wish(self._wishes.feeling(name, intensity))
            if self._planner is not None:
                self._planner.feel(*([] if self._wishes.is_neutral else [Feeling(emotion=name, intensity=intensity)]))

    def _wish(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._caption = wishes.caption

    @property
    def asked_for(self) -> tuple[str, str, float]:
        """Prompt, emotion and its intensity."""
        with self._lock:
            return self._wishes.prompt, self._wishes.emotion, self._wishes.intensity

    @property
    def caption(self) -> str:
        """Prompt and emotion as one text."""
        return self._wishes.caption

    def interrupt(self) -> int:
        with self._lock:
            self._epoch += 1
            self._counts.interruptions += 1
            self._own.forget()
            running = self._running(self._now_s())
            later = [slot for slot in self._slots.values() if slot.number > running]
            if any(slot.voiced for slot in later):
                for slot in later:
                    del self._slots[slot.number]
                self._next_slot = running + 1
                # Only the newest chunk may be taken back, and no more than one lies ahead of the running one.
                self._back = any(slot.ticket is not None for slot in later)
            else:
                for slot in later:  # silent: they are of the time after it
                    slot.epoch = self._epoch
            current = self._slots.get(running)
            if current is not None and current.voiced:
                current.sound_A = current.sound_A.copy()
                fade_A = np.linspace(1, 0, _FADE)
                current.sound_A[-_FADE:] = (current.sound_A[-_FADE:] * fade_A).astype(np.int16)
            epoch = self._epoch
        self._wake()
        return epoch

    def read(self, now_s: float) -> list[Frame]:
        with self._lock:
            if self._ended is not None:
                raise PerformanceEnded(self._ended)
            slept_s, self._read_s = now_s - self._read_s, now_s
            if slept_s > _SLEEP_S:
                self._wake()
                if self._origin_s is not None:
                    self._origin_s += slept_s
            if self._origin_s is None:
                return []
            due = int((now_s - self._origin_s) * FRAME_RATE_HZ)
            return [self._frame(number, now_s) for number in range(self._next_frame, due + 1)]

    def next_due_s(self) -> float | None:
        with self._lock:
            return None if self._origin_s is None else self._origin_s + self._next_frame / FRAME_RATE_HZ

    def metrics(self) -> PerformerMetrics:
        with self._lock:
            counts = self._counts
            chunk_s = counts.chunk_s
            return PerformerMetrics(
                frames=counts.frames,
                held=counts.held,
                render_fps=None if chunk_s is None else self._facts.chunk_frames / chunk_s,
                chunk_ms=None if chunk_s is None else 1e3 * chunk_s,
                first_frame_s=counts.first_frame_s,
                voice_delay_s=counts.voice_delay_s,
                queued_voice_s=self._own.queued_s,
                dropped_user_s=self._partner.dropped / 16_000,
                missing_user_s=self._partner.missing / 16_000,
                interruptions=counts.interruptions,
                restarts=counts.restarts,
                state=self._state,
                epoch=self._epoch,
            )

    def snapshot(self) -> bytes:
        with self._lock:
            if self._ended is not None:
                raise PerformanceEnded(self._ended)
        return self._save(self)

    def close(self) -> None:
        self.end("the performance was closed")

    def end(self, reason: str) -> None:
        """It is over; the first reason stays."""
        with self._lock:
            self._ended = self._ended or reason
            self._slots.clear()
            self._own.forget()
        self._wake()

    @property
    def ended(self) -> str | None:
        """Why it is over; None while it is not."""
        with self._lock:
            return self._ended

    def start_s(self, lead_s: float) -> float | None:
        """When to begin the next chunk so that it is ready ``lead_s`` later, in time; None: not now."""
        with self._lock:
            if self._ended is not None or self._in_flight is not None:
                return None
            if self._origin_s is None:
                return float("-inf")
            if self._now_s() - self._read_s > _SLEEP_S:
                return None
            return self._origin_s + self._next_slot * self._facts.chunk_frames / FRAME_RATE_HZ - lead_s

    def plan(self, chunk_s: float) -> Order:
        """Fix the next slot of which at least half can be seen if its pictures take ``chunk_s``, and order them.

        The slots before it, of a machine that is too slow, get no pictures.
        """
        with self._lock:
            if self._origin_s is not None:
                slot_s = self._facts.chunk_frames / FRAME_RATE_HZ
                first = int((self._now_s() + min(chunk_s, _FAR_S) - self._origin_s) / slot_s + 0.5)
                while self._next_slot < first:
                    self._plan_slot(None)
            ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
            self._in_flight = ticket
            slot, speak_A, listen_A, motion_FM = self._plan_slot(ticket)
            caption, self._caption = self._caption, None
            back, self._back = self._back, False
            return Order(
                performance=self.id,
                ticket=ticket,
                speak_A=speak_A,
                listen_A=listen_A,
                caption=caption,
                motion_FM=motion_FM,
                keep=slot.voiced,
                back=back,
            )

    def deliver(self, chunk: Chunk, seconds: float) -> None:
        """Pictures have come; those whose slot was taken back are forgotten."""
        with self._lock:
            if chunk.ticket == self._in_flight:
                self._in_flight = None
            if self._ended is not None:
                return
            if chunk.pictures_FHWC is None:
                self.end(f"the performance failed: {chunk.error}")
                return
            self._counts.chunk(seconds)
            slot = next((slot for slot in self._slots.values() if slot.ticket == chunk.ticket), None)
            if slot is None:
                return
            slot.pictures_FHWC = chunk.pictures_FHWC
            if self._origin_s is None:
                now_s = self._now_s()
                self._origin_s = self._read_s = now_s + _HEAD_START_S
                self._counts.first_frame_s = now_s - self._joined_s

    def restarted(self) -> None:
        """The worker is a new one, which knows this performance as it was some time ago: nothing is on its way."""
        with self._lock:
            self._in_flight = None
            self._back = False
            self._caption = self.caption
            self._counts.restarts += 1

    def _running(self, now_s: float) -> int:
        """The slot that is being shown; -1 before the first."""
        if self._origin_s is None:
            return -1
        return int(max(now_s - self._origin_s, 0.0) * FRAME_RATE_HZ) // self._facts.chunk_frames

    def _plan_slot(
        self, ticket: int | None
    ) -> tuple[_Slot, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        number, count, now_s = self._next_slot, self._facts.chunk_frames, self._now_s()
        self._next_slot += 1
        spoken = self._own.take(number * count, count, now_s)
        listen_A = self._partner.take(number * count, count, now_s)
        own_F = loudness(spoken.heard_A[: -self._facts.speak_ahead or None], count)
        partner_F = loudness(listen_A[: -self._facts.listen_ahead or None], count)
        activities = [
            activity(own=self._own_ear.hear(float(own)), partner=self._partner_ear.hear(float(partner)))
            for own, partner in zip(own_F, partner_F, strict=True)
        ]
        motion_FM = None
        if self._planner is not None:
            state_F = np.array([STATES[each] for each in activities], np.int8)
            motion_FM = self._planner.plan(state_F, own_F, partner_F)
        slot = _Slot(
            number=number,
            ticket=ticket,
            epoch=self._epoch,
            sound_A=np.rint(spoken.sound_A * 32767).astype(np.int16),
            voiced=spoken.voiced_frames > 0,
            activities=activities,
            end_frame=spoken.end_frame,
        )
        self._slots[number] = slot
        if spoken.waited_since_s is not None and self._origin_s is not None:
            due_s = self._origin_s + number * count / FRAME_RATE_HZ
            self._counts.voice_delay_s = max(due_s, now_s) - spoken.waited_since_s
        return slot, spoken.heard_A, listen_A, motion_FM

    def _frame(self, number: int, now_s: float) -> Frame:
        assert self._origin_s is not None
        count = self._facts.chunk_frames
        while self._next_slot <= number // count:
            self._plan_slot(None)
        slot, place = self._slots[number // count], number % count
        if place == count - 1:
            del self._slots[slot.number]
        fresh = slot.pictures_FHWC is not None
        if slot.pictures_FHWC is not None:
            self._picture_HWC = slot.pictures_FHWC[place]
        assert self._picture_HWC is not None
        self._next_frame = number + 1
        self._counts.frames += 1
        self._counts.held += not fresh
        self._state = slot.activities[place]
        return Frame(
            number=number,
            due_s=self._origin_s + number / FRAME_RATE_HZ,
            picture_HWC=self._picture_HWC,
            fresh=fresh,
            sound_A=slot.sound_A[place * SAMPLES_A_FRAME : (place + 1) * SAMPLES_A_FRAME],
            activity=self._state,
            epoch=slot.epoch,
            ends_speech=slot.end_frame == place,
        )
