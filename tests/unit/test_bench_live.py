"""What ``bench live`` makes of what its visitors noted."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from openlpm.bench.live.hostile import longest_pause_s
from openlpm.bench.live.leaks import slope
from openlpm.bench.live.measure import _audible, _hums
from openlpm.bench.live.mouths import mixed
from openlpm.bench.live.prompt_buffer import PromptBuffer
from openlpm.bench.live.rough import gaps_s
from openlpm.bench.live.rows import drift_ms, edges
from openlpm.bench.live.steps import Steps, first_seen, step_rows
from openlpm.bench.live.tones import bursts, hertz_of, number_heard, tone
from openlpm.bench.live.visitor import Heard, Notes, Seen

pytestmark = pytest.mark.unit


def notes(*loud: tuple[float, float], until_s: float = 10.0) -> Notes:
    """Packets of 20 ms that are loud between the given moments."""
    times = np.arange(0, until_s, 0.02)
    packet_A = np.full(960, 0.1, np.float32)
    return Notes(
        heard=[
            Heard(float(at_s), packet_A if any(begin <= at_s < end for begin, end in loud) else 0 * packet_A)
            for at_s in times
        ]
    )


def test_every_tone_is_told_from_its_neighbours() -> None:
    assert len({hertz_of(number) for number in range(48)}) == 48
    for number in range(48):
        piece_A = tone(number, 0.06)
        assert number_heard(piece_A, 24_000) == number
        noisy_A = piece_A + 0.03 * np.random.default_rng(number).standard_normal(piece_A.shape[0])
        assert number_heard(noisy_A, 24_000) == number
    assert number_heard(np.zeros(1_440, np.float32), 24_000) is None


def test_the_first_sound_after_a_moment_is_found() -> None:
    heard = notes((1.0, 2.0), (4.0, 5.0))
    assert heard.first_heard_s(0.5) == pytest.approx(1.0, abs=0.021)
    assert heard.first_heard_s(2.5) == pytest.approx(4.0, abs=0.021)
    assert heard.first_heard_s(6.0) is None


def test_silence_counts_when_it_lasts() -> None:
    heard = notes((1.0, 2.0), (2.3, 3.0))
    assert heard.silent_from_s(1.5) == pytest.approx(3.0, abs=0.05)
    assert notes((1.0, 9.9)).silent_from_s(1.5) is None


def test_messages_of_a_type_after_a_moment() -> None:
    told = Notes(told=[(1.0, {"type": "turn"}), (2.0, {"type": "state"}), (3.0, {"type": "turn"})])
    assert [at_s for at_s, _ in told.messages("turn", 1.5)] == [3.0]


def test_edges_are_rises_after_a_pause() -> None:
    levels = [
        (at_s / 50, float(level)) for at_s, level in enumerate([0] * 30 + [1] * 20 + [0] * 5 + [1] * 9 + [0] * 30 + [1])
    ]
    assert edges(levels, 0.5) == [0.6, 1.88]


def test_bursts_come_and_go() -> None:
    sound_A = bursts(5.0)
    loud = np.abs(sound_A.reshape(-1, 240)).max(axis=1) > 0.1
    assert np.flatnonzero(np.diff(loud.astype(int)) == 1).size == 3


def test_drift_is_of_the_end_against_the_beginning() -> None:
    assert drift_ms(np.linspace(0.0, 0.1, 101)) == pytest.approx(91.0, abs=2.0)
    assert np.isnan(drift_ms(np.zeros(0)))


def test_holes_in_sound_are_found_whatever_the_order_of_its_packets() -> None:
    stamps = np.array([0.0, 0.04, 0.02, 0.06, 0.16, 0.18])
    assert gaps_s(stamps) == pytest.approx([0.08])
    assert gaps_s(stamps[:4]).size == 0


def test_a_pause_lasts_to_the_end_if_no_picture_came() -> None:
    seen = Notes(seen=[Seen(at_s, np.zeros((2, 2, 3), np.uint8)) for at_s in (0.5, 1.0, 1.3, 9.0)])
    assert longest_pause_s(seen, 0.9, 1.5) == pytest.approx(0.3)
    assert longest_pause_s(seen, 1.2, 3.2) == pytest.approx(1.9)


def test_a_face_that_looks_like_the_other_is_mixed() -> None:
    own_D, other_D = np.eye(4, dtype=np.float32)[:2]
    faces_FD = np.stack([own_D, other_D, 0.8 * own_D + 0.6 * other_D])
    assert mixed(faces_FD, own_D, other_D) == 1


def test_sounds_begin_and_end_where_they_are_heard() -> None:
    hums = _hums(3)
    assert all(0.1 < hum_A.shape[0] / 48_000 < 1.5 for hum_A in hums)
    assert all(np.array_equal(one, other) for one, other in zip(hums, _hums(3), strict=True))
    padded_A = np.pad(np.full(1_600, 0.5, np.float32), 4_000)
    assert _audible(padded_A).shape[0] == 4_800


def test_memory_that_rises_only_at_first_has_no_slope() -> None:
    noise = np.random.default_rng(3).normal(0, 0.2, 20)
    flat = slope([(10 * k, 500.0 - (60 - 10 * k) * (k < 6) + noise[k]) for k in range(20)])
    assert flat.low is not None
    assert flat.high is not None
    assert flat.low < 0 < flat.high
    assert abs(flat.value) < 0.01
    rising = slope([(10 * k, 500.0 + 0.5 * 10 * k + noise[k]) for k in range(20)])
    assert rising.low is not None
    assert 0.45 < rising.low < 0.5 < (rising.high or 0) < 0.55


def pictures(due_s: float, first_frame: int, count: int, *, way_s: float) -> list[Seen]:
    """Pictures of every frame from one on, the first due then; time stamps begin at 0 in the third of them."""
    picture_HWC = np.zeros((2, 2, 3), np.uint8)
    return [
        Seen(due_s + number / 24 + way_s + 0.011 * (number % 3), picture_HWC, (number - 3) / 24)
        for number in range(count)
        if number not in (4, 5)
    ]


@pytest.mark.parametrize("way_s", [0.001, 0.012, 0.018])
def test_a_frame_is_found_among_pictures_whose_stamps_begin_anywhere(way_s: float) -> None:
    seen = pictures(20.0, 100, 40, way_s=way_s)
    for frame in (101, 103, 120):
        due_s = 20.0 + (frame - 100) / 24
        found = first_seen(seen, frame, due_s)
        assert found is not None
        assert found.stamp_s == pytest.approx((frame - 103) / 24)
    after = first_seen(seen, 104, 20.0 + 4 / 24)
    assert after is not None
    assert after.stamp_s == pytest.approx(3 / 24), "104 and 105 never came"
    assert first_seen(seen, 140, 20.0 + 40 / 24) is None
    assert first_seen([], 101, 20.0) is None


def test_steps_of_an_interruption_add_up_to_its_time() -> None:
    told = {"epoch": 7, "server_s": 21.2, "ordered_s": 0.05, "made_s": 0.25, "shown_s": 0.3, "frame": 136}
    messages = [
        (20.5, {"type": "numbers", "interruption": {**told, "epoch": 6}}),
        (21.4, {"type": "numbers", "interruption": {**told, "made_s": None, "shown_s": None}}),
        (22.4, {"type": "numbers", "interruption": told}),
    ]
    found = Notes(seen=pictures(20.0, 100, 60, way_s=0.02), told=messages)
    steps = Steps.of(found, 21.0, 7, 21.7)
    assert steps is not None
    parts = (steps.decision, steps.order, steps.chunk, steps.moment, steps.way, steps.jaw)
    assert sum(parts) == pytest.approx(0.7)
    assert parts == pytest.approx((0.2, 0.05, 0.2, 0.05, 0.02, 0.18), abs=0.012)
    assert Steps.of(found, 21.0, 8, 21.7) is None
    assert Steps.of(Notes(seen=found.seen, told=messages[:2]), 21.0, 7, 21.7) is None
    rows = {row.name: row.value for row in step_rows([steps])}
    assert rows["barge_in_s_median/chunk"] == rows["barge_in_s_p95/chunk"] == pytest.approx(0.2)
    assert len(rows) == 12


def packet(number: int, stamp: int, *, last: bool) -> Any:
    return SimpleNamespace(sequence_number=number, timestamp=stamp, marker=int(last), _data=bytes([number % 256]))


def test_a_picture_is_given_away_with_its_last_packet() -> None:
    buffer = PromptBuffer(capacity=16, is_video=True)
    added = [
        buffer.add(packet(number, stamp, last=last))[1]
        for number, stamp, last in [(65_534, 1, False), (65_535, 1, True), (0, 2, True), (2, 3, True), (1, 3, False)]
    ]
    given = [None if each is None else (each.timestamp, each.data) for each in added]
    assert given == [None, (1, bytes([254, 255])), (2, bytes([0])), None, (3, bytes([1, 2]))]


def test_a_picture_whose_last_packet_is_not_marked_is_given_away_with_the_next() -> None:
    buffer = PromptBuffer(capacity=16, is_video=True)
    assert buffer.add(packet(10, 1, last=False))[1] is None
    given = buffer.add(packet(11, 2, last=False))[1]
    assert given is not None
    assert (given.timestamp, given.data) == (1, bytes([10]))
