"""Attention that skips what is masked gathers what attention under the dense mask gathers."""

import pytest
import torch

from openlpm.nn.attention import attention
from openlpm.nn.block_causal import CausalLayout, who_sees_whom
from openlpm.nn.memory import MemoryConfig

pytestmark = [
    pytest.mark.contract,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:flex_attention called without"),
]

MEMORY = MemoryConfig(sink_frames=2, window_frames=4)


def layouts(tokens: int) -> tuple[CausalLayout, CausalLayout]:
    """A sequence of chunks behind a history that has references."""
    history = CausalLayout(chunk_frames=2, num_frames=8, num_references=1, tokens_per_frame=tokens, memory=MEMORY)
    return CausalLayout(chunk_frames=2, num_frames=8, num_references=0, tokens_per_frame=tokens, memory=MEMORY), history


def gathered(layout: CausalLayout, history: CausalLayout | None, device: torch.device) -> list[torch.Tensor]:
    """What queries gather and, on a GPU, the gradients of queries, keys and values: skipping, then dense."""
    from openlpm.nn.flexible import FlexibleMask

    queries = layout.num_tokens
    keys = queries + (0 if history is None else history.num_tokens)
    sees = who_sees_whom(layout, history)
    generator = torch.Generator().manual_seed(0)

    def drawn(length: int) -> torch.Tensor:
        return torch.randn(2, length, 2, 32, generator=generator).to(device).requires_grad_(device.type == "cuda")

    given = (drawn(queries), drawn(keys), drawn(keys))
    weight = torch.randn(2, queries, 2, 32, generator=generator).to(device)
    query_S, key_L = torch.arange(queries, device=device)[:, None], torch.arange(keys, device=device)
    dense = sees(query_S, query_S, query_S, key_L)
    found: list[torch.Tensor] = []
    for answer in (FlexibleMask(sees, queries, keys, device).attention(*given), attention(*given, dense)):
        found.append(answer)
        if answer.requires_grad:
            found += torch.autograd.grad((answer * weight).sum(), given)
    return found


def check(found: list[torch.Tensor], **tolerance: float) -> None:
    half = len(found) // 2
    for skipping, dense in zip(found[:half], found[half:], strict=True):
        torch.testing.assert_close(skipping, dense, **tolerance)


@pytest.mark.parametrize("behind", [False, True])
def test_skipping_what_is_hidden_changes_nothing(behind: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.nn.attention.flex_attention import flex_attention

    from openlpm.nn import flexible

    monkeypatch.setattr(flexible, "_compiled", flex_attention)  # compiling takes longer than the test
    layout, history = layouts(tokens=16)
    check(gathered(layout if behind else history, history if behind else None, torch.device("cpu")), atol=1e-5, rtol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("behind", [False, True])
def test_compiled_it_changes_nothing_either(behind: bool) -> None:
    layout, history = layouts(tokens=64)
    found = gathered(layout if behind else history, history if behind else None, torch.device("cuda"))
    check(found, atol=2e-2, rtol=2e-2)
