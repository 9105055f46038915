"""Without voices and references, the character transformer is Wan."""

import warnings

import pytest
import torch

from openlpm.dit import CharacterTransformer, Condition, DiTConfig
from openlpm.nn.attention import Bidirectional
from openlpm.weights.wan import from_diffusers

pytestmark = pytest.mark.contract

CONFIG = DiTConfig(
    latent_channels=4, width=48, num_layers=3, num_heads=2, ffn_width=80, text_width=20, text_tokens=7, freq_width=32
)


@pytest.fixture(scope="module")
def wan():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what diffusers warns of at import is not ours to mend
        from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
    torch.manual_seed(0)
    model = WanTransformer3DModel(
        num_attention_heads=CONFIG.num_heads,
        attention_head_dim=CONFIG.head_width,
        in_channels=CONFIG.latent_channels,
        out_channels=CONFIG.latent_channels,
        text_dim=CONFIG.text_width,
        freq_dim=CONFIG.freq_width,
        ffn_dim=CONFIG.ffn_width,
        num_layers=CONFIG.num_layers,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        eps=CONFIG.eps,
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def test_the_transformer_equals_wan_in_value_and_gradient(wan):
    ours = CharacterTransformer(CONFIG)
    ours.load_state_dict(from_diffusers(wan.state_dict()), strict=True)
    latents, text = torch.randn(2, 4, 3, 6, 8), torch.randn(2, 7, 20)
    weight = torch.randn(2, 4, 3, 6, 8)
    time = torch.tensor([0.1, 0.83])

    theirs = wan(latents, time * 1000, text, return_dict=False)[0]
    (theirs * weight).sum().backward()
    out = ours(latents, time, Condition(text_BLD=text), attend=Bidirectional())
    (out * weight).sum().backward()

    assert relative_error(out, theirs) < 1e-4
    wanted = from_diffusers({name: parameter.grad for name, parameter in wan.named_parameters()})
    assert wanted.keys() == {name for name, _ in ours.named_parameters()}
    for name, parameter in ours.named_parameters():
        assert relative_error(parameter.grad, wanted[name]) < 1e-4, name


def test_text_is_padded_with_zero_tokens_as_in_wan(wan):
    ours = CharacterTransformer(CONFIG)
    ours.load_state_dict(from_diffusers(wan.state_dict()), strict=True)
    latents, text = torch.randn(1, 4, 2, 4, 4), torch.randn(1, 3, 20)
    padded = torch.cat([text, torch.zeros(1, 4, 20)], dim=1)
    with torch.no_grad():
        theirs = wan(latents, torch.tensor([400.0]), padded, return_dict=False)[0]
        out = ours(latents, torch.tensor([0.4]), Condition(text_BLD=text), attend=Bidirectional())
    assert relative_error(out, theirs) < 1e-4


def relative_error(value: torch.Tensor, wanted: torch.Tensor) -> float:
    """Largest difference over the largest value; a key bias has zero gradient in exact arithmetic, hence the floor."""
    return ((value - wanted).abs().max() / wanted.abs().max().clamp_min(1e-3)).item()
