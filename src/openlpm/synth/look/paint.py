"""How light and line are put down: one dial from soft shading to cel shading, and a layer of ink."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from openlpm.synth.look.layout import Look
from openlpm.synth.look.shapes import coverage, line_of, over


def tone(look: Look, shade: Tensor) -> Tensor:
    """Shade (0 lit, 1 dark) as this style lays it: as it is, or hardened to two tones."""
    return torch.addcmul(look["cel_offset"], shade, look["cel"]).clamp(0.0, 1.0)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A picture in the making ``(N, 3, H, W)`` and the ink on it ``(N, 1, H, W)``, which later shapes cover."""

    colour: Tensor
    ink: Tensor
    pen: Tensor
    """Half the width of a line at every pixel."""
    edge: Tensor

    def painted(self, colour: Tensor) -> "Sheet":
        """The same ink on a changed picture."""
        return Sheet(colour=colour, ink=self.ink, pen=self.pen, edge=self.edge)

    def covered(self, distance: Tensor, alpha: Tensor | float = 1.0, *, line: Tensor | float = 1.0) -> "Sheet":
        """A shape has been painted with opacity ``alpha``: it hides the ink beneath and gets an outline."""
        ink = self.ink * (1.0 - coverage(distance, self.edge) * alpha)
        ink = torch.maximum(ink, line_of(distance, self.pen, self.edge) * (alpha * line))
        return Sheet(colour=self.colour, ink=ink, pen=self.pen, edge=self.edge)


def texture(x: Tensor, y: Tensor) -> Tensor:
    """Smooth blots ``(1, 1, H, W)`` between about -1 and 1, the same in every picture, as paper is."""
    a = (3.1 * x + 1.9 * (2.3 * y + 0.7).sin() + 0.4).sin() * (2.7 * y - 1.6 * (1.9 * x + 2.0).sin()).cos()
    b = (7.3 * x + 2.2 * (4.1 * y).sin() + 1.0).sin() * (6.1 * y + 2.0 * (5.2 * x + 0.5).sin()).sin()
    c = (17.0 * x + 1.5 * (11.0 * y).sin()).sin() * (15.0 * y + 1.7 * (13.0 * x).sin()).sin()
    return 0.55 * a + 0.3 * b + 0.15 * c


def finish(
    sheet: Sheet, look: Look, blots: Tensor, masks: tuple[Tensor, Tensor], place: tuple[Tensor, Tensor, Tensor, Tensor]
) -> Tensor:
    """Wash, hatching, ink and paper over the finished picture; ``place`` is x, y, and what the hatching sticks to.

    ``masks`` are the figure, which the bare border spares, and the skin of the face, which the hatching spares.
    """
    x, y, hatch_x, hatch_y = place
    figure, face = masks
    wash = look["wash"]
    canvas = sheet.colour * (1.0 + wash * (0.14 * blots + 0.03))
    border = ((x.abs() + 0.06 * blots).square().square() + (y.abs() + 0.05 * blots).square().square() + 1e-6).sqrt()
    bare = ((border - 0.62 + 0.2 * blots) * 6.0).clamp(0.0, 1.0) * look["vignette"] * (1.0 - 0.85 * figure)
    back = 0.38 * look["vignette"] * (1.0 - figure)
    thin = (look["paper_share"] * (0.8 + 0.5 * blots) + bare + back).clamp(0.0, 1.0)
    canvas = over(canvas, look["paper"], thin)
    dark = 1.0 - canvas.mean(1, keepdim=True)
    strokes = ((hatch_x + hatch_y) * 62.0 + 1.2 * blots).sin()
    crossed = ((hatch_x - 0.8 * hatch_y) * 60.0 + 1.2 * blots).sin()
    hatch = ((strokes + 2.6 * dark - 2.2) * 3.0).clamp(0.0, 1.0)
    hatch = torch.maximum(hatch, ((crossed + 2.6 * dark - 2.75) * 3.0).clamp(0.0, 1.0)) * look["hatch"]
    hatch = hatch * (1.0 - bare) * (1.0 - 0.8 * face)
    return over(canvas, look["ink"], torch.maximum(hatch, sheet.ink * look["ink_alpha"]))
