"""How a generator under distillation makes its clips: in parallel behind real history, or by its own rollouts."""

from dataclasses import dataclass, replace
from typing import Protocol, final

import torch
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition
from openlpm.dit.excerpt import excerpt, first_prompt
from openlpm.dit.model import CharacterTransformer
from openlpm.dit.references import remember_references
from openlpm.flow.path import interpolate
from openlpm.nn.growing import GrowingMemory
from openlpm.nn.streaming import Referring
from openlpm.rollout.chunk import ChunkMaker, StreamMemories
from openlpm.rollout.online import OnlineConfig
from openlpm.training.causal import CausalClip


class Maker(Protocol):
    """Clips of a generator, with a gradient through one of its steps."""

    @property
    def num_steps(self) -> int:
        """Steps through which a gradient may go; one of them is drawn for every batch."""
        ...

    def make(self, data_BCTHW: Tensor, condition: Condition, step: int) -> Tensor:
        """x_0 as the generator's step ``step`` (counted from its first) sees it, as long as ``data_BCTHW``."""
        ...


@final
@dataclass(frozen=True, slots=True)
class ParallelMaker:
    """Off-policy: all chunks at once, each behind the data, noised as its own past would be (stage 2)."""

    dit: CharacterTransformer
    online: OnlineConfig

    @property
    def num_steps(self) -> int:
        """The backbone's."""
        return len(self.online.backbone_times)

    def make(self, data_BCTHW: Tensor, condition: Condition, step: int) -> Tensor:
        """One pass for the last step, where it is the history too; two for another."""
        clip = CausalClip(self.dit, self.online, condition)
        is_last = step == self.num_steps - 1 and self.online.history_time is None
        with torch.set_grad_enabled(torch.is_grad_enabled() and is_last):
            last_BCTHW = clip.last(_noised(data_BCTHW, self.online.history_noise))
        if is_last:
            return last_BCTHW
        time = self.online.backbone_times[step]
        return clip.other(_noised(data_BCTHW, time), torch.full((len(data_BCTHW),), time, device=data_BCTHW.device))


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutMaker:
    """On-policy: chunk after chunk from the references alone, each behind what the generator has made itself.

    With a ``refiner`` it is the refiner that is taught, behind a backbone that stays as it is (stage 4).
    """

    dit: CharacterTransformer
    online: OnlineConfig
    refiner: CharacterTransformer | None = None

    def __post_init__(self) -> None:
        if (self.refiner is None) != (self.online.refiner_time is None):
            raise ConfigError(f"refiner_time={self.online.refiner_time}: a refiner needs a time, and a time a refiner")

    @property
    def num_steps(self) -> int:
        """The backbone's, or the refiner's one."""
        return len(self.online.backbone_times) if self.refiner is None else 1

    def make(self, data_BCTHW: Tensor, condition: Condition, step: int) -> Tensor:
        """A rollout as long as the data; nothing but the data's shape is used."""
        size, frames = self.online.chunk_frames, data_BCTHW.shape[2]
        if frames % size:
            raise ConfigError(f"frames={frames}: give a multiple of chunk_frames={size}")
        taught = step if self.refiner is None else len(self.online.backbone_times)
        maker = ChunkMaker(online=self.online, backbone=self.dit, refiner=self.refiner)
        device = data_BCTHW.device
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            memories = self._memories(data_BCTHW, condition)
            made: list[Tensor] = []
            for first in range(0, frames, size):
                noise_NBCTHW = torch.randn(self.online.num_noises, *data_BCTHW[:, :, :size].shape, device=device)
                heard = excerpt(condition, self.dit.config, first, size, references=False)
                # A chunk of a stream is told one thing.
                heard = replace(heard, text_BLD=first_prompt(heard, self.dit.config), prompt_BT=None)
                chunk = maker.make(memories, noise_NBCTHW, heard, gradient_step=taught)
                made.append(chunk.predictions[taught])
        return torch.cat(made, dim=2).float()

    def _memories(self, data_BCTHW: Tensor, condition: Condition) -> StreamMemories:
        def memory(dit: CharacterTransformer, *, taught: bool) -> GrowingMemory:
            rows, columns = (
                size // patch for size, patch in zip(data_BCTHW.shape[3:], dit.config.patch[1:], strict=True)
            )
            made = GrowingMemory(
                self.online.memory,
                num_layers=dit.config.num_layers,
                grid=(rows, columns),
                device=data_BCTHW.device,
                through_time=False,
            )
            with torch.set_grad_enabled(torch.is_grad_enabled() and taught):
                assert condition.references_BJCHW is not None
                text_BLD = first_prompt(condition, dit.config)
                referring = Referring(memories=(made,))
                remember_references(dit, condition.references_BJCHW, condition.slots, text_BLD, referring)
            return made

        if self.refiner is None:
            return StreamMemories(backbone=memory(self.dit, taught=True))
        return StreamMemories(backbone=memory(self.dit, taught=False), refiner=memory(self.refiner, taught=True))


def _noised(data_BCTHW: Tensor, time: float) -> Tensor:
    time_B = torch.full((len(data_BCTHW),), time, device=data_BCTHW.device)
    return interpolate(data_BCTHW, torch.randn_like(data_BCTHW), time_B)
