"""What raters are asked, where each question makes sense, and what they may answer."""

from enum import StrEnum
from typing import Final


class Track(StrEnum):
    """What a case is about; the letters are those of the benchmark."""

    SPEAKING = "S"
    LISTENING = "L"
    CONVERSATION = "C"
    TEXT = "T"
    HORIZON = "H"
    GENERALISATION = "G"


class Question(StrEnum):
    """What is compared."""

    LIP = "lip"
    REACTION = "reaction"
    """In listening: a quiet mouth, and a reaction that fits the partner."""
    MOTION = "motion"
    IDENTITY = "identity"
    INSTRUCTION = "instruction"
    OVERALL = "overall"


class Choice(StrEnum):
    """An answer as it is stored."""

    LEFT = "L"
    SAME = "S"
    RIGHT = "R"
    CANNOT_TELL = "X"


class Mode(StrEnum):
    """How many questions a trial has."""

    EXPERT = "expert"
    """One."""
    CROWD = "crowd"
    """The overall impression, and one of the others."""


_T, _Q = Track, Question
_ASKED: Final[dict[Question, frozenset[Track]]] = {
    _Q.LIP: frozenset({_T.SPEAKING, _T.CONVERSATION, _T.HORIZON, _T.GENERALISATION}),
    _Q.REACTION: frozenset({_T.LISTENING, _T.CONVERSATION}),
    _Q.MOTION: frozenset(_T),
    _Q.IDENTITY: frozenset(_T),
    _Q.INSTRUCTION: frozenset({_T.TEXT}),
    _Q.OVERALL: frozenset(_T),
}


def fits(question: Question, track: Track, *, references: bool, speaks: bool) -> bool:
    """Whether a question can be asked about a case; identity needs a reference picture, lips a voice of its own."""
    if question is Question.IDENTITY and not references:
        return False
    if question is Question.LIP and not speaks:
        return False
    return track in _ASKED[question]
