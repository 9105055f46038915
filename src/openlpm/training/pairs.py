"""Pairs for preference learning: several takes of one condition, one of them better on some axis and worse on none.

LPM 1.0 (section 2, phase 6) names Pareto-efficient pairs and prints no axes; these are ours, all read from latents and
measured against the truth behind the condition: the mouth, how lively the rest moves, and colours.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.core.rig import MOUTH_CHANNELS, Rig
from openlpm.core.seeds import generator
from openlpm.flow.guidance import GuidanceScales
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.clip_bank import ClipBank
from openlpm.training.latent_reader import Reading
from openlpm.training.teacher import TeacherConfig, trajectory
from openlpm.training.window_conditions import WindowConditions, latents_of, performance_of
from openlpm.training.windows import WindowBatch, WindowDraw, WindowSource

AXES: Final = ("mouth", "liveliness", "colour")
_CHANNELS: Final = int(Rig.TIME)
_FIRST_STEP: Final = 1 << 30
"""Batches that pairs are made of are none that training sees."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PairConfig:
    """How pairs are looked for."""

    conditions: int = 384
    """Windows of a process that are performed."""
    takes: int = 4
    """Performances of each, from different noise."""
    steps: int = 8
    """Of the sampler."""
    margin: float = 0.5
    """What a better take is ahead on one axis at least, in standard deviations between takes of one condition."""
    reader_steps: int = 600

    def __post_init__(self) -> None:
        if self.conditions < 1 or self.takes < 2 or self.steps < 1 or self.reader_steps < 1:
            raise ConfigError(f"{self}: give one condition or more, two takes or more, and steps")
        if self.margin <= 0:
            raise ConfigError(f"margin={self.margin}: a better take is ahead; give a number above 0")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """P pairs of performances of the same windows."""

    window: WindowBatch
    """Of all pairs, P rows."""
    better_PCTHW: Tensor
    worse_PCTHW: Tensor
    tried: int
    """Conditions that were performed."""

    def __len__(self) -> int:
        return len(self.better_PCTHW)

    def some(self, rows_B: Tensor) -> "Pairs":
        """Those of some rows."""
        window = replace(self.window, **{name: value[rows_B] for name, value in _tensors(self.window).items()})
        return replace(
            self, window=window, better_PCTHW=self.better_PCTHW[rows_B], worse_PCTHW=self.worse_PCTHW[rows_B]
        )

    def save(self, path: Path) -> None:
        """Write them, but for the layout, which the recipe knows."""
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {f"window.{name}": value.contiguous() for name, value in _tensors(self.window).items()}
        kept |= {"better": self.better_PCTHW.contiguous(), "worse": self.worse_PCTHW.contiguous()}
        kept["tried"] = torch.tensor(self.tried)
        draft = path.with_suffix(".draft")
        save_file({name: value.cpu() for name, value in kept.items()}, draft)
        draft.replace(path)

    @classmethod
    def load(cls, path: Path, like: WindowBatch) -> "Pairs":
        """Read what was saved; ``like`` is any batch of the same draw."""
        device = like.clips_B.device
        kept = {name: value.to(device) for name, value in load_file(path).items()}
        rows: dict[str, Any] = {name: kept[f"window.{name}"] for name in _tensors(like)}
        return cls(
            window=replace(like, **rows),
            better_PCTHW=kept["better"],
            worse_PCTHW=kept["worse"],
            tried=int(kept["tried"]),
        )


