"""Operations and parameters that are reckoned are those that torch counts in the real module."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.dit.work import SequenceShape, block_parameters, num_parameters, pass_work
from openlpm.nn.attention import Bidirectional, NormScope
from openlpm.recipes import models
from openlpm.recipes.speed import tiny

pytestmark = pytest.mark.unit

SIZES = {
    "tiny": tiny(),
    "nano": models.nano(),
    "lpm-1.3b": models.lpm_1_3b(),
    "lpm-17b": models.lpm_17b(),
    "deaf": replace(tiny(), speak=None, listen=None, cross_norm=False, qk_norm=NormScope.HEAD),
    "one voice": replace(tiny(), listen=None, num_layers=3),
}


def condition_of(config: DiTConfig, frames: int, cells: int, references: int) -> Condition:
    def zeros(*shape: int) -> Tensor:
        return torch.zeros(1, *shape, device="meta")

    speak, listen = config.speak, config.listen
    return Condition(
        text_BLD=zeros(config.text_tokens, config.text_width),
        speak_BLD=None if speak is None else zeros(speak.num_tokens(frames), speak.width),
        listen_BLD=None if listen is None else zeros(listen.num_tokens(frames), listen.width),
        references_BJCHW=zeros(references, config.latent_channels, cells, cells) if references else None,
        slots=tuple(ReferenceSlot(kind=ReferenceKind.VIEW, subtype=each) for each in range(references)),
        motion_BTM=zeros(frames, config.motion) if config.motion else None,
    )


def counted(config: DiTConfig, frames: int, cells: int, references: int) -> tuple[int, int, int]:
    """Forward, forward and backward, and of the forward pass the products of attention."""
    with torch.device("meta"):
        model = CharacterTransformer(config)
        latents = torch.zeros(1, config.latent_channels, frames, cells, cells)
        time = torch.zeros(1, frames)
    given = condition_of(config, frames, cells, references)
    with sdpa_kernel(SDPBackend.MATH):
        with FlopCounterMode(display=False) as forward:
            out = model(latents, time, given, attend=Bidirectional())
        with FlopCounterMode(display=False) as backward:
            out.sum().backward()
    kinds = {str(kind): count for kind, count in forward.get_flop_counts()["Global"].items()}
    return forward.get_total_flops(), forward.get_total_flops() + backward.get_total_flops(), kinds["aten.bmm"]


@pytest.mark.parametrize("name", ["tiny", "nano", "deaf", "one voice"])
@pytest.mark.parametrize("references", [0, 2])
def test_operations_are_those_that_are_counted(name: str, references: int) -> None:
    config, frames, cells = SIZES[name], 3, 4
    shape = SequenceShape(frames=frames, frame_tokens=config.tokens_per_frame(cells, cells), references=references)
    work = pass_work(config, shape)
    forward, training, attention = counted(config, frames, cells, references)
    assert work.forward == forward
    assert work.training == training
    assert work.attention == attention


def test_a_clip_of_five_seconds_takes_the_operations_that_are_counted() -> None:
    config = models.lpm_17b()
    forward, training, _ = counted(config, 30, 40, 1)
    shape = SequenceShape(frames=30, frame_tokens=400, references=1)
    assert (pass_work(config, shape).forward, pass_work(config, shape).training) == (forward, training)


@pytest.mark.parametrize("name", SIZES)
def test_parameters_are_those_of_the_module(name: str) -> None:
    config = SIZES[name]
    with torch.device("meta"):
        model = CharacterTransformer(config)
    assert num_parameters(config) == sum(parameter.numel() for parameter in model.parameters())
    for layer, block in enumerate(model.blocks):
        assert block_parameters(config, layer) == sum(parameter.numel() for parameter in block.parameters())


def test_a_sequence_without_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one frame"):
        SequenceShape(frames=0, frame_tokens=4)
