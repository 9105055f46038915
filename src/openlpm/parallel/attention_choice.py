"""Which kernel attends: on Hopper cuDNN's is about twice as fast as the one that PyTorch picks by itself."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

_ORDER = [
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]


@contextmanager
def fastest_attention(device: torch.device) -> Generator[None]:
    """Attend with cuDNN where it can, and with the next best elsewhere; on a CPU nothing changes."""
    if device.type != "cuda":
        yield
        return
    with sdpa_kernel(_ORDER, set_priority=True):
        yield
