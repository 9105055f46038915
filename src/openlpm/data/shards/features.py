"""Latents and speech features that are made beforehand, with the fingerprints of the networks that made them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from openlpm.encoders.mel import log_mel
from openlpm.encoders.speech import SpeechEncoder
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.weights import bundled

BUNDLED: Final = "bundled"
STILL_EVERY: Final = 3
"""Latent frames between the moments of which a still is made, for windows that are given their first frame."""


@torch.no_grad()
def fingerprint(module: nn.Module) -> str:
    """A name for the weights of a network: 24 hexadecimal digits of a hash over all tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]


@final
@dataclass(frozen=True, slots=True)
class Features:
    """Networks of a model that make features."""

    model: CharacterModel
    fingerprints: Mapping[str, str]
    """Of ``vae``, ``speak`` and ``listen``."""

    @torch.no_grad()
    def of_unit(
        self,
        frames_FHWC: NDArray[np.uint8],
        references: Sequence[NDArray[np.uint8]],
        own_A: NDArray[np.int16],
        partner_A: NDArray[np.int16],
    ) -> dict[str, NDArray[Any]]:
        """Arrays in float16: ``latents_TCHW``, ``stills_KCHW``, ``references_JCHW``, ``speak_LD`` and ``listen_LD``."""
        group = self.model.config.vae.frames_per_latent
        whole = frames_FHWC[: len(frames_FHWC) // group * group]
        arrays = {
            "latents_TCHW": self._clip(whole),
            "stills_KCHW": self._stills(whole[:: STILL_EVERY * group]),
            "speak_LD": _heard(self.model.own_parts().speak, own_A, len(frames_FHWC)),
            "listen_LD": _heard(self.model.own_parts().listen, partner_A, len(frames_FHWC)),
        }
        if references:
            arrays["references_JCHW"] = self._stills(np.stack(references))
        return {name: tensor.half().numpy() for name, tensor in arrays.items()}

    def _clip(self, frames_FHWC: NDArray[np.uint8]) -> Tensor:
        """A second at a time: each latent frame is made of its own frames alone."""
        return torch.cat(
            [
                self.model.vae.encode(as_video(frames_FHWC[first : first + 24]))[0].transpose(0, 1)
                for first in range(0, len(frames_FHWC), 24)
            ]
        )

    def _stills(self, pictures_KHWC: NDArray[np.uint8]) -> Tensor:
        return torch.cat([self.model.vae.encode_still(as_video(each[None])[:, :, 0]) for each in pictures_KHWC])


def as_video(frames_FHWC: NDArray[np.uint8]) -> Tensor:
    """8-bit pictures as the autoencoder takes them: (1, 3, F, H, W) in [-1, 1]."""
    return torch.from_numpy(frames_FHWC).permute(3, 0, 1, 2)[None].float() / 127.5 - 1


def _heard(encoder: SpeechEncoder, samples_A: NDArray[np.int16], num_frames: int) -> Tensor:
    """All tokens of a voice, (L, D)."""
    num_tokens = num_frames // encoder.config.frames_per_token
    first, count = encoder.columns_for(0, num_tokens)
    start, size = encoder.samples_for(0, num_tokens)
    heard = np.zeros(size, np.float32)
    begin, end = max(start, 0), min(start + size, len(samples_A))
    heard[begin - start : end - start] = samples_A[begin:end] / 32767.0
    return encoder(log_mel(torch.from_numpy(heard)[None], first, count))[0]


@cache
def features_by(model: str) -> Features:
    """Those of a model folder, or of the one that is ``bundled``; loaded once a process.

    Raises:
        WeightsError: there is no model.
    """
    folder = bundled.folder() if model == BUNDLED else Path(model)
    loaded = load_model(folder).eval().requires_grad_(requires_grad=False)
    parts = {"vae": loaded.vae, "speak": loaded.speak, "listen": loaded.listen}
    return Features(loaded, {name: fingerprint(part) for name, part in parts.items()})
