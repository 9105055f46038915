"""The straight path between data and noise: ``x_t = (1 - t) * x_0 + t * noise``; t = 1 is noise.

Its velocity is ``noise - x_0`` (rectified flow, Liu et al. 2022). Every function takes a time that broadcasts against
the sample from the left: a scalar, one per batch row, or one per latent frame through ``time_like``.
"""

from enum import StrEnum

from jaxtyping import Float
from torch import Tensor


class Prediction(StrEnum):
    """What a network's output means."""

    VELOCITY = "velocity"
    DATA = "data"
    """x_0 itself."""


def time_like(time: Float[Tensor, "*lead"], sample_BCTHW: Float[Tensor, "B C T H W"]) -> Tensor:
    """``time`` as a scalar, (B) or (B, T), shaped to broadcast against a sample, in its type."""
    if time.ndim == 0:
        return time.to(sample_BCTHW.dtype)
    if time.ndim == 1:
        return time.to(sample_BCTHW.dtype)[:, None, None, None, None]
    return time.to(sample_BCTHW.dtype)[:, None, :, None, None]


def interpolate(
    data_BCTHW: Float[Tensor, "B C T H W"], noise_BCTHW: Float[Tensor, "B C T H W"], time: Float[Tensor, "*lead"]
) -> Float[Tensor, "B C T H W"]:
    """The point of the path at ``time``."""
    t = time_like(time, data_BCTHW)
    return (1 - t) * data_BCTHW + t * noise_BCTHW


def velocity(
    data_BCTHW: Float[Tensor, "B C T H W"], noise_BCTHW: Float[Tensor, "B C T H W"]
) -> Float[Tensor, "B C T H W"]:
    """Velocity of the path, the same at every time."""
    return noise_BCTHW - data_BCTHW


def velocity_from_data(
    sample_BCTHW: Float[Tensor, "B C T H W"], data_BCTHW: Float[Tensor, "B C T H W"], time: Float[Tensor, "*lead"]
) -> Float[Tensor, "B C T H W"]:
    """Velocity of the path through ``sample`` at ``time`` that ends in ``data``; needs time > 0."""
    return (sample_BCTHW - data_BCTHW) / time_like(time, sample_BCTHW)


def data_from_velocity(
    sample_BCTHW: Float[Tensor, "B C T H W"], velocity_BCTHW: Float[Tensor, "B C T H W"], time: Float[Tensor, "*lead"]
) -> Float[Tensor, "B C T H W"]:
    """Where the path through ``sample`` at ``time`` with ``velocity`` ends."""
    return sample_BCTHW - time_like(time, sample_BCTHW) * velocity_BCTHW


def as_data(
    prediction: Prediction,
    output_BCTHW: Float[Tensor, "B C T H W"],
    sample_BCTHW: Float[Tensor, "B C T H W"],
    time: Float[Tensor, "*lead"],
) -> Float[Tensor, "B C T H W"]:
    """x_0 from a network's output, whatever the network predicts."""
    if prediction is Prediction.DATA:
        return output_BCTHW
    return data_from_velocity(sample_BCTHW, output_BCTHW, time)
