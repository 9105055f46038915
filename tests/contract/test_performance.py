"""A performance on a clock of its own: sound never waits, nothing old is heard, nothing drifts."""

from itertools import pairwise

import numpy as np
import pytest

from openlpm.core.errors import ConfigError, PerformanceEnded
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.engine.orders import Chunk, Order, Role, StageFacts
from openlpm.engine.performance import Host, Performance
from openlpm.engine.performer import SAMPLES_A_FRAME, SOUND_RATE_HZ, Activity, Frame
from openlpm.synth.act.planner import Planner

pytestmark = pytest.mark.contract

FACTS = StageFacts(
    size=8, chunk_frames=8, speak_ahead=1567, listen_ahead=233, batch=1, chunk_s=0.1, places=1
)  # fmt: skip
CHUNK_S = FACTS.chunk_frames / FRAME_RATE_HZ


class Theatre:
    """A clock, a performance, and a worker that takes ``making_s`` a chunk; pictures carry ticket and place."""

    def __init__(self, making_s: float = 0.1, *, planner: Planner | None = None) -> None:
        self.now_s, self.making_s = 100.0, making_s
        self.expected_s: float | None = None
        """How long the engine believes that a chunk takes, if not as long as it does."""
        self.orders: list[Order] = []
        self.frames: list[Frame] = []
        self._ready_s: float | None = None
        host = Host(now_s=lambda: self.now_s, wake=lambda: None, save=lambda performance: b"")
        self.it = Performance("one", Role(references=()), FACTS, host=host, planner=planner)

    def run(self, seconds: float, *, step_s: float = 0.005, reads: bool = True) -> list[Frame]:
        """Let time go by; returns what came due meanwhile."""
        begun = len(self.frames)
        for _ in range(round(seconds / step_s)):
            self.now_s += step_s
            if self._ready_s is not None and self.now_s >= self._ready_s:
                self.deliver()
            elif self._ready_s is not None and not self.it.wants(self.orders[-1].ticket) and self.orders[-1].keep:
                self._ready_s = min(self._ready_s, self.now_s + self.making_s / 4)
            start_s = self.it.start_s(min(self.making_s * 1.25 + 0.03, CHUNK_S))
            if start_s is not None and start_s <= self.now_s:
                self.orders.append(self.it.plan(self.expected_s or self.making_s))
                self._ready_s = self.now_s + self.making_s
            if reads:
                self.frames += self.it.read(self.now_s)
        return self.frames[begun:]

    def deliver(self) -> None:
        self._ready_s, ticket = None, self.orders[-1].ticket
        if not self.it.wants(ticket) and self.orders[-1].keep:
            self.it.deliver(Chunk(performance="one", ticket=ticket, pictures_FHWC=None), self.making_s)
            return
        pictures_FHWC = np.zeros((8, 8, 8, 3), np.uint8)
        pictures_FHWC[..., 0], pictures_FHWC[..., 1] = ticket % 256, ticket // 256
        pictures_FHWC[..., 2] = np.arange(8)[:, None, None]
        self.it.deliver(Chunk(performance="one", ticket=ticket, pictures_FHWC=pictures_FHWC), self.making_s)


def ticket_of(frame: Frame) -> int:
    return int(frame.picture_HWC[0, 0, 0]) + 256 * int(frame.picture_HWC[0, 0, 1])


def place_of(frame: Frame) -> int:
    """Which picture of its chunk it shows."""
    return int(frame.picture_HWC[0, 0, 2])


def tone(seconds: float, hertz: float) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * SOUND_RATE_HZ)) / SOUND_RATE_HZ)).astype(
        np.float32
    )


def sound_of(frames: list[Frame]) -> np.ndarray:
    return np.concatenate([frame.sound_A for frame in frames]).astype(np.float32) / 32767


def test_every_moment_comes_once_and_on_time() -> None:
    theatre = Theatre()
    theatre.run(10.0)
    frames = theatre.frames
    assert [frame.number for frame in frames] == list(range(len(frames)))
    assert len(frames) == pytest.approx(10.0 * FRAME_RATE_HZ, abs=5)
    assert all(frame.fresh for frame in frames)
    steps = np.diff([frame.due_s for frame in frames])
    assert np.abs(steps - 1 / FRAME_RATE_HZ).max() < 1e-9
    assert [place_of(frame) for frame in frames] == [number % 8 for number in range(len(frames))]


