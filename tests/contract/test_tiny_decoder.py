"""The light decoder: public layout, and a stream that equals the whole clip."""

import pytest
import torch

from openlpm.core.errors import WeightsError
from openlpm.vae.tiny_decoder import TinyDecoder, TinyDecoderConfig, load_tiny_decoder

pytestmark = pytest.mark.contract

SMALL = TinyDecoderConfig(latent_channels=16, widths=(16, 12, 8, 8))

# What a public taew2_1 file holds for its decoder (and, of the encoder, one tensor for all).
PUBLIC = {
    "encoder.0.weight": (64, 3, 3, 3),
    "decoder.1.weight": (256, 16, 3, 3),
    "decoder.1.bias": (256,),
    **{
        f"decoder.{number}.conv.{conv}.{leaf}": shape
        for numbers, width in ((range(3, 6), 256), (range(9, 12), 128), (range(15, 18), 64))
        for number in numbers
        for conv, inner in ((0, 2 * width), (2, width), (4, width))
        for leaf, shape in (("weight", (width, inner, 3, 3)), ("bias", (width,)))
    },
    "decoder.7.conv.weight": (256, 256, 1, 1),
    "decoder.8.weight": (128, 256, 3, 3),
    "decoder.13.conv.weight": (256, 128, 1, 1),
    "decoder.14.weight": (64, 128, 3, 3),
    "decoder.19.conv.weight": (128, 64, 1, 1),
    "decoder.20.weight": (64, 64, 3, 3),
    "decoder.22.weight": (3, 64, 3, 3),
    "decoder.22.bias": (3,),
}


@pytest.fixture
def decoder(seed):
    made = TinyDecoder(SMALL).eval().requires_grad_(requires_grad=False)
    for parameter in made.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=1.4 / parameter[0].numel() ** 0.5)
    return made


@pytest.mark.parametrize("pieces", [[1] * 6, [3, 3], [1, 4, 1]])
def test_a_stream_decoded_in_pieces_equals_the_whole(decoder, pieces):
    latents = torch.randn(2, 16, 6, 3, 4)
    whole, _ = decoder.decode(latents)
    assert whole.shape == (2, 3, 21, 24, 32)
    assert whole.std() > 0.05
    state, made = None, []
    for piece in latents.split(pieces, dim=2):
        video, state = decoder.decode(piece, state)
        made.append(video)
    torch.testing.assert_close(torch.cat(made, dim=2), whole, rtol=0, atol=1e-5)


def test_the_order_of_channels_in_memory_is_kept_and_changes_nothing(decoder):
    latents = torch.randn(2, 16, 3, 3, 4)
    (first, state), orders = decoder.decode(latents), []
    second, _ = decoder.decode(latents, state)
    for module in decoder.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data = module.weight.data.to(memory_format=torch.channels_last)
            module.register_forward_pre_hook(
                lambda _, given: orders.append(given[0].is_contiguous(memory_format=torch.channels_last))
            )
    # Sums of float32 in another order, through 22 layers of chance.
    made, state = decoder.decode(latents)
    torch.testing.assert_close(made, first, rtol=0, atol=1e-3)
    torch.testing.assert_close(decoder.decode(latents, state)[0], second, rtol=0, atol=1e-3)
    half = len(orders) // 2
    assert all(orders[1:half])  # only the latents come in another order
    assert all(orders[half + 1 :])


def test_what_comes_later_is_not_seen_and_what_came_before_is(decoder):
    latents = torch.randn(1, 16, 4, 3, 4)
    whole, _ = decoder.decode(latents)
    for changed, same in ((3, 9), (0, 0)):
        other = latents.clone()
        other[:, :, changed] += 1
        video, _ = decoder.decode(other)
        assert torch.equal(video[:, :, :same], whole[:, :, :same])
        assert not torch.equal(video[:, :, same:], whole[:, :, same:])


def test_weights_in_the_public_layout_load_and_the_encoder_is_left_out(tmp_path, seed):
    state = {key: torch.randn(shape) * 0.05 for key, shape in PUBLIC.items()}
    torch.save(state, tmp_path / "taew2_1.pth")
    loaded = load_tiny_decoder(tmp_path / "taew2_1.pth")
    assert {f"{key}": tuple(tensor.shape) for key, tensor in loaded.state_dict().items()} == {
        key: shape for key, shape in PUBLIC.items() if not key.startswith("encoder.")
    }
    assert torch.equal(loaded.state_dict()["decoder.22.weight"], state["decoder.22.weight"])


def test_frames_that_are_not_made_are_cut_off_a_stored_convolution(tmp_path, seed):
    state = {key: torch.randn(shape) for key, shape in PUBLIC.items()}
    state["decoder.7.conv.weight"] = torch.randn(512, 256, 1, 1)
    torch.save(state, tmp_path / "taew2_1.pth")
    loaded = load_tiny_decoder(tmp_path / "taew2_1.pth").state_dict()
    assert torch.equal(loaded["decoder.7.conv.weight"], state["decoder.7.conv.weight"][256:])


def test_another_file_is_refused_by_key(tmp_path):
    torch.save(
        {key: torch.zeros(shape) for key, shape in PUBLIC.items() if "decoder.14" not in key}, tmp_path / "x.pth"
    )
    with pytest.raises(WeightsError, match=r"decoder\.14\.weight"):
        load_tiny_decoder(tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="does not exist"):
        load_tiny_decoder(tmp_path / "nothing.pth")