@torch.no_grad()
def make_pairs(
    model: CharacterModel, bank: ClipBank, reading: Reading, draw: WindowDraw, config: PairConfig, place: int
) -> Pairs:
    """Perform windows again and again, and keep of each the clearest pair there is.

    Raises:
        ConfigError: no condition had a pair, or ``draw`` gives windows of more than one layout.
    """
    if len(draw.layouts) != 1:
        raise ConfigError(f"layouts={len(draw.layouts)}: pairs are compared in one layout; give one")
    source, conditions = WindowSource(bank, draw), WindowConditions(model, bank)
    teacher = TeacherConfig(steps=config.steps, guidance=GuidanceScales(), time_shift=model.config.window.time_shift)
    windows: list[WindowBatch] = []
    better: list[Tensor] = []
    worse: list[Tensor] = []
    tried = number = 0
    while tried < config.conditions:
        torch.manual_seed(int(generator("pairs", place, number).integers(2**63)))
        batch = source.batch(_FIRST_STEP + number, place)
        truth_BCTHW = latents_of(bank, batch)
        condition = conditions(batch)
        takes_KBCTHW = torch.stack(
            [
                trajectory(model.dit, torch.randn_like(truth_BCTHW), condition, (1.0,), teacher).data_BCTHW
                for _ in range(config.takes)
            ]
        )
        scores_KBA = torch.stack([scores(take, truth_BCTHW, bank, batch, reading) for take in takes_KBCTHW])
        chosen_B2 = pareto_pairs(scores_KBA, config.margin)
        rows_P = (chosen_B2[:, 0] >= 0).nonzero().flatten()
        windows.append(replace(batch, **{name: value[rows_P] for name, value in _tensors(batch).items()}))
        better.append(takes_KBCTHW[chosen_B2[rows_P, 0], rows_P].bfloat16())
        worse.append(takes_KBCTHW[chosen_B2[rows_P, 1], rows_P].bfloat16())
        tried, number = tried + len(truth_BCTHW), number + 1
    found = torch.cat(better)
    if not len(found):
        raise ConfigError(
            f"margin={config.margin}, takes={config.takes}: of {tried} conditions none had a pair; give a smaller "
            "margin, or more takes"
        )
    parts = [_tensors(window) for window in windows]
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return Pairs(window=replace(windows[0], **joined), better_PCTHW=found, worse_PCTHW=torch.cat(worse), tried=tried)


def scores(made_BCTHW: Tensor, truth_BCTHW: Tensor, bank: ClipBank, batch: WindowBatch, reading: Reading) -> Tensor:
    """How good windows are on every axis of ``AXES``, (B, A); more is better."""
    read_BTX = reading.read(made_BCTHW)
    true_BTX = reading.standardised(performance_of(bank, batch))
    mouth_X = _is_mouth(read_BTX.shape[2], read_BTX.device)
    wrong_BTX = (read_BTX - true_BTX).square()
    mouth_B = (wrong_BTX * mouth_X).mean(dim=(1, 2))
    moved_B, should_B = (_liveliness(each * ~mouth_X) for each in (read_BTX, reading.read(truth_BCTHW)))
    lively_B = (moved_B - should_B).abs()
    colour_B = (_colours(made_BCTHW) - _colours(truth_BCTHW)).square().mean(dim=1)
    return -torch.stack([mouth_B, lively_B, colour_B], dim=1)


def pareto_pairs(scores_KBA: Tensor, margin: float) -> Tensor:
    """The clearest pair of every row: (B, 2), the number of the better and of the worse take, -1 where there is none.

    The better one is worse on no axis, and ahead by ``margin`` on one, in standard deviations between takes, over all
    rows; the pair that is furthest apart over all axes is taken.
    """
    spread_A = scores_KBA.std(dim=0).mean(dim=0).clamp_min(1e-12)
    ahead_KKBA = (scores_KBA[:, None] - scores_KBA[None]) / spread_A  # the first is better by so much than the second
    allowed_KKB = (ahead_KKBA >= 0).all(dim=3) & (ahead_KKBA.amax(dim=3) >= margin)
    far_KKB = torch.where(allowed_KKB, ahead_KKBA.sum(dim=3), -torch.inf)
    takes = len(scores_KBA)
    best_B = far_KKB.flatten(0, 1).argmax(dim=0)
    pair_B2 = torch.stack([best_B // takes, best_B % takes], dim=1)
    return torch.where(allowed_KKB.flatten(0, 1).any(dim=0)[:, None], pair_B2, -1)


def _is_mouth(numbers: int, device: torch.device) -> Tensor:
    channels_X = torch.arange(numbers, device=device) % _CHANNELS
    return torch.isin(channels_X, torch.tensor([int(each) for each in MOUTH_CHANNELS], device=device))


def _liveliness(rig_BTX: Tensor) -> Tensor:
    """Logarithm of how much is moved from latent frame to latent frame."""
    return rig_BTX.diff(dim=1).abs().mean(dim=(1, 2)).clamp_min(1e-4).log()


def _colours(latents_BCTHW: Tensor) -> Tensor:
    """Mean and spread of every channel."""
    flat_BCM = latents_BCTHW.float().flatten(2)
    return torch.cat([flat_BCM.mean(dim=2), flat_BCM.std(dim=2)], dim=1)


def _tensors(window: WindowBatch) -> dict[str, Any]:
    values = {field.name: getattr(window, field.name) for field in fields(window)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}
