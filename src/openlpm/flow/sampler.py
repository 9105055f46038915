"""From noise to data along the learned path."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.flow.path import Prediction, as_data

Denoise = Callable[[Tensor, Tensor], Tensor]
"""``denoise(sample_BCTHW, time_B) -> output_BCTHW``, a prediction of velocity or data; ``time_B`` is float32."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """The state after a step."""

    time: float
    """Where the sample stands now."""
    sample_BCTHW: Float[Tensor, "B C T H W"]
    """float32."""
    data_BCTHW: Float[Tensor, "B C T H W"]
    """What the network took for the data at the start of this step."""


def euler_steps(
    denoise: Denoise,
    noise_BCTHW: Float[Tensor, "B C T H W"],
    times: Float[Tensor, " N"],
    *,
    prediction: Prediction,
) -> Iterator[Step]:
    """One Euler step between every two of ``times`` (decreasing, the first at least above 0), as an iterator.

    The sample is kept in float32 whatever the network computes in. A caller may stop early and keep the last state.

    Raises:
        ConfigError: the times do not fall, or there are fewer than two.
    """
    sample_BCTHW = noise_BCTHW.float()
    for now, after in itertools.pairwise(_knots(times)):
        data_BCTHW = _data(denoise, sample_BCTHW, now, prediction)
        # The path through the sample that ends in the data: linear, so this is the Euler step, and exact at time 0.
        sample_BCTHW = data_BCTHW + (after / now) * (sample_BCTHW - data_BCTHW)
        yield Step(time=after, sample_BCTHW=sample_BCTHW, data_BCTHW=data_BCTHW)


def adams_steps(
    denoise: Denoise,
    noise_BCTHW: Float[Tensor, "B C T H W"],
    times: Float[Tensor, " N"],
    *,
    prediction: Prediction,
) -> Iterator[Step]:
    """As ``euler_steps``, but of second order: a step also knows the velocity of the one before (Adams and Bashforth).

    It costs no evaluation more, and few steps lose less of what varies. The first step and the last are Euler's.

    Raises:
        ConfigError: as ``euler_steps``.
    """
    knots = _knots(times)
    sample_BCTHW = noise_BCTHW.float()
    before: tuple[Tensor, float] | None = None
    for number, (now, after) in enumerate(itertools.pairwise(knots)):
        data_BCTHW = _data(denoise, sample_BCTHW, now, prediction)
        velocity_BCTHW = (sample_BCTHW - data_BCTHW) / now
        length, used_BCTHW = after - now, velocity_BCTHW
        if before is not None and number < len(knots) - 2:
            weight = 0.5 * length / before[1]
            used_BCTHW = (1 + weight) * velocity_BCTHW - weight * before[0]
        sample_BCTHW = sample_BCTHW + length * used_BCTHW
        before = (velocity_BCTHW, length)
        yield Step(time=after, sample_BCTHW=sample_BCTHW, data_BCTHW=data_BCTHW)


def _knots(times: Float[Tensor, " N"]) -> list[float]:
    knots: list[float] = times.tolist()
    if len(knots) < 2 or any(later >= earlier for earlier, later in itertools.pairwise(knots)):
        raise ConfigError(f"times={knots}: give at least two, each smaller than the one before")
    return knots


def _data(denoise: Denoise, sample_BCTHW: Tensor, now: float, prediction: Prediction) -> Tensor:
    time_B = torch.full((sample_BCTHW.shape[0],), now, device=sample_BCTHW.device)
    return as_data(prediction, denoise(sample_BCTHW, time_B).float(), sample_BCTHW, time_B)


def sample(
    denoise: Denoise,
    noise_BCTHW: Float[Tensor, "B C T H W"],
    times: Float[Tensor, " N"],
    *,
    prediction: Prediction,
) -> Float[Tensor, "B C T H W"]:
    """The sample after all of ``euler_steps``."""
    sample_BCTHW = noise_BCTHW
    for step in euler_steps(denoise, noise_BCTHW, times, prediction=prediction):
        sample_BCTHW = step.sample_BCTHW
    return sample_BCTHW