def test_a_voice_is_heard_whole_and_soon() -> None:
    theatre = Theatre()
    theatre.run(1.0)
    said_A, pushed_s = tone(1.9, 300.0), theatre.now_s
    theatre.it.push_agent_audio(said_A, SOUND_RATE_HZ, last=True)
    frames = theatre.run(4.0)
    found_A = sound_of(frames)
    begin = int(np.flatnonzero(found_A)[0]) - 1
    assert np.abs(found_A[begin : begin + said_A.shape[0]] - said_A).max() < 1e-4
    assert not found_A[begin + said_A.shape[0] :].any()
    assert [frame.number for frame in frames if frame.ends_speech] == [
        frames[0].number + (begin + said_A.shape[0] - 1) // SAMPLES_A_FRAME
    ]
    heard_s = frames[begin // SAMPLES_A_FRAME].due_s - pushed_s
    assert heard_s <= CHUNK_S + 0.16
    assert theatre.it.metrics().voice_delay_s == pytest.approx(heard_s, abs=0.01)
    spoken = [frame.activity is Activity.SPEAK for frame in frames]
    assert sum(spoken) == pytest.approx(1.9 * FRAME_RATE_HZ + 7, abs=4)


@pytest.mark.parametrize("making_s", [0.36, 0.4, 0.7, 1.1])
def test_a_worker_that_is_too_slow_costs_pictures_and_no_sound(making_s: float) -> None:
    theatre = Theatre(making_s)
    theatre.run(2.0)
    said_A = tone(3.0, 300.0)
    theatre.it.push_agent_audio(said_A, SOUND_RATE_HZ, last=True)
    frames = theatre.run(5.0)
    found_A = sound_of(frames)
    begin = int(np.flatnonzero(found_A)[0]) - 1
    assert np.abs(found_A[begin : begin + said_A.shape[0]] - said_A).max() < 1e-4
    # Nearly every picture that was made is shown, 8 in the time of a chunk; no further than a second is planned ahead.
    missed = max(making_s - 1.0, 0.0) * FRAME_RATE_HZ
    fresh = np.mean([frame.fresh for frame in frames])
    assert 0.85 * (CHUNK_S - missed / FRAME_RATE_HZ) / making_s < fresh <= 1.1 * CHUNK_S / making_s
    assert theatre.it.metrics().held > 0
    # Pictures are shown in the order they were made and only in their own moment.
    for before, after in pairwise(frame for frame in frames if frame.fresh):
        if ticket_of(before) == ticket_of(after):
            assert after.number - before.number == place_of(after) - place_of(before) == 1
        else:
            assert ticket_of(after) == ticket_of(before) + 1
            assert place_of(before) == 7
            assert place_of(after) <= 1 + missed


def test_a_worker_that_hangs_holds_the_picture_and_not_the_voice() -> None:
    theatre = Theatre()
    theatre.run(1.0)
    theatre.making_s = 30.0
    theatre.it.push_agent_audio(tone(3.0, 300.0), SOUND_RATE_HZ, last=True)
    frames = theatre.run(6.0)
    found_A = sound_of(frames)
    begin = int(np.flatnonzero(found_A)[0]) - 1
    assert np.abs(found_A[begin : begin + 144_000] - tone(3.0, 300.0)).max() < 1e-4
    assert not any(frame.fresh for frame in frames[24:])
    assert [frame.number for frame in frames] == list(range(frames[0].number, frames[-1].number + 1))


def test_after_an_interruption_nothing_old_is_heard_beyond_a_frame_or_shown_beyond_the_running_chunk() -> None:
    rng, theatre = np.random.default_rng(0), Theatre()
    theatre.run(1.0)
    stale = 0
    for trial in range(1_000):
        hertz = 200.0 + trial
        theatre.it.push_agent_audio(tone(2.0, hertz), SOUND_RATE_HZ)
        theatre.run(float(rng.uniform(0.05, 1.2)))
        made = len(theatre.orders)
        epoch = theatre.it.interrupt()
        assert epoch == trial + 1
        chunk_end = theatre.frames[-1].number + 8 - place_of(theatre.frames[-1])
        old_tickets = {order.ticket for order in theatre.orders[:made]}
        fading, *frames = theatre.run(0.9)
        stale += bool(fading.sound_A[-SAMPLES_A_FRAME // 4 :].any())
        for frame in frames:
            stale += frame.epoch < epoch or bool(frame.sound_A.any())
            if frame.number >= chunk_end:
                stale += frame.fresh and ticket_of(frame) in old_tickets and theatre_was_voiced(theatre, frame)
    assert stale == 0
    backs = [order for order in theatre.orders if order.back is not None]
    assert len(backs) > 300
    kept = {order.ticket for order in theatre.orders if order.keep}
    assert all(order.back in kept and order.ticket - 2 <= order.back < order.ticket for order in backs)


def test_an_interrupted_voice_fades_without_a_click() -> None:
    for pause_s in np.arange(0.0, CHUNK_S, 0.02):
        theatre = Theatre()
        theatre.run(1.0)
        theatre.it.push_agent_audio(tone(3.0, 100.0), SOUND_RATE_HZ)
        theatre.run(1.0 + pause_s)
        theatre.it.interrupt()
        heard_A = sound_of(theatre.frames[-8:] + theatre.run(0.3))
        assert np.abs(np.diff(heard_A)).max() < 1.5 * np.abs(np.diff(tone(1.0, 100.0))).max(), pause_s


def interrupted(making_s: float, pause_s: float) -> tuple[Theatre, float]:
    """A theatre after an interruption, and how long the pictures of a voice were still shown."""
    theatre = Theatre(making_s)
    theatre.run(1.0)
    theatre.it.push_user_audio(tone(3.0, 150.0), SOUND_RATE_HZ)
    theatre.it.push_agent_audio(tone(9.0, 300.0), SOUND_RATE_HZ)
    theatre.run(2.0 + pause_s)
    begun_s = theatre.now_s
    theatre.it.interrupt()
    frames = theatre.run(1.5)
    speak = {order.ticket: order.speak_A[: -FACTS.speak_ahead] for order in theatre.orders}
    voiced = [np.abs(np.split(np.resize(speak[ticket_of(f)], 5328), 8)[place_of(f)]) for f in frames]
    last = max((number for number, each_A in enumerate(voiced) if each_A[-100:].any()), default=-1)
    return theatre, frames[last + 1].due_s - begun_s


@pytest.mark.parametrize("making_s", [0.05, 0.12, 0.2, 0.3, 0.45, 0.7])
def test_pictures_of_a_voice_end_as_soon_as_others_can_be_made(making_s: float) -> None:
    tries = [interrupted(making_s, pause_s) for pause_s in np.arange(0.0, CHUNK_S, 0.045)]
    ends_s = [each_s for _, each_s in tries]
    frame_s = 1 / FRAME_RATE_HZ
    # At worst part of another chunk must be waited for; a picture is shown at the next frame.
    assert max(ends_s) <= 1.25 * making_s + 2 * frame_s
    for theatre, _ in tries:
        told = theatre.it.metrics().silencing
        assert told is not None
        assert told.ordered_s is not None
        assert told.made_s is not None
        assert told.shown_s is not None
        assert 0 < told.silent_s - told.asked_s <= 2 * frame_s
        assert told.ordered_s - told.asked_s <= 0.25 * making_s + 0.02
        assert told.made_s - told.ordered_s == pytest.approx(making_s, abs=0.02)
        assert told.shown_s - told.made_s <= frame_s
        first = next(frame for frame in theatre.frames if frame.number == told.frame)
        assert first.due_s == told.shown_s
        assert first.fresh


def test_a_mouth_is_shut_as_soon_as_a_chunk_comes_that_took_longer_than_expected() -> None:
    for pause_s in np.arange(0.0, CHUNK_S, 0.045):
        theatre = Theatre(0.05)
        theatre.run(1.0)
        theatre.it.push_agent_audio(tone(9.0, 300.0), SOUND_RATE_HZ)
        theatre.run(2.0 + pause_s)
        old = len(theatre.orders)
        theatre.expected_s, theatre.making_s, asked_s = 0.05, 0.6, theatre.now_s
        theatre.it.interrupt()
        frames = theatre.run(0.6)
        theatre.expected_s = None
        frames += theatre.run(2.0)
        first = next(frame for frame in frames if ticket_of(frame) >= old and frame.fresh)
        assert first.due_s - asked_s <= 1.25 * 0.6 + 2 / FRAME_RATE_HZ
        told = theatre.it.metrics().silencing
        assert told is not None
        assert told.frame == first.number
        follows = [frame for frame in frames if ticket_of(frame) > ticket_of(first)]
        assert place_of(follows[0]) <= 1, "the next chunk is shown from its beginning"


@pytest.mark.parametrize("making_s", [0.05, 0.3, 0.45, 0.7])
def test_pictures_of_silence_follow_each_other_from_when_they_come(making_s: float) -> None:
    for pause_s in np.arange(0.0, CHUNK_S, 0.045):
        theatre, _ = interrupted(making_s, pause_s)
        told = theatre.it.metrics().silencing
        assert told is not None
        assert told.frame is not None
        shown = [frame for frame in theatre.frames if frame.number >= told.frame]
        of_chunk = [frame for frame in shown if ticket_of(frame) == ticket_of(shown[0])]
        first = place_of(shown[0])
        assert [place_of(frame) for frame in of_chunk if frame.fresh] == list(range(first, 8))
        assert [frame.number for frame in theatre.frames] == list(range(len(theatre.frames)))


def test_a_slot_in_which_something_new_is_said_stays_where_its_sound_is() -> None:
    for pause_s in np.arange(0.0, CHUNK_S, 0.045):
        theatre = Theatre(0.45)
        theatre.run(1.0)
        theatre.it.push_agent_audio(tone(9.0, 300.0), SOUND_RATE_HZ)
        theatre.run(2.0 + pause_s)
        theatre.it.interrupt()
        said_A = tone(0.9, 2_000.0)
        theatre.it.push_agent_audio(said_A, SOUND_RATE_HZ, last=True)
        frames = [frame for frame in theatre.run(3.0) if frame.epoch == 1]
        found_A = sound_of(frames)
        begin = int(np.flatnonzero(found_A)[0]) - 1
        assert np.abs(found_A[begin : begin + said_A.shape[0]] - said_A).max() < 1e-4
        assert not found_A[begin + said_A.shape[0] :].any()


@pytest.mark.parametrize("seed", range(12))
def test_no_frame_is_missed_whatever_is_said_and_interrupted_while_chunks_take_any_time(seed: int) -> None:
    rng, theatre = np.random.default_rng(seed), Theatre()
    for _ in range(60):
        if rng.random() < 0.5:
            theatre.it.push_agent_audio(
                tone(float(rng.uniform(0.1, 2.0)), 300.0), 48_000, last=bool(rng.random() < 0.5)
            )
        if rng.random() < 0.4:
            theatre.it.interrupt()
        theatre.making_s = float(rng.uniform(0.05, 0.9))
        theatre.run(float(rng.uniform(0.0, 0.6)), step_s=0.013)
    numbers = [frame.number for frame in theatre.frames]
    assert numbers == list(range(len(numbers)))
    steps_s = np.diff([frame.due_s for frame in theatre.frames])
    assert np.abs(steps_s - 1 / FRAME_RATE_HZ).max() < 1e-9


def test_the_running_chunk_is_made_again_with_the_voice_cut_where_it_was_and_all_else_as_it_was() -> None:
    tries = (interrupted(0.05, pause_s)[0] for pause_s in np.arange(0.0, CHUNK_S, 0.05))
    found = (
        (theatre, order)
        for theatre in tries
        for order in theatre.orders
        if order.back is not None and order.speak_A[1_000:].any()
    )
    theatre, again = next(found)
    first = next(order for order in theatre.orders if order.ticket == again.back)
    assert np.array_equal(again.listen_A, first.listen_A)
    silent = int(np.flatnonzero(again.speak_A)[-1]) + 1
    cut = silent - round(0.03 * 16_000)
    assert 0 < cut < 5_333
    assert np.array_equal(again.speak_A[:cut], first.speak_A[:cut])
    frames = [frame for frame in theatre.frames if ticket_of(frame) == again.ticket]
    assert 2 <= len(frames) < 8, "the first frames had been shown"
    assert all(place_of(frame) == frame.number % 8 for frame in frames)


def theatre_was_voiced(theatre: Theatre, frame: Frame) -> bool:
    order = next(order for order in theatre.orders if order.ticket == ticket_of(frame))
    return bool(np.abs(order.speak_A).max() > 0)


def test_what_follows_an_interruption_is_heard_whole() -> None:
    theatre = Theatre()
    theatre.run(1.0)
    theatre.it.push_agent_audio(tone(5.0, 300.0), 48_000)
    theatre.run(1.5)
    theatre.it.interrupt()
    theatre.it.push_agent_audio(tone(1.0, 2_000.0), 48_000, last=True)
    frames = [frame for frame in theatre.run(3.0) if frame.epoch == 1]
    found_A = sound_of(frames)
    begin = int(np.flatnonzero(found_A)[0]) - 1
    assert np.abs(found_A[begin : begin + 48_000] - tone(1.0, 2_000.0)).max() < 1e-4
    assert not found_A[begin + 48_000 :].any()


def test_an_hour_does_not_drift() -> None:
    theatre = Theatre()
    origin_s = None
    clicks: list[tuple[float, float]] = []
    for minute in range(60):
        # A click at a known moment of an utterance, heard where it belongs.
        theatre.it.push_agent_audio(
            np.r_[np.zeros(24_000), 0.9, np.zeros(23_999)].astype(np.float32), 48_000, last=True
        )
        begun = theatre.now_s
        frames = theatre.run(60.0, step_s=0.02)
        origin_s = frames[0].due_s - frames[0].number / FRAME_RATE_HZ if origin_s is None else origin_s
        assert frames[-1].due_s - frames[-1].number / FRAME_RATE_HZ == pytest.approx(origin_s, abs=1e-6)
        sound_A = sound_of(frames)
        where = int(np.argmax(np.abs(sound_A)))
        assert np.abs(sound_A).max() > 0.5, minute
        clicks.append((begun, frames[0].due_s + where / SOUND_RATE_HZ))
    delays = np.array([heard - begun for begun, heard in clicks[1:]])
    assert delays.max() - delays.min() < CHUNK_S + 0.05
    numbers = [frame.number for frame in theatre.frames]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) == pytest.approx(3_600 * FRAME_RATE_HZ, abs=12)
    assert not theatre.it._slots or len(theatre.it._slots) <= 3


def test_nobody_watches_and_nothing_is_made() -> None:
    theatre = Theatre()
    theatre.run(2.0)
    last = theatre.frames[-1].number
    theatre.run(5.0, reads=False)
    made = len(theatre.orders)
    theatre.run(60.0, reads=False)
    assert len(theatre.orders) == made
    frames = theatre.run(2.0)
    assert frames[0].number == last + 1
    assert len(frames) == pytest.approx(2.0 * FRAME_RATE_HZ, abs=60)
    assert frames[-1].fresh
    assert frames[-1].due_s == pytest.approx(theatre.now_s, abs=0.05)


def test_what_was_asked_for_goes_with_the_next_chunk_once() -> None:
    theatre = Theatre()
    theatre.run(1.0)
    theatre.it.set_prompt("She  thinks of\nhome.")
    theatre.it.set_emotion("happy", 0.9)
    before = len(theatre.orders)
    theatre.run(1.0)
    assert [order.caption for order in theatre.orders[before:]][:2] == ["She thinks of home. Seems very happy.", None]
    for name, intensity, said in (("joyous", 1.0, "emotion='joyous'"), ("happy", 1.5, "intensity=1.5")):
        with pytest.raises(ConfigError, match=said):
            theatre.it.set_emotion(name, intensity)


def test_the_planner_hears_both_voices() -> None:
    theatre = Theatre(planner=Planner(seed=1))
    for _ in range(100):
        theatre.it.push_user_audio(tone(0.05, 200.0)[::3], 16_000)
        theatre.run(0.05)
    assert theatre.frames[-1].activity is Activity.LISTEN
    motion_NM = np.concatenate([order.motion_FM for order in theatre.orders])
    assert motion_NM.std(axis=0)[:2].min() > 0
    theatre.it.push_agent_audio(tone(2.0, 200.0), 48_000, last=True)
    for _ in range(20):
        theatre.it.push_user_audio(tone(0.05, 200.0)[::3], 16_000)
        theatre.run(0.05)
    assert theatre.frames[-1].activity is Activity.BOTH


def test_an_end_is_told_to_whoever_reads() -> None:
    theatre = Theatre()
    theatre.run(1.0)
    theatre.it.deliver(Chunk(performance="one", ticket=99, pictures_FHWC=None, error="out of paint"), 0.1)
    with pytest.raises(PerformanceEnded, match="out of paint"):
        theatre.it.read(theatre.now_s)
    with pytest.raises(PerformanceEnded):
        theatre.it.snapshot()
    theatre.it.close()
    assert "out of paint" in str(theatre.it.ended)
    assert theatre.it.start_s(0.1) is None


@pytest.mark.parametrize("seed", range(4))
def test_odd_pieces_of_any_rate_gaps_and_a_jumping_clock_keep_it_going(seed: int) -> None:
    rng, theatre = np.random.default_rng(seed), Theatre()
    rates = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000)
    for _ in range(300):
        rate_hz = int(rng.choice(rates))
        noise_A = rng.standard_normal(int(rng.integers(0, rate_hz // 10))).astype(np.float32)
        if rng.random() < 0.2:
            noise_A[:1] = np.nan
        push = theatre.it.push_user_audio if rng.random() < 0.5 else theatre.it.push_agent_audio
        push(noise_A, rate_hz)
        if rng.random() < 0.05:
            theatre.it.interrupt()
        if rng.random() < 0.03:
            theatre.now_s += float(rng.uniform(0.5, 5.0))
        theatre.run(float(rng.uniform(0.0, 0.1)))
    numbers = [frame.number for frame in theatre.frames]
    assert numbers == list(range(len(numbers)))
    assert all(frame.sound_A.shape == (SAMPLES_A_FRAME,) for frame in theatre.frames)
    assert len(theatre.it._slots) < 40
