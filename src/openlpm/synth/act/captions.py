"""Captions: what is seen in a clip, in English, in hundreds of ways, as users would ask for it.

``held_out`` phrases (``Choice.held_out``, ``Action.held_out``) never occur in the training split: whoever follows them
understands more than a list. For a prompt of your own, fill in a ``Content``::

    caption(Content(appearance="a man", states=(State.SPEAK,), steps=(Step(action="nod", at_s=2.0, timed=True),)))
"""

from dataclasses import replace
from typing import final

import numpy as np

from openlpm.core.emotion import EMOTIONS
from openlpm.core.rig import State
from openlpm.core.seeds import generator
from openlpm.synth.act import phrasing
from openlpm.synth.act.actions import ACTIONS
from openlpm.synth.act.content import Content, Mood
from openlpm.synth.act.feelings import Course
from openlpm.synth.act.phrasing import Choice
from openlpm.synth.sound.inflection import Form, Pronoun, capitalised, inflected, listed, pronoun_of

MAX_WORDS = 32
"""What a small text encoder reads of a caption."""
_WEAK, _STRONG = 0.45, 0.75
_SHORT_SUBJECT, _SAYS_TIMES, _SAYS_PLACE = 0.35, 0.3, 0.4
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def caption(content: Content, *, seed: int = 0, held_out: bool = False, max_words: int = MAX_WORDS) -> str:
    """One to three sentences that say ``content``; another seed gives other words.

    If it comes to more than ``max_words``, the persona, then the appearance and then reactions are left out, and at
    last whatever is too long is said.
    """
    rng = generator("caption", seed)
    text = ""
    for changes in ({}, {"persona": ""}, {"appearance": shortened(content.appearance)}, {"reactions": ()}):
        content = replace(content, **changes)
        text = _Writer(rng, content, held_out=held_out).text()
        if len(text.split()) <= max_words:
            break
    return text


def shortened(appearance: str) -> str:
    """The first words of a description: "a man with a hat, wearing a coat" is a man."""
    return appearance.partition(",")[0].partition(" with ")[0]


