"""What clients say, read with care: JSON objects with a ``type``, and sound."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.emotion import EMOTIONS
from openlpm.serving.refusals import Code, Refusal

MICROPHONE_RATE_HZ = 16_000
MOST_SAID = 1_000
MOST_PROMPT = 500
MOST_TEXT_BYTES = 16_384
MOST_SOUND_S = 0.2
_LEAST_SOUND_S = 0.02
_FULL_SCALE = 32_768.0


@final
@dataclass(frozen=True, slots=True)
class Media:
    """Where pictures and sound go."""

    by: Literal["webrtc", "socket"]


@final
@dataclass(frozen=True, slots=True)
class Say:
    """Words for the character to say."""

    text: str


@final
@dataclass(frozen=True, slots=True)
class Ask:
    """What the user typed."""

    text: str


@final
@dataclass(frozen=True, slots=True)
class Prompt:
    """How the character behaves; empty for nothing."""

    text: str


@final
@dataclass(frozen=True, slots=True)
class Emotion:
    """How the character looks."""

    name: str
    intensity: float


@final
@dataclass(frozen=True, slots=True)
class Interrupt:
    """Be silent."""


@final
@dataclass(frozen=True, slots=True)
class Microphone:
    """Whether the user can be heard, for the client's own display."""

    on: bool


@final
@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a ``pong``."""

    t: float


@final
@dataclass(frozen=True, slots=True)
class Seen:
    """How late the client shows pictures."""

    ms: float


Message = Media | Say | Ask | Prompt | Emotion | Interrupt | Microphone | Ping | Seen


def read_message(text: str) -> Message:
    """A text message of the socket.

    Raises:
        Refusal: it cannot be used; the sentence says why.
    """
    fields = read_object(text)
    kind = fields.get("type")
    if not isinstance(kind, str) or kind not in _READERS:
        raise _bad("There is no message of this type.")
    return _READERS[kind](fields)


def _media(fields: Mapping[str, Any]) -> Media:
    by = fields.get("by")
    if by not in ("webrtc", "socket"):
        raise _bad("by: give webrtc or socket.")
    return Media(by)


def _microphone(fields: Mapping[str, Any]) -> Microphone:
    on = fields.get("on")
    if not isinstance(on, bool):
        raise _bad("on: give true or false.")
    return Microphone(on)


def read_object(text: str | bytes) -> dict[str, Any]:
    """A JSON object, short and shallow enough.

    Raises:
        Refusal: it is none.
    """
    if len(text) > MOST_TEXT_BYTES:
        raise Refusal(Code.TOO_LARGE, f"A message may have {MOST_TEXT_BYTES // 1024} KiB.")
    return parse_object(text)


def parse_object(text: str | bytes) -> dict[str, Any]:
    """A JSON object of any length.

    Raises:
        Refusal: it is none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise _bad("This is no JSON.") from None
    if not isinstance(value, dict):
        raise _bad("Give a JSON object.")
    return cast("dict[str, Any]", value)


def text_of(fields: Mapping[str, Any], name: str, most: int, *, empty: bool = False) -> str:
    """A text field with at most ``most`` characters, without the spaces around it.

    Raises:
        Refusal: it is none, too long, or empty where that says nothing.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not _is_text(value):
        raise _bad(f"{name}: give a text.")
    value = value.strip()
    if len(value) > most:
        raise _bad(f"{name}: give at most {most} characters.")
    if not (value or empty):
        raise _bad(f"{name}: it is empty.")
    return value


def emotion_of(fields: Mapping[str, Any]) -> Emotion:
    """Name and intensity (1 if left out) of an emotion.

    Raises:
        Refusal: there is no such emotion, or intensity.
    """
    name = fields.get("name")
    if not isinstance(name, str) or name not in EMOTIONS:
        raise _bad("name: give one of the emotions that /api/characters lists.")
    return Emotion(name, number_of({"intensity": 1.0, **fields}, "intensity", 0.0, 1.0))


def number_of(fields: Mapping[str, Any], name: str, least: float, most: float) -> float:
    """A number field within bounds.

    Raises:
        Refusal: it is none.
    """
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _bad(f"{name}: give a number from {least:g} to {most:g}.")
    return float(value)


def samples_of(
    data: bytes, rate_hz: int = MICROPHONE_RATE_HZ, *, least_s: float = _LEAST_SOUND_S
) -> NDArray[np.float32]:
    """Little-endian 16-bit sound as ``samples_A`` in [-1, 1].

    Raises:
        Refusal: it is not 20 to 200 ms of whole samples.
    """
    num_samples = len(data) // 2
    if len(data) % 2 or not math.floor(least_s * rate_hz) <= num_samples <= math.ceil(MOST_SOUND_S * rate_hz):
        raise _bad("Sound comes as 16-bit samples, 20 to 200 ms a message.")
    return np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(_FULL_SCALE)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can say it, nothing else can take it
        return False
    return "\0" not in value


def _bad(sentence: str) -> Refusal:
    return Refusal(Code.BAD_REQUEST, sentence)


_READERS: dict[str, Callable[[Mapping[str, Any]], Message]] = {
    "media": _media,
    "say": lambda fields: Say(text_of(fields, "text", MOST_SAID)),
    "ask": lambda fields: Ask(text_of(fields, "text", MOST_SAID)),
    "prompt": lambda fields: Prompt(text_of(fields, "text", MOST_PROMPT, empty=True)),
    "emotion": emotion_of,
    "interrupt": lambda _fields: Interrupt(),
    "microphone": _microphone,
    "ping": lambda fields: Ping(number_of(fields, "t", -1e15, 1e15)),
    "seen": lambda fields: Seen(number_of(fields, "ms", 0.0, 60_000.0)),
}
