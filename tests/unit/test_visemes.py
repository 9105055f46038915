"""Phones of every spoken language become visemes."""

import pytest

from openlpm.core.rig import VISEMES
from openlpm.synth.sound.visemes import is_stressed, shares_of, unknown_symbols, viseme_symbol

pytestmark = pytest.mark.unit


def names(ipa: str) -> list[str]:
    return [VISEMES[share.viseme] for share in shares_of(ipa)]


@pytest.mark.parametrize(
    ("ipa", "wanted"),
    [
        ("p", ["PP"]), ("m", ["PP"]), ("f", ["FF"]), ("ð", ["TH"]), ("ç", ["CH"]), ("ˈu\u02d0", ["ou"]), ("y", ["ou"]),
        ("ɔ̃", ["oh"]), ("ũ", ["ou"]), ("ɐ̃ʊ", ["aa", "ou"]), ("tʃ", ["DD", "CH"]), ("pf", ["PP", "FF"]),
        ("əl", ["E", "nn"]), ("a-", ["aa"]), ("ʲ", ["ih"]), ("ˈaɪɚ", ["aa", "ih", "RR"]), ("", ["sil"]),
    ],
)  # fmt: skip
def test_a_phone_passes_through_the_mouths_of_its_parts(ipa: str, wanted: list[str]) -> None:
    assert names(ipa) == wanted


@pytest.mark.parametrize("ipa", ["a", "tʃ", "ˈaɪɚ", ""])
def test_shares_of_a_phone_fill_it(ipa: str) -> None:
    assert sum(share.share for share in shares_of(ipa)) == pytest.approx(1.0)
    assert all(share.share > 0 for share in shares_of(ipa))


def test_an_unknown_symbol_falls_to_a_near_class_and_is_counted() -> None:
    before = unknown_symbols["ᵽ"]
    assert names("ᵽ") == ["PP"]
    assert unknown_symbols["ᵽ"] == before + 1


def test_main_stress_is_told_from_the_rest() -> None:
    assert is_stressed("ˈa")
    assert not is_stressed("ˌa")
    assert not is_stressed("a")


def test_every_viseme_has_a_symbol_that_is_itself() -> None:
    before = unknown_symbols.total()
    for viseme, name in enumerate(VISEMES):
        assert names(viseme_symbol(viseme)) == [name]
        assert names(viseme_symbol(viseme, stressed=True)) == [name]
        assert is_stressed(viseme_symbol(viseme, stressed=True)) == (name != "sil")
    assert unknown_symbols.total() == before


@pytest.mark.parametrize(("ipa", "wanted"), [("ə̥", ["E"]), ("ɑ̥", ["aa"]), ("m̥", ["PP"])])
def test_voiceless_breath_has_the_mouth_it_is_made_with(ipa: str, wanted: list[str]) -> None:
    before = unknown_symbols.total()
    assert names(ipa) == wanted
    assert unknown_symbols.total() == before
