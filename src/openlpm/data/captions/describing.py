"""What a person looks and seems like: by a model that sees pictures, or not at all."""

import base64
import hashlib
import io
import json
import re
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openlpm.core.errors import InputError
from openlpm.data.captions.answers import Answers
from openlpm.data.captions.constant import without_change
from openlpm.data.captions.endpoint import Server
from openlpm.data.records import digest_of
from openlpm.synth.act.phrasing import PERSONAS

_VERSION = 1
"""Raised with the words of the question."""
_MOST_WORDS, _MOST_TOKENS = 24, 500
_QUALITY = 88
_ASKED: Final = (
    "These pictures are frames of one short video of one person, in order. Answer with one JSON object and nothing "
    'else: {"appearance": who it is and what is worn, as a noun phrase of at most 20 words such as "a woman with short '
    'grey hair, wearing a green coat"; nothing that changes, no mood, no action, "personality": one of '
    + ", ".join(PERSONAS)
    + ', or "", "relationship": one sentence on whom the person is with, or "", "caption": what is seen, in two to '
    "four sentences}."
)


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Showing:
    """What a describer is shown of a unit."""

    pictures: tuple[NDArray[np.uint8], ...]
    """Some frames, 8-bit RGB."""
    measured: str
    """What was measured, as a caption."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What it says; empty where it says nothing."""

    appearance: str = ""
    persona: str = ""
    """A key of ``synth.act.phrasing.PERSONAS``."""
    relationship: str = ""
    """A sentence."""
    caption: str = ""


class Describer(Protocol):
    """Finds words for a person."""

    @property
    def name(self) -> str:
        """Goes into the record."""
        ...

    def describe(self, showing: Showing) -> Description:
        """The words; the same ones for the same pictures.

        Raises:
            ConfigError: it cannot work here.
            InputError: it can, but not with this.
        """
        ...


@final
class MeasuredOnly:
    """Says nothing that was not measured."""

    name = "measured"

    def describe(self, showing: Showing) -> Description:
        return Description()


@final
class ServedDescriber:
    """Asks a vision-language model behind an OpenAI-compatible server."""

    def __init__(self, model: str, server: Server, answers: Answers) -> None:
        self.name = f"endpoint:{model}"
        self._model, self._server, self._answers = model, server, answers

    def describe(self, showing: Showing) -> Description:
        pictures = [_jpeg(picture_HWC) for picture_HWC in showing.pictures]
        digests = [hashlib.sha256(data).hexdigest() for data in pictures]
        question = digest_of(["describe", _VERSION, self._model, digests, showing.measured])
        return _description(self._answers.of(question, lambda: self._ask(pictures, showing.measured)))

    def _ask(self, pictures: list[bytes], measured: str) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": f"{_ASKED}\nMeasured by other means: {measured}"}]
        content += [
            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"}}
            for data in pictures
        ]
        asked = {
            "model": self._model, "temperature": 0, "max_tokens": _MOST_TOKENS,
            "messages": [{"role": "user", "content": content}],
        }  # fmt: skip
        answer = self._server.post("chat/completions", json=asked)
        try:
            text = answer["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            text = None
        if not isinstance(text, str):
            raise InputError("the server's answer holds no text")
        return _parsed(text)


def _jpeg(picture_HWC: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture_HWC).save(buffer, format="JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _parsed(text: str) -> dict[str, Any]:
    """The object in a model's answer, which may stand in a fence or between other words."""
    found = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        value = json.loads(found.group()) if found else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InputError("the model did not answer with the JSON object that it was asked for")
    return cast("dict[str, Any]", value)


def _description(answer: dict[str, Any]) -> Description:
    def words(name: str) -> str:
        value = answer.get(name)
        return " ".join(value.split()) if isinstance(value, str) else ""

    appearance = words("appearance").rstrip(".")
    appearance = appearance[:1].lower() + appearance[1:] if appearance[:2] in ("A ", "An", "Th") else appearance
    persona = words("personality").lower()
    return Description(
        appearance=without_change(" ".join(appearance.split()[:_MOST_WORDS])),
        persona=persona if persona in PERSONAS else "",
        relationship=without_change(words("relationship")),
        caption=words("caption"),
    )
