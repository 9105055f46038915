"""Sharding, replication and compilation, applied to a finished model from outside; models know nothing of them."""

from collections.abc import Iterable

import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard

from openlpm.parallel.world import World


def shard(root: nn.Module, world: World, *, units: Iterable[nn.Module] = ()) -> None:
    """Shard parameters, gradients and optimiser state over the mesh with ``fully_shard``.

    ``units`` are gathered one at a time (transformer blocks); what is left is gathered with the root. Parameters
    stay gathered between forward and backward, which is right while a model fits beside its activations.
    """
    for unit in units:
        fully_shard(unit, mesh=world.mesh, reshard_after_forward=False)
    fully_shard(root, mesh=world.mesh, reshard_after_forward=False)


def replicate(root: nn.Module, world: World) -> None:
    """The first process's weights on every process, whole: for models that are small beside their activations.

    Gradients are averaged by the trainer, which sees that the weights are plain tensors.
    """
    if world.size > 1:
        for tensor in (*root.parameters(), *root.buffers()):
            dist.broadcast(tensor.data, src=0)


def compile_units(units: Iterable[nn.Module]) -> None:
    """Compile each module in place for fixed shapes; blocks of the same shape share one graph."""
    for unit in units:
        unit.compile(dynamic=False)
