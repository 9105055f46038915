"""Text that arrives piece by piece, given on sentence by sentence."""

import re
from typing import final

_END = re.compile(r"[.!?…]+[\"'”)\]]*(?=\s)|\n")
_CLAUSE = re.compile(r"[,;:–—](?=\s)")
_ABBREVIATIONS = frozenset("mr. mrs. ms. dr. st. e.g. i.e. etc. vs. no.".split())
_LEAST_LETTERS = 12
"""Shorter sentences go with the next one, or the voice would stumble."""
_LONG_LETTERS = 120
"""A sentence that does not end is cut at a comma, or at a space."""
_MARKUP = re.compile(r"[*_`#]+|^\s*[-•]\s+|\[\[|\]\]", re.MULTILINE)


@final
class SentenceSplitter:
    """Collects text and gives whole sentences, each as soon as it is known to be over."""

    def __init__(self) -> None:
        self._text = ""

    def push(self, text: str) -> list[str]:
        """The sentences that are complete with ``text``."""
        self._text += text
        found: list[str] = []
        while (end := self._next_end()) is not None:
            found.append(self._text[:end])
            self._text = self._text[end:]
        return [spoken for sentence in found if (spoken := speakable(sentence))]

    def rest(self) -> list[str]:
        """What is left when no more comes."""
        left, self._text = speakable(self._text), ""
        return [left] if left else []

    def _next_end(self) -> int | None:
        for match in _END.finditer(self._text):
            before = self._text[: match.end()].strip()
            if len(before) >= _LEAST_LETTERS and before.split()[-1].lower() not in _ABBREVIATIONS:
                return match.end()
        if len(self._text) < _LONG_LETTERS:
            return None
        commas = [match.end() for match in _CLAUSE.finditer(self._text) if match.end() >= _LEAST_LETTERS]
        if commas:
            return commas[-1]
        space = self._text.rfind(" ", _LEAST_LETTERS, 2 * _LONG_LETTERS)
        return space + 1 if space > 0 and len(self._text) >= 2 * _LONG_LETTERS else None


def split_sentences(text: str) -> list[str]:
    """The sentences of ``text``."""
    splitter = SentenceSplitter()
    return splitter.push(text) + splitter.rest()


def speakable(text: str) -> str:
    """``text`` without the marks of written pages, in one line."""
    return " ".join(_MARKUP.sub(" ", text).split())
