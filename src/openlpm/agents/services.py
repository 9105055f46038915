"""Speech-to-text, chat and text-to-speech as OpenAI-compatible servers offer them."""

import io
import json
import wave
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, cast, final

import httpx
import numpy as np
from numpy.typing import NDArray

from openlpm.agents.endpoint import Endpoint
from openlpm.agents.voice import Line, Sound
from openlpm.core.errors import AgentError
from openlpm.core.units import AUDIO_RATE_HZ

SPEECH_RATE_HZ: Final = 24_000
"""Of the raw sound of ``/audio/speech``."""
_PIECE_BYTES = SPEECH_RATE_HZ // 10 * 2
_MOST_TOKENS = 400

Message = dict[str, str]
"""``role`` and ``content``."""


async def transcribe(endpoint: Endpoint, samples_A: NDArray[np.float32]) -> str:
    """The words of speech at 16 kHz; empty when there are none.

    Raises:
        AgentError: the server failed.
    """
    fields = {"model": endpoint.config.model, "response_format": "json"}
    files = {"file": ("turn.wav", _wav(samples_A), "audio/wav")}
    async with endpoint.post("audio/transcriptions", data=fields, files=files) as response:
        answer = _parsed(await response.aread())
    text = answer.get("text") if answer is not None else None
    if not isinstance(text, str):
        raise endpoint.nonsense()
    return text.strip()


async def chat(endpoint: Endpoint, messages: Sequence[Message]) -> AsyncGenerator[str]:
    """The answer to ``messages``, piece by piece as it is written.

    Raises:
        AgentError: the server failed.
    """
    asked = {
        "model": endpoint.config.model,
        "messages": list(messages),
        "stream": True,
        "max_tokens": _MOST_TOKENS,
    }
    async with endpoint.post("chat/completions", json=asked) as response:
        understood = False
        async for line in response.aiter_lines():
            if not line.startswith("data:"):
                continue  # empty lines, comments that keep the connection open, other fields
            data = line[len("data:") :].strip()
            if data == "[DONE]":
                return
            piece = _delta(data)
            if piece is None:
                raise endpoint.nonsense()
            understood = True
            if piece:
                yield piece
        if not understood:
            raise endpoint.nonsense()


@final
class ServerMouth:
    """``Mouth`` of a text-to-speech server; owns its endpoint."""

    def __init__(self, endpoint: Endpoint, voice: str) -> None:
        self._endpoint = endpoint
        self._voice = voice

    async def speak(self, line: Line) -> AsyncGenerator[Sound]:
        asked = {
            "model": self._endpoint.config.model,
            "voice": self._voice,
            "input": line.text,
            "response_format": "pcm",
        }
        async with self._endpoint.post("audio/speech", json=asked) as response:
            self._require_sound(response)
            waiting = b""
            heard = False
            async for block in response.aiter_bytes():
                waiting += block
                if not heard and waiting.startswith(b"RIFF"):
                    raise self._endpoint.nonsense()
                # Blocks may end in the middle of a sample.
                whole = len(waiting) // 2 * 2 if len(waiting) >= _PIECE_BYTES else 0
                if whole:
                    heard = True
                    yield _sound(waiting[:whole])
                    waiting = waiting[whole:]
            if len(waiting) >= 2:
                yield _sound(waiting[: len(waiting) // 2 * 2])

    async def close(self) -> None:
        await self._endpoint.close()

    def _require_sound(self, response: httpx.Response) -> None:
        kind = response.headers.get("content-type", "")
        if kind.startswith(("text/", "application/json")):
            raise AgentError(
                f"The {self._endpoint.config.what} server sent no sound: check {self._endpoint.config.setting}."
            )


def _sound(pcm: bytes) -> Sound:
    samples_A = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768.0)
    return Sound(samples_A=samples_A, rate_hz=SPEECH_RATE_HZ)


def _wav(samples_A: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE_HZ)
        file.writeframes((samples_A.clip(-1.0, 1.0) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def _parsed(text: str | bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _delta(data: str) -> str | None:
    """The text of one event of a stream: empty where it carries none, None where it is no such event."""
    event = _parsed(data)
    if event is None or "error" in event:
        return None
    choices = cast("Any", event.get("choices"))
    if not isinstance(choices, list):
        return None
    if not choices:
        return ""  # the last event of some servers counts tokens only
    first = cast("Any", choices[0])
    content = first.get("delta", {}).get("content") if isinstance(first, dict) else None
    return content if isinstance(content, str) else ""
