"""What a person says, sentence by sentence: by a model that hears it, or by nobody."""

import hashlib
import io
import wave
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.data.captions.answers import Answers
from openlpm.data.captions.endpoint import Server
from openlpm.data.records import digest_of

_VERSION: Final = 1
_ENDS: Final = (".", "!", "?", "…", "。")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence and when it is said."""

    start_s: float
    end_s: float
    words: str = ""


class Transcriber(Protocol):
    """Writes down what is said."""

    @property
    def name(self) -> str:
        """Goes into the record; empty for one that writes nothing."""
        ...

    def transcribe(self, samples_A: NDArray[np.float32]) -> tuple[Sentence, ...]:
        """The sentences of a sound (mono, 16 kHz), in their order; the same ones for the same sound.

        Raises:
            ConfigError: it cannot work here.
            InputError: it can, but not with this.
        """
        ...


@final
class Unheard:
    """Writes nothing."""

    name = ""

    def transcribe(self, samples_A: NDArray[np.float32]) -> tuple[Sentence, ...]:
        return ()


@final
class ServedTranscriber:
    """Asks a speech-to-text model behind an OpenAI-compatible server."""

    def __init__(self, model: str, server: Server, answers: Answers) -> None:
        self.name = f"endpoint:{model}"
        self._model, self._server, self._answers = model, server, answers

    def transcribe(self, samples_A: NDArray[np.float32]) -> tuple[Sentence, ...]:
        if not np.any(samples_A):
            return ()
        data = _wav(samples_A)
        question = digest_of(["transcribe", _VERSION, self._model, hashlib.sha256(data).hexdigest()])
        answer = self._answers.of(question, lambda: self._ask(data))
        return _joined(_pieces(answer, samples_A.shape[0] / AUDIO_RATE_HZ))

    def _ask(self, data: bytes) -> dict[str, Any]:
        fields = {"model": self._model, "response_format": "verbose_json", "temperature": "0"}
        answer = self._server.post("audio/transcriptions", data=fields, files={"file": ("own.wav", data, "audio/wav")})
        if not isinstance(answer.get("text"), str):
            raise InputError("the server's answer holds no text")
        return {"text": answer["text"], "segments": answer.get("segments")}


def _wav(samples_A: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE_HZ)
        file.writeframes((samples_A.clip(-1.0, 1.0) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def _pieces(answer: dict[str, Any], duration_s: float) -> list[Sentence]:
    """The pieces that the server found; all as one where it found none."""
    found: list[Sentence] = []
    segments = answer.get("segments")
    for segment in cast("list[Any]", segments) if isinstance(segments, list) else []:
        try:
            start_s, end_s, words = float(segment["start"]), float(segment["end"]), str(segment["text"]).strip()
        except (KeyError, TypeError, ValueError):
            continue
        if words and 0 <= start_s < end_s and start_s < duration_s:
            found.append(Sentence(start_s=round(start_s, 3), end_s=round(min(end_s, duration_s), 3), words=words))
    text = str(answer["text"]).strip()
    return found or ([Sentence(start_s=0.0, end_s=round(duration_s, 3), words=text)] if text else [])


def _joined(pieces: list[Sentence]) -> tuple[Sentence, ...]:
    """Pieces that end within a sentence, with what follows."""
    joined: list[Sentence] = []
    for piece in sorted(pieces, key=lambda each: each.start_s):
        if joined and not joined[-1].words.endswith(_ENDS):
            first = joined.pop()
            words = f"{first.words} {piece.words}"
            joined.append(Sentence(start_s=first.start_s, end_s=piece.end_s, words=words))
        else:
            joined.append(piece)
    return tuple(joined)
