"""What is computed in 8 bits for speed keeps the promises of what it stands for, and stays near it."""

import copy

import pytest
import torch
import torch.nn.functional as F

from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition
from openlpm.dit.model import CharacterTransformer
from openlpm.nn.attention import Bidirectional
from openlpm.nn.eight_bit import EightBitLinear, EightBitMlp, is_exact
from openlpm.nn.memory import MemoryConfig
from openlpm.nn.mlp import Mlp
from openlpm.nn.packed import PackedLinear
from openlpm.recipes.activations import measured_activations
from openlpm.rollout import fit
from openlpm.rollout.assembly import load_model
from openlpm.rollout.fit import Arithmetic, fit_to_cpu
from openlpm.rollout.online import OnlineConfig, OnlineNetwork
from openlpm.vae.autoencoder import VideoAutoencoder
from openlpm.vae.config import AutoencoderConfig, StageConfig
from openlpm.vae.eight_bit import convolutions, is_supported, largest_activations, to_eight_bits
from openlpm.weights import bundled

pytestmark = [pytest.mark.contract, pytest.mark.skipif(not is_supported(), reason="no 8-bit kernels in this PyTorch")]


@pytest.fixture(scope="module")
def pair() -> tuple[VideoAutoencoder, VideoAutoencoder]:
    """An autoencoder and the same with a decoder in 8 bits."""
    torch.manual_seed(0)
    stages = (StageConfig(width=16, blocks=1), StageConfig(width=24, blocks=2), StageConfig(width=32, blocks=2))
    config = AutoencoderConfig(latent_channels=6, frames_per_latent=4, encoder=stages, decoder=stages)
    whole = VideoAutoencoder(config).requires_grad_(requires_grad=False)
    for parameter in whole.parameters():  # fresh blocks are the identity; give every path something to do
        torch.nn.init.normal_(parameter, std=0.07)
    small = copy.deepcopy(whole)
    largest = largest_activations(whole.decoder, torch.randn(4, 6, 6, 8, 8))
    to_eight_bits(small.decoder, tuple(1.1 * each for each in largest))
    return whole, small


@torch.inference_mode()
def test_a_decoder_in_eight_bits_shows_the_same_pictures(pair) -> None:
    whole, small = pair
    latents = torch.randn(2, 6, 4, 8, 8)
    wanted, _ = whole.decode(latents)
    given, _ = small.decode(latents)
    # A step of 8 bits is 1/255 of a range; some 18 layers of such errors stay 30 dB below the picture itself.
    assert (given - wanted).square().mean() < 1e-3 * wanted.square().mean()


@torch.inference_mode()
def test_in_eight_bits_a_stream_is_the_whole_clip_and_rows_are_independent_to_the_last_bit(pair) -> None:
    _, small = pair
    latents = torch.randn(3, 6, 7, 8, 8)
    whole, _ = small.decode(latents)
    pieces, state = [], None
    for part in latents.split([1, 3, 1, 2], dim=2):
        video, state = small.decode(part, state)
        pieces.append(video)
    assert torch.equal(torch.cat(pieces, dim=2), whole)
    assert torch.equal(small.decode(latents[1:2])[0][0], whole[1])


@torch.inference_mode()
def test_decoding_in_eight_bits_leaves_what_it_is_given_as_it_was(pair) -> None:
    _, small = pair
    latents = torch.randn(1, 6, 2, 8, 8)
    _, state = small.decode(latents)
    kept = [past.clone() for past in state.past]
    once, _ = small.decode(latents, state)
    again, _ = small.decode(latents, state)
    assert torch.equal(once, again)
    assert all(torch.equal(past, before) for past, before in zip(state.past, kept, strict=True))


def test_activations_of_another_decoder_are_refused(pair) -> None:
    whole, _ = pair
    with pytest.raises(ConfigError, match=r"activations=2: give one for each of the decoder's 15"):
        to_eight_bits(whole.decoder, (1.0, 2.0))


@torch.inference_mode()
def test_a_token_in_eight_bits_is_its_own_and_near_the_truth() -> None:
    torch.manual_seed(0)
    layers = torch.nn.Linear(48, 64), torch.nn.Linear(48, 32)
    joined = EightBitLinear(*layers)
    x_SI = torch.randn(2, 8, 48) * torch.logspace(-3, 3, 8)[:, None]  # tokens of every size
    wanted = torch.cat([layer(x_SI) - layer.bias for layer in layers], dim=-1)
    given = joined(x_SI)
    error = (given - torch.cat([layer.bias for layer in layers]) - wanted).norm(dim=-1) / wanted.norm(dim=-1)
    assert error.max() < (0.02 if is_exact() else 0.06)
    torch.testing.assert_close(joined(x_SI[1:, 3:4]), given[1:, 3:4], rtol=1e-6, atol=1e-6)
    assert joined(torch.zeros(1, 48)).isfinite().all()


