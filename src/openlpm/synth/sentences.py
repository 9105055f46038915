"""Things to say: seeded sentences, questions and exclamations, thousands in each language.

Built from templates and word lists chosen for their mouths: many closed lips (p, b, m), teeth on lips (f, v),
tongues (th, l) and round vowels. Every word of a list fits every place of its kind, so grammar holds.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.core.errors import ConfigError
from openlpm.synth.grammars import GRAMMARS

_NUM_CLAUSES = (1, 2, 3)
_CLAUSE_PROBABILITIES = (0.5, 0.42, 0.08)
_LANGUAGE_GRAMMARS = {
    "en-us": "en", "en-gb": "en", "de": "de", "fr": "fr", "es": "es", "it": "it", "pt": "pt", "pt-br": "pt", "nl": "nl",
}  # fmt: skip


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Grammar:
    """Templates whose ``{slots}`` are filled from word lists."""

    templates: tuple[str, ...]
    words: dict[str, tuple[str, ...]]


def _grammar(language: str) -> Grammar:
    if language not in _LANGUAGE_GRAMMARS:
        raise ConfigError(f"language={language!r}: there is a grammar for {', '.join(_LANGUAGE_GRAMMARS)}")
    templates, words = GRAMMARS[_LANGUAGE_GRAMMARS[language]]
    return Grammar(
        templates=tuple(line.strip() for line in templates.strip().splitlines()),
        words={slot: tuple(listed.split("|")) for slot, listed in words.items()},
    )


_CACHE: dict[str, Grammar] = {}


def sentence(language: str, rng: np.random.Generator) -> str:
    """One to three sentences in ``language``, about 1.5 to 6 seconds when spoken.

    Raises:
        ConfigError: there is no grammar for the language.
    """
    if language not in _CACHE:
        _CACHE[language] = _grammar(language)
    grammar = _CACHE[language]
    num_clauses = int(rng.choice(_NUM_CLAUSES, p=_CLAUSE_PROBABILITIES))
    return " ".join(_clause(grammar, rng) for _ in range(num_clauses))


def _clause(grammar: Grammar, rng: np.random.Generator) -> str:
    template = grammar.templates[int(rng.integers(len(grammar.templates)))]
    filled = {slot: words[int(rng.integers(len(words)))] for slot, words in grammar.words.items()}
    text = template.format(**filled)
    return text[0].upper() + text[1:]
