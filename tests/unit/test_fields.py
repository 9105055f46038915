from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from openlpm.core.errors import ConfigError
from openlpm.core.fields import as_json, changed, fields_of, has_field, told

pytestmark = pytest.mark.unit


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    low: float = 0.1
    high: float = 0.9
    size: int = 3

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise ConfigError(f"low={self.low}: give less than high={self.high}")


@dataclass(frozen=True)
class Outer:
    inner: Inner = Inner()
    other: Inner = Inner(size=5)
    colour: Colour = Colour.RED
    times: tuple[float, ...] = (1.0, 0.5)
    pair: tuple[int, int] = (1, 2)
    limit: float | None = None
    on: bool = False
    place: Path | None = None
    inners: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("inner.size=7", Outer(inner=Inner(size=7))),
        ("colour=blue", Outer(colour=Colour.BLUE)),
        ("times=1,0.6,0.2", Outer(times=(1.0, 0.6, 0.2))),
        ("times=(1.0,)", Outer(times=(1.0,))),
        ("pair=3,4", Outer(pair=(3, 4))),
        ("limit=2e-3", Outer(limit=0.002)),
        ("on=true", Outer(on=True)),
        ("place=a/b", Outer(place=Path("a/b"))),
    ],
)
def test_text_becomes_what_the_field_holds(text: str, wanted: Outer) -> None:
    assert changed(Outer(), [text]) == wanted


def test_none_is_given_where_it_may_be() -> None:
    assert changed(Outer(limit=1.0), ["limit=none"]).limit is None
    with pytest.raises(ConfigError, match=r"inner\.size=none: give a whole number"):
        changed(Outer(), ["inner.size=none"])


def test_the_end_of_a_name_is_enough_where_one_field_alone_ends_so() -> None:
    @dataclass(frozen=True)
    class Whole:
        outer: Outer = Outer()

    assert changed(Whole(), ["limit=3", "other.size=9"]).outer == Outer(limit=3.0, other=Inner(size=9))
    with pytest.raises(ConfigError, match=r"size could be outer\.inner\.size, outer\.other\.size"):
        changed(Whole(), ["size=9"])


def test_fields_that_depend_on_each_other_are_set_together() -> None:
    made = changed(Outer(), ["inner.low=2", "inner.high=3"])
    assert made.inner == Inner(low=2.0, high=3.0)
    with pytest.raises(ConfigError, match=r"low=2\.0: give less than high=0\.9"):
        changed(Outer(), ["inner.low=2"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("wings=2", r"there is no field wings; there are inner\.low, .*, times, pair"),
        ("inner=2", "there is no field inner; there are"),
        ("inner.size=1.5", "give a whole number"),
        ("limit=much", "limit=much: give a number"),
        ("colour=green", "give one of red, blue"),
        ("on=maybe", "give true or false"),
        ("pair=1", "give 2 values"),
        ("inners=1", "set in the recipe's code alone"),
        ("inner.size", "give a field and its value"),
        ("=3", "give a field and its value"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        changed(Outer(), [text])


def test_a_field_is_given_once() -> None:
    with pytest.raises(ConfigError, match=r"colour is given twice"):
        changed(Outer(), ["colour=blue", "colour=red"])


def test_what_is_told_can_be_given_back() -> None:
    config = Outer(colour=Colour.BLUE, limit=0.25, on=True, inner=Inner(low=0.2))
    lines = [line for line in told(config).splitlines() if not line.startswith("inners")]
    assert changed(Outer(), lines) == config
    assert as_json(config).keys() == fields_of(config).keys()
    assert has_field(config, "size")
    assert not has_field(config, "ize")
