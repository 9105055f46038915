"""Which viseme is a mouth saying? A small network on a fifth of a second of the read mouth, set up on rehearsals.

A single picture does not tell: sounds run into each other, and lips that are about to close look like lips that have
just parted. Of the true mouth of test people five frames tell a macro-F1 of 0.91, one frame 0.83 (docs/log.md,
2026-11-22).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from openlpm.bench.metrics import speaking
from openlpm.bench.progress import OnProgress, phase, unheard
from openlpm.bench.rehearsal import Rehearsed, Stage
from openlpm.bench.signals import FloatTrack
from openlpm.core.rig import MOUTH_CHANNELS, VISEMES
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.style import ClipStyle, draw_style

_OFFSETS = np.arange(-2, 3)  # frames
REHEARSALS = 1200
"""Clips that a reader is set up on."""
_FRAMES = 144
_HIDDEN, _STEPS, _BATCH, _RATE, _DECAY = 256, 2000, 1024, 4e-3, 1e-2
_WARMUP_STEPS, _FALLING = 100, 0.8
_KINDS = (ClipKind.SPEAK, ClipKind.DIALOGUE, ClipKind.INTERRUPTED)


def speaking_style(index: int, clip_seed: int) -> ClipStyle:
    """Somebody who speaks, in any mood and manner, and does nothing else with the mouth."""
    return replace(draw_style(clip_seed), kind=_KINDS[index % len(_KINDS)], actions=(), disturbed=False)


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VisemeReader:
    """Reads visemes from tracks of the mouth as a critic sees them; knows how well this critic sees."""

    mean_X: Tensor
    spread_X: Tensor
    network: nn.Module

    @staticmethod
    def rehearsed(stage: Stage, clips: int = REHEARSALS, *, device: torch.device | str = "cpu") -> "VisemeReader":
        """Set up, on ``device``, on performances of training people, as this critic would read them."""
        rehearsals = stage.rehearse("visemes", clips, _FRAMES, speaking_style)
        return fitted(rehearsals, device, on_progress=stage.on_progress)

    @torch.inference_mode()
    def read(self, track_FR: FloatTrack) -> NDArray[np.int64]:
        """The viseme of every frame, as an index into ``VISEMES``; a mouth that cannot be read is at rest."""
        x_FX = torch.from_numpy(_windows(np.nan_to_num(track_FR, posinf=0.0, neginf=0.0)))
        return self.network((x_FX - self.mean_X) / self.spread_X).argmax(dim=1).numpy()


def fitted(
    rehearsals: Sequence[Rehearsed], device: torch.device | str = "cpu", *, on_progress: OnProgress = unheard
) -> VisemeReader:
    """A reader from the speaking frames of rehearsals; the same rehearsals and kind of device give the same reader."""
    masks = [speaking(one.record.state_F) for one in rehearsals]
    x_SX = torch.from_numpy(
        np.concatenate([_windows(one.read_FR)[mask_F] for one, mask_F in zip(rehearsals, masks, strict=True)])
    )
    truths = [one.record.truth for one in rehearsals]
    label_S = torch.from_numpy(
        np.concatenate([t.viseme_F[mask_F] for t, mask_F in zip(truths, masks, strict=True) if t is not None])
    ).long()
    mean_X, spread_X = x_SX.mean(dim=0), x_SX.std(dim=0) + 1e-3
    with torch.random.fork_rng(devices=[]), torch.inference_mode(mode=False):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Linear(x_SX.shape[1], _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.SiLU(),
            nn.Linear(_HIDDEN, len(VISEMES)),
        )  # fmt: skip
        z_SX = ((x_SX - mean_X) / spread_X).to(device)
        steps = min(_STEPS, 2 * len(rehearsals) + 200)
        with phase(on_progress, "viseme reader", steps) as report:
            _learn(network.to(device), z_SX, label_S.to(device), steps, report)
    network = network.cpu().eval().requires_grad_(requires_grad=False)
    return VisemeReader(mean_X=mean_X, spread_X=spread_X, network=network)


def _learn(network: nn.Module, z_SX: Tensor, label_S: Tensor, steps: int, report: Callable[[int], None]) -> None:
    # Drawn at once, the same numbers: a device need not wait for the next ones in every step.
    chosen_EB = torch.randint(label_S.shape[0], (steps, _BATCH)).to(label_S.device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    for step, chosen_B in enumerate(chosen_EB):
        rising, falling = (step + 1) / _WARMUP_STEPS, (steps - step) / (_FALLING * steps)
        optimiser.param_groups[0]["lr"] = _RATE * min(1.0, rising, falling)
        loss = functional.cross_entropy(network(z_SX[chosen_B]), label_S[chosen_B])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        report(step + 1)


def _windows(track_FR: FloatTrack) -> NDArray[np.float32]:
    """The mouth from two frames before to two frames after each, (F, X); beyond the clip it is held."""
    mouth_FC = track_FR[:, list(MOUTH_CHANNELS)].astype(np.float32)
    frames_FO = np.clip(np.arange(mouth_FC.shape[0])[:, None] + _OFFSETS, 0, mouth_FC.shape[0] - 1)
    return mouth_FC[frames_FO].reshape(mouth_FC.shape[0], -1)
