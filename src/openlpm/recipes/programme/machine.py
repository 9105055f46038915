"""What a GPU can do, each number with where it comes from: plans are made of these, measurements correct them."""

from dataclasses import dataclass
from typing import final

from openlpm.core.errors import ConfigError


@final
@dataclass(frozen=True, slots=True)
class Ceiling:
    """A rate or a size, and its source."""

    value: float
    source: str

    def __post_init__(self) -> None:
        if self.value <= 0 or not self.source:
            raise ConfigError(f"value={self.value}, source={self.source!r}: give a positive number and its source")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A GPU and how it is joined to others. Rates are a second; operations count a product and a sum as two."""

    name: str
    peak: Ceiling
    """Operations that the data sheet promises in bfloat16 without sparsity: what MFU is a share of."""
    gemm: Ceiling
    """Operations that products of the large sizes reach."""
    attention: Ceiling
    """The same of attention's forward pass."""
    attention_backward: Ceiling
    copy_bytes: Ceiling
    """Bytes read and written."""
    memory_bytes: Ceiling
    link_bytes: Ceiling
    """To the other GPUs of a host, one way."""
    network_bytes: Ceiling
    """To other hosts, for each GPU, one way."""
    overhead_bytes: Ceiling
    """What the driver, its libraries and the allocator keep for themselves."""
    gpus_a_host: int = 8

    def between(self, gpus: int) -> float:
        """Bytes a second at which so many GPUs exchange what they hold."""
        return self.link_bytes.value if gpus <= self.gpus_a_host else self.network_bytes.value


H200 = Machine(
    name="H200",
    peak=Ceiling(989e12, "data sheet, bfloat16, dense"),
    gemm=Ceiling(700e12, "measured 2026-11-22: products of the 17 B shapes, torch 2.11, 640 to 780"),
    attention=Ceiling(570e12, "measured 2026-11-22: cuDNN, 550 to 590"),
    attention_backward=Ceiling(450e12, "assumed: four fifths of the forward pass"),
    copy_bytes=Ceiling(4.28e12, "measured 2026-11-22: a copy on the device"),
    memory_bytes=Ceiling(139 * 2**30, "what the driver reports as there, rounded down"),
    link_bytes=Ceiling(450e9, "data sheet: NVLink, half of 900 GB/s both ways"),
    network_bytes=Ceiling(50e9, "assumed: one adapter of 400 Gb/s a GPU"),
    overhead_bytes=Ceiling(4e9, "assumed: CUDA, NCCL and fragments of the allocator"),
)
