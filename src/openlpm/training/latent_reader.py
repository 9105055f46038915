"""What a performer does, read from latents: a small network of our own that scores clips for preferences.

It learns from the rig behind drawn clips, in seconds, and is thrown away; no judge of the benchmark has a part in it,
or training would learn to please its own examiner.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.training.clip_bank import ClipBank

_READABLE = 0.3
"""Share of a number's variance that has to be explained on clips that were held out; others are not looked at."""
_HELD_OUT = 8
"""One clip in so many is held out."""
_ROWS = 256


@final
class LatentReader(nn.Module):
    """Two convolutions over a latent frame, then a layer over all of it: the rig of its pixel frames, standardised."""

    def __init__(self, channels: int, cells: int, numbers: int, width: int = 64) -> None:
        super().__init__()
        side = ((cells + 1) // 2 + 1) // 2
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(width * side * side, 256),
            nn.SiLU(),
            nn.Linear(256, numbers),
        )

    def forward(self, latents_MCHW: Tensor) -> Tensor:
        """(M, X)."""
        return self.body(latents_MCHW)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A reader that has learnt, and what it can tell."""

    reader: LatentReader
    mean_X: Tensor
    spread_X: Tensor
    readable_X: Tensor
    """Which numbers it reads well enough on clips that it has not seen."""

    @torch.no_grad()
    def read(self, latents_BCTHW: Tensor) -> Tensor:
        """The rig of every latent frame, standardised, (B, T, X); what cannot be read is 0."""
        flat_MCHW = latents_BCTHW.transpose(1, 2).flatten(0, 1).float()
        told_MX = torch.cat([self.reader(part) for part in flat_MCHW.split(_ROWS)])
        return told_MX.unflatten(0, (len(latents_BCTHW), -1)) * self.readable_X

    def standardised(self, rig_BTX: Tensor) -> Tensor:
        """A true rig in the same units, what cannot be read left out."""
        return (rig_BTX.float() - self.mean_X) / self.spread_X * self.readable_X


def learn_to_read(bank: ClipBank, *, steps: int, seed: int = 0, noise: float = 0.1) -> Reading:
    """Teach a reader the clips of a bank whose rig is known; the same bank and seed give the same reader.

    ``noise`` on the latents keeps it from leaning on what a generator never gets exactly right.

    Raises:
        ConfigError: the rig of no clip is known.
    """
    known_N = torch.from_numpy(bank.traits.rigged_N).to(bank.latents_NTCHW.device)
    if not bool(known_N.any()):
        raise ConfigError("bank: preferences are scored by the rig of drawn clips, and there are none; mix some in")
    latents_MCHW, rig_MX = bank.latents_NTCHW[known_N].flatten(0, 1), bank.performance_NTX[known_N].flatten(0, 1)
    frames, device = bank.num_frames, latents_MCHW.device
    held_M = (torch.arange(len(rig_MX), device=device) // frames) % _HELD_OUT == _HELD_OUT - 1
    taught_K = (~held_M).nonzero().flatten()
    mean_X, spread_X = rig_MX.float().mean(dim=0), rig_MX.float().std(dim=0).clamp_min(0.02)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        reader = LatentReader(latents_MCHW.shape[1], latents_MCHW.shape[2], rig_MX.shape[1]).to(device)
        optimiser = torch.optim.AdamW(reader.parameters(), lr=1e-3)
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = 1e-3 * (1 - step / steps)
            rows = taught_K[torch.randint(len(taught_K), (_ROWS,), device=device)]
            shown_MCHW = latents_MCHW[rows].float()
            shown_MCHW = shown_MCHW + noise * torch.randn_like(shown_MCHW)
            wanted_MX = (rig_MX[rows].float() - mean_X) / spread_X
            loss = (reader(shown_MCHW) - wanted_MX).square().mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    reader.eval().requires_grad_(requires_grad=False)
    judged_M = held_M if bool(held_M.any()) else ~held_M
    told_MX = torch.cat([reader(part.float()) for part in latents_MCHW[judged_M].split(_ROWS)])
    wanted_MX = (rig_MX[judged_M].float() - mean_X) / spread_X
    left_X = (told_MX - wanted_MX).square().mean(dim=0) / wanted_MX.var(dim=0).clamp_min(1e-6)
    return Reading(reader=reader, mean_X=mean_X, spread_X=spread_X, readable_X=left_X < 1 - _READABLE)
