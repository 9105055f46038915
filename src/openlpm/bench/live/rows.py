"""What rows of the live table are made of."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.live.visitor import Notes
from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate
from openlpm.engine.card import read_card


def skews_s(notes: Notes) -> NDArray[np.float64]:
    """How much later than its sound each burst of a test card was seen."""
    cards = [(one.at_s, read_card(one.picture_HWC)) for one in notes.seen]
    seen = edges([(at_s, card[1]) for at_s, card in cards if card is not None], 0.3)
    heard = edges([(one.at_s, one.loudness) for one in notes.heard], 0.1)
    return np.array([min((at_s - other for other in heard), key=abs) for at_s in seen]) if heard else np.zeros(0)


def edges(levels: list[tuple[float, float]], threshold: float) -> list[float]:
    """Moments at which a level rises above a threshold after at least a third of a second below."""
    found: list[float] = []
    below_s: float | None = None
    for at_s, level in levels:
        if level < threshold:
            below_s = at_s if below_s is None else below_s
        else:
            if below_s is not None and at_s - below_s > 1 / 3:
                found.append(at_s)
            below_s = None
    return found


def drift_ms(skew_s: NDArray[np.float64]) -> float:
    """Of the last tenth against the first."""
    tenth = max(skew_s.size // 10, 1)
    return 1e3 * float(np.median(skew_s[-tenth:]) - np.median(skew_s[:tenth])) if skew_s.size else float("nan")


def p95(values: Sequence[float]) -> float:
    """Only a twentieth is above it."""
    return float(np.quantile(values, 0.95))


def p99(values: Sequence[float]) -> float:
    """Only a hundredth is above it."""
    return float(np.quantile(values, 0.99))


def row(
    name: str, of: Callable[[Sequence[float]], float], values: Sequence[float], unit: str, bar: Bar | None = None
) -> Row:
    """A row of one number made from many."""
    value = float(of(values)) if values else float("nan")
    return Row.of(name, Estimate.single(value, n=len(values)), unit=unit, bar=bar)


def count(name: str, count: int, of: int, bar: Bar | None = None) -> Row:
    """A row of how many of how many."""
    return Row.of(name, Estimate.single(float(count), n=of), bar=bar)
