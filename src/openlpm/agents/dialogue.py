"""A conversation by rules: remembers a name and a topic, and does not say the same thing twice in a row."""

import re
from collections.abc import Sequence
from typing import final

from openlpm.agents.agent import Feeling
from openlpm.agents.small_talk import LATER, OTHERWISE, REFLECTIONS, RULES, Rule
from openlpm.agents.voice import Line
from openlpm.core.seeds import generator

_MOST_LETTERS = 80
"""Of the user's words in an answer: more would be parroting."""
_LATER_EVERY = 4
_SLOTS = re.compile(r"\{0\}|\{name\}|\{user\}|\{, user\}|\{topic\}")


@final
class Dialogue:
    """One conversation of the character ``name``; the same words in the same order get the same answers."""

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._rng = generator("dialogue", name, seed)
        self._user = ""
        self._topic = ""
        self._unread: dict[Sequence[str], list[str]] = {}
        self._aimless = 0

    @property
    def user(self) -> str:
        """What the user is called, as far as they said."""
        return self._user

    def answer(self, text: str) -> Line:
        """What the character says to ``text``, and with which feeling."""
        asked = " ".join(text.split())
        for rule in RULES:
            found = re.search(rule.pattern, asked, re.IGNORECASE)
            if found is not None:
                return self._by_rule(rule, found)
        self._aimless += 1
        replies = LATER if self._topic and self._aimless % _LATER_EVERY == 0 else OTHERWISE
        return Line(text=self._filled(self.choose(replies), ""), feeling=Feeling(emotion="thoughtful", intensity=0.5))

    def choose(self, replies: Sequence[str]) -> str:
        """One of them: all are used, in an order of chance, before one comes again."""
        left = self._unread.setdefault(tuple(replies), [])
        if not left:
            left.extend(replies[int(index)] for index in self._rng.permutation(len(replies)))
        return left.pop()

    def _by_rule(self, rule: Rule, found: re.Match[str]) -> Line:
        caught = next((group for group in found.groups() if group), "")
        if "{user}" in rule.replies[0] and caught:
            self._user = caught[:1].upper() + caught[1:_MOST_LETTERS]
        elif rule.emotion == "thoughtful" and caught:
            self._topic = _seen_from_here(caught)
        said = self._filled(self.choose(rule.replies), _seen_from_here(caught))
        return Line(text=said, feeling=Feeling(emotion=rule.emotion, intensity=rule.intensity))

    def _filled(self, reply: str, caught: str) -> str:
        """Each slot once, so that what the user typed is never read as a slot."""
        values = {
            "{0}": caught or "that",
            "{name}": self._name,
            "{user}": self._user,
            "{, user}": f", {self._user}" if self._user else "",
            "{topic}": self._topic,
        }
        filled = _SLOTS.sub(lambda slot: values[slot.group()], reply)
        return filled[:1].upper() + filled[1:]


def _seen_from_here(words: str) -> str:
    """What the user says of themselves, as the character says it of them: up to the first pause, without its mark."""
    clause = re.split(r"[.,;!?\n]", words, maxsplit=1)[0].strip()
    turned = " ".join(REFLECTIONS.get(word.lower(), word) for word in clause.split())
    return turned if len(turned) <= _MOST_LETTERS else "that"
