"""Without voices and references, the character transformer is Wan."""

import warnings
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from openlpm.dit import CharacterTransformer, Condition, DiTConfig
from openlpm.flow.path import Prediction
from openlpm.flow.sampler import sample
from openlpm.flow.schedule import euler_discrete_times
from openlpm.nn.attention import Bidirectional
from openlpm.nn.rope import grid_positions, rotate, rotation_at
from openlpm.nn.time import time_sinusoid
from openlpm.recipes.models import lpm_1_3b, lpm_17b
from openlpm.weights.wan import PATCH, Layout, from_diffusers, meaning
from support.wan import PICTURE, TEXT_TOKENS, relative_error, transformer

pytestmark = pytest.mark.contract

CONFIG = DiTConfig(
    latent_channels=4, width=48, num_layers=3, num_heads=2, ffn_width=80, text_width=20, text_tokens=7, freq_width=32
)
TIME = torch.tensor([0.1, 0.83])


@pytest.fixture(scope="module")
def wan():
    return transformer()


def of_picture_to_video(state: dict[str, Tensor], channels: int) -> dict[str, Tensor]:
    """What is kept of a picture-to-video model (or of its gradients), under our names."""
    kept = {}
    for key, tensor in state.items():
        meant = meaning(key, Layout.DIFFUSERS)
        if meant.left_out is None:
            kept[meant.key] = tensor[:, :channels].flatten(1) if meant.key == PATCH else tensor
    return kept


def assert_same_gradients(ours, wanted):
    assert wanted.keys() == {name for name, _ in ours.named_parameters()}
    for name, parameter in ours.named_parameters():
        assert relative_error(parameter.grad, wanted[name]) < 1e-4, name


def gradients(model):
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def test_the_transformer_equals_wan_in_value_and_gradient(wan):
    ours = CharacterTransformer(CONFIG)
    ours.load_state_dict(from_diffusers(wan.state_dict()), strict=True)
    latents, text, weight = torch.randn(2, 4, 3, 6, 8), torch.randn(2, 7, 20), torch.randn(2, 4, 3, 6, 8)

    theirs = wan(latents, TIME * 1000, text, return_dict=False)[0]
    (theirs * weight).sum().backward()
    out = ours(latents, TIME, Condition(text_BLD=text), attend=Bidirectional())
    (out * weight).sum().backward()

    assert relative_error(out, theirs) < 1e-4
    assert_same_gradients(ours, from_diffusers(gradients(wan)))


def test_the_transformer_equals_wan_of_picture_to_video_in_value_and_gradient():
    wan = transformer(picture=True)
    for block in wan.blocks:  # a picture that says nothing, which is what leaving its branch out means
        torch.nn.init.zeros_(block.attn2.add_v_proj.weight)
        torch.nn.init.zeros_(block.attn2.add_v_proj.bias)
    ours = CharacterTransformer(replace(CONFIG, text_tokens=TEXT_TOKENS))
    ours.load_state_dict(of_picture_to_video(wan.state_dict(), 4), strict=True)
    latents, text = torch.randn(2, 4, 3, 6, 8), torch.randn(2, TEXT_TOKENS, 20)
    whole = torch.cat([latents, torch.zeros(2, PICTURE["in_channels"] - 4, 3, 6, 8)], dim=1)
    weight = torch.randn_like(latents)

    theirs = wan(whole, TIME * 1000, text, torch.randn(2, 257, PICTURE["image_dim"]), return_dict=False)[0]
    (theirs * weight).sum().backward()
    out = ours(latents, TIME, Condition(text_BLD=text), attend=Bidirectional())
    (out * weight).sum().backward()

    assert relative_error(out, theirs) < 1e-4
    assert_same_gradients(ours, of_picture_to_video(gradients(wan), 4))


def test_text_is_padded_with_zero_tokens_as_in_wan(wan):
    ours = CharacterTransformer(CONFIG)
    ours.load_state_dict(from_diffusers(wan.state_dict()), strict=True)
    latents, text = torch.randn(1, 4, 2, 4, 4), torch.randn(1, 3, 20)
    padded = torch.cat([text, torch.zeros(1, 4, 20)], dim=1)
    with torch.no_grad():
        theirs = wan(latents, torch.tensor([400.0]), padded, return_dict=False)[0]
        out = ours(latents, torch.tensor([0.4]), Condition(text_BLD=text), attend=Bidirectional())
    assert relative_error(out, theirs) < 1e-4


