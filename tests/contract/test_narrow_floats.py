"""8-bit floating point: what it does to a layer and to a transformer, beside bfloat16 on the same inputs."""

import pytest
import torch
from torch import nn

from openlpm.core.errors import ConfigError
from openlpm.dit import AudioBranch, CharacterTransformer, Condition, DiTConfig
from openlpm.nn.attention import Bidirectional
from openlpm.nn.fp8 import Fp8Linear, is_supported, quantised
from openlpm.parallel.narrow import relative_difference, to_fp8

pytestmark = pytest.mark.contract

CONFIG = DiTConfig(
    latent_channels=4,
    width=96,
    num_layers=3,
    num_heads=4,
    ffn_width=192,
    text_width=20,
    text_tokens=7,
    freq_width=32,
    speak=AudioBranch(width=10, tokens_per_frame=2, past_frames=1, future_frames=0),
    listen=AudioBranch(width=6, tokens_per_frame=1, past_frames=3, future_frames=0),
)


def test_rows_keep_their_size_and_three_bits_of_every_number(seed):
    x = torch.randn(64, 256) * torch.logspace(-6, 4, 64)[:, None]
    narrow, scale = quantised(x)
    assert narrow.dtype is torch.float8_e4m3fn
    found = narrow.float() * scale
    assert ((found - x).norm(dim=1) / x.norm(dim=1)).max() < 0.04  # half a step of three bits, evenly spread: 0.026
    assert torch.equal(narrow.float().abs().amax(dim=1), torch.full((64,), 448.0))  # all of the range is used
    assert quantised(torch.zeros(2, 4))[0].float().abs().max() == 0


def test_layers_side_by_side_are_those_layers_and_tokens_are_independent(seed):
    layers = [nn.Linear(64, 32), nn.Linear(64, 48)]
    joined = Fp8Linear(*layers)
    x = torch.randn(2, 5, 64) * torch.logspace(-3, 3, 5)[:, None]
    out = joined(x)
    wanted = torch.cat([layer(x) for layer in layers], dim=-1)
    assert ((out - wanted).norm(dim=-1) / wanted.norm(dim=-1)).max() < 0.08
    torch.testing.assert_close(joined(x[:, 2:3]), out[:, 2:3])
    assert not joined.state_dict()
    with pytest.raises(ConfigError, match="multiples of 16"):
        Fp8Linear(nn.Linear(20, 32))


def test_a_transformer_in_fp8_stays_near_one_in_bfloat16(seed):
    model = CharacterTransformer(CONFIG).eval().requires_grad_(requires_grad=False)
    for parameter in model.parameters():
        parameter.add_(0.02 * torch.randn_like(parameter))
    latents, time = torch.randn(1, 4, 3, 6, 8), torch.tensor([0.7])
    condition = Condition(
        text_BLD=torch.randn(1, 7, 20), speak_BLD=torch.randn(1, 8, 10), listen_BLD=torch.randn(1, 6, 6)
    )

    def run(dtype=None):
        with torch.autocast("cpu", dtype, enabled=dtype is not None), torch.inference_mode():
            return model(latents, time, condition, attend=Bidirectional())

    exact, bf16 = run(), run(torch.bfloat16)
    size = to_fp8(model)
    linear = 8 * 96 * 96 + 2 * 96 * 192 - 96 * 96  # q k v o, q o, audio's o, up and down
    assert size >= 3 * linear
    fp8 = run()
    error = relative_difference(fp8, exact)
    assert relative_difference(bf16, exact) < error < 0.1
    assert not torch.equal(fp8, exact)


@pytest.mark.gpu
@pytest.mark.parametrize("tokens", [16, 1560, 4680])
def test_the_gpus_kernel_multiplies_what_the_emulation_multiplies(tokens, seed):
    if not is_supported(torch.device("cuda")):
        pytest.skip("needs a GPU with 8-bit floating point")
    layer = Fp8Linear(nn.Linear(512, 768))
    x = torch.randn(tokens, 512, dtype=torch.bfloat16)
    wanted = layer(x.float())
    out = layer.cuda()(x.cuda()).cpu()
    # The output is rounded to bfloat16, and sums are kept in fewer bits.
    assert relative_difference(out.float(), wanted) < 0.01
