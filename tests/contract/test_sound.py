"""A disturbed voice says the same at the same time, and pictures made in pieces are the pictures made at once."""

import numpy as np
import pytest
import torch
from torch import Tensor

from openlpm.core.rig import NUM_RIG
from openlpm.core.units import AUDIO_RATE_HZ
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast
from openlpm.training.footage import boxes_to_cells
from openlpm.training.rendering import PiecewiseRenderer, render_clips
from openlpm.training.sound import disturb, warp_bands

pytestmark = pytest.mark.contract


def bursts(rows: int, num_samples: int) -> Tensor:
    """Noise that comes and goes, with the spectrum of a voice more or less."""
    time_s = torch.arange(num_samples) / AUDIO_RATE_HZ
    loudness_A = (torch.sin(2 * torch.pi * 2.3 * time_s) > 0).float()
    spectrum = torch.fft.rfft(torch.randn(rows, num_samples))
    hz = torch.linspace(0, AUDIO_RATE_HZ / 2, spectrum.shape[1])
    voiced_BA = torch.fft.irfft(spectrum * ((hz > 300) & (hz < 3400)), n=num_samples)
    return 0.3 * loudness_A * voiced_BA / voiced_BA.std()


def shift_of(left_BA: Tensor, right_BA: Tensor) -> Tensor:
    """Samples by which the right comes later, where the correlation is highest."""
    size = 2 * left_BA.shape[1]
    product = torch.fft.rfft(right_BA, n=size) * torch.fft.rfft(left_BA, n=size).conj()
    peak_B = torch.fft.irfft(product, n=size).abs().argmax(dim=1)
    return (peak_B + size // 2) % size - size // 2


def test_a_disturbed_voice_is_not_moved_in_time(seed: int) -> None:
    audio_BA = bursts(48, AUDIO_RATE_HZ)
    disturbed_BA = disturb(audio_BA)
    # An equaliser turns phases by less than the third of a millisecond that five samples last.
    assert shift_of(audio_BA, disturbed_BA).abs().max() <= 5
    assert shift_of(audio_BA, disturbed_BA).float().mean().abs() < 0.5


def test_nothing_of_the_future_is_heard_and_the_end_does_not_come_round_to_the_beginning(seed: int) -> None:
    audio_BA = torch.zeros(48, AUDIO_RATE_HZ)
    audio_BA[:, 12_000:] = 0.5 * torch.randn(48, 4_000).clamp(-1, 1)
    disturbed_BA = disturb(audio_BA)
    # The first twentieth of a second apart: that is where an echo would come round to.
    parts = (disturbed_BA[:, :800], disturbed_BA[:, 800:11_500])
    before_B = torch.stack([part_BA.square().mean(dim=1).sqrt() for part_BA in parts]).amax(dim=0)
    after_B = disturbed_BA[:, 12_000:].square().mean(dim=1).sqrt()
    # Added noise is at most -30 dB of full scale, coding adds a step of it.
    assert before_B.max() < 0.04
    assert (after_B > before_B).all()


def test_disturbed_silence_is_quiet_and_every_row_is_disturbed_in_its_own_way(seed: int) -> None:
    quiet_BA = disturb(torch.zeros(16, 8_000))
    assert torch.isfinite(quiet_BA).all()
    loudness_B = quiet_BA.square().mean(dim=1).sqrt()
    assert loudness_B.max() < 0.04
    assert loudness_B.median() > 5e-5  # there is noise; coding may round the faintest away
    voices_BA = disturb(bursts(1, 8_000).expand(16, -1))
    assert voices_BA.shape == (16, 8_000)
    assert voices_BA.abs().max() <= 1
    assert len({float(row.square().sum()) for row in voices_BA}) == 16


def test_disturbing_is_a_function_of_the_global_seed() -> None:
    audio_BA = bursts(3, 4_000)
    made: list[Tensor] = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(disturb(audio_BA))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_bands_warped_by_nothing_stay_and_warped_ones_move_in_frequency_alone(seed: int) -> None:
    mel_BML = torch.randn(4, 80, 12)
    assert torch.equal(warp_bands(mel_BML, extent=0.0), mel_BML)
    constant_BML = torch.randn(4, 1, 12).expand(-1, 80, -1)
    torch.testing.assert_close(warp_bands(constant_BML), constant_BML)  # no column is mixed with another
    ramp_BML = torch.arange(80.0)[None, :, None].expand(64, -1, 3)
    warped_BML = warp_bands(ramp_BML, extent=0.1)
    slope_B = warped_BML[:, 40, 0] / 40
    assert 0.9 <= slope_B.min() < 0.95
    assert 1.05 < slope_B.max() <= 1.1


def test_a_box_marks_the_cells_it_touches_in_any_frame_of_its_group() -> None:
    boxes_BF4 = torch.tensor(
        [[[32.0, 48.0, 48.0, 64.0], [40.0, 48.0, 49.0, 64.0], [0.0, 0.0, 16.0, 16.0], [240.0, 250.0, 256.0, 256.0]]]
    )
    marked_BTHW = boxes_to_cells(boxes_BF4, frames_per_cell=2, cells=16, picture_size=256)
    assert marked_BTHW.shape == (1, 2, 16, 16)
    assert marked_BTHW[0, 0].nonzero().tolist() == [[3, 2], [3, 3]]  # row 3, columns 2 and 3: y before x
    assert marked_BTHW[0, 1].all()  # a box that jumps across the picture covers what lies between
    outside = boxes_to_cells(torch.tensor([[[-40.0, 8.0, 20.0, 9.0]]]), 1, cells=16, picture_size=256)
    assert outside[0, 0].nonzero().tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize("at_once", [2, 3, 16])
def test_rendering_in_pieces_equals_rendering_at_once(at_once: int) -> None:
    cast = Cast([Identity.from_seed(seed) for seed in (900_001, 900_002)], device=torch.device("cpu"))
    rig_BFR = torch.from_numpy(np.random.default_rng(0).uniform(-0.3, 0.3, (2, 3, NUM_RIG)).astype(np.float32))
    shapes: list[tuple[int, ...]] = []

    def render(parameters_NV: Tensor, rig_NR: Tensor) -> Tensor:
        shapes.append(tuple(rig_NR.shape))
        return Cast.from_parameters(parameters_NV).render(rig_NR[:, None])[:, 0]

    clips_BCFHW = render_clips(cast.parameters_BV, rig_BFR, PiecewiseRenderer(render, at_once))
    assert set(shapes) == {(at_once, NUM_RIG)}
    wanted_BFCHW = cast.render(rig_BFR)
    # Rounding of float32 in another order of rows.
    torch.testing.assert_close((clips_BCFHW.transpose(1, 2) + 1) / 2, wanted_BFCHW, rtol=0, atol=1e-5)