@pytest.mark.long
@pytest.mark.parametrize("named", [lpm_1_3b, lpm_17b], ids=["1536", "5120"])
def test_one_block_of_full_width_equals_wan_in_value_and_gradient(named):
    config = replace(named(), num_layers=1, speak=None, listen=None, text_tokens=64)
    wan = transformer(
        num_attention_heads=config.num_heads,
        attention_head_dim=config.head_width,
        in_channels=16,
        out_channels=16,
        text_dim=config.text_width,
        freq_dim=config.freq_width,
        ffn_dim=config.ffn_width,
        num_layers=1,
    )
    with torch.no_grad():
        for parameter in wan.parameters():  # as large as trained ones: sums over 5120 channels stay of order one
            parameter.mul_(5 * config.width**-0.5 if parameter.ndim > 1 else 1.0)
    ours = CharacterTransformer(config)
    ours.load_state_dict(from_diffusers(wan.state_dict()), strict=True)
    latents, text, time = torch.randn(1, 16, 2, 4, 6), torch.randn(1, 64, config.text_width), torch.tensor([0.62])
    weight = torch.randn_like(latents)

    theirs = wan(latents, time * 1000, text, return_dict=False)[0]
    (theirs * weight).sum().backward()
    wanted = from_diffusers(gradients(wan))
    out = ours(latents, time, Condition(text_BLD=text), attend=Bidirectional())
    (out * weight).sum().backward()

    assert relative_error(out, theirs) < 1e-4
    assert_same_gradients(ours, wanted)


@pytest.mark.parametrize("width", [32, 256])
def test_the_time_of_the_flow_is_embedded_as_by_diffusers(width):
    from diffusers.models.embeddings import Timesteps

    time = torch.rand(64)
    theirs = Timesteps(num_channels=width, flip_sin_to_cos=True, downscale_freq_shift=0)(1000 * time)
    torch.testing.assert_close(time_sinusoid(time, width), theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("head_width", [24, 64, 128])
def test_positions_turn_heads_as_in_diffusers(head_width, wan):
    from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed

    cos, sin = WanRotaryPosEmbed(head_width, (1, 2, 2), 1024)(torch.zeros(1, 4, 5, 12, 16))
    positions = grid_positions(torch.arange(5.0), 6, 8)
    rotation = rotation_at(positions, head_width)
    torch.testing.assert_close(rotation.cos, cos[0, :, 0, 0::2].float(), rtol=0, atol=1e-5)
    torch.testing.assert_close(rotation.sin, sin[0, :, 0, 1::2].float(), rtol=0, atol=1e-5)
    query = torch.randn(1, positions.shape[0], 2, head_width)
    first, second = query.unflatten(-1, (-1, 2)).unbind(-1)
    c, s = cos[..., 0::2].float(), sin[..., 1::2].float()
    theirs = torch.stack([first * c - second * s, first * s + second * c], dim=-1).flatten(-2)
    torch.testing.assert_close(rotate(query, rotation), theirs, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("shift", "num_steps"), [(3.0, 4), (5.0, 20)])
def test_sampling_along_the_schedule_equals_diffusers(wan, shift, num_steps):
    """Flow-match Euler over the same network; the steps themselves agree to 1e-5 of what they start from."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(num_steps)
    times = euler_discrete_times(num_steps, shift=shift)
    torch.testing.assert_close(times, scheduler.sigmas, rtol=0, atol=1e-5)
    torch.testing.assert_close(1000 * times[:-1], scheduler.timesteps, rtol=1e-5, atol=0)
    noise = torch.randn(1, 4, 2, 4, 4)

    def velocity(x, _):
        return torch.tanh(x)

    theirs = noise
    for timestep in scheduler.timesteps:
        theirs = scheduler.step(velocity(theirs, timestep), timestep, theirs, return_dict=False)[0]
    ours = sample(velocity, noise, times, prediction=Prediction.VELOCITY)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
