import itertools
import warnings

import pytest
import torch

from openlpm.core.errors import ConfigError
from openlpm.flow.guidance import GuidanceScales, Kept, guidance_passes, guided
from openlpm.flow.path import Prediction, as_data, data_from_velocity, interpolate, velocity, velocity_from_data
from openlpm.flow.sampler import adams_steps, euler_steps, sample
from openlpm.flow.schedule import TimeDraw, euler_discrete_times, logit_normal_times, shifted, uniform_times

pytestmark = pytest.mark.unit


@pytest.fixture
def data(seed):
    return torch.randn(2, 3, 4, 2, 2)


@pytest.fixture
def noise(seed, data):
    return torch.randn_like(data)


@pytest.mark.parametrize("time", [torch.tensor(0.3), torch.rand(2) + 0.1, torch.rand(2, 4) + 0.1])
def test_velocity_and_data_are_each_others_inverse(data, noise, time):
    point = interpolate(data, noise, time)
    found = velocity_from_data(point, data, time)
    torch.testing.assert_close(found, velocity(data, noise), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(data_from_velocity(point, found, time), data, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(as_data(Prediction.VELOCITY, found, point, time), data, atol=1e-5, rtol=1e-5)
    assert as_data(Prediction.DATA, data, point, time) is data


def test_time_zero_is_data_and_time_one_is_noise(data, noise):
    assert torch.equal(interpolate(data, noise, torch.tensor(0.0)), data)
    assert torch.equal(interpolate(data, noise, torch.tensor(1.0)), noise)


def test_each_frame_may_have_its_own_time(data, noise):
    point = interpolate(data, noise, torch.tensor([[0.0, 1.0, 0.0, 1.0]]).expand(2, -1))
    assert torch.equal(point[:, :, 0::2], data[:, :, 0::2])
    assert torch.equal(point[:, :, 1::2], noise[:, :, 1::2])


@pytest.mark.parametrize("shift", [1.0, 3.0, 5.0])
@pytest.mark.parametrize("num_steps", [1, 2, 7, 50])
def test_times_are_those_of_diffusers(shift, num_steps):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(num_steps)
    torch.testing.assert_close(euler_discrete_times(num_steps, shift=shift), scheduler.sigmas, atol=1e-6, rtol=1e-5)
    scheduler.set_timesteps(sigmas=[1 - step / num_steps for step in range(num_steps)])
    torch.testing.assert_close(uniform_times(num_steps, shift=shift), scheduler.sigmas, atol=1e-6, rtol=1e-5)


def test_times_fall_from_one_to_zero():
    times = uniform_times(4, shift=3.0)
    assert times[0] == 1.0
    assert times[-1] == 0.0
    assert (times.diff() < 0).all()


def test_a_shift_moves_training_times_towards_noise_by_its_formula():
    plain = logit_normal_times(1000, generator=torch.Generator().manual_seed(0))
    moved = logit_normal_times(1000, shift=3.0, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(moved, shifted(plain, 3.0))
    assert abs(plain.median().item() - 0.5) < 0.05
    assert moved.median() > 0.7
    assert 0 < moved.min() < moved.max() < 1


def test_an_early_share_visits_the_beginning_as_often_as_its_documentation_says(seed):
    plain, early = (
        TimeDraw(shift=2.5).draw(100_000),
        TimeDraw(shift=2.5, early_share=1.0, early_shift=4.0).draw(100_000),
    )
    half = TimeDraw(shift=2.5, early_share=0.5, early_shift=4.0).draw(400, 250)
    assert abs((plain > 0.9).float().mean().item() - 0.10) < 0.005
    assert (plain > 0.98).float().mean() < 0.003
    assert abs((early > 0.9).float().mean().item() - 0.308) < 0.01
    assert abs((half > 0.98).float().mean().item() - 0.038) < 0.005
    assert half.shape == (400, 250)
    # Every window has a time of its own.
    assert half.unique().numel() > 90_000


def test_impossible_schedules_are_refused():
    with pytest.raises(ConfigError, match="early_share=2"):
        TimeDraw(shift=2.5, early_share=2.0)
    with pytest.raises(ConfigError, match="shift"):
        uniform_times(2, shift=0.0)
    with pytest.raises(ConfigError, match="num_steps"):
        uniform_times(0)


@pytest.mark.parametrize("prediction", list(Prediction))
@pytest.mark.parametrize("num_steps", [1, 5])
def test_a_perfect_network_arrives_exactly(data, noise, prediction, num_steps):
    def denoise(x, time):
        return data if prediction is Prediction.DATA else velocity(data, noise)

    out = sample(denoise, noise, uniform_times(num_steps, shift=2.0), prediction=prediction)
    torch.testing.assert_close(out, data, atol=1e-5, rtol=1e-5)


def test_the_sampler_equals_euler_on_the_velocity_and_keeps_float32(data, noise):
    def field(x, time):
        return torch.sin(x) + time[:, None, None, None, None]

    times = uniform_times(6)
    x = noise
    for now, after in itertools.pairwise(times):
        x = x + (after - now) * field(x, now.expand(2))
    steps = list(euler_steps(field, noise, times, prediction=Prediction.VELOCITY))
    torch.testing.assert_close(steps[-1].sample_BCTHW, x, atol=1e-5, rtol=1e-5)
    half = list(euler_steps(lambda x, t: field(x, t).bfloat16(), noise, times, prediction=Prediction.VELOCITY))
    assert half[-1].sample_BCTHW.dtype is torch.float32


def test_the_sampler_may_be_left_early(data, noise):
    calls = []

    def denoise(x, time):
        calls.append(time)
        return data

    next(euler_steps(denoise, noise, uniform_times(5), prediction=Prediction.DATA))
    assert len(calls) == 1


@pytest.mark.parametrize("times", [[1.0], [0.0, 1.0], [1.0, 1.0, 0.0]])
def test_times_that_do_not_fall_are_refused(data, noise, times):
    with pytest.raises(ConfigError, match="smaller"):
        sample(lambda x, t: x, noise, torch.tensor(times), prediction=Prediction.DATA)


def test_scales_of_one_cost_one_evaluation_with_everything():
    (only,) = guidance_passes(GuidanceScales())
    assert only.kept == Kept()
    assert only.weight == 1.0


def _kept(*names):
    return Kept(**{name: name in names for name in ("text", "speak", "listen", "motion")})


def test_guidance_is_the_nested_formula(seed):
    ladder = [_kept(), _kept("text"), _kept("text", "speak"), _kept("text", "speak", "listen"), Kept()]
    outputs = {kept: torch.randn(1, 1, 1, 1, 1) for kept in ladder}
    none, text, speak, listen, everything = outputs.values()
    passes = guidance_passes(GuidanceScales(text=2.0, speak=4.0, listen=1.5, motion=3.0))
    assert passes[0].kept == Kept()
    result = guided([outputs[each.kept] for each in passes], passes)
    wanted = none + 2.0 * (text - none) + 4.0 * (speak - text) + 1.5 * (listen - speak) + 3.0 * (everything - listen)
    torch.testing.assert_close(result, wanted)


NO_TRACK = Kept(motion=False)


@pytest.mark.parametrize(
    ("scales", "present", "kept"),
    [
        (GuidanceScales(speak=3.0), NO_TRACK, [NO_TRACK, _kept("text", "speak"), _kept("text")]),
        (GuidanceScales(speak=3.0, listen=3.0), NO_TRACK, [NO_TRACK, _kept("text")]),
        (GuidanceScales(text=3.0, speak=3.0, listen=3.0), NO_TRACK, [NO_TRACK, _kept()]),
        (GuidanceScales(listen=3.0), _kept("text", "speak"), [_kept("text", "speak")]),
        (GuidanceScales(listen=0.0), NO_TRACK, [_kept("text", "speak")]),
        (GuidanceScales(motion=1.6), Kept(), [Kept(), NO_TRACK]),
        (GuidanceScales(motion=1.6), NO_TRACK, [NO_TRACK]),
        (GuidanceScales(), _kept(), [_kept()]),
    ],
)
def test_only_passes_that_count_are_evaluated(scales, present, kept):
    passes = guidance_passes(scales, present=present)
    assert [each.kept for each in passes] == kept
    assert sum(each.weight for each in passes) == pytest.approx(1.0)


def test_a_sampler_of_second_order_loses_less_of_what_varies(seed):
    """Data that is normal with a spread of its own: the exact denoiser is known, and so is what should come out."""
    spread, noise_BCTHW = 0.5, torch.randn(4000, 1, 1, 1, 1)

    def denoise(sample_BCTHW, time_B):
        time = time_B.view(-1, 1, 1, 1, 1)
        signal, power = (1 - time) * spread**2, (1 - time) ** 2 * spread**2 + time**2
        return signal / power * sample_BCTHW

    def made(steps_of, number):
        *_, last = steps_of(denoise, noise_BCTHW, uniform_times(number), prediction=Prediction.DATA)
        return float(last.sample_BCTHW.std()) / spread

    assert made(euler_steps, 8) < 0.93
    assert abs(made(adams_steps, 8) - 1) < abs(made(euler_steps, 8) - 1) / 2
    assert made(adams_steps, 64) == pytest.approx(1.0, abs=0.03)
    with pytest.raises(ConfigError, match="times="):
        next(adams_steps(denoise, noise_BCTHW, torch.tensor([0.2, 0.8]), prediction=Prediction.DATA))


def test_guidance_of_the_wrong_number_of_outputs_is_refused(data):
    with pytest.raises(ConfigError, match="outputs=2"):
        guided([data, data], guidance_passes(GuidanceScales()))
