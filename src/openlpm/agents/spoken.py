"""What was said and how much of it was heard: the words of an interrupted utterance that reached the user."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import final

_MOST_UTTERANCES = 64
_ROUNDING = 1e-6


@final
@dataclass(kw_only=True, slots=True)
class _Utterance:
    number: int
    lines: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    """Words, and the seconds of their sound."""
    complete: bool = False


@final
@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of an utterance that was interrupted."""

    line: int
    words: str


@final
class SpokenLog:
    """Utterances that were given to be played and are not over, oldest first; of more than 64 the first are lost."""

    def __init__(self) -> None:
        self._utterances: deque[_Utterance] = deque(maxlen=_MOST_UTTERANCES)
        self._heard_s = 0.0
        self._playing = False
        self._begun = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything that was given has been heard."""
        return not self._utterances

    @property
    def is_playing(self) -> bool:
        """Whether something is being heard now, as far as is known."""
        return self._playing

    @property
    def heard_s(self) -> float:
        """How much of the first utterance has been heard."""
        return self._heard_s

    @property
    def last_words(self) -> str:
        """The words of the utterance that was begun last."""
        return _words(self._utterances[-1])

    @property
    def last_line(self) -> int:
        """The number of the utterance that was begun last."""
        return self._begun

    def begin(self) -> None:
        """Another utterance follows."""
        self._begun += 1
        self._utterances.append(_Utterance(number=self._begun))

    def begin_line(self, text: str) -> None:
        """The sound of these words follows."""
        self._utterances[-1].lines.append((text, 0.0))

    def add_words(self, text: str) -> None:
        """More words of the last line."""
        before, seconds = self._utterances[-1].lines[-1]
        self._utterances[-1].lines[-1] = (before + text, seconds)

    def add_sound(self, seconds: float) -> None:
        """More sound of the last line."""
        text, before_s = self._utterances[-1].lines[-1]
        self._utterances[-1].lines[-1] = (text, before_s + seconds)

    def complete(self) -> str:
        """The last utterance has no more lines; returns its words."""
        self._utterances[-1].complete = True
        return _words(self._utterances[-1])

    def playing(self, *, heard_s: float, left_s: float) -> list[str]:
        """As ``Agent.playing``; returns the words of the utterances that are over with it."""
        over: list[str] = []
        silent = left_s <= 0.0
        begun = self._playing or self._heard_s > 0.0 or heard_s > 0.0
        if silent and begun:
            while self._utterances and self._utterances[0].complete:
                over.append(_words(self._utterances.popleft()))
        elif 0.0 < heard_s < self._heard_s and self._utterances and self._utterances[0].complete:
            over.append(_words(self._utterances.popleft()))  # the next one has begun
        self._playing = not silent
        self._heard_s = (heard_s or self._heard_s) if self._utterances else 0.0
        return over

    def interrupt(self) -> list[Heard]:
        """Nothing more is heard; returns what was, of the utterance that was being heard and of those that waited."""
        heard = [
            Heard(each.number, "" if waited else _words_until(each, self._heard_s))
            for waited, each in enumerate(self._utterances)
        ]
        self._utterances.clear()
        self._heard_s, self._playing = 0.0, False
        return heard


def _words(utterance: _Utterance) -> str:
    return " ".join(text for text, _ in utterance.lines)


def _words_until(utterance: _Utterance, heard_s: float) -> str:
    """Whole lines as long as they were heard, and of the one that was cut its share of words, begun ones with it."""
    heard: list[str] = []
    left_s = heard_s
    for text, seconds in utterance.lines:
        if left_s >= seconds > 0.0:
            heard.append(text)
            left_s -= seconds
            continue
        words = text.split()
        heard.extend(words[: math.ceil(len(words) * left_s / seconds - _ROUNDING)] if seconds > 0.0 else [])
        break
    return " ".join(heard)
