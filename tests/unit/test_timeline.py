import contextlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openlpm.core.audio import ArraySource
from openlpm.core.errors import InputError
from openlpm.core.units import frames_in_samples
from openlpm.rollout.timeline import PAUSE_S, REST_S, Timeline, Turn, Voice, question_then_reply, read_turns

pytestmark = pytest.mark.unit

RATE = 16_000


def sound(num_samples: int, seed: int = 0) -> ArraySource:
    return ArraySource(np.random.default_rng(seed).uniform(-0.5, 0.5, num_samples).astype(np.float32))


def turn(who: str, start_s: float, name: str = "a.wav", gain: float = 1.0) -> Turn:
    return Turn(who=Voice(who), path=Path(name), start_s=start_s, gain=gain)


turns = st.lists(
    st.tuples(st.sampled_from(["speak", "listen"]), st.integers(0, 5 * RATE), st.integers(1, 2 * RATE)),
    min_size=1,
    max_size=5,
)


def overlaps(spans: list[tuple[str, int, int]]) -> bool:
    return any(
        second[1] < first[1] + first[2]
        for who in ("speak", "listen")
        for first, second in pairwise(sorted(span for span in spans if span[0] == who))
    )


@given(spans=turns)
def test_exactly_the_timelines_in_which_somebody_talks_over_themself_are_refused(
    spans: list[tuple[str, int, int]],
) -> None:
    placed = [turn(who, start / RATE, f"{index}.wav") for index, (who, start, _) in enumerate(spans)]
    sounds = [sound(length) for _, _, length in spans]
    if overlaps(spans):
        with pytest.raises(InputError, match="overlaps itself"):
            Timeline(placed, sounds)
    else:
        assert Timeline(placed, sounds).num_samples == max(start + length for _, start, length in spans) + RATE // 2


@given(spans=turns, cuts=st.lists(st.integers(1, 30_000), min_size=1, max_size=6), start=st.integers(-5_000, 90_000))
def test_a_track_is_the_sum_of_its_turns_however_it_is_read(
    spans: list[tuple[str, int, int]], cuts: list[int], start: int
) -> None:
    assume(not overlaps(spans))
    sounds = [sound(length, index) for index, (_, _, length) in enumerate(spans)]
    line = Timeline([turn(who, begin / RATE, gain=0.5) for who, begin, _ in spans], sounds)
    for who in Voice:
        whole_A = np.zeros(300_000, dtype=np.float32)
        for (owner, begin, length), source in zip(spans, sounds, strict=True):
            if owner == who:
                whole_A[5_000 + begin : 5_000 + begin + length] += np.float32(0.5) * source.read(0, length)
        track, position = line.source(who), start
        assert track.num_samples == line.num_samples
        for count in cuts:
            assert np.array_equal(track.read(position, count), whole_A[5_000 + position : 5_000 + position + count])
            position += count


def test_an_overlap_names_both_turns_and_the_way_out() -> None:
    with pytest.raises(InputError) as caught:
        Timeline([turn("speak", 0.0, "one.wav"), turn("speak", 1.5, "two.wav")], [sound(2 * RATE), sound(RATE)])
    message = str(caught.value)
    assert "one.wav" in message
    assert "two.wav" in message
    assert "2.00 s or later" in message


def test_both_people_may_speak_at_once() -> None:
    line = Timeline([turn("speak", 0.0), turn("listen", 0.5)], [sound(RATE), sound(RATE)])
    assert line.num_frames == frames_in_samples(2 * RATE)


def test_without_a_timeline_the_reply_follows_the_question_and_a_rest_follows_the_reply() -> None:
    placed = question_then_reply(listen=Path("q.wav"), speak=Path("r.wav"), listen_s=2.0)
    assert [(part.who, part.start_s) for part in placed] == [(Voice.LISTEN, 0.0), (Voice.SPEAK, 2.0 + PAUSE_S)]
    line = Timeline(placed, [sound(2 * RATE), sound(RATE)])
    assert line.num_samples == round((3 + PAUSE_S + REST_S) * RATE)


def test_aligned_puts_both_at_the_beginning() -> None:
    placed = question_then_reply(listen=Path("q.wav"), speak=Path("r.wav"), listen_s=2.0, aligned=True)
    assert [part.start_s for part in placed] == [0.0, 0.0]


def test_a_lone_voice_begins_at_once() -> None:
    assert [part.start_s for part in question_then_reply(listen=None, speak=Path("r.wav"), listen_s=0.0)] == [0.0]


def test_a_timeline_without_turns_or_length_is_refused() -> None:
    with pytest.raises(InputError, match="no turns"):
        Timeline([], [])


