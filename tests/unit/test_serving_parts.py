import itertools
import json
import random

import numpy as np
import pytest

pytest.importorskip("aiortc")
pytest.importorskip("fastapi")

from openlpm.engine.performer import Activity, Frame
from openlpm.serving.limits import Places, RateLimit
from openlpm.serving.messages import Emotion, Media, Say, read_message, samples_of
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.microphone import PassingBuffer
from openlpm.serving.outputs import MOST_PICTURES, MOST_SOUND_FRAMES, FrameQueue
from openlpm.serving.playback import Playback
from openlpm.serving.refusals import Code, Refusal
from openlpm.serving.security import Keyring, MediaToken

pytestmark = pytest.mark.unit


def frame(number: int, *, sounds: bool = False, ends: bool = False) -> Frame:
    sound_A = np.full(2_000, 9 if sounds else 0, np.int16)
    return Frame(
        number=number,
        due_s=number / 24,
        picture_HWC=np.zeros((2, 2, 3), np.uint8),
        fresh=True,
        sound_A=sound_A,
        activity=Activity.SPEAK,
        epoch=0,
        ends_speech=ends,
    )


def test_a_token_is_good_once_and_for_a_while() -> None:
    now = 0.0
    keys = Keyring("a key that is long enough", token_s=60, now=lambda: now)
    first, second = keys.make_token(), keys.make_token()
    keys.spend(first)
    with pytest.raises(Refusal, match="used up"):
        keys.spend(first)
    now = 60.0
    with pytest.raises(Refusal):
        keys.spend(second)


def test_no_changed_or_foreign_token_is_good() -> None:
    keys = Keyring("a key that is long enough", token_s=60)
    token = keys.make_token()
    changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token) - 1)]
    foreign = Keyring("a key that is long enough", token_s=60).make_token()
    for wrong in [*changed, foreign, "", token[:-4], "ä", "=" * 70, token + "AAAA"]:
        with pytest.raises(Refusal):
            keys.spend(wrong)
    keys.spend(token)


def test_only_the_key_is_the_key() -> None:
    keys = Keyring("a key that is long enough", token_s=60)
    assert keys.is_key("a key that is long enough")
    assert not keys.is_key("a key that is long enoug")
    assert not keys.is_key("\ud800")
    token = MediaToken()
    text = token.text
    token.forget_text()
    assert token.fits(text)
    assert not token.fits("")


def test_bursts_are_let_through_and_then_the_rate_holds() -> None:
    now = 0.0
    limit = RateLimit(60, 600, now=lambda: now)
    for _ in range(15):
        limit.take("a")
    with pytest.raises(Refusal) as refused:
        limit.take("a")
    assert refused.value.code is Code.TOO_MANY
    assert refused.value.retry_s == pytest.approx(1.0)
    limit.take("b")
    now = 1.0
    limit.take("a")
    with pytest.raises(Refusal):
        limit.take("a")


def test_many_addresses_together_are_limited_too() -> None:
    limit = RateLimit(60, 80, now=lambda: 0.0)
    for address in range(20):
        limit.take(str(address))
    with pytest.raises(Refusal):
        limit.take("another")


def test_places_come_back() -> None:
    places = Places(1)
    places.take("a")
    with pytest.raises(Refusal):
        places.take("a")
    places.take("b")
    places.give_back("a")
    places.take("a")


def test_messages_are_read_as_the_protocol_says() -> None:
    assert read_message('{"type": "media", "by": "socket"}') == Media("socket")
    assert read_message('{"type": "say", "text": " hello "}') == Say("hello")
    assert read_message('{"type": "emotion", "name": "happy"}') == Emotion("happy", 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"type": "fly"}',
        '{"type": ["say"]}',
        '{"type": "say"}',
        '{"type": "say", "text": ""}',
        '{"type": "say", "text": "\\ud800"}',
        '{"type": "say", "text": "' + "x" * 1_001 + '"}',
        '{"type": "media", "by": "pigeon"}',
        '{"type": "media", "by": {}}',
        '{"type": "emotion", "name": "happy", "intensity": NaN}',
        '{"type": "emotion", "name": "happy", "intensity": 2}',
        '{"type": "emotion", "name": ["happy"]}',
        '{"type": "ping", "t": true}',
        '{"type": "seen", "ms": 1e400}',
        '{"type": "microphone", "on": 1}',
        "[" * 9_000,
        " " * 20_000,
    ],
)
def test_broken_messages_are_refused(text: str) -> None:
    with pytest.raises(Refusal):
        read_message(text)


