"""Charts as SVG text, for pages that load nothing."""

import html
from collections.abc import Sequence
from typing import Final

import numpy as np

_BAR: Final = "#4a7fb5"
_BOUND: Final = "#c0392b"
_PARTS: Final = ("#4a7fb5", "#d08a3c", "#6aa36a", "#9a6fb0", "#b5544a", "#7c7c7c")
_WIDTH, _HEIGHT, _BINS = 300, 120, 30
_FAR: Final = 1e8
"""Bounds beyond this are none."""


def bars(shares: Sequence[tuple[str, float]]) -> str:
    """Horizontal bars with their shares in per cent."""
    rows: list[str] = []
    for number, (name, share) in enumerate(shares):
        y = 8 + 28 * number
        rows.append(
            f'<text x="200" y="{y + 15}" text-anchor="end">{html.escape(name)}</text>'
            f'<rect x="210" y="{y}" width="{max(1.0, 600 * share):.1f}" height="20" fill="{_BAR}"/>'
            f'<text x="{216 + 600 * share:.1f}" y="{y + 15}">{100 * share:.1f} %</text>'
        )
    height = 16 + 28 * len(shares)
    return f'<svg role="img" width="890" height="{height}" viewBox="0 0 890 {height}">{"".join(rows)}</svg>'


def stacked(parts: Sequence[tuple[str, float]]) -> str:
    """One bar of all, its parts beside one another, with a legend that gives their shares of it."""
    total, x = sum(share for _, share in parts) or 1.0, 100.0
    drawn: list[str] = []
    for number, (name, share) in enumerate(parts):
        colour, width, y = _PARTS[number % len(_PARTS)], 600 * share / total, 40 + 20 * number
        drawn.append(
            f'<rect x="{x:.1f}" y="8" width="{max(width, 0.5):.1f}" height="22" fill="{colour}"/>'
            f'<rect x="100" y="{y}" width="12" height="12" fill="{colour}"/>'
            f'<text x="118" y="{y + 11}">{html.escape(name)}: {100 * share / total:.1f} %</text>'
        )
        x += width
    height = 44 + 20 * len(parts)
    return f'<svg role="img" width="780" height="{height}" viewBox="0 0 780 {height}">{"".join(drawn)}</svg>'


def histogram(name: str, values: Sequence[float], bounds: tuple[str | None, str | None]) -> str:
    """How a score is spread, with a line at each bound."""
    limits = [float(bound) for bound in bounds if bound is not None and abs(float(bound)) < _FAR]
    low, high = min([*values, *limits]), max([*values, *limits])
    room = (high - low) or 1.0
    counts, _ = np.histogram(values, bins=_BINS, range=(low, low + room))
    tallest = max(1, int(counts.max()))
    step = _WIDTH / _BINS
    drawn = [
        f'<rect x="{10 + index * step:.1f}" y="{20 + _HEIGHT * (1 - count / tallest):.1f}" width="{step - 1:.1f}" '
        f'height="{_HEIGHT * count / tallest:.1f}" fill="{_BAR}"/>'
        for index, count in enumerate(counts.tolist())
        if count
    ]
    for limit in limits:
        x = 10 + _WIDTH * (limit - low) / room
        drawn.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="14" y2="{20 + _HEIGHT}" stroke="{_BOUND}"/>')
    label = html.escape(f"{name} (n = {len(values)})")
    return (
        f'<svg role="img" width="{_WIDTH + 20}" height="{_HEIGHT + 42}">{"".join(drawn)}'
        f'<text x="10" y="11">{label}</text>'
        f'<text x="10" y="{_HEIGHT + 36}">{low:.4g}</text>'
        f'<text x="{_WIDTH + 10}" y="{_HEIGHT + 36}" text-anchor="end">{low + room:.4g}</text></svg>'
    )


def curve(name: str, points: Sequence[tuple[float, float]]) -> str:
    """A line over steps, from its smallest value to its largest; both ends of both axes are written down."""
    steps, values = [step for step, _ in points], [value for _, value in points]
    finite = [value for value in values if np.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    wide, tall = (steps[-1] - steps[0]) or 1.0, (high - low) or 1.0
    drawn = " ".join(
        f"{10 + _WIDTH * (step - steps[0]) / wide:.1f},{20 + _HEIGHT * (1 - (value - low) / tall):.1f}"
        for step, value in points
        if np.isfinite(value)
    )
    label = html.escape(f"{name}: {values[-1]:.4g}")
    return (
        f'<svg role="img" width="{_WIDTH + 20}" height="{_HEIGHT + 42}"><title>{label}</title>'
        f'<polyline fill="none" stroke="{_BAR}" stroke-width="1.5" points="{drawn}"/>'
        f'<text x="10" y="11">{label}</text>'
        f'<text x="10" y="{_HEIGHT + 36}">{steps[0]:g}; {low:.4g}</text>'
        f'<text x="{_WIDTH + 10}" y="{_HEIGHT + 36}" text-anchor="end">{steps[-1]:g}; {high:.4g}</text></svg>'
    )
