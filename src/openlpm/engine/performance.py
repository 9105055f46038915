"""One performance under way, as the engine sees it: what is said and heard when, and which pictures belong to it.

Time is cut into slots of one chunk each. A slot is planned when its pictures are ordered, which is as late as they can
still be ready; sound, state and words of the slot are fixed then. Where the worker is too slow for all of it, a slot
begins when its pictures come, and a shorter one without pictures lies before it: sound goes on and the last picture is
held. So is what was planned because its moment came first.

Only an interruption changes a slot that was planned: the voice fades from the next frame on, and pictures that show it
are made again, of the slot that is being shown if they can still be seen, or else of the next. Nothing is said then, so
that slot is moved to the moment at which its pictures come, be it early or late: an open mouth waits for nothing else.
"""

import math
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
from openlpm.engine.silencing import Silencer
from openlpm.engine.slots import Slot
from openlpm.engine.voices import AgentVoice, UserVoice
from openlpm.engine.wishes import Wishes
from openlpm.synth.act.feelings import Feeling
from openlpm.synth.act.planner import Planner

_SLEEP_S = 2.0
"""Unread for so long, a performance stands still."""
_HEAD_START_S = 0.02
_FAR_S = 1.0
"""No further ahead are slots planned, however slow the worker is."""
_DROPPED = 0.25
"""Of the time of a chunk, within which a worker leaves one that is not wanted any more."""
_SEEN_FRAMES = 2
"""So many frames of a slot must be left for its pictures to be made again."""
_SHUTS_FRAMES = 1
"""So many pictures of a slot that is moved are left out: in the next the mouth is nearly shut."""


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
        self._own, self._partner = AgentVoice(facts.speak_ahead, facts.chunk_frames), UserVoice(facts.listen_ahead)
        self._own_ear, self._partner_ear = Ear(), Ear()
        self._planner = planner
        self._wishes = Wishes(prompt=role.caption)
        self._caption: str | None = None
        """Words that the worker does not know yet."""
        self._slots: dict[int, Slot] = {}
        self._next_slot = self._next_first = self._next_frame = self._next_ticket = self._epoch = 0
        """``_next_first`` is where the next slot will begin."""
        self._in_flight: int | None = None
        self._ordered: Slot | None = None
        """The slot whose pictures were ordered last."""
        self._chunk_s, self._ready_s = facts.chunk_s, float("-inf")
        """How long a chunk takes, and when the one that was ordered last should come."""
        self._again: list[int] = []
        """Slots whose pictures are to be made again."""
        self._back: int | None = None
        """The ticket before which the worker must return."""
        self._hurries = False
        """Whether a mouth that moves to an interrupted voice waits for pictures of the silence."""
        self._last_HWC: NDArray[np.uint8] | None = None
        """The last picture of a slot that is over: the mouth is shut there, and it is shown until the next slot's."""
        self._quiet_frame = 0
        """Where an interrupted voice has faded."""
        self._origin_s: float | None = None
        self._joined_s = self._read_s = host.now_s()
        self._picture_HWC: NDArray[np.uint8] | None = None
        self._state = Activity.IDLE
        self._ended: str | None = None
        self._counts = Counts()
        self._silencer = Silencer()

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
            self._own_ear = Ear()
            if any(slot.voiced for slot in self._slots.values()):
                self._hurries, self._quiet_frame = True, self._next_frame + 1
                self._silencer.asked(self._epoch, self._now_s(), self._faded_s())
            self._take_back()
            for slot in self._slots.values():
                slot.silence(self._next_frame, self._epoch)
            epoch = self._epoch
        self._wake()
        return epoch

    def _take_back(self) -> None:
        """Have all pictures made again that show a voice which is no longer heard, where they can be seen."""
        slots = [self._slots[number] for number in sorted(self._slots)]
        making = next((slot for slot in slots if slot.ticket == self._in_flight and slot.ticket is not None), None)
        now_s = self._now_s()
        rest_s = 0.0 if making is None else max(self._ready_s - now_s, 0.0)
        if making is not None and making.voiced:
            rest_s = min(rest_s, _DROPPED * self._chunk_s)
        ready_s = now_s + rest_s + self._chunk_s
        stale = [
            slot.number
            for slot in slots
            if slot.voiced
            and slot.ticket is not None
            and (slot.first_frame >= self._next_frame or self._is_seen(slot, ready_s))
        ]
        if not stale:
            return
        for slot in slots:
            if slot.number < stale[0] or slot.ticket is None:
                continue
            self._back = slot.ticket if self._back is None else min(self._back, slot.ticket)
            self._again.append(slot.number)
            slot.ticket = None
            if slot.first_frame >= self._next_frame:
                slot.pictures_FHWC = None

    def _faded_s(self) -> float:
        """When the next frame is over, in which an interrupted voice fades; now, if it has not begun."""
        if self._origin_s is None or not any(
            s.voiced and s.first_frame <= self._next_frame for s in self._slots.values()
        ):
            return self._now_s()
        return self._origin_s + self._quiet_frame / FRAME_RATE_HZ

    def _is_seen(self, slot: Slot, ready_s: float) -> bool:
        """Whether pictures that come then are in time for the last frames of a slot."""
        last = slot.first_frame + self._facts.chunk_frames - _SEEN_FRAMES
        return self._origin_s is None or ready_s <= self._origin_s + last / FRAME_RATE_HZ

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
                silencing=self._silencer.last,
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
            if self._again or self._hurries:
                return float("-inf")
            return self._origin_s + self._next_first / FRAME_RATE_HZ - lead_s

    def plan(self, chunk_s: float) -> Order:
        """Order the pictures of the next slot, if they take ``chunk_s``.

        Slots that an interruption took back come first; then one that begins when its pictures come. Before it, on a
        machine that is too slow, are moments without pictures.
        """
        with self._lock:
            self._chunk_s = chunk_s
            self._ready_s = self._now_s() + min(chunk_s, _FAR_S)
            slot = self._slot_again() or self._slot_ahead()
            slot.ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
            self._in_flight, self._ordered = slot.ticket, slot
            self._silencer.ordered(slot.ticket, self._now_s())
            caption, self._caption = self._caption, None
            back, self._back = self._back, None
            return Order(
                performance=self.id,
                ticket=slot.ticket,
                speak_A=slot.speak_A,
                listen_A=slot.listen_A,
                caption=caption,
                motion_FM=slot.motion_FM,
                keep=slot.voiced,
                back=back,
            )

    def _slot_again(self) -> Slot | None:
        while self._again:
            slot = self._slots.get(self._again.pop(0))
            if slot is None:
                continue
            if (self._hurries and self._is_silent(slot)) or self._is_seen(slot, self._ready_s):
                return slot
        return None

    def _slot_ahead(self) -> Slot:
        if self._origin_s is not None and not self._hurries:
            ready_frame = math.ceil((self._ready_s - self._origin_s) * FRAME_RATE_HZ)
            while self._next_first < ready_frame:
                self._plan_slot(min(ready_frame - self._next_first, self._facts.chunk_frames))
        return self._plan_slot()

    def _is_silent(self, slot: Slot) -> bool:
        """Whether pictures of it show nothing of the voice that was interrupted last."""
        return slot.first_frame >= self._quiet_frame - 1

    def wants(self, ticket: int) -> bool:
        """Whether what was ordered would still be shown."""
        with self._lock:
            return self._ended is None and (self._back is None or ticket < self._back)

    def deliver(self, chunk: Chunk, seconds: float) -> None:
        """Pictures have come; those whose slot was taken back are forgotten."""
        with self._lock:
            if chunk.ticket == self._in_flight:
                self._in_flight = None
            if self._ended is not None:
                return
            if chunk.pictures_FHWC is None and not chunk.error:
                return
            if chunk.pictures_FHWC is None:
                self.end(f"the performance failed: {chunk.error}")
                return
            self._counts.chunk(seconds)
            slot = next((slot for slot in self._slots.values() if slot.ticket == chunk.ticket), None)
            if slot is None and self._hurries and self._ordered is not None and self._ordered.ticket == chunk.ticket:
                slot = self._ordered
            if slot is None:
                return
            slot.pictures_FHWC = chunk.pictures_FHWC
            self._silencer.made(slot.ticket, self._now_s())
            if self._hurries and slot.number not in self._slots and not self._is_silent(slot):
                self._last_HWC = slot.pictures_FHWC[-1]
            elif self._hurries:
                self._hurries = False
                self._show_now(slot)
            if self._origin_s is None:
                now_s = self._now_s()
                self._origin_s = self._read_s = now_s + _HEAD_START_S
                self._counts.first_frame_s = now_s - self._joined_s

    def _show_now(self, slot: Slot) -> None:
        """Move a slot of silence, and those after it, to where its pictures are shown at once, if it is not there."""
        start, half = max(self._next_frame, self._quiet_frame), self._facts.chunk_frames // 2
        if not self._is_silent(slot) or _SHUTS_FRAMES <= start - slot.first_frame <= half:
            return
        if slot.voiced or any(each.voiced for each in self._slots.values()):
            return
        self._slots[slot.number] = slot
        self._next_first = start - _SHUTS_FRAMES
        for number in sorted(each for each in self._slots if each >= slot.number):
            moved = self._slots[number]
            moved.first_frame = self._next_first
            self._next_first += moved.num_frames
            if moved.ticket is None and number not in self._again and moved.num_frames == self._facts.chunk_frames:
                self._again.append(number)

    def restarted(self) -> None:
        """The worker is a new one, which knows this performance as it was some time ago: nothing is on its way."""
        with self._lock:
            self._in_flight = self._back = None
            self._caption = self.caption
            self._counts.restarts += 1

    def _plan_slot(self, num_frames: int | None = None) -> Slot:
        """The next slot; of ``num_frames`` where it will have no pictures."""
        number, count, now_s = self._next_slot, num_frames or self._facts.chunk_frames, self._now_s()
        first_frame = self._next_first
        self._next_slot, self._next_first = number + 1, first_frame + count
        spoken = self._own.take(first_frame, count, now_s)
        listen_A = self._partner.take(first_frame, count, now_s)
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
        slot = Slot(
            number=number,
            first_frame=first_frame,
            ticket=None,
            sound_A=np.rint(spoken.sound_A * 32767).astype(np.int16),
            speak_A=spoken.heard_A,
            listen_A=listen_A,
            motion_FM=motion_FM,
            voiced=spoken.voiced_frames > 0,
            activities=activities,
            epochs=[self._epoch] * count,
            end_frame=spoken.end_frame,
        )
        self._slots[number] = slot
        if spoken.waited_since_s is not None and self._origin_s is not None:
            due_s = self._origin_s + first_frame / FRAME_RATE_HZ
            self._counts.voice_delay_s = max(due_s, now_s) - spoken.waited_since_s
        return slot

    def _frame(self, number: int, now_s: float) -> Frame:
        assert self._origin_s is not None
        while self._next_first <= number:
            self._plan_slot()
        slot = max((each for each in self._slots.values() if each.first_frame <= number), key=lambda each: each.number)
        place = number - slot.first_frame
        over = slot.number + (place == slot.num_frames - 1)
        self._slots = {each: kept for each, kept in self._slots.items() if each >= over}
        fresh, ticket = True, slot.ticket
        if slot.pictures_FHWC is not None:
            self._picture_HWC = slot.pictures_FHWC[place]
        elif self._last_HWC is not None:
            self._picture_HWC, ticket = self._last_HWC, self._next_ticket - 1
        else:
            fresh = False
        self._last_HWC = None
        assert self._picture_HWC is not None
        self._next_frame = number + 1
        self._counts.frames += 1
        self._counts.held += not fresh
        self._state = slot.activities[place]
        due_s = self._origin_s + number / FRAME_RATE_HZ
        if fresh:
            self._silencer.shown(ticket, number, due_s)
        return Frame(
            number=number,
            due_s=due_s,
            picture_HWC=self._picture_HWC,
            fresh=fresh,
            sound_A=slot.sound_A[place * SAMPLES_A_FRAME : (place + 1) * SAMPLES_A_FRAME],
            activity=self._state,
            epoch=slot.epochs[place],
            ends_speech=slot.end_frame == place,
        )
