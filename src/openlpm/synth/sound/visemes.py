"""From the phones of espeak-ng (IPA, all its spoken languages) to the fifteen visemes of ``core.rig.VISEMES``."""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import final

from openlpm.core.rig import VISEMES

_STRESS = "ˈˌ"
_MARKS = ("Mn", "Lm", "Sk", "Pd", "Nd")  # diacritics, modifiers and dashes
_BASES = {
    "PP": "pbmɓʙ",
    "FF": "fvɱʋβɸ",
    "TH": "θð",
    "DD": "tdɾɖʈɗ",
    "kk": "kɡgxɣhɦŋqɢχħʕʔɰc",
    "CH": "ʃʒɕʑʂʐçɟʝ",
    "SS": "sz",
    "nn": "nlɲʎɳɫɭɬɴ",
    "RR": "rɹɻʁʀɚɝɜ",
    "aa": "aɑɐʌæɒä",
    "E": "eɛəɘɤᵻ",
    "ih": "iɪjɨɯʲ",
    "oh": "oɔøœɵɞ",
    "ou": "uʊywʏʉɥʍ",
}
_VISEME_OF = {symbol: VISEMES.index(name) for name, symbols in _BASES.items() for symbol in symbols}
_SILENT = VISEMES.index("sil")
_NEAREST_VOWEL = VISEMES.index("E")
_NEAREST_CONSONANT = VISEMES.index("DD")
_LATIN_VOWELS = "aeiouy"

_PLAIN_VISEME = "v:"

unknown_symbols: Counter[str] = Counter()
"""How often a symbol outside the table has been met since the process started."""


@final
@dataclass(frozen=True, slots=True)
class Share:
    """Part of a phone: ``share`` of its time is spent in ``viseme``; the shares of a phone add up to 1."""

    viseme: int
    share: float


def is_stressed(ipa: str) -> bool:
    """Whether the phone carries the main stress of its word."""
    return ipa.startswith("ˈ")


def viseme_symbol(viseme: int, *, stressed: bool = False) -> str:
    """The symbol of a viseme itself, for sounds whose phones are unknown, such as ``v:PP``; silence is a pause."""
    if viseme == _SILENT:
        return ""
    return f"{_STRESS[0] if stressed else ''}{_PLAIN_VISEME}{VISEMES[viseme]}"


@cache
def shares_of(ipa: str) -> tuple[Share, ...]:
    """The visemes that a phone passes through: one for most, two or more for diphthongs and affricates.

    A symbol made by ``viseme_symbol`` is its viseme.

    Stress, length and other diacritics do not matter. A symbol outside the table counts as a middle vowel or as
    a tongue-tip consonant, whichever is nearer, and is counted in ``unknown_symbols``.
    """
    plain = ipa.lstrip(_STRESS)
    if plain.startswith(_PLAIN_VISEME):
        return (Share(VISEMES.index(plain.removeprefix(_PLAIN_VISEME)), 1.0),)
    visemes: list[int] = []
    for character in unicodedata.normalize("NFC", ipa):
        viseme = _VISEME_OF.get(character)
        if viseme is None:
            base = unicodedata.normalize("NFD", character)[0]
            if base in _STRESS or unicodedata.category(base) in _MARKS:
                continue
            viseme = _VISEME_OF.get(base)
        if viseme is None:
            unknown_symbols[character] += 1
            viseme = _nearest(character)
        if not visemes or visemes[-1] != viseme:
            visemes.append(viseme)
    if not visemes:
        return (Share(_SILENT, 1.0),)
    # The first part of a diphthong is its longer one; the closure of an affricate is the shorter.
    first = 1.0 / len(visemes) + (0.1 if len(visemes) > 1 else 0.0)
    rest = (1.0 - first) / max(len(visemes) - 1, 1)
    return (Share(visemes[0], first), *(Share(viseme, rest) for viseme in visemes[1:]))


def _nearest(character: str) -> int:
    words = unicodedata.name(character, "").split("LETTER ")[-1].lower().split()
    for word in reversed(words):
        if len(word) == 1 and word in _VISEME_OF:
            return _VISEME_OF[word]
    return _NEAREST_VOWEL if any(word in _LATIN_VOWELS for word in words) else _NEAREST_CONSONANT
