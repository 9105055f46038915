"""The question to the model, and its answer."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, cast, final

from openlpm.agents.endpoint import Endpoint
from openlpm.bench.arena.question import Choice, Question
from openlpm.bench.judge.pictures import FRAMES, as_address

ASKABLE: Final = (Question.MOTION, Question.IDENTITY, Question.INSTRUCTION, Question.OVERALL)
"""What frames can show; lips and listening need sound and time."""
FORM: Final = 1
"""Of the question: another form is another answer, and another place in the cache."""
_WORDS: Final = {
    Question.MOTION: "Which clip moves more naturally: neither frozen nor restless, without glitches?",
    Question.IDENTITY: "Which clip looks more like the reference picture, from its beginning to its end?",
    Question.INSTRUCTION: "Which clip does better what was asked for?",
    Question.OVERALL: "Which performance is better as a whole?",
}
_TASK = (
    f"You compare two video clips of the same character. Each is shown as {FRAMES} frames side by side, in time from "
    'left to right. Answer with JSON alone: {"choice": "A" | "B" | "same" | "cannot tell"}. '
)
_CHOICES: Final = {"a": Choice.LEFT, "b": Choice.RIGHT, "same": Choice.SAME, "cannot tell": Choice.CANNOT_TELL}
_MOST_TOKENS = 200


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Showing:
    """What is compared, in the order in which it is shown."""

    question: Question
    first: bytes
    second: bytes
    reference: bytes | None
    instruction: str


async def ask(endpoint: Endpoint, showing: Showing) -> Choice:
    """What the model says: left is the clip that is shown first.

    Raises:
        AgentError: the server failed, or says something else.
    """
    asked = {
        "model": endpoint.config.model,
        "messages": [{"role": "user", "content": _content(showing)}],
        "temperature": 0,
        "max_tokens": _MOST_TOKENS,
    }
    async with endpoint.post("chat/completions", json=asked) as response:
        choice = choice_in(_text(await response.aread()))
    if choice is None:
        raise endpoint.nonsense()
    return choice


def choice_in(text: str) -> Choice | None:
    """The choice in an answer: JSON, also within other words; None: there is none."""
    for found in re.findall(r"\{[^{}]*\}", text):
        try:
            told = json.loads(found)
        except ValueError:
            continue
        word = cast("dict[str, Any]", told).get("choice")
        if isinstance(word, str) and word.strip().lower() in _CHOICES:
            return _CHOICES[word.strip().lower()]
    return None


def _content(showing: Showing) -> list[dict[str, Any]]:
    words = _TASK + _WORDS[showing.question]
    if showing.instruction:
        words += f" Asked for: {showing.instruction}"
    parts: list[dict[str, Any]] = [_said(words)]
    if showing.reference is not None:
        parts += [_said("Reference picture:"), _shown(showing.reference)]
    return [*parts, _said("Clip A:"), _shown(showing.first), _said("Clip B:"), _shown(showing.second)]


def _said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _shown(jpeg: bytes) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": as_address(jpeg)}}


def _text(body: bytes) -> str:
    try:
        answer: Any = json.loads(body)
        content = answer["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
    return content if isinstance(content, str) else ""