@final
class _Writer:
    """Puts one caption into words."""

    def __init__(self, rng: np.random.Generator, content: Content, *, held_out: bool) -> None:
        self._rng, self._content, self._held_out = rng, content, held_out
        self._pronoun = pronoun_of(content.appearance)

    def text(self) -> str:
        """The caption."""
        content, draw = self._content, self._rng.random()
        only_acts = bool(content.steps) and set(content.states) <= {State.IDLE}
        states = () if only_acts and self._rng.random() < 0.6 else content.states
        if not states and not content.steps:
            states = (State.IDLE,)
        mood = self._mood()
        if draw < 0.18:
            body = self._imperative(states, mood)
        elif draw < 0.45:
            body = self._scene(states, mood)
        else:
            body = self._narrative(states, mood)
        if content.persona and self._pronoun is not Pronoun.YOU and self._rng.random() < 0.6:
            body += " " + self._sentence(phrasing.PERSONA_SENTENCES, p=self._word(phrasing.PERSONAS[content.persona]))
        return body

    def _word(self, choice: Choice) -> str:
        words = choice.of(held_out=self._held_out)
        return words[int(self._rng.integers(len(words)))]

    def _subject(self) -> str:
        if not self._content.appearance:
            return self._word(phrasing.SOMEBODY)
        if self._rng.random() < _SHORT_SUBJECT and self._pronoun is not Pronoun.THEY:
            return self._pronoun.subject
        appearance = self._content.appearance
        return f"{appearance}," if "," in appearance else appearance

    def _narrative(self, states: tuple[State, ...], mood: str) -> str:
        """Somebody does this and then that. They look so. They act."""
        subject = self._subject()
        doings = self._doings(states, Form.THIRD)
        steps = self._content.steps
        adverb = self._adverb() if mood and doings and self._rng.random() < 0.4 else ""
        apart = bool(steps) and (len(doings) > 1 or self._rng.random() < 0.5)
        if not doings:
            text = f"{subject} {self._steps(Form.THIRD)}"
        elif apart or not steps:
            text = f"{subject} {self._sequence(doings, adverb)}"
        else:
            text = f"{subject} {self._sequence(doings, adverb)} and {self._steps(Form.THIRD)}"
        rest = ""
        if mood and not adverb:
            if self._rng.random() < 0.6:
                text += f", {mood}"
            else:
                rest = " " + self._mood_sentence()
        if apart and doings:
            rest += f" {capitalised(f'{self._pronoun.subject} {self._steps(self._pronoun.form)}')}."
        return capitalised(f"{text}.{rest}")

    def _scene(self, states: tuple[State, ...], mood: str) -> str:
        """Somebody doing this and that."""
        doings = [*(one for act in self._doings(states, Form.GERUND) for one in act)]
        text = listed(doings) if doings else ""
        if self._content.steps:
            steps = self._steps(Form.GERUND)
            text = f"{text}, {steps}" if text else steps
        scene = self._word(phrasing.SCENES).format(s=self._subject_noun(), gerund=text or "waiting")
        return capitalised(f"{scene}{f', {mood}' if mood else ''}.".replace(",,", ","))

    def _subject_noun(self) -> str:
        subject = self._subject()
        return subject if subject not in ("he", "she") else {"he": "a man", "she": "a woman"}[subject]

    def _imperative(self, states: tuple[State, ...], mood: str) -> str:
        """Do this, then do that."""
        self._pronoun = Pronoun.YOU
        doings = self._doings(states, Form.BASE)
        adverb = self._adverb() if mood and doings and self._rng.random() < 0.5 else ""
        parts = [self._sequence(doings, adverb)] if doings else []
        if self._content.steps:
            parts.append(self._steps(Form.BASE))
        if mood and not adverb:
            steady = self._content.course in (Course.STEADY, Course.MIX)
            parts.append(f"{'look ' if steady else ''}{self._bare_mood()}")
        return " ".join(f"{capitalised(part)}." for part in parts) or "Wait."

    def _doings(self, states: tuple[State, ...], form: Form) -> list[list[str]]:
        """For every state its verb, and after listening the reactions."""
        doings: list[list[str]] = []
        reactions = list(self._content.reactions[:3])
        for state in states:
            doing = [inflected(self._word(phrasing.STATES[state]), form, self._pronoun)]
            if state == State.LISTEN:
                doing += [inflected(self._word(phrasing.REACTIONS[kind]), form, self._pronoun) for kind in reactions]
            doings.append(doing)
        return doings

    def _sequence(self, doings: list[list[str]], adverb: str) -> str:
        """States in turn: "listens, nods and then speaks happily"."""
        if adverb:
            last = len(doings) - 1
            doings[last][0] = f"{doings[last][0]} {adverb}"
        *earlier, final_ = doings
        before = ", ".join(verb for act in earlier for verb in act)
        return f"{before}{' and then ' if before else ''}{listed(final_)}"

    def _steps(self, form: Form) -> str:
        """The actions in their order, some with their times."""
        steps = self._content.steps
        says_times = self._rng.random() < _SAYS_TIMES
        said: list[str] = []
        for index, step in enumerate(steps):
            action = ACTIONS[step.action]
            choice = Choice(action.says, action.held_out)
            verb = inflected(self._word(choice), form, self._pronoun)
            when = ""
            if step.at_s is not None and (step.timed or says_times):
                when = f" {self._time(step.at_s)}"
            elif len(steps) == 1 and step.place is not None and self._rng.random() < _SAYS_PLACE:
                place = phrasing.AT_START if step.place < 0.25 else phrasing.AT_END if step.place > 0.6 else None
                when = " " + self._word(place or phrasing.AT_MIDDLE)
            link = ""
            if len(steps) > 1:
                link = self._word(
                    phrasing.FIRST if index == 0 else phrasing.LAST if index == len(steps) - 1 else phrasing.NEXT
                )
            said.append(f"{link}{verb}{when}")
        if len(said) > 1 and said[-1].split(" ")[0] != "then":
            return f"{', '.join(said[:-1])} and {said[-1]}"
        return ", ".join(said)

    def _adverb(self) -> str:
        moods = self._content.moods
        if len(moods) != 1 or self._content.course != Course.STEADY:
            return ""
        return self._word(phrasing.ADVERBS[moods[0].emotion])

    def _mood(self) -> str:
        """The mood as an addition to a sentence: "looking very happy"; empty if there is none."""
        if not self._content.moods:
            return ""
        if len(self._content.moods) == 1 and self._content.course == Course.STEADY:
            adjective = self._adjective(self._content.moods[0])
            if adjective.startswith("a "):
                return f"looking {adjective}"
            article = "an" if adjective[0] in "aeiou" else "a"
            return self._word(phrasing.ONE_MOOD).format(a=adjective, an_a=f"{article} {adjective}")
        return self._bare_mood()

    def _bare_mood(self) -> str:
        """The mood without a verb: "at first happy, then slightly sad"."""
        moods, course = self._content.moods, self._content.course
        if len(moods) == 1:
            first = self._adjective(moods[0])
            return self._word(phrasing.BRIEF_MOOD).format(a=first) if course == Course.SWELL else first
        if course == Course.MIX:
            return self._word(phrasing.TWO_MOODS_AT_ONCE).format(
                a=self._adjective(moods[0]), b=self._adjective(moods[1], plain=True)
            )
        if moods[0].emotion == EMOTIONS[0]:
            return self._word(phrasing.RISING_MOOD).format(a=self._adjective(moods[1], plain=True))
        first = self._adjective(moods[0])
        if moods[1].emotion == EMOTIONS[0]:
            return self._word(phrasing.FALLING_MOOD).format(a=first)
        return self._word(phrasing.TWO_MOODS_IN_TURN).format(a=first, b=self._adjective(moods[1]))

    def _mood_sentence(self) -> str:
        """The mood as a sentence of its own."""
        moods, course = self._content.moods, self._content.course
        if course == Course.CHANGE:
            words = {"a": self._adjective(moods[0]), "b": self._adjective(moods[1])}
            return self._sentence(phrasing.FOLLOWING_SENTENCES, **words)
        if course == Course.SWELL:
            return self._sentence(phrasing.BRIEF_SENTENCES, a=self._adjective(moods[0]))
        return self._sentence(phrasing.MOOD_SENTENCES, m=self._bare_mood())

    def _adjective(self, mood: Mood, *, plain: bool = False) -> str:
        """An adjective with a degree, unless it has to be ``plain``."""
        degree = phrasing.DEGREES[0 if mood.intensity < _WEAK else 2 if mood.intensity > _STRONG else 1]
        word = self._word(phrasing.ADJECTIVES[mood.emotion]).replace("{self}", self._pronoun.reflexive)
        return word if plain or mood.emotion == EMOTIONS[0] else f"{self._word(degree)} {word}".strip()

    def _sentence(self, choice: Choice, **words: str) -> str:
        ending = "" if self._pronoun is Pronoun.THEY else "s"
        who = self._pronoun.subject
        return self._word(choice).replace("~", ending).format(Pronoun=capitalised(who), pronoun=who, **words)

    def _time(self, time_s: float) -> str:
        """The nearest half second, as a numeral or, where it is whole, in words."""
        halves = round(2 * time_s)
        if halves == 0:
            return self._word(phrasing.AT_START)
        number = f"{halves / 2:g}"
        if halves % 2 == 0 and halves // 2 < len(_NUMBERS) and self._rng.random() < 0.5:
            number = _NUMBERS[halves // 2]
        return self._word(phrasing.AT_TIME).format(t=number, seconds="second" if halves == 2 else "seconds")
