"""What a critic is trained on: every rig channel, the viseme, and who is who inside the batch."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from openlpm.bench.critic import Reading, rig_scale
from openlpm.bench.critic_data import NO_VISEME, FrameBatch
from openlpm.bench.visible import shown
from openlpm.core.rig import NUM_RIG, Rig

_WEIGHTS = {
    Rig.JAW: 4.0,
    Rig.WIDTH: 2.0,
    Rig.ROUNDING: 2.0,
    Rig.PRESS: 3.0,  # thin lips are all that tells a pressed mouth from one at rest
    Rig.TEETH: 1.5,
    Rig.TONGUE: 1.5,
    Rig.BLINK_LEFT: 2.0,
    Rig.BLINK_RIGHT: 2.0,
    Rig.GAZE_X: 1.5,
    Rig.GAZE_Y: 1.5,
    Rig.YAW: 2.0,
    Rig.PITCH: 2.0,
    Rig.ROLL: 2.0,
    # A single picture does not tell a person's own build or distance from these; more weight would not help.
    Rig.LEAN: 0.5,
    Rig.SHOULDER: 0.5,
    Rig.BREATH: 0.25,
}
_BETA = 0.1
_TEMPERATURE = 0.07
# Small beside the rig, whose two dozen numbers are what is hard: more would lead the first steps astray.
_VISEME_WEIGHT = 0.01
_IDENTITY_WEIGHT = 0.02
_FACE_WEIGHT, _FACE_BETA = 0.5, 0.05


class Losses(NamedTuple):
    """The sum that is minimised, and its parts as detached scalars (no host sync) for a log."""

    loss: Tensor
    metrics: dict[str, Tensor]


def channel_weights() -> Tensor:
    """Weight of every rig channel in the loss, shape (R,), mean 1."""
    weights_R = torch.ones(NUM_RIG)
    for channel, value in _WEIGHTS.items():
        weights_R[channel] = value
    return weights_R / weights_R.mean()


@lru_cache(maxsize=8)
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """Scale and weight of every channel, on a device."""
    return rig_scale().to(device), channel_weights().to(device)


def reading_loss(reading: Reading, truth: FrameBatch) -> Losses:
    """Smooth L1 on what is shown of the rig and on where the face is, cross-entropy on visemes, contrast on identity.

    The rig counts in units of its range. Frames of one person carry one ``identity_index_N``; everyone should appear at
    least twice.
    """
    rig_NR, viseme_N = truth.rig_NR, truth.viseme_N
    scale_R, weight_R = _constants(rig_NR.device)
    error_NR = functional.smooth_l1_loss(reading.rig_NR / scale_R, rig_NR / scale_R, beta=_BETA, reduction="none")
    # Asking for what is hidden would only teach guessing.
    rig = (error_NR * shown(rig_NR) * weight_R).mean()
    labelled_N = viseme_N != NO_VISEME
    summed = functional.cross_entropy(reading.viseme_NV, viseme_N, ignore_index=NO_VISEME, reduction="sum")
    viseme = summed / labelled_N.sum().clamp(min=1)
    identity = supervised_contrast(reading.identity_ND, truth.identity_index_N)
    face = functional.smooth_l1_loss(reading.face_N3, truth.face_N3, beta=_FACE_BETA)
    loss = rig + _VISEME_WEIGHT * viseme + _IDENTITY_WEIGHT * identity + _FACE_WEIGHT * face
    correct_N = (reading.viseme_NV.argmax(1) == viseme_N) & labelled_N
    metrics = {
        "loss": loss.detach(),
        "rig": rig.detach(),
        "viseme": viseme.detach(),
        "identity": identity.detach(),
        "face": (reading.face_N3 - truth.face_N3).abs().mean().detach(),
        "jaw_error": (reading.rig_NR[:, Rig.JAW] - rig_NR[:, Rig.JAW]).abs().mean().detach(),
        "viseme_accuracy": (correct_N.sum() / labelled_N.sum().clamp(min=1)).detach(),
    }
    return Losses(loss=loss, metrics=metrics)


def supervised_contrast(embeddings_ND: Tensor, identity_index_N: Tensor) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, equation 2) over all pairs of the batch; unit vectors in."""
    count = embeddings_ND.shape[0]
    themselves_NN = torch.eye(count, dtype=torch.bool, device=embeddings_ND.device)
    score_NN = (embeddings_ND @ embeddings_ND.T / _TEMPERATURE).masked_fill(themselves_NN, -1e4)
    logarithm_NN = score_NN - score_NN.logsumexp(dim=1, keepdim=True)
    same_NN = (identity_index_N[:, None] == identity_index_N[None, :]) & ~themselves_NN
    per_anchor_N = -(logarithm_NN * same_NN).sum(dim=1) / same_NN.sum(dim=1).clamp(min=1)
    has_partner_N = same_NN.any(dim=1)
    return (per_anchor_N * has_partner_N).sum() / has_partner_N.sum().clamp(min=1)
