"""What a model in training makes of a few windows, beside the truth, as one picture."""

from dataclasses import replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.flow.guidance import GuidanceScales
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.clip_bank import ClipBank
from openlpm.training.teacher import TeacherConfig, trajectory
from openlpm.training.window_conditions import WindowConditions, latents_of
from openlpm.training.windows import WindowDraw, WindowSource

_WINDOWS: Final = 3
_FRAMES: Final = 8
_STEP: Final = 1 << 29
"""A batch that no training sees."""


@torch.no_grad()
def sample_grid(model: CharacterModel, bank: ClipBank, draw: WindowDraw, *, steps: int = 8) -> NDArray[np.uint8]:
    """Rows of pictures over time: the truth of a window, what the model makes of it, the next window's truth.

    Takes the model as it is and leaves it, and torch's generator, as they were. Blocks that were compiled for training
    run uncompiled, for a graph of this shape would take longer than the pictures.
    """
    layout = draw.layouts[0]
    quiet = replace(
        draw,
        layouts=(layout,),
        token_frames=_WINDOWS * layout.num_tokens_frames,
        drop_text=0.0,
        drop_speak=0.0,
        drop_listen=0.0,
        drop_all=0.0,
        give_motion=0.0,
        continue_share=0.0,
    )
    device = bank.latents_NTCHW.device
    teacher = TeacherConfig(steps=steps, guidance=GuidanceScales(), time_shift=model.config.window.time_shift)
    modes = [(module, module.training) for module in model.modules()]
    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        torch.compiler.set_stance("force_eager"),
    ):
        torch.manual_seed(0)
        model.eval()
        try:
            batch = WindowSource(bank, quiet).batch(_STEP, 0)
            truth_BCTHW = latents_of(bank, batch)
            condition = WindowConditions(model, bank)(batch)
            noise_BCTHW = torch.randn_like(truth_BCTHW)
            made_BCTHW = trajectory(model.dit, noise_BCTHW, condition, (1.0,), teacher).data_BCTHW
            rows = [_strip(model, latents) for pair in zip(truth_BCTHW, made_BCTHW, strict=True) for latents in pair]
        finally:
            for module, training in modes:
                module.training = training
    return np.concatenate(rows, axis=0)


def _strip(model: CharacterModel, latents_CTHW: Tensor) -> NDArray[np.uint8]:
    """Pictures of a window side by side, half as large."""
    video_BCFHW, _ = model.vae.decode(latents_CTHW[None].float())
    count = video_BCFHW.shape[2]
    chosen = np.linspace(0, count - 1, min(_FRAMES, count)).round().astype(int).tolist()
    small_FCHW = video_BCFHW[0, :, chosen, ::2, ::2].transpose(0, 1)
    pictures_FHWC = ((small_FCHW.clamp(-1, 1) + 1) * 127.5).byte().permute(0, 2, 3, 1).cpu().numpy()
    return np.concatenate(list(pictures_FHWC), axis=1)