@torch.inference_mode()
def test_a_feed_forward_in_eight_bits_is_near_the_truth() -> None:
    torch.manual_seed(0)
    mlp = Mlp(48, 160, 48)
    x_SI = torch.randn(64, 48)
    assert (EightBitMlp(mlp)(x_SI) - mlp(x_SI)).norm() / mlp(x_SI).norm() < (0.03 if is_exact() else 0.1)
    assert F.gelu(x_SI).sub(F.gelu(x_SI, approximate="tanh")).abs().max() < 1e-3


@torch.inference_mode()
def test_the_shipped_model_in_eight_bits_errs_no_more_than_in_bfloat16() -> None:
    model = load_model(bundled.folder("nano"))
    narrow, small = copy.deepcopy(model.dit).bfloat16(), copy.deepcopy(model.dit)
    for block in small.blocks:
        block.shrink()
    torch.manual_seed(0)
    latents, config = torch.randn(1, 24, 4, 16, 16), model.config.dit
    condition = Condition(
        text_BLD=model.text(model.text.prepare(["a calm face"])),
        speak_BLD=torch.randn(1, config.speak.num_tokens(4), config.speak.width),
        listen_BLD=torch.randn(1, config.listen.num_tokens(4), config.listen.width),
    )

    def predicted(dit: CharacterTransformer) -> torch.Tensor:
        return dit(latents, torch.full((1,), 0.8), condition, attend=Bidirectional())

    exact = predicted(model.dit)
    of_small, of_narrow = ((predicted(dit) - exact).norm() / exact.norm() for dit in (small, narrow))
    assert of_small < (1.6 if is_exact() else 6.0) * of_narrow


ON_CPU = [each for each in Arithmetic if each is not Arithmetic.FLOAT8]


@pytest.mark.parametrize("chosen", ON_CPU)
def test_a_fitted_model_streams_in_what_was_found_fastest(chosen, monkeypatch) -> None:
    model = load_model(bundled.folder("nano"))
    monkeypatch.setattr(fit, "_seconds", lambda layer, x: 1.0 if _kind(layer, x) is chosen else 2.0)
    monkeypatch.setattr(fit, "is_exact", lambda: True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    fitted = fit_to_cpu(model)
    assert fitted.transformer is chosen
    assert fitted.decoder is Arithmetic.EIGHT_BITS
    for dit in model.streaming_networks():
        assert isinstance(dit.blocks[0].ffn, EightBitMlp) == (chosen is Arithmetic.EIGHT_BITS)
        assert isinstance(dit.blocks[0].self_attention.o, PackedLinear) == (chosen is Arithmetic.PACKED)
        assert (dit.head.weight.dtype == torch.bfloat16) == (chosen is Arithmetic.BFLOAT16)


def _kind(layer: torch.nn.Module, x: torch.Tensor) -> Arithmetic:
    if isinstance(layer, EightBitMlp):
        return Arithmetic.EIGHT_BITS
    if isinstance(layer.up, PackedLinear):
        return Arithmetic.PACKED
    return Arithmetic.BFLOAT16 if x.dtype == torch.bfloat16 else Arithmetic.FLOAT32


@torch.inference_mode()
def test_the_shipped_activations_fit_the_shipped_decoder_and_people() -> None:
    model = load_model(bundled.folder("nano"))
    shipped, some = model.config.vae.activations, measured_activations(model.vae, num_people=1)
    assert len(shipped) == len(convolutions(model.vae.decoder))
    assert all(one <= all_ * 1.2 for one, all_ in zip(some, shipped, strict=True))


@pytest.mark.parametrize("chosen", ON_CPU)
def test_the_transformers_that_stream_are_fitted_whichever_they_are(chosen, monkeypatch, tiny_model) -> None:
    online = OnlineConfig(
        chunk_frames=2, memory=MemoryConfig(sink_frames=1, window_frames=2), backbone_times=(1.0,), refiner_time=0.3
    )
    model = tiny_model(online=online, online_networks=tuple(OnlineNetwork))
    monkeypatch.setattr(fit, "_fastest", lambda width, hidden: chosen)
    fit_to_cpu(model)
    for network in (model.backbone, model.refiner):
        narrow = network.head.weight.dtype is torch.bfloat16
        small = any(isinstance(module, EightBitMlp) for module in network.modules())
        assert (narrow, small) == (chosen is Arithmetic.BFLOAT16, chosen is Arithmetic.EIGHT_BITS)
    assert model.dit.head.weight.dtype is torch.float32  # makes windows, not chunks
    assert not any(isinstance(module, EightBitMlp) for module in model.dit.modules())
