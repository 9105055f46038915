"""Tiny: nano's shape at a size that a CPU trains in minutes, to see that a chain works; it never looks good."""

from dataclasses import replace

from openlpm.recipes import models, nano
from openlpm.rollout.assembly import CharacterConfig
from openlpm.training.clip_bank import STRIDE
from openlpm.training.footage import FootageConfig
from openlpm.training.trainer import TrainerConfig
from openlpm.training.windows import WindowDraw
from openlpm.vae.config import StageConfig

WINDOW_FRAMES = 12
"""Latent frames of every window."""


def character() -> CharacterConfig:
    """Pictures, latents and encoders of nano; an autoencoder and a transformer of next to nothing."""
    config = nano.character()
    stages = tuple(StageConfig(width=width, blocks=1) for width in (8, 16, 16))
    return replace(
        config,
        name="tiny",
        vae=replace(config.vae, encoder=stages, decoder=stages),
        dit=replace(config.dit, width=48, num_layers=2, num_heads=2, ffn_width=64, freq_width=32),
        choreographer=models.choreographer(small=True),
    )


def footage(workers: int) -> FootageConfig:
    """Three clips of three seconds: one of them at least speaks."""
    return replace(nano.footage(workers), num_utterances=24, num_clips=3, num_frames=72)


def windows(draw: WindowDraw) -> WindowDraw:
    """One short window a step."""
    layouts = tuple(replace(layout, frames=WINDOW_FRAMES) for layout in draw.layouts)
    context = min(draw.most_context, WINDOW_FRAMES // 2)
    return replace(draw, token_frames=1, layouts=layouts, most_context=context, prompt_frames=STRIDE)


def trainer(config: TrainerConfig) -> TrainerConfig:
    """A few steps, with a checkpoint after each."""
    return replace(config, steps=6, seconds=None, log_every=1, save_every=1)