def test_a_timeline_with_a_length_needs_no_turns() -> None:
    line = Timeline([], [], seconds=5)
    assert line.num_frames == 120
    assert all(not line.source(who).read(0, 5 * RATE).any() for who in Voice)


@pytest.mark.parametrize("seconds", [2.0, 2.2, 7.5])
def test_a_length_is_kept_exactly_where_the_turns_fit(seconds: float) -> None:
    line = Timeline([turn("speak", 1.0)], [sound(RATE)], seconds=seconds)
    assert line.num_samples == round(seconds * RATE)
    assert line.source(Voice.SPEAK).num_samples == line.num_samples
    assert not line.source(Voice.SPEAK).read(2 * RATE, 6 * RATE).any()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.999, "the last turn ends at 2.00 s"),
        (0.0, "one frame"),
        (-1.0, "one frame"),
        (0.04, "one frame"),
        (float("nan"), "seconds is nan"),
        (float("inf"), "seconds is inf"),
        (1e6, "to 86400 s"),
    ],
)
def test_a_length_that_cannot_be_is_refused(seconds: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Timeline([turn("speak", 1.0)], [sound(RATE)], seconds=seconds)


class Recorded:
    """An ``AudioSource`` that writes down what was read."""

    num_samples = RATE

    def __init__(self) -> None:
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, count: int) -> np.ndarray:
        self.reads.append((start, count))
        return np.zeros(count, dtype=np.float32)


def test_only_what_is_asked_for_is_read_and_a_finished_turn_is_told_once() -> None:
    source = Recorded()
    track = Timeline([turn("speak", 1.0)], [source]).source(Voice.SPEAK)
    track.read(0, RATE)
    assert source.reads == []
    track.read(RATE + 100, 50)
    assert source.reads == [(100, 50)]
    track.read(60 * RATE, 10)
    track.read(61 * RATE, 10)
    assert source.reads[1:] == [(59 * RATE, 0)]


def write_timeline(folder: Path, content: object) -> Path:
    (folder / "a.wav").write_bytes(b"x")
    path = folder / "turns.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_file_is_read_relative_to_itself(tmp_path: Path) -> None:
    entries = [{"who": "listen", "file": "a.wav", "at": 0}, {"who": "speak", "file": "a.wav", "at": 2.5, "gain": 0.5}]
    placed = read_turns(write_timeline(tmp_path, {"turns": entries}))
    assert placed[1] == Turn(who=Voice.SPEAK, path=tmp_path / "a.wav", start_s=2.5, gain=0.5)


GOOD = {"who": "speak", "file": "a.wav", "at": 0}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON: line 1"),
        ([], "single key"),
        ({"turns": [GOOD], "title": "x"}, "single key"),
        ({"turns": []}, "at least one"),
        ({"turns": ["a.wav"]}, "turn 1 must be an object"),
        ({"turns": [GOOD, GOOD | {"volume": 1}]}, "turn 2 has the unknown key 'volume'"),
        ({"turns": [{"who": "speak", "at": 0}]}, "lacks the key 'file'"),
        ({"turns": [GOOD | {"who": "ada"}]}, "who is 'ada'"),
        ({"turns": [GOOD | {"who": ["speak"]}]}, "who is"),
        ({"turns": [GOOD | {"file": "b.wav"}]}, "there is no file"),
        ({"turns": [GOOD | {"file": "b" * 5000}]}, "there is no file"),
        ({"turns": [GOOD | {"file": 3}]}, "must be the name"),
        ({"turns": [GOOD | {"at": -1}]}, "cannot start before 0"),
        ({"turns": [GOOD | {"at": "2"}]}, "must be a number"),
        ({"turns": [GOOD | {"at": True}]}, "must be a number"),
        ({"turns": [GOOD | {"at": 10**400}]}, "must be a number"),
        ('{"turns": [{"who": "speak", "file": "a.wav", "at": NaN}]}', "must be a number"),
        ({"turns": [GOOD | {"at": 1e8}]}, "starts between"),
        ({"turns": [GOOD | {"gain": -2}]}, "gain"),
    ],
)
def test_every_mistake_in_a_timeline_file_has_its_sentence(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_turns(write_timeline(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_a_missing_timeline_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no timeline"):
        read_turns(tmp_path / "none.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["speak", "a.wav"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["turns", "who", "file", "at", "x"]), inner)
    ),
    max_leaves=8,
)


@given(content=json_values)
def test_no_json_raises_anything_but_an_input_error(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    folder = tmp_path_factory.getbasetemp()
    with contextlib.suppress(InputError):
        read_turns(write_timeline(folder, content))
