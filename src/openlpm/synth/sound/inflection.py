"""English forms of verb phrases such as those of ``synth.actions``: the verb comes first, further ones after ``~``."""

import re
from enum import Enum
from functools import cache
from typing import final

_DOUBLES = re.compile(r"(?:qu|[^aeiou])*[aeiou][bdgklmnprt]")
_FURTHER = re.compile(r"~(\w+)")


@final
class Form(Enum):
    """The form that a sentence wants."""

    BASE = "nod"
    THIRD = "nods"
    GERUND = "nodding"


@final
class Pronoun(Enum):
    """Who is meant, with the word for what is theirs; you, where somebody is told what to do."""

    HE = ("he", "his")
    SHE = ("she", "her")
    THEY = ("they", "their")
    YOU = ("you", "your")

    @property
    def subject(self) -> str:
        """As the subject of a sentence."""
        return self.value[0]

    @property
    def possessive(self) -> str:
        """Before what is theirs."""
        return self.value[1]

    @property
    def reflexive(self) -> str:
        """As the object of what they do to themselves."""
        return {"he": "himself", "she": "herself", "they": "themselves", "you": "yourself"}[self.subject]

    @property
    def form(self) -> Form:
        """The form of a verb after it."""
        return Form.BASE if self in (Pronoun.THEY, Pronoun.YOU) else Form.THIRD


def pronoun_of(appearance: str) -> Pronoun:
    """The pronoun for somebody who is described so."""
    words = set(re.findall(r"[a-z]+", appearance.lower()))
    if words & {"woman", "girl", "lady", "she", "her"}:
        return Pronoun.SHE
    return Pronoun.HE if words & {"man", "boy", "gentleman", "he", "his"} else Pronoun.THEY


def inflected(phrase: str, form: Form, pronoun: Pronoun) -> str:
    """``phrase`` with all its verbs in ``form`` and ``{their}`` filled in."""
    verb, _, rest = phrase.partition(" ")
    if verb == "slowly":  # the one adverb that may come first
        return f"slowly {inflected(rest.removeprefix('~'), form, pronoun)}"
    rest = _FURTHER.sub(lambda match: of_verb(match.group(1), form), rest)
    return f"{of_verb(verb, form)} {rest}".strip().replace("{their}", pronoun.possessive)


@cache
def of_verb(verb: str, form: Form) -> str:
    """A verb in ``form``."""
    if form is Form.BASE:
        return verb
    if form is Form.THIRD:
        if verb in ("have", "be"):
            return {"have": "has", "be": "is"}[verb]
        if verb.endswith("y") and verb[-2] not in "aeiou":
            return f"{verb[:-1]}ies"
        return f"{verb}es" if verb.endswith(("s", "sh", "ch", "x", "z", "o")) else f"{verb}s"
    if verb.endswith("e") and not verb.endswith("ee") and verb != "be":
        return f"{verb[:-1]}ing"
    return f"{verb}{verb[-1]}ing" if _DOUBLES.fullmatch(verb) else f"{verb}ing"


def listed(items: list[str]) -> str:
    """Items as a list with "and" before the last."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def capitalised(sentence: str) -> str:
    """With a capital first letter, all others as they are."""
    return f"{sentence[:1].upper()}{sentence[1:]}"
