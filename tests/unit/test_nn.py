import pytest
import torch

from openlpm.nn import packed
from openlpm.nn.attention import Attend, Bidirectional, HeadNorm, NormScope, attention
from openlpm.nn.by_heads import attention_by_heads, is_faster, is_supported
from openlpm.nn.mlp import Mlp
from openlpm.nn.modulation import gated_add, modulated_norm
from openlpm.nn.norm import LayerNorm, RMSNorm
from openlpm.nn.rope import axis_widths, grid_positions, rotate, rotation_at
from openlpm.nn.time import time_sinusoid

pytestmark = pytest.mark.unit


def test_a_head_is_split_as_in_wan():
    assert axis_widths(128) == (44, 42, 42)
    assert axis_widths(64) == (24, 20, 20)


def test_rotation_turns_each_pair_by_position_times_frequency():
    x = torch.randn(1, 1, 1, 12)
    position = torch.tensor([[3.0, -2.0, 5.0]])
    turned = rotate(x, rotation_at(position, 12))
    pairs = torch.view_as_complex(x.unflatten(-1, (6, 2)))
    wanted_angles = [3.0, 3.0 * 10_000**-0.5, -2.0, -2.0 * 10_000**-0.5, 5.0, 5.0 * 10_000**-0.5]
    wanted = pairs * torch.exp(1j * torch.tensor(wanted_angles))
    torch.testing.assert_close(turned, torch.view_as_real(wanted).flatten(-2))


def test_scores_depend_on_differences_of_positions_only(seed):
    query, key = torch.randn(1, 5, 2, 16), torch.randn(1, 5, 2, 16)
    positions = torch.randn(5, 3) * 8
    scores = []
    for offset in (0.0, -13.5):
        rotation = rotation_at(positions + offset, 16)
        scores.append(torch.einsum("bsnk,blnk->bnsl", rotate(query, rotation), rotate(key, rotation)))
    torch.testing.assert_close(scores[0], scores[1], atol=1e-4, rtol=1e-4)


def test_rotation_keeps_lengths_and_the_type(seed):
    x = torch.randn(2, 4, 3, 16)
    rotation = rotation_at(torch.randn(4, 3), 16)
    torch.testing.assert_close(rotate(x, rotation).norm(dim=-1), x.norm(dim=-1))
    assert rotate(x.bfloat16(), rotation).dtype is torch.bfloat16


def test_a_grid_runs_frame_by_frame_and_row_by_row():
    grid = grid_positions(torch.tensor([-4.0, 0.0]), 2, 3)
    assert grid[:7].tolist() == [[-4, 0, 0], [-4, 0, 1], [-4, 0, 2], [-4, 1, 0], [-4, 1, 1], [-4, 1, 2], [0, 0, 0]]
    rows = grid_positions(torch.tensor([[0.0, 1.0], [5.0, 6.0]]), 2, 3)
    assert rows.shape == (2, 12, 3)
    assert torch.equal(rows[1, :, 0] - rows[0, :, 0], torch.full((12,), 5.0))


def test_a_sinusoid_has_cosines_first_and_sees_thousandths():
    out = time_sinusoid(torch.tensor([0.0, 0.001]), 8)
    assert out[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    frequencies = 10_000 ** -(torch.arange(4) / 4)
    torch.testing.assert_close(out[1], torch.cat([frequencies.cos(), frequencies.sin()]))


def test_norms_take_their_statistics_in_float32(seed):
    x = (torch.randn(3, 32) * 100).bfloat16()
    for norm in (RMSNorm(32, eps=1e-6), LayerNorm(32, eps=1e-6)):
        out = norm(x)
        assert out.dtype is torch.bfloat16
        torch.testing.assert_close(out, norm(x.float()).bfloat16())


@pytest.mark.parametrize(("scope", "parameters"), [(NormScope.WIDTH, 24), (NormScope.HEAD, 12)])
def test_heads_are_normalised_over_their_scope(seed, scope, parameters):
    norm = HeadNorm(24, 2, scope=scope, eps=0.0)
    assert sum(parameter.numel() for parameter in norm.parameters()) == parameters
    x = torch.randn(1, 3, 24)
    x[..., 12:] *= 5
    out = norm(x)
    size = out.square().mean(dim=-1) if scope is NormScope.HEAD else out.flatten(2).square().mean(dim=-1)
    torch.testing.assert_close(size, torch.ones_like(size))


@pytest.mark.parametrize("groups", [1, 3])
def test_modulation_of_groups_equals_modulation_of_tokens(seed, groups):
    x, update = torch.randn(2, 6, 8), torch.randn(2, 6, 8)
    shift, scale, gate = torch.randn(3, 2, groups, 8)
    per_token = [each.repeat_interleave(6 // groups, dim=1) for each in (shift, scale, gate)]
    for one, other in (
        (modulated_norm(x, shift, scale, eps=1e-6), modulated_norm(x, *per_token[:2], eps=1e-6)),
        (gated_add(x, update, gate), x + update * per_token[2]),
    ):
        torch.testing.assert_close(one, other)


def test_attention_is_softmax_attention(seed):
    query, key, value = torch.randn(3, 2, 5, 2, 8)
    scores = torch.einsum("bsnk,blnk->bnsl", query, key) / 8**0.5
    wanted = torch.einsum("bnsl,blnk->bsnk", scores.softmax(dim=-1), value)
    torch.testing.assert_close(attention(query, key, value), wanted)


def test_bidirectional_attention_is_an_attend_and_turns_queries_and_keys(seed):
    attend = Bidirectional()
    assert isinstance(attend, Attend)
    query, key, value = torch.randn(3, 1, 5, 2, 12)
    rotation = rotation_at(torch.randn(5, 3), 12)
    out = attend(query, key, value, rotation, layer=0)
    torch.testing.assert_close(out, attention(rotate(query, rotation), rotate(key, rotation), value))


@pytest.mark.skipif(not is_supported(), reason="no such kernel in this PyTorch")
@torch.inference_mode()
def test_attention_head_after_head_is_attention(seed):
    query = torch.randn(2, 6, 3, 8)
    key, value = (torch.randn(2, 3, 20, 8).transpose(1, 2) for _ in range(2))
    torch.testing.assert_close(attention_by_heads(query, key, value), attention(query, key, value))


def test_a_trial_leaves_threads_as_they_were(monkeypatch):
    threads = torch.get_num_threads()
    assert is_faster.__wrapped__(4, 8, 2, 8) in (True, False)
    assert torch.get_num_threads() == threads
    monkeypatch.setattr("openlpm.nn.by_heads.is_supported", lambda: False)
    assert not is_faster.__wrapped__(4, 8, 2, 8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_feed_forward_is_the_same_with_and_without_a_gradient(seed, dtype):
    mlp, x = Mlp(6, 50, 4).to(dtype), 4 * torch.randn(40, 6, dtype=dtype)
    with torch.no_grad():
        torch.testing.assert_close(mlp(x), mlp.down(torch.nn.functional.gelu(mlp.up(x), approximate="tanh")))
    torch.testing.assert_close(mlp(x), mlp.down(torch.nn.functional.gelu(mlp.up(x), approximate="tanh")))


@pytest.mark.skipif(not packed.is_supported(), reason="no such kernels in this PyTorch")
@torch.inference_mode()
def test_packed_layers_compute_the_same(seed):
    mlp, x = Mlp(6, 50, 4), torch.randn(2, 7, 6)
    wanted = mlp(x)
    packed.pack(mlp)
    assert isinstance(mlp.up, packed.PackedLinear)
    torch.testing.assert_close(mlp(x), wanted)
