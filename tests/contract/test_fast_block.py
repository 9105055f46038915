"""Fast blocks compute what the plain ones compute, and say for what they are not made."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from openlpm.bench.speed.network import transformer_of_chance
from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.dit.fast_block import hasten
from openlpm.nn.attention import Bidirectional, NormScope
from openlpm.nn.fp8 import quantised
from openlpm.nn.modulation import gated_add, modulated_norm
from openlpm.nn.rows import Norm, Update, add, add_and_norm, narrow_rows, root_norms
from openlpm.parallel.narrow import relative_difference, to_fp8
from openlpm.recipes.speed import tiny

pytestmark = pytest.mark.contract

CPU = torch.device("cpu")


def network(**changes):
    return transformer_of_chance(replace(tiny(), num_layers=3, **changes), CPU, torch.float32)


def condition(rows=2, frames=3, **more):
    config = tiny()
    return Condition(
        text_BLD=torch.randn(rows, config.text_tokens, config.text_width),
        speak_BLD=torch.randn(rows, config.speak.num_tokens(frames), config.speak.width),
        listen_BLD=torch.randn(rows, config.listen.num_tokens(frames), config.listen.width),
        **more,
    )


@torch.no_grad()
@pytest.mark.parametrize("each_frame", [False, True], ids=["one time", "a time a frame"])
def test_a_fast_transformer_is_the_plain_one(each_frame):
    plain, fast = network(), network()
    to_fp8(plain)
    to_fp8(fast)
    hasten(fast)
    latents, told = torch.randn(2, 16, 3, 4, 6), condition()
    time = torch.rand(2, 3) if each_frame else torch.rand(2)
    made = [each(latents, time, each.tell(told, latents.shape), attend=Bidirectional()) for each in (plain, fast)]
    # Roundings to 8 bits fall otherwise here and there.
    assert relative_difference(made[1], made[0]) < 0.02
    deaf = replace(told, speak_BLD=torch.zeros_like(told.speak_BLD))
    assert (
        relative_difference(fast(latents, time, fast.tell(deaf, latents.shape), attend=Bidirectional()), made[1]) > 0.03
    )


@torch.no_grad()
def test_what_has_no_place_in_a_fast_block_is_done_as_ever():
    plain, fast = network(), network()
    to_fp8(plain)
    to_fp8(fast)
    hasten(fast)
    slots = (ReferenceSlot(kind=ReferenceKind.GLOBAL),)
    latents = torch.randn(2, 16, 3, 4, 6)
    for more in (
        {"references_BJCHW": torch.randn(2, 1, 16, 4, 6), "slots": slots},
        {"speak_on_B": torch.tensor([True, False])},
    ):
        told = condition(**more)
        made = [each(latents, torch.rand(2) * 0 + 0.5, told, attend=Bidirectional()) for each in (plain, fast)]
        assert relative_difference(made[1], made[0]) < 0.02


def test_only_layers_in_8_bits_and_norms_of_wan_are_made_fast():
    with pytest.raises(ConfigError, match="to_fp8 first"):
        hasten(network())
    other = network(qk_norm=NormScope.HEAD)
    to_fp8(other)
    with pytest.raises(ConfigError, match="qk_norm=head"):
        hasten(other)


@torch.no_grad()
def test_rows_are_added_normed_and_rounded_as_by_the_plain_code():
    x, product, other = (torch.randn(2, 6, 32) for _ in range(3))
    bias, more = torch.randn(32), torch.randn(32)
    shift, scale, gate = torch.randn(2, 3, 3, 32).unbind(2)
    gated = Update(product_BSD=product, bias_D=bias, gate_BGD=gate)
    both = (Update(product_BSD=product, bias_D=bias), Update(product_BSD=other, bias_D=more))
    wanted = gated_add(x, product + bias, gate)
    torch.testing.assert_close(add(x, (gated,)), wanted)
    made, narrow, scales = add_and_norm(x, (gated,), Norm(eps=1e-6, scale=scale, shift=shift))
    torch.testing.assert_close(made, wanted)
    exact, exact_scales = quantised(modulated_norm(wanted, shift, scale, eps=1e-6).flatten(0, 1))
    assert torch.equal(narrow.float(), exact.float())
    torch.testing.assert_close(scales, exact_scales)
    made, narrow, scales = add_and_norm(x, both, Norm(eps=1e-6, scale=bias, shift=more))
    torch.testing.assert_close(made, x + product + bias + other + more)
    normed = F.layer_norm(made, (32,), bias, more, 1e-6).flatten(0, 1)
    assert relative_difference(narrow.float() * scales, normed) < 0.04
    narrow, scales = narrow_rows(x, bias, gelu=True)
    assert relative_difference(narrow.float() * scales, F.gelu(x + bias, approximate="tanh").flatten(0, 1)) < 0.04
    joined, weights = torch.randn(2, 6, 96), torch.randn(2, 32)
    parts = (joined + torch.cat([bias, more, bias])).chunk(3, dim=-1)
    made = root_norms(joined, torch.cat([bias, more, bias]), weights, 1e-6)
    torch.testing.assert_close(made[0], F.rms_norm(parts[0], (32,), weights[0], 1e-6))
    torch.testing.assert_close(made[1], F.rms_norm(parts[1], (32,), weights[1], 1e-6))
    torch.testing.assert_close(made[2], parts[2])
