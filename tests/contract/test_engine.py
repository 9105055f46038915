"""The engine with its process: places, faults that end one performance alone, and a worker that dies."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from openlpm.core.errors import ConfigError, InputError, NoRoom, PerformanceEnded
from openlpm.dit.condition import ReferenceKind
from openlpm.engine.card import draw_card, read_card
from openlpm.engine.engine import Engine, EngineConfig, Joining
from openlpm.engine.performer import Frame, Performer
from openlpm.engine.stage import StageConfig
from openlpm.engine.worker import CardConfig
from openlpm.rollout.request import Reference

pytestmark = pytest.mark.contract

PICTURE = Reference(kind=ReferenceKind.GLOBAL, picture_HWC=np.zeros((256, 256, 3), np.uint8))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine(EngineConfig(stage=CardConfig(places=4), save_every_s=0.2))
    engine.start()
    assert engine.wait_ready(60)
    yield engine
    engine.close()


def joining(seed: int = 0, prompt: str = "") -> Joining:
    return Joining(references=(PICTURE,), seed=seed, prompt=prompt)


def watch(performer: Performer, seconds: float) -> list[Frame]:
    frames: list[Frame] = []
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        frames += performer.read(time.monotonic())
        time.sleep(0.01)
    return frames


def wait_until(condition: object, seconds: float = 20.0) -> None:
    until_s = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until_s
        time.sleep(0.01)


def test_a_card_can_be_read() -> None:
    for number in (0, 1, 77, 2**31 + 5):
        found = read_card(draw_card(number, 0.1, 0.25, hue=9))
        assert found is not None
        assert found[0] == number
        assert found[1:] == pytest.approx((0.4, 1.0), abs=0.01)
    assert read_card(np.zeros((256, 256, 3), np.uint8)) is None


def test_pictures_come_in_order_with_the_voice_they_show(engine: Engine) -> None:
    performer = engine.join(joining())
    watch(performer, 0.5)
    tone_A = (0.3 * np.sin(np.arange(24_000) / 8)).astype(np.float32)
    performer.push_agent_audio(tone_A, 24_000, last=True)
    frames = watch(performer, 2.0)
    performer.close()
    cards = [read_card(frame.picture_HWC) for frame in frames if frame.fresh]
    numbers = [card[0] for card in cards if card is not None]
    assert len(numbers) > 0.5 * len(frames)  # whatever else this machine does
    assert numbers == sorted(numbers)
    for frame, card in zip([frame for frame in frames if frame.fresh], cards, strict=True):
        loud = np.sqrt(np.mean((frame.sound_A / 32767.0) ** 2))
        assert card is not None
        assert card[1] == pytest.approx(min(loud / 0.25, 1.0), abs=0.1)
    assert sum(np.abs(frame.sound_A).max() > 1_000 for frame in frames) == pytest.approx(24, abs=2)


def test_who_does_not_fit_is_told_so_and_a_place_becomes_free(engine: Engine) -> None:
    performers = [engine.join(joining(seed)) for seed in range(4)]
    assert (engine.capacity, engine.streams) == (4, 4)
    with pytest.raises(NoRoom, match="4 characters"):
        engine.join(joining(5))
    performers[2].close()
    assert engine.streams == 3  # at once
    performers[2] = engine.join(joining(6))
    for performer in performers:
        performer.close()
        performer.close()
    wait_until(lambda: engine.streams == 0)
    with pytest.raises(PerformanceEnded, match="closed"):
        performers[0].read(time.monotonic())


def test_a_performance_that_fails_ends_alone(engine: Engine) -> None:
    good, bad = engine.join(joining(1)), engine.join(joining(2, "fail"))
    restarts = engine.restarts
    with pytest.raises(PerformanceEnded, match="failed"):
        watch(bad, 20.0)
    assert len(watch(good, 0.5)) > 5
    assert engine.restarts == restarts
    good.close()


def test_a_worker_that_dies_is_replaced_and_performances_go_on(engine: Engine) -> None:
    performers = [engine.join(joining(seed)) for seed in range(2)]
    before = [watch(performer, 0.6) for performer in performers]
    watched = [threading.Thread(target=watch, args=(performer, 0.1)) for performer in performers]
    for thread in watched:
        thread.start()
    for thread in watched:
        thread.join()
    restarts, process = engine.restarts, engine._director._link.process  # type: ignore[union-attr]
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    frames: list[list[Frame]] = [[], []]

    def come_back() -> bool:
        for number, performer in enumerate(performers):
            frames[number] += performer.read(time.monotonic())
        held = [any(not frame.fresh for frame in some) for some in frames]
        return engine.restarts > restarts and all(held) and all(some[-1].fresh for some in frames)

    wait_until(come_back)
    for old, new in zip(before, frames, strict=True):
        numbers = [frame.number for frame in new]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        shown, again = read_card(old[-1].picture_HWC), read_card(new[-1].picture_HWC)
        assert shown is not None
        assert again is not None
        assert again[0] > shown[0] - 24  # from where it was saved, not from the beginning
    assert all(performer.metrics().restarts == 1 for performer in performers)
    for performer in performers:
        performer.close()


def test_a_performance_that_kills_the_worker_in_the_midst_of_others_is_found_and_ended() -> None:
    # Chunks so slow that all are late: whoever is made is made together with the others.
    engine = Engine(EngineConfig(stage=CardConfig(places=3, chunk_s=0.25)))
    engine.start()
    assert engine.wait_ready(60)
    good = [engine.join(joining(seed)) for seed in range(2)]
    watch(good[0], 0.2)
    bad = engine.join(joining(9, "die"))

    def ended() -> bool:
        for performer in good:
            performer.read(time.monotonic())
        try:
            bad.read(time.monotonic())
        except PerformanceEnded as error:
            return "again and again" in str(error)
        return False

    wait_until(ended, 60)
    for performer in good:
        wait_until(lambda performer=performer: any(frame.fresh for frame in performer.read(time.monotonic())), 30)
    # Once perhaps in the middle of others, when nobody can be blamed; from then on it is made alone.
    assert 3 <= engine.restarts <= 4
    engine.close()
    assert engine.streams == 0


def test_what_an_interruption_makes_useless_is_not_made_to_its_end() -> None:
    engine = Engine(EngineConfig(stage=CardConfig(places=1, chunk_s=2.0)))
    engine.start()
    assert engine.wait_ready(60)
    performer = engine.join(joining())
    link = engine._director._link

    def speaks() -> bool:
        performer.read(time.monotonic())
        return link is not None and link.making is not None and link.making.orders[0].keep

    wait_until(lambda: performer.metrics().first_frame_s is not None)
    performer.push_agent_audio(np.full(60 * 16_000, 0.3, np.float32), 16_000)
    wait_until(speaks)
    begun_s = time.monotonic()
    performer.interrupt()
    wait_until(lambda: not speaks())
    assert time.monotonic() - begun_s < 1.5
    assert performer.metrics().chunk_ms == pytest.approx(2_000, abs=500), "what was left says nothing about speed"
    assert len(watch(performer, 0.3)) > 3
    engine.close()


def test_a_snapshot_is_gone_on_from(engine: Engine) -> None:
    performer = engine.join(joining(1, "She reads."))
    performer.set_emotion("happy", 0.9)
    shown = read_card(watch(performer, 1.0)[-1].picture_HWC)
    snapshot = performer.snapshot()
    performer.close()
    other = engine.join(Joining(references=(PICTURE,), resume=snapshot))
    first = read_card(watch(other, 0.5)[0].picture_HWC)
    assert shown is not None
    assert first is not None
    assert 0 <= first[0] - shown[0] <= 24
    assert other.caption == "She reads. Seems very happy."  # type: ignore[attr-defined]
    other.close()
    with pytest.raises(InputError, match="no snapshot"):
        engine.join(Joining(references=(PICTURE,), resume=b"\x80nonsense"))
    wait_until(lambda: engine.streams == 0)


def test_an_emotion_or_a_model_that_cannot_be_is_told(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="joyous"):
        engine.join(Joining(references=(PICTURE,), emotion="joyous"))
    assert engine.streams == 0
    broken = Engine(EngineConfig(stage=StageConfig(model=tmp_path)))
    broken.start()
    with pytest.raises(ConfigError, match=str(tmp_path)):
        broken.wait_ready(60)
    with pytest.raises(PerformanceEnded, match="not ready"):
        broken.join(joining())
    broken.close()


def test_streams_that_come_and_go_leave_nothing_behind(engine: Engine) -> None:
    def files() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    folder = engine._folder.path
    wait_until(lambda: engine.streams == 0)
    threads, descriptors = threading.active_count(), files()
    for number in range(200):
        performer = engine.join(joining(number))
        if number % 3:
            performer.push_agent_audio(np.zeros(999, np.float32), 22_050)
            performer.read(time.monotonic())
        performer.close()  # often in the middle of a chunk
    wait_until(lambda: engine.streams == 0)
    assert threading.active_count() == threads
    assert files() == descriptors
    wait_until(lambda: [each.name for each in folder.iterdir()] == ["owner"])


def test_who_joins_while_pictures_are_on_their_way_does_not_stop_the_world() -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (256, 256, 3), dtype=np.uint8) for _ in range(5)]
    heavy = tuple(
        Reference(kind=ReferenceKind.EXPRESSION, subtype=number, picture_HWC=each) for number, each in enumerate(noise)
    )
    engine = Engine(EngineConfig(stage=CardConfig(places=2, chunk_s=0.15)))
    engine.start()
    assert engine.wait_ready(60)
    first = engine.join(joining(1))
    for number in range(8):
        wait_until(lambda: first.read(time.monotonic()) and first._in_flight is not None)  # type: ignore[attr-defined]
        engine.join(Joining(references=(PICTURE, *heavy), seed=number), timeout_s=10.0).close()
        wait_until(lambda: engine.streams == 1)
    engine.close()
