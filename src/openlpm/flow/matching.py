"""Distribution matching distillation: two scores say how a generated sample should change to look like the data.

The *real* score is a frozen diffusion model of the data, the *fake* one follows what the generator makes at present.
For a sample noised to some time both predict x_0, and the difference of their predictions is the gradient of the
divergence between the two distributions (Yin et al. 2024, DMD, equation 7; here for x_0 predictions). t = 1 is noise.
"""

import torch
from jaxtyping import Float
from torch import Tensor

_LEAST_SIZE = 1e-4


def matching_gradient(
    made_BCTHW: Float[Tensor, "B C T H W"],
    real_BCTHW: Float[Tensor, "B C T H W"],
    fake_BCTHW: Float[Tensor, "B C T H W"],
) -> Float[Tensor, "B C T H W"]:
    """Where the sample should *not* go: from the real x_0 towards the fake one, over how far the real one is away.

    The size, one for each row, makes the gradient as large at every time (DMD, equation 8).
    """
    size_B = (made_BCTHW - real_BCTHW).abs().mean(dim=(1, 2, 3, 4), keepdim=True)
    return (fake_BCTHW - real_BCTHW) / size_B.clamp_min(_LEAST_SIZE)


def pulled(
    made_BCTHW: Float[Tensor, "B C T H W"], gradient_BCTHW: Float[Tensor, "B C T H W"]
) -> Float[Tensor, "B C T H W"]:
    """A loss for every element whose gradient by ``made`` is ``gradient``, whatever its value."""
    wanted_BCTHW = (made_BCTHW - gradient_BCTHW).detach()
    return 0.5 * (made_BCTHW - wanted_BCTHW).square()


def matching_times(
    *shape: int, least: float, most: float, shift: float, device: torch.device | str = "cpu"
) -> Float[Tensor, "*shape"]:
    """Random times at which the scores are compared: even between ``least`` and ``most`` before the shift."""
    even = least + (most - least) * torch.rand(*shape, device=device)
    return shift * even / (1 + (shift - 1) * even)
