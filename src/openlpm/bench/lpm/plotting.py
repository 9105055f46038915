"""Two kinds of plot as SVG text: intervals on a line, and a share for every dimension."""

import html
import math
from collections.abc import Mapping, Sequence

_COLOURS = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#cf222e", "#57606a", "#9a6700", "#bf3989")
_WIDTH, _ROW, _LEFT, _RIGHT = 760, 24, 260, 20
_LABEL = 120
"""Pixels that the words of a mark take."""


def intervals(rows: Sequence[tuple[str, float, float | None, float | None]], marks: Mapping[str, float]) -> str:
    """A dot and its interval a row, (name, value, low, high); ``marks`` are lines across all rows."""
    numbers = [each for row in rows for each in row[1:] if each is not None] + list(marks.values())
    low, high = min(numbers), max(numbers)
    ends = (low, high)
    pad = 0.05 * (high - low) or 0.5
    low, high = low - pad, high + pad
    height = _ROW * (len(rows) + 2)

    def at(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    parts = [_opening(_WIDTH, height)]
    ordered = sorted(marks.items(), key=lambda mark: mark[1])
    close = len(ordered) == 2 and at(ordered[1][1]) - at(ordered[0][1]) < _LABEL
    for place, (name, value) in enumerate(ordered):
        # Two labels that would lie on each other stand back to back.
        anchor = ("end", "start")[place] if close else "middle"
        aside = (-3, 3)[place] if close else 0
        parts.append(_line(at(value), 0, at(value), height - 2 * _ROW, "#8c959f", dashed=True))
        parts.append(_text(at(value) + aside, height - _ROW - 6, f"{name} {value:.3g}", anchor=anchor))
    for index, (name, value, least, most) in enumerate(rows):
        y, colour = _ROW * (index + 0.5), _COLOURS[index % len(_COLOURS)]
        parts.append(_text(_LEFT - 8, y + 4, name, anchor="end"))
        if least is not None and most is not None:
            parts.append(_line(at(least), y, at(most), y, colour))
        parts.append(f'<circle cx="{at(value):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    parts += [_text(at(value), height - 4, f"{value:.3g}", anchor="middle") for value in dict.fromkeys(ends)]
    return "".join(parts) + "</svg>"


def radar(shares: Mapping[str, Mapping[str, float]]) -> str:
    """A polygon an entry over the dimensions that any shows: 1 at the rim is the truth, 0 the worst control."""
    axes = list(dict.fromkeys(dim for one in shares.values() for dim in one))
    axes.sort(key=lambda dim: int(dim[1:]))
    if len(axes) < 3:
        return ""
    size, reach = 420, 150
    middle = size / 2

    def at(index: int, share: float) -> tuple[float, float]:
        angle = 2 * math.pi * index / len(axes) - math.pi / 2
        return middle + share * reach * math.cos(angle), middle + share * reach * math.sin(angle)

    parts = [_opening(size + 220, size)]
    for share in (0.5, 1.0):
        rim = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(index, share) for index in range(len(axes))))
        parts.append(f'<polygon points="{rim}" fill="none" stroke="#8c959f" stroke-opacity="0.5"/>')
    for index, dim in enumerate(axes):
        parts.append(_line(middle, middle, *at(index, 1.0), "#8c959f80"))
        x, y = at(index, 1.12)
        parts.append(_text(x, y + 4, dim, anchor="middle"))
    for number, (name, one) in enumerate(shares.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(i, one[dim]) for i, dim in enumerate(axes) if dim in one))
        parts.append(f'<polygon points="{corners}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<rect x="{size}" y="{20 * number + 10}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(size + 18, 20 * number + 21, name))
    parts.append(_text(middle, size - 8, "rim: as the truth; centre: as the worst control", anchor="middle"))
    return "".join(parts) + "</svg>"


def _opening(width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        'font-family="system-ui,sans-serif" font-size="12">'
    )


def _line(x0: float, y0: float, x1: float, y1: float, colour: str, *, dashed: bool = False) -> str:
    style = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}" stroke-width="2"{style}/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor">{html.escape(words)}</text>'
