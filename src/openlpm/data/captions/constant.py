"""Words for what changes while one watches, kept out of captions that say what stays."""

import re
from functools import cache

from openlpm.synth.act.actions import ACTIONS
from openlpm.synth.act.phrasing import ADJECTIVES, ADVERBS, PERSONAS, REACTIONS, Choice
from openlpm.synth.sound.inflection import Form, Pronoun, inflected


def changing_words(text: str) -> list[str]:
    """The words in a text that say what may be otherwise in a moment: moods, expressions, motions."""
    return sorted({match.group().lower() for match in _pattern().finditer(text)})


def without_change(text: str) -> str:
    """A text without the sentences that hold such words."""
    kept = [sentence for sentence in re.split(r"(?<=[.!?])\s+", text) if sentence and not changing_words(sentence)]
    return " ".join(kept)


@cache
def _pattern() -> re.Pattern[str]:
    traits = {word for choice in PERSONAS.values() for word in _all(choice)}
    words = {word for choice in (*ADJECTIVES.values(), *ADVERBS.values()) for word in _all(choice)} - traits
    doings = {word for choice in REACTIONS.values() for word in _all(choice)}
    doings |= {word for action in ACTIONS.values() for word in (*action.says, *action.held_out)}
    for doing in doings:
        words |= {inflected(doing, form, pronoun) for form in Form for pronoun in Pronoun}
    longest_first = sorted((re.escape(word.replace("{self}", "").strip()) for word in words), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(longest_first)}|smiling|nodding|laughing|frowning)\b", re.IGNORECASE)


def _all(choice: Choice) -> tuple[str, ...]:
    return (*choice.usual, *choice.held_out)
