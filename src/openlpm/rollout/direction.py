"""Stage directions: "first she nods, then she waves" told one after the other, each when it is its turn.

A text is read as a whole, and a transformer that hears of three things at once does them in any order or all together.
Whoever directs people says the next thing when it is due, and so does this: a text that orders what is to be done by
"then", "after that", "finally" or by seconds becomes prompts in time. Texts that do not are left as they are, as are
changes of mood ("sad at first, then happy") and turns of a conversation ("listens and then speaks"), which belong to
the voices. English only. Our choice; LPM 1.0 reports that ordered actions fail.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, final

from openlpm.rollout.request import GenerationRequest, Prompt, StreamRequest

Request = TypeVar("Request", GenerationRequest, StreamRequest)

TOLD_S = 2.0
"""So long an action is asked for; then it is over, or under way."""
_BEGIN_S, _STEP_S = 0.3, 3.2
_FEWEST = 2

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBER = rf"(\d+(?:\.\d+)?|{'|'.join(_NUMBERS)})"
_SECONDS = r"(?:seconds?|secs?|s)\b"
_AT_TIME = re.compile(
    rf",?\s*\b(?:at\s+{_NUMBER}\s*{_SECONDS}|after\s+{_NUMBER}\s*{_SECONDS}"
    rf"|{_NUMBER}\s*{_SECONDS}\s+in(?:to\s+the\s+(?:clip|video))?\b|at\s+second\s+{_NUMBER}\b"
    rf"|at\s+the\s+{_NUMBER}[-\s]second\s+mark\b)",
    re.IGNORECASE,
)
_LINKS = (
    r"(?:(?:and\s+)?(?<!\bby\s)(?<!\bsince\s)(?<!\buntil\s)then|after\s+that|afterwards?|following\s+that"
    r"|next(?!\s+to\b)|thereafter|finally|lastly|at\s+last|to\s+finish|(?:at|in)\s+the\s+end(?!\s+of\b))\b"
)
_LINK = re.compile(
    rf"(?:^|[,;.]\s*(?:and\s+|but\s+)?|(?<!\bnow)\s+and\s+|(?<!\bnow)(?<!\bnow\sand)\s+)\b{_LINKS},?\s+", re.IGNORECASE
)
_WHO_THEN = re.compile(rf"^((?:s?he|they|it|you|we|I|some(?:body|one)|(?:an?|the)\s+\w+))\s+({_LINKS})", re.IGNORECASE)
_FIRST = re.compile(r"\b(?:to\s+begin\s+with|initially|first(?:ly)?|at\s+first),?\s+", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_OF_VOICES = re.compile(
    r"\b(?:speak|talk|say|tell|chat|address|interrupt|listen|hear|pay(?:s|ing)?\s+attention|follow)(?:s|es|ing)?\b",
    re.IGNORECASE,
)
_SAYS_NO = re.compile(r"\bsay(?:s|ing)?\s+(?:yes|no|nothing)\b", re.IGNORECASE)
_MOODS = frozenset(
    # Adjectives that say how somebody feels; and what goes on with the thing before, as in "left and then back".
    """calm neutral relaxed composed unmoved happy cheerful glad joyful delighted amused entertained tickled mirthful
    excited enthusiastic thrilled exhilarated eager tender loving gentle affectionate fond proud triumphant dignified
    sad unhappy sorrowful gloomy downcast afraid scared fearful frightened anxious angry furious annoyed irate cross
    disgusted revolted repelled surprised astonished amazed startled stunned confused puzzled unsure baffled perplexed
    thoughtful pensive contemplative reflective bored uninterested indifferent listless tired sleepy exhausted weary
    drowsy embarrassed ashamed flustered sheepish worried nervous serious
    later again back""".split()
)
_BEFORE_MOODS = frozenset(
    """about become becomes becoming grow grows growing turn turns turning get gets getting feel feels feeling look
    looks looking seem seems seeming slightly somewhat mildly faintly a little bit quite rather fairly very extremely
    really intensely utterly to""".split()
)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing to do."""

    words: str
    at_s: float | None
    """When, if the text says so."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Directions:
    """What a text orders: things to do in turn, and what is so throughout."""

    steps: tuple[Step, ...]
    throughout: str
    """Told between the steps."""

    def prompts(self, *, begin_s: float, end_s: float | None) -> tuple[Prompt, ...]:
        """What to tell when: steps without a time share what is left between the others, or take three seconds each."""
        starts = _starts([step.at_s for step in self.steps], end_s - begin_s if end_s is not None else None)
        told: list[Prompt] = []
        for step, start_s, next_s in zip(self.steps, starts, [*starts[1:], float("inf")], strict=True):
            if start_s < next_s:
                told.append(Prompt(at_s=begin_s + start_s, caption=f"{_sentence(step.words)} {self.throughout}"))
            if start_s + TOLD_S < next_s:
                told.append(Prompt(at_s=begin_s + start_s + TOLD_S, caption=self.throughout))
        return tuple(prompt for prompt in told if end_s is None or prompt.at_s < end_s)


def directions(text: str) -> Directions | None:
    """What ``text`` orders; None if it orders nothing: fewer than two things, or things that voices decide."""
    sentences = [_WHO_THEN.sub(r"\2 \1", sentence) for sentence in _SENTENCE.split(text.strip())]
    linked = [index for index, each in enumerate(sentences) if len(_steps(each)) >= _FEWEST or _LINK.match(each)]
    if not linked:
        return None
    # An order may go over several sentences: "She nods. Then she waves."
    first, last = linked[0] - bool(linked[0] and _LINK.match(sentences[linked[0]])), linked[-1]
    steps = [step for sentence in sentences[first : last + 1] for step in _steps(sentence)]
    if len(steps) < _FEWEST or any(_is_of_voices(" ".join(step.words.split()[:2])) for step in steps[1:]):
        return None
    rest = " ".join([*sentences[:first], *sentences[last + 1 :]])
    return Directions(steps=tuple(steps), throughout=rest or _waiting(steps[0].words))


def directed(request: Request, *, end_s: float | None = None) -> Request:
    """The same request with everything that its texts order told in its turn, until the next prompt or ``end_s``."""
    told: dict[float, str] = {}
    ends = [*(prompt.at_s for prompt in request.prompts), end_s]
    for one, until_s in zip([Prompt(at_s=0.0, caption=request.caption), *request.prompts], ends, strict=True):
        found = directions(one.caption)
        told[one.at_s] = one.caption if found is None else found.throughout
        if found is not None:
            told |= {each.at_s: each.caption for each in found.prompts(begin_s=one.at_s, end_s=until_s)}
    caption = told.pop(0.0)
    prompts = tuple(Prompt(at_s=at_s, caption=words) for at_s, words in told.items())
    return replace(request, caption=caption, prompts=prompts)


def _steps(sentence: str) -> list[Step]:
    """What a sentence tells to do in turn; one step, if it links nothing."""
    marks = [mark for mark in _LINK.finditer(sentence) if not _is_mood(sentence[mark.end() :])]
    edges = [0, *(edge for mark in marks for edge in mark.span()), len(sentence)]
    pieces = [sentence[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return [_step(piece) for piece in pieces if piece.strip(" ,;.!")]


def _step(piece: str) -> Step:
    time = _AT_TIME.search(piece)
    at_s = None
    if time is not None:
        said = next(group for group in time.groups() if group is not None).lower()
        at_s = float(_NUMBERS.index(said)) if said in _NUMBERS else float(said)
        piece = piece[: time.start()] + piece[time.end() :]
    return Step(words=_FIRST.sub("", piece).strip(" ,;.!"), at_s=at_s)


def _is_mood(after: str) -> bool:
    """Whether what comes behind a link says how somebody feels."""
    words = re.findall(r"[a-z]+", after.lower())
    return not words or next((word in _MOODS for word in words if word not in _BEFORE_MOODS), False)


def _is_of_voices(words: str) -> bool:
    return bool(_OF_VOICES.search(_SAYS_NO.sub("", words)))


def _waiting(first: str) -> str:
    """What is so between the steps if the text does not say it."""
    return "The person speaks." if _is_of_voices(first) else "The person stays quiet."


def _sentence(words: str) -> str:
    """A step as a sentence of its own, with somebody who does it where nobody is named."""
    verb = words.split(maxsplit=1)[0].lower() if words else ""
    if re.fullmatch(r"[a-z]+ing", verb) or re.fullmatch(r"[a-z]+[^s]s|[a-z]+sses", verb):
        words = f"A person {words}"
    return f"{words[:1].upper()}{words[1:]}."


def _starts(asked: Sequence[float | None], length_s: float | None) -> list[float]:
    """When each step begins: as asked, and the others spread over what is left between."""
    starts: list[float] = []
    index, now = 0, _BEGIN_S
    while index < len(asked):
        last = index
        while last < len(asked) and asked[last] is None:
            last += 1
        until = asked[last] if last < len(asked) else length_s
        free = last - index
        room = _STEP_S * free if until is None else max(until - now, 0.0)
        starts += [now + room * step / free for step in range(free)]
        if last < len(asked):
            starts.append(max(until or 0.0, now if starts else 0.0))
            now = starts[-1] + TOLD_S
        index = last + 1
    return starts
