"""A small model that streams, for tests of what is built on streams."""

from dataclasses import replace

import torch

from openlpm.nn.memory import MemoryConfig
from openlpm.recipes import nano
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.online import OnlineConfig
from openlpm.vae.config import StageConfig

SIZE = 64
ONLINE = OnlineConfig(
    chunk_frames=2, memory=MemoryConfig(sink_frames=2, window_frames=4), backbone_times=(1.0, 0.6), refiner_time=0.3
)


def streaming_model(dtype: torch.dtype = torch.float32) -> CharacterModel:
    """Of nano's kind, with weights of chance, always the same."""
    stages = tuple(StageConfig(width=width, blocks=2) for width in (8, 8, 16))
    config = nano.character()
    config = replace(
        config,
        name="tiny",
        vae=replace(config.vae, encoder=stages, decoder=stages),
        dit=replace(config.dit, width=48, num_layers=2, num_heads=2, ffn_width=64, freq_width=32),
        picture_size=SIZE,
        online=ONLINE,
        choreographer=None,
    )
    torch.manual_seed(0)
    model = CharacterModel(config).to(dtype).eval().requires_grad_(requires_grad=False)
    for parameter in model.parameters():  # what starts at zero would hide the conditions
        parameter.add_(0.1 * torch.randn_like(parameter))
    return model
