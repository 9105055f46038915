"""Clip and stream are one code path in the autoencoder."""

import pytest
import torch

from openlpm.core.errors import ConfigError
from openlpm.vae.autoencoder import VideoAutoencoder, normalise_latents, psnr
from openlpm.vae.config import AutoencoderConfig, StageConfig

pytestmark = pytest.mark.contract


@pytest.fixture
def vae() -> VideoAutoencoder:
    torch.manual_seed(0)
    stages = (StageConfig(width=8, blocks=1), StageConfig(width=12, blocks=2), StageConfig(width=16, blocks=2))
    config = AutoencoderConfig(latent_channels=6, frames_per_latent=4, encoder=stages, decoder=stages)
    model = VideoAutoencoder(config).double()
    for parameter in model.parameters():  # fresh blocks are the identity; give every path something to do
        torch.nn.init.normal_(parameter, std=0.1)
    return model.requires_grad_(False)


def test_a_stream_decoded_piece_by_piece_equals_the_whole_clip(vae: VideoAutoencoder) -> None:
    latents = torch.randn(2, 6, 7, 4, 4, dtype=torch.float64)
    whole, _ = vae.decode(latents)
    pieces, state = [], None
    for part in latents.split([1, 3, 1, 2], dim=2):
        video, state = vae.decode(part, state)
        pieces.append(video)
    torch.testing.assert_close(torch.cat(pieces, dim=2), whole, rtol=0, atol=1e-12)


def test_a_stream_encoded_piece_by_piece_equals_the_whole_clip(vae: VideoAutoencoder) -> None:
    video = torch.rand(2, 3, 20, 64, 64, dtype=torch.float64)
    pieces = [vae.encode(part) for part in video.split([8, 4, 8], dim=2)]
    torch.testing.assert_close(torch.cat(pieces, dim=2), vae.encode(video), rtol=0, atol=1e-12)


def test_the_future_does_not_change_the_decoded_past(vae: VideoAutoencoder) -> None:
    latents = torch.randn(1, 6, 5, 4, 4, dtype=torch.float64)
    changed = latents.clone()
    changed[:, :, 3:] += 1
    torch.testing.assert_close(vae.decode(changed)[0][:, :, :12], vae.decode(latents)[0][:, :, :12], rtol=0, atol=0)


def test_the_past_does_reach_the_frame_after_it(vae: VideoAutoencoder) -> None:
    latents = torch.randn(1, 6, 3, 4, 4, dtype=torch.float64)
    changed = latents.clone()
    changed[:, :, 0] += 1
    assert not torch.equal(vae.decode(changed)[0][:, :, 4:8], vae.decode(latents)[0][:, :, 4:8])


def test_rows_of_a_stream_are_independent(vae: VideoAutoencoder) -> None:
    latents = torch.randn(3, 6, 4, 4, 4, dtype=torch.float64)
    _, state = vae.decode(latents[:, :, :2])
    together, _ = vae.decode(latents[:, :, 2:], state)
    for row in range(3):
        _, own = vae.decode(latents[row : row + 1, :, :2])
        alone, _ = vae.decode(latents[row : row + 1, :, 2:], own)
        torch.testing.assert_close(alone, together[row : row + 1], rtol=0, atol=1e-12)


def test_a_still_is_a_clip_that_does_not_move(vae: VideoAutoencoder) -> None:
    picture = torch.rand(2, 3, 64, 64, dtype=torch.float64)
    clip = picture[:, :, None].expand(-1, -1, 4, -1, -1)
    torch.testing.assert_close(vae.encode_still(picture), vae.encode(clip)[:, :, 0])


def test_latents_have_unit_power_in_every_cell() -> None:
    power = normalise_latents(torch.randn(2, 6, 3, 4, 4) * 9).square().mean(dim=1)
    torch.testing.assert_close(power, torch.ones_like(power), rtol=1e-4, atol=1e-4)


def test_a_clip_of_the_wrong_length_is_named(vae: VideoAutoencoder) -> None:
    with pytest.raises(ConfigError, match="5 frames"):
        vae.encode(torch.rand(1, 3, 5, 64, 64, dtype=torch.float64))


def test_psnr_of_a_known_error_is_known() -> None:
    left = torch.zeros(1, 3, 8, 8)
    assert psnr(left, left + 0.1, peak=1.0).item() == pytest.approx(20.0, abs=1e-4)
