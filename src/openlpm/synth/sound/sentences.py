"""Things to say: seeded sentences, questions and exclamations, thousands in each language.

Built from templates and word lists chosen for their mouths: many closed lips (p, b, m), teeth on lips (f, v),
tongues (th, l) and round vowels. Every word of a list fits every place of its kind, so grammar holds.
"""

from dataclasses import dataclass
from functools import cache
from typing import final

import numpy as np

from openlpm.core.emotion import EMOTIONS
from openlpm.core.errors import ConfigError
from openlpm.synth.sound import lines_germanic, lines_romance
from openlpm.synth.sound.grammars import GRAMMARS

_NUM_CLAUSES = (1, 2, 3)
_CLAUSE_PROBABILITIES = (0.5, 0.42, 0.08)
_LANGUAGE_GRAMMARS = {
    "en-us": "en", "en-gb": "en", "de": "de", "fr": "fr", "es": "es", "it": "it", "pt": "pt", "pt-br": "pt", "nl": "nl",
}  # fmt: skip


_FEELINGS = {
    "en": lines_germanic.ENGLISH, "de": lines_germanic.GERMAN, "nl": lines_germanic.DUTCH,
    "fr": lines_romance.FRENCH, "es": lines_romance.SPANISH, "it": lines_romance.ITALIAN,
    "pt": lines_romance.PORTUGUESE,
}  # fmt: skip
_BACKCHANNELS = lines_germanic.BACKCHANNELS | lines_romance.BACKCHANNELS
_FEELING_PROBABILITY = 0.75  # that a sentence said in an emotion is about it; the others could be said in any


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Grammar:
    """Templates whose ``{slots}`` are filled from word lists."""

    templates: tuple[str, ...]
    feelings: dict[str, tuple[str, ...]]
    """Templates of each emotion but the neutral one."""
    words: dict[str, tuple[str, ...]]
    backchannels: tuple[str, ...]


@cache
def _grammar(language: str) -> Grammar:
    if language not in _LANGUAGE_GRAMMARS:
        raise ConfigError(f"language={language!r}: there is a grammar for {', '.join(_LANGUAGE_GRAMMARS)}")
    name = _LANGUAGE_GRAMMARS[language]
    templates, words = GRAMMARS[name]
    return Grammar(
        templates=_lines(templates),
        feelings={emotion: _lines(lines) for emotion, lines in _FEELINGS[name].items()},
        words={slot: tuple(listed.split("|")) for slot, listed in words.items()},
        backchannels=tuple(_BACKCHANNELS[name].split("|")),
    )


def _lines(block: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in block.strip().splitlines())


def sentence(language: str, rng: np.random.Generator, *, emotion: str = "neutral") -> str:
    """One to three sentences in ``language``, about 1.5 to 6 seconds when spoken.

    The first is about ``emotion`` if that is not neutral, and most of the others.

    Raises:
        ConfigError: there is no grammar for the language, or no such emotion.
    """
    if emotion not in EMOTIONS:
        raise ConfigError(f"emotion={emotion!r}: choose one of {', '.join(EMOTIONS)}")
    grammar = _grammar(language)
    felt = grammar.feelings.get(emotion, ())
    num_clauses = int(rng.choice(_NUM_CLAUSES, p=_CLAUSE_PROBABILITIES))
    return " ".join(
        _clause(
            grammar, felt if felt and (index == 0 or rng.random() < _FEELING_PROBABILITY) else grammar.templates, rng
        )
        for index in range(num_clauses)
    )


def backchannel(language: str, rng: np.random.Generator) -> str:
    """A word or two that a listener says, in ``language``."""
    words = _grammar(language).backchannels
    text = words[int(rng.integers(len(words)))]
    return text[0].upper() + text[1:]


def _clause(grammar: Grammar, templates: tuple[str, ...], rng: np.random.Generator) -> str:
    template = templates[int(rng.integers(len(templates)))]
    filled = {slot: words[int(rng.integers(len(words)))] for slot, words in grammar.words.items()}
    text = template.format(**filled)
    return text[0].upper() + text[1:]
