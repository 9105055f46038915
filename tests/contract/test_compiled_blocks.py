"""Blocks compiled around attention compute what they computed, and share their graphs.

It is checked in a process of its own: torch's compiler cannot trace functions whose types are checked, as in tests.
"""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from openlpm.dit.condition import Condition
from openlpm.dit.model import CharacterTransformer
from openlpm.nn.block_causal import BlockCausal, CausalLayout, KeyRecord
from openlpm.nn.memory import MemoryConfig
from openlpm.recipes import tiny
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.adapter import attach

pytestmark = [pytest.mark.contract, pytest.mark.long]

FRAMES, ROWS = 6, 2
MOST_GRAPHS = 3
"""What comes before attention, and what comes after it in a block that hears either voice."""


def gathered(dit: CharacterTransformer) -> list[Tensor]:
    """Both passes over a clip in causal training, and the gradients of all that learns."""
    sizes, generator = dit.config, torch.Generator().manual_seed(0)
    assert sizes.speak is not None
    assert sizes.listen is not None

    def drawn(*shape: int) -> Tensor:
        return torch.randn(ROWS, *shape, generator=generator)

    condition = Condition(
        text_BLD=drawn(sizes.text_tokens, sizes.text_width),
        speak_BLD=drawn(sizes.speak.num_tokens(FRAMES), sizes.speak.width),
        listen_BLD=drawn(sizes.listen.num_tokens(FRAMES), sizes.listen.width),
    )
    latents = drawn(sizes.latent_channels, FRAMES, 4, 4)
    layout = CausalLayout(
        chunk_frames=2,
        num_frames=FRAMES,
        num_references=0,
        tokens_per_frame=sizes.tokens_per_frame(4, 4),
        memory=MemoryConfig(sink_frames=1, window_frames=2),
    )
    record, time_BT = KeyRecord(), torch.full((ROWS, FRAMES), 0.5)
    passes = [
        dit(latents, time_BT, condition, attend=BlockCausal(layout, record=record)),
        dit(latents, time_BT, condition, attend=BlockCausal(layout, history=record)),
    ]
    learning = [parameter for parameter in dit.parameters() if parameter.requires_grad]
    loss = torch.stack([each.square().mean() for each in passes]).sum()
    gradients = torch.autograd.grad(loss, learning, allow_unused=True)
    return [*passes, *(each for each in gradients if each is not None)]


def check() -> None:
    """Four blocks that learn a change of few components, before and after they are compiled."""
    torch.manual_seed(0)
    sizes = tiny.character()
    dit = CharacterModel(replace(sizes, dit=replace(sizes.dit, num_layers=4))).dit
    base = {name: value.clone() for name, value in dit.state_dict().items()}
    for parameter in dit.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    attach(dit, base, 2)
    plain = gathered(dit)
    dit.compile_around_attention()
    for one, other in zip(gathered(dit), plain, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)
    from torch._dynamo.utils import counters

    graphs = counters["stats"]["unique_graphs"]
    assert 0 < graphs <= MOST_GRAPHS, f"{graphs} graphs: blocks share none"


def test_blocks_compiled_around_attention_are_the_same_and_share_graphs() -> None:
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


if __name__ == "__main__":
    check()
