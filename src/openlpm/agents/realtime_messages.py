"""What is said to a realtime endpoint, in both of its dialects, and what its answers are called."""

import base64
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError

RATE_HZ: Final = 24_000
"""Of sound both ways: 16-bit mono."""

Event = dict[str, Any]

_NEW_NAMES: Final = {
    "response.audio.delta": "response.output_audio.delta",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
    "conversation.item.created": "conversation.item.added",
}
"""Beta names of events, and what they are called since."""


class Dialect(StrEnum):
    """How the endpoint wants to be spoken to; answers of both are understood."""

    GA = "ga"
    BETA = "beta"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class RealtimeConfig:
    """Where the endpoint is and how it is to behave."""

    url: str = "wss://api.openai.com/v1/realtime"
    model: str = "gpt-realtime"
    key_variable: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key; without it none is sent."""
    dialect: Dialect = Dialect.GA
    voice: str = "marin"
    instructions: str = "You are a friendly character in a video call. Answer in one to three short sentences."
    greeting: str = "Greet the user in one short sentence."
    """What is asked for at the start; empty: the user begins."""
    transcriber: str = "whisper-1"
    """Model that writes down what the user says; empty: nothing does."""
    silence_ms: int = 500
    """Silence that ends a turn."""
    connect_s: float = 10.0
    """Time to connect."""
    attempts: int = 6
    """So often in a row a lost connection is sought again."""
    first_pause_s: float = 0.5
    """Before the first of these attempts; doubles with each, to 8 s at most."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("ws://", "wss://")) or "@" in self.url or "?" in self.url:
            # The value is not shown: it may hold a password.
            raise ConfigError("OPENLPM_REALTIME_URL: give an address that begins with ws:// or wss://, without secrets")
        if not self.model or not self.voice:
            raise ConfigError(f"model={self.model!r}, voice={self.voice!r}: name a model and a voice")
        if self.silence_ms < 100 or self.connect_s <= 0 or self.attempts < 0 or self.first_pause_s <= 0:
            raise ConfigError(
                f"silence_ms={self.silence_ms}, connect_s={self.connect_s}, attempts={self.attempts}, "
                f"first_pause_s={self.first_pause_s}: at least 100 ms, and times above 0"
            )


def session_update(config: RealtimeConfig) -> Event:
    """How the session is to be."""
    turns = {"type": "server_vad", "silence_duration_ms": config.silence_ms, "interrupt_response": True}
    transcriber = {"model": config.transcriber} if config.transcriber else None
    if config.dialect is Dialect.BETA:
        session: Event = {
            "modalities": ["audio", "text"],
            "voice": config.voice,
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "turn_detection": turns,
            "input_audio_transcription": transcriber,
        }
    else:
        sound = {"type": "audio/pcm", "rate": RATE_HZ}
        session = {
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {
                "input": {"format": sound, "turn_detection": turns, "transcription": transcriber},
                "output": {"format": sound, "voice": config.voice},
            },
        }
    return {"type": "session.update", "session": session | {"instructions": config.instructions}}


def hear(samples_A: NDArray[np.float32]) -> Event:
    """Microphone sound at ``RATE_HZ``."""
    pcm = (samples_A.clip(-1.0, 1.0) * 32767).astype("<i2").tobytes()
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}


def typed(text: str) -> Event:
    """Words of the user."""
    return _item("user", "input_text", text)


def answered(text: str, dialect: Dialect) -> Event:
    """Words that the agent said before this connection began."""
    return _item("assistant", "text" if dialect is Dialect.BETA else "output_text", text)


def _item(role: str, kind: str, text: str) -> Event:
    content = [{"type": kind, "text": text}]
    return {"type": "conversation.item.create", "item": {"type": "message", "role": role, "content": content}}


def respond(instructions: str = "") -> Event:
    """Ask for an answer, or for what the instructions say."""
    return {"type": "response.create"} | ({"response": {"instructions": instructions}} if instructions else {})


def literally(text: str) -> Event:
    """Ask for exactly these words."""
    return respond(f"Say exactly the following words and nothing else: {text}")


def cancel() -> Event:
    """Stop answering."""
    return {"type": "response.cancel"}


def truncate(item: str, heard_s: float) -> Event:
    """What was not heard of ``item`` was not said."""
    return {
        "type": "conversation.item.truncate",
        "item_id": item,
        "content_index": 0,
        "audio_end_ms": int(heard_s * 1000),
    }


def read(message: str | bytes) -> Event | None:
    """An event of the server under its present name; None for what is no event."""
    try:
        value = json.loads(message)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(cast("Event", value).get("type"), str):
        return None
    event = cast("Event", value)
    return event | {"type": _NEW_NAMES.get(event["type"], event["type"])}


def sound_of(event: Event) -> NDArray[np.float32] | None:
    """The samples of an audio event; None for what is no sound."""
    try:
        pcm = base64.b64decode(event.get("delta", ""), validate=True)
    except (ValueError, TypeError):
        return None
    return np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2").astype(np.float32) / np.float32(32768.0)


def text_of(event: Event, name: str) -> str:
    """A text field; empty where it is missing or no text."""
    value = event.get(name)
    return value if isinstance(value, str) else ""


def seconds_of(event: Event, name: str) -> float | None:
    """A field of milliseconds in seconds."""
    value = event.get(name)
    return value / 1000 if isinstance(value, int | float) else None
