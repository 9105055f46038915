"""A transformer of any size in training: blocks sharded, computed again in the backward pass, and compiled one by one.

Functions applied from outside; the transformer's own names and weights stay as they are, so checkpoints do not know how
a run was spread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast, final

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.utils.checkpoint import checkpoint

from openlpm.core.errors import ConfigError
from openlpm.dit.model import CharacterTransformer
from openlpm.nn.attention import Attend, Bidirectional
from openlpm.parallel.sequence import ColumnSplit
from openlpm.parallel.world import World


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleConfig:
    """How a transformer is spread and computed."""

    context: int = 1
    """Processes that share a sequence (``joined(context=...)``)."""
    checkpoint: bool = True
    """Blocks are computed again in the backward pass: each keeps what it was given, and nothing else."""
    compile: bool = True
    """Blocks are compiled, one graph for all of a kind."""
    narrow: bool = True
    """Blocks compute in bfloat16; weights, their gradients and moments stay in float32."""
    float8: bool = False
    """Linear layers of blocks multiply in 8-bit floating point (torchao, Hopper and later)."""

    def __post_init__(self) -> None:
        if self.context < 1:
            raise ConfigError(f"context={self.context}: give 1 or more processes to a sequence")


def scale(transformer: CharacterTransformer, world: World, config: ScaleConfig) -> None:
    """Prepare a transformer on the device (or on meta, see ``fill``) for training on all processes.

    Raises:
        ConfigError: ``float8`` without torchao, or the world shares sequences otherwise than ``config`` says.
    """
    if config.context != world.context:
        raise ConfigError(f"context={config.context}: the processes were joined with context={world.context}")
    if config.float8:
        _to_float8(transformer)
    if config.compile:
        torch._dynamo.config.recompile_limit = 64  # noqa: SLF001 (torch documents it by this name)
    policy = MixedPrecisionPolicy(
        param_dtype=torch.bfloat16 if config.narrow else None,
        reduce_dtype=torch.float32,
        cast_forward_inputs=False,  # the flow's time would lose its digits; the model casts what it computes with
    )
    for block in transformer.blocks:
        _rewire(block, config)
        fully_shard(block, mesh=world.mesh, mp_policy=policy, reshard_after_forward=True)
    cast("Any", transformer).forward = _owned(transformer.forward)
    fully_shard(transformer, mesh=world.mesh, mp_policy=policy, reshard_after_forward=False)


def columns_of(transformer: CharacterTransformer, latent_shape: tuple[int, int], world: World) -> ColumnSplit | None:
    """How latents of so many rows and columns are shared out; None where nobody shares."""
    if world.context == 1:
        return None
    _, patch_rows, patch_columns = transformer.config.patch
    return ColumnSplit(
        rank=world.context_rank,
        size=world.context,
        num_heads=transformer.config.num_heads,
        grid=(latent_shape[0] // patch_rows, latent_shape[1] // patch_columns),
        patch_columns=patch_columns,
        group=world.context_group,
    )


def attend_over(split: ColumnSplit | None, positions_T: Tensor, head_width: int) -> Attend:
    """Everything sees everything, over all processes that share the sequence.

    ``positions_T`` places latent frames and then references (``CharacterTransformer.reference_positions``).
    """
    return Bidirectional() if split is None else split.around(Bidirectional(), positions_T, head_width)


def fill(module: nn.Module, device: torch.device, source: Callable[[str, torch.Size], Tensor]) -> None:
    """Give a sharded module that was made on meta its memory and its weights; every process reads its own rows.

    ``source(name, shape)`` is the whole tensor, best mapped from a file: only this process's rows of it are touched.
    """
    module.to_empty(device=device)
    with torch.no_grad():
        for name, parameter in (*module.named_parameters(), *module.named_buffers()):
            whole = source(name, parameter.shape)
            local(parameter).copy_(own_part(whole, parameter))


def own_part(whole: Tensor, like: Tensor) -> Tensor:
    """This process's rows of a tensor that is sharded as ``like`` is; all of it where ``like`` is not."""
    if not isinstance(like, DTensor):
        return whole
    rows = share(like.shape[0], like.device_mesh.size())
    first = like.device_mesh.get_local_rank() * rows
    return whole[first : first + rows]


def share(rows: int, mesh_size: int) -> int:
    """Rows of a sharded matrix that each process holds (the last ones may hold fewer): torch's chunking."""
    return -(-rows // mesh_size)


def local(tensor: Tensor) -> Tensor:
    """This process's part of a tensor, sharing its memory (call it without gradients; it is then cheap)."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _rewire(block: nn.Module, config: ScaleConfig) -> None:
    """Compile a block's forward, and let it be computed again: what shards the block stands around both."""
    forward = block.forward
    if config.compile:
        forward = torch.compile(forward, dynamic=False)
    if config.checkpoint:
        forward = _computed_again(forward)
    cast("Any", block).forward = _owned(forward)


def _owned(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """What a sharded module returns may be no view: its hook for the backward pass would be lost with the view."""

    def run(*values: Any, **named: Any) -> Tensor:
        made = forward(*values, **named)
        return made if made._base is None else made.clone()  # noqa: SLF001 (says whether it is a view)

    return run


def _computed_again(forward: Callable[..., Any]) -> Callable[..., Any]:
    def run(*values: Any, **named: Any) -> Any:
        return checkpoint(forward, *values, use_reentrant=False, preserve_rng_state=False, **named)

    return run


def _to_float8(transformer: CharacterTransformer) -> None:
    try:
        from torchao.float8 import convert_to_float8_training  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError("float8=True: pip install torchao, or train without float8") from None
    for block in transformer.blocks:
        convert_to_float8_training(block, module_filter_fn=_multiplies_by_sixteen)


def _multiplies_by_sixteen(module: nn.Module, _: str) -> bool:
    """The kernels take sides that are multiples of 16."""
    return isinstance(module, nn.Linear) and module.in_features % 16 == 0 == module.out_features % 16
