"""Attention that skips what is masked gathers what attention under the dense mask gathers.

It is checked in a process of its own: torch's compiler cannot trace functions whose types are checked, as in tests.
"""

import subprocess
import sys

import pytest
import torch

from openlpm.nn.attention import attention
from openlpm.nn.block_causal import CausalLayout, who_sees_whom
from openlpm.nn.memory import MemoryConfig

pytestmark = pytest.mark.contract

MEMORY = MemoryConfig(sink_frames=2, window_frames=4)
TOLERANCE = {"cpu": 1e-5, "cuda": 2e-2}


def layout(tokens: int, references: int) -> CausalLayout:
    """Eight frames, of which a chunk remembers six and sees two."""
    return CausalLayout(chunk_frames=2, num_frames=8, num_references=references, tokens_per_frame=tokens, memory=MEMORY)


def check(device: torch.device, tokens: int, *, behind: bool) -> None:
    """What queries gather and, on a GPU, the gradients of queries, keys and values."""
    from openlpm.nn.flexible import FlexibleMask

    chunks, history = layout(tokens, 0 if behind else 1), layout(tokens, 1) if behind else None
    queries = chunks.num_tokens
    keys = queries + (0 if history is None else history.num_tokens)
    sees = who_sees_whom(chunks, history)
    generator = torch.Generator().manual_seed(0)

    def drawn(length: int) -> torch.Tensor:
        values = torch.randn(2, length, 2, 32, generator=generator)
        return values.to(device).requires_grad_(device.type == "cuda")  # no gradient on a processor

    given = (drawn(queries), drawn(keys), drawn(keys))
    query_S1, key_L = torch.arange(queries, device=device)[:, None], torch.arange(keys, device=device)
    dense = attention(*given, sees(query_S1, query_S1, query_S1, key_L))
    skipping = FlexibleMask(sees, queries, keys, device).attention(*given)
    pairs = [(skipping, dense)]
    if dense.requires_grad:
        weight = torch.randn(dense.shape, generator=generator).to(device)
        pairs += zip(*(torch.autograd.grad((each * weight).sum(), given) for each in pairs[0]), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, atol=TOLERANCE[device.type], rtol=TOLERANCE[device.type])


@pytest.mark.parametrize(
    "device", [pytest.param("cpu", marks=pytest.mark.long), pytest.param("cuda", marks=pytest.mark.gpu)]
)
def test_skipping_what_is_hidden_changes_nothing(device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    done = subprocess.run([sys.executable, __file__, device], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


if __name__ == "__main__":
    place = torch.device(sys.argv[1])
    for is_behind in (False, True):
        check(place, 64 if place.type == "cuda" else 16, behind=is_behind)