def test_sound_is_read_to_full_scale_and_only_whole() -> None:
    assert samples_of(np.full(320, -32_768, "<i2").tobytes()).min() == -1.0
    for size in (0, 638, 641, 6_402):
        with pytest.raises(Refusal):
            samples_of(bytes(size))


def test_a_queue_that_nobody_empties_forgets_pictures_before_sound() -> None:
    metrics, woken = ServerMetrics(), []
    queue = FrameQueue(metrics, lambda: woken.append(1))
    for number in range(60):
        queue.show(frame(number))
    left = list(iter(queue.take, None))
    assert [each.frame.number for each in left] == list(range(60 - MOST_SOUND_FRAMES, 60))
    assert [each.with_picture for each in left] == [False] * (MOST_SOUND_FRAMES - MOST_PICTURES) + [
        True
    ] * MOST_PICTURES
    assert len(woken) == 60


def test_what_was_heard_and_what_is_left_add_up() -> None:
    playback = Playback()
    playback.pushed(0.5, last=False)
    playback.pushed(0.5, last=True)
    playback.pushed(0.25, last=True)
    playback.due(frame(0))
    assert playback.heard_s == 0.0, "it has not begun to sound"
    for number in range(1, 13):
        playback.due(frame(number, sounds=True))
    assert playback.heard_s == pytest.approx(0.5)
    assert playback.left_s == pytest.approx(0.5)
    for number in range(13, 25):
        playback.due(frame(number, sounds=True, ends=number == 24))
    assert (playback.heard_s, playback.left_s) == (0.0, 0.25)
    playback.interrupted()
    assert (playback.heard_s, playback.left_s) == (0.0, 0.0)


def test_utterances_that_ended_unnoticed_are_settled() -> None:
    playback = Playback()
    playback.pushed(0.1, last=True)
    for number in range(30):
        playback.due(frame(number))
        playback.settle(0.0)
    assert playback.left_s == 0.0


class Packet:
    def __init__(self, number: int) -> None:
        self.sequence_number, self.timestamp, self._data = number % 65_536, number * 960, b"x"


def test_packets_pass_at_once_and_only_late_ones_are_left_out() -> None:
    buffer = PassingBuffer()
    sent = [65_530, 65_531, 65_533, 65_532, 65_533, 65_540, 65_541]
    passed = [found.timestamp // 960 for each in sent if (found := buffer.add(Packet(each))[1]) is not None]
    assert passed == [65_530, 65_531, 65_533, 65_540, 65_541]


def broken(rng: random.Random) -> str:
    """A message as a hostile or broken client may send it."""
    good = [
        {"type": "say", "text": "hi"},
        {"type": "emotion", "name": "happy", "intensity": 0.5},
        {"type": "media", "by": "socket"},
        {"type": "ping", "t": 1},
    ]
    values = [
        None,
        True,
        -1,
        1e308,
        "",
        "x" * 2_000,
        "\ud83d",
        [],
        {},
        {"a": [[]]},
        "happy",
        "type",
        2**80,
        float("nan"),
    ]
    message = dict(rng.choice(good))
    for _ in range(rng.randrange(3)):
        message[rng.choice([*message, "extra", "id"])] = rng.choice(values)
    text = json.dumps(message)
    if rng.random() < 0.3:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(["", "\0", "}", '"', "\\u0000", "ÿ"]) + text[at + rng.randrange(3) :]
    return text


def test_two_thousand_random_messages_are_read_or_refused() -> None:
    rng = random.Random(7)
    outcomes = itertools.groupby(sorted(reads(broken(rng)) for _ in range(2_000)))
    assert {kind for kind, _ in outcomes} == {False, True}


def reads(text: str) -> bool:
    try:
        read_message(text)
    except Refusal:
        return False
    return True
