"""How much more the error of a mouth or of eyes counts than that of what is around them."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from openlpm.core.errors import ConfigError

_MOUTH_SHARE, _EYES_SHARE = 0.03, 0.08
"""Of a picture, what a mouth and eyes take in a close shot: where they are smaller, each of their cells counts more."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Focus:
    """Weights of cells at mouth and eyes in a close shot, beside 1 elsewhere (our choice; the paper has none)."""

    mouth: float
    eyes: float
    most: float = 4.0
    """How many times more a cell counts, at most, where a face is small: a small mouth is as much to learn."""

    def __post_init__(self) -> None:
        if self.mouth < 1 or self.eyes < 1 or self.most < 1:
            raise ConfigError(f"mouth={self.mouth}, eyes={self.eyes}, most={self.most}: give weights of at least 1")

    def weights(self, mouth_BTHW: Tensor, eyes_BTHW: Tensor) -> Tensor:
        """Weight of every cell, float32 (B, T, H, W), from where mouth and eyes are (bool); a mouth comes first."""
        eyes_BT11 = self._weight(eyes_BTHW, self.eyes, _EYES_SHARE)
        mouth_BT11 = self._weight(mouth_BTHW, self.mouth, _MOUTH_SHARE)
        one = torch.ones((), device=mouth_BTHW.device)
        return torch.where(mouth_BTHW, mouth_BT11, torch.where(eyes_BTHW, eyes_BT11, one))

    def _weight(self, inside_BTHW: Tensor, weight: float, share: float) -> Tensor:
        part_BT11 = inside_BTHW.float().mean(dim=(2, 3), keepdim=True)
        return weight * (share / part_BT11.clamp_min(1e-6)).clamp(1, self.most)
