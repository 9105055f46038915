"""How different two clips look, by the features with which a frozen autoencoder paints them (our stand-in for LPIPS).

LPIPS compares features of a network that was trained on photographs (Zhang et al. 2018), which is neither at hand nor
at home among drawings. A decoder's own features know what matters for these pictures. They are compared as LPIPS does:
of unit length at every place, squared and averaged, layer by layer.
"""

from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from openlpm.vae.autoencoder import VideoAutoencoder


@final
class FeatureDistance:
    """Mean squared distance of the decoder's features, over all but its finest stage."""

    def __init__(self, vae: VideoAutoencoder) -> None:
        self._vae = vae

    def __call__(self, made_BCTHW: Tensor, data_BCTHW: Tensor) -> Tensor:
        """A scalar, 0 for equal clips; the gradient reaches ``made`` alone."""
        device = made_BCTHW.device
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            made = self._vae.decoder.features(made_BCTHW.transpose(1, 2))
            with torch.no_grad():
                wanted = self._vae.decoder.features(data_BCTHW.transpose(1, 2))
        parts = [
            (functional.normalize(one.float(), dim=1) - functional.normalize(other.float(), dim=1)).square().sum(dim=1)
            for one, other in zip(made, wanted, strict=True)
        ]
        return torch.stack([part.mean() for part in parts]).mean()
