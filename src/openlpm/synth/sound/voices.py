"""Voices of the speech synthesiser, divided so that nobody heard in validation or test was heard in training."""

from dataclasses import dataclass
from functools import cache
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split, generator

LANGUAGES = ("en-us", "en-gb", "de", "fr", "es", "it", "pt", "pt-br", "nl")
"""Languages spoken in every split; each has a grammar in ``synth.sentences``."""

_FORBIDDEN_VARIANTS = frozenset({"Demonic"})  # this one crashes the library

_TRAIN_VARIANTS = (
    "m1", "m2", "m3", "m4", "m5", "f1", "f2", "f3", "Alex", "Alicia", "Andy", "Annie", "Denis", "Diogo", "Gene",
    "Henrique", "Hugo", "Jacky", "Marco", "Mike", "adam", "anika", "antonio", "aunty", "belinda", "boris", "caleb",
    "david", "ed", "edward", "grandma", "gustave", "ian", "iven", "john", "klatt", "klatt3", "marcelo", "max",
    "michel", "miguel", "pablo", "pedro", "quincy", "rob", "sandro", "shelby", "steph", "travis", "victor", "whisper",
)  # fmt: skip
_VALIDATION_VARIANTS = ("m6", "f4", "Andrea", "Lee", "Michael", "benjamin", "linda", "robert")
_TEST_VARIANTS = (
    "m7",
    "m8",
    "f5",
    "Mario",
    "Reed",
    "Storm",
    "norbert",
    "paul",
    "grandpa",
    "zac",
    "kaukovalta",
    "announcer",
)
_VARIANTS = {
    Split.TRAIN: _TRAIN_VARIANTS,
    Split.VALIDATION: _VALIDATION_VARIANTS,
    Split.TEST: _TEST_VARIANTS,
}
_NUM_LANGUAGES_OF_A_VARIANT = 4
_RATES_WPM = (120, 215)
_PITCHES = (25, 75)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """One speaker: a language of the synthesiser in one of its voice variants."""

    language: str
    """One of ``LANGUAGES``."""
    variant: str
    """Name of an espeak-ng variant, such as ``m3``."""
    rate_wpm: int = 165
    """Words a minute, 80 to 300."""
    pitch: int = 50
    """0 to 99; 50 is the variant's own pitch."""

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ConfigError(f"language={self.language!r}: choose one of {', '.join(LANGUAGES)}")
        if self.variant in _FORBIDDEN_VARIANTS:
            raise ConfigError(f"variant={self.variant!r}: this variant crashes espeak-ng; choose another, such as 'm3'")
        if not 80 <= self.rate_wpm <= 300:
            raise ConfigError(f"rate_wpm={self.rate_wpm}: choose 80 to 300 words a minute")
        if not 0 <= self.pitch <= 99:
            raise ConfigError(f"pitch={self.pitch}: choose 0 to 99")

    @property
    def name(self) -> str:
        """For instance ``en-us+m3@165/50``."""
        return f"{self.language}+{self.variant}@{self.rate_wpm}/{self.pitch}"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class HumanVoice:
    """A person on a recording."""

    name: str
    """Tells the speakers of a bank apart, such as ``librispeech-103``; no line breaks."""
    language: str = "en"

    def __post_init__(self) -> None:
        if not self.name or "\n" in self.name or "\t" in self.name or "\t" in self.language:
            raise ConfigError(f"name={self.name!r}: name the speaker in one line without tabs")


Speaker = Voice | HumanVoice
"""Whoever can be heard in a bank."""


def split_of_human(name: str) -> Split:
    """The split of a recorded speaker, by the name alone: eight in ten train, one each validates and tests."""
    draw = generator("human", name).random()
    return Split.TRAIN if draw < 0.8 else Split.VALIDATION if draw < 0.9 else Split.TEST


@cache
def voices_of(split: Split) -> tuple[Voice, ...]:
    """Every voice of a split, always in the same order; variants are never shared between splits.

    Each variant speaks ``_NUM_LANGUAGES_OF_A_VARIANT`` languages, always an English one among them, at a rate
    and pitch of its own in each.
    """
    return tuple(voice for variant in _VARIANTS[split] for voice in _voices_of_variant(variant))


def _voices_of_variant(variant: str) -> list[Voice]:
    rng = generator("voice", variant)
    english = LANGUAGES[int(rng.integers(2))]
    others = [language for language in LANGUAGES if language != english]
    chosen = [english, *rng.permutation(others)[: _NUM_LANGUAGES_OF_A_VARIANT - 1].tolist()]
    return [
        Voice(
            language=str(language),
            variant=variant,
            rate_wpm=int(rng.integers(*_RATES_WPM)),
            pitch=int(rng.integers(*_PITCHES)),
        )
        for language in chosen
    ]
