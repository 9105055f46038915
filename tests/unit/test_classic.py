"""Classic metrics: what is known in closed form, networks of the user's, and wrong files."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from openlpm.bench.classic.catalogue import CATALOGUE, load_metric
from openlpm.bench.classic.frechet import frechet_distance, pseudo_values
from openlpm.bench.classic.likeness import cosines
from openlpm.bench.classic.measuring import measure, write_per_case
from openlpm.bench.classic.metric import Footage
from openlpm.bench.classic.network import Network
from openlpm.bench.classic.sync import heard_and_seen, synchrony
from openlpm.core.errors import ConfigError, InputError

pytestmark = pytest.mark.unit


class Colours(nn.Module):
    """Mean colours of a picture or a window: what is told apart by them can be calculated."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2).mean(dim=2)


class Brightness(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(1, 2, 3))


class Difference(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.cat([b - a, torch.zeros_like(a)], dim=1)[:, 2:4] * 100


class Middle(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a + b) / 2


class Sync(nn.Module):
    """Sees how bright the middle frame is and hears how loud its sound is."""

    @torch.jit.export
    def video(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, 2].mean(dim=(1, 2, 3)).unsqueeze(1)

    @torch.jit.export
    def audio(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 1280:1920].abs().mean(dim=1, keepdim=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[nn.Module], Path]:
    folder = tmp_path_factory.mktemp("weights")

    def save(module: nn.Module) -> Path:
        path = folder / f"{type(module).__name__}.pt"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch advises against TorchScript
            torch.jit.save(torch.jit.script(module), str(path))
        return path

    return save


def clip(
    case: str, shades: NDArray[np.float64], *, reference: int = 128, samples: NDArray[np.float32] | None = None
) -> Footage:
    """Frames of one grey each."""
    frames_FHWC = np.broadcast_to(shades[:, None, None, None], (len(shades), 32, 32, 3)).astype(np.uint8)
    return Footage(
        case=case,
        frames_FHWC=frames_FHWC,
        rate_hz=25.0,
        samples_A=np.zeros(0, np.float32) if samples is None else samples,
        reference_HWC=np.full((32, 32, 3), reference, np.uint8),
    )


def test_the_frechet_distance_of_normal_distributions_is_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    scale = np.array([1.0, 2.0, 0.5])
    ours, theirs = rng.standard_normal((40_000, 3)), scale * rng.standard_normal((40_000, 3)) + [1.0, 0.0, -2.0]
    # Diagonal covariances: squared distance of means, and of deviations. Chance at this size: 0.05.
    assert frechet_distance(ours, theirs) == pytest.approx(5.0 + ((scale - 1) ** 2).sum(), abs=0.1)


def test_the_frechet_distance_equals_the_one_with_a_matrix_root() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(1)
    ours, theirs = rng.standard_normal((50, 6)) @ rng.standard_normal((6, 6)), rng.standard_normal((70, 6)) + 0.3
    first, second = np.cov(ours.T), np.cov(theirs.T)
    apart = ours.mean(axis=0) - theirs.mean(axis=0)
    known = apart @ apart + np.trace(first + second - 2 * linalg.sqrtm(first @ second).real)
    assert frechet_distance(ours, theirs) == pytest.approx(known, rel=1e-6)


def test_a_set_smaller_than_its_features_is_no_trouble_and_equal_sets_are_at_zero() -> None:
    ours = np.random.default_rng(2).standard_normal((12, 500))
    assert frechet_distance(ours, ours) == pytest.approx(0.0, abs=1e-8)
    with pytest.raises(ConfigError, match="two or more"):
        frechet_distance(ours[:1], ours)


def test_pseudo_values_take_the_bias_of_small_sets_out() -> None:
    # Two sets of one distribution are at 0; a distance of small sets is above it, the mean of pseudo-values hardly.
    rng = np.random.default_rng(3)
    plain, corrected = [], []
    for _ in range(20):
        ours, theirs = ({f"c{n}": rng.standard_normal((4, 4)) for n in range(12)} for _ in range(2))
        plain.append(frechet_distance(np.concatenate(list(ours.values())), np.concatenate(list(theirs.values()))))
        corrected.append(np.mean(list(pseudo_values(ours, theirs).values())))
    assert abs(np.mean(corrected)) < 0.35 * np.mean(plain)


def test_fid_finds_the_case_that_is_off(saved: Callable[[nn.Module], Path]) -> None:
    rng = np.random.default_rng(0)
    truths = {f"c{n}": clip(f"c{n}", 100 + 40 * rng.random(12)) for n in range(8)}
    ours = {name: clip(name, 100 + 40 * rng.random(12)) for name in truths} | {"c3": clip("c3", np.full(12, 250.0))}
    values = load_metric("fid", saved(Colours())).values(ours, truths)
    assert max(values, key=lambda name: values[name]) == "c3"


def test_fvd_needs_windows_and_measures_the_same_moments(saved: Callable[[nn.Module], Path]) -> None:
    rng = np.random.default_rng(0)
    truths = {f"c{n}": clip(f"c{n}", 100 + 40 * rng.random(20)) for n in range(4)}
    truths["short"] = clip("short", np.full(8, 100.0))
    values = load_metric("fvd", saved(Colours())).values(truths, truths)
    assert set(values) == {"c0", "c1", "c2", "c3"}
    assert max(map(abs, values.values())) < 1e-6


def test_csim_is_the_cosine_with_the_reference(saved: Callable[[nn.Module], Path]) -> None:
    metric = load_metric("csim", saved(Colours()))
    red = clip("red", np.full(4, 0.0))
    frames_FHWC = np.zeros((4, 32, 32, 3), np.uint8)
    frames_FHWC[..., 0] = 200
    red = Footage(
        case="red", frames_FHWC=frames_FHWC, rate_hz=24.0, samples_A=red.samples_A, reference_HWC=red.reference_HWC
    )
    values = metric.values({"grey": clip("grey", np.full(4, 60.0)), "red": red}, {})
    assert values["grey"] == pytest.approx(1.0)
    assert values["red"] == pytest.approx(1 / np.sqrt(3), abs=1e-6)
    assert cosines(np.zeros((1, 3)), np.ones((1, 3)))[0] == 0.0


def spoken(delay: int) -> Footage:
    """A clip whose brightness follows its loudness, this many frames of 40 ms late."""
    level = np.random.default_rng(5).random(60)
    shades = 255 * np.roll(level, delay)
    return clip("spoken", shades, samples=np.repeat(level, 640).astype(np.float32))


@pytest.mark.parametrize("delay", [0, 3, -4])
def test_syncnet_distances_find_the_shift(saved: Callable[[nn.Module], Path], delay: int) -> None:
    measured = heard_and_seen(Network(saved(Sync()), "a test"), spoken(delay))
    assert measured is not None
    assert measured.shift == delay
    assert measured.distance < 0.1 < measured.confidence
    told = {name: load_metric(name, saved(Sync())).values({"spoken": spoken(delay)}, {}) for name in ("lse_c", "lse_d")}
    assert told == {"lse_c": {"spoken": measured.confidence}, "lse_d": {"spoken": measured.distance}}


def test_lip_sync_of_silence_or_of_a_moment_has_no_value(saved: Callable[[nn.Module], Path]) -> None:
    metric = load_metric("lse_c", saved(Sync()))
    assert metric.values({"silent": clip("silent", np.full(60, 9.0), samples=np.zeros(40_000, np.float32))}, {}) == {}
    assert metric.values({"short": clip("short", np.full(6, 9.0), samples=np.ones(4_000, np.float32))}, {}) == {}


def test_a_shift_beyond_half_of_a_short_clip_is_not_looked_for() -> None:
    seen = np.arange(6.0)[:, None]
    assert synchrony(seen, seen).shift == 0


def test_dimensions_of_vbench_are_what_their_formulas_say(saved: Callable[[nn.Module], Path]) -> None:
    steady, rising = clip("a", np.full(12, 51.0)), clip("a", np.arange(12) * 10.0)
    for name in ("vbench_imaging_quality", "vbench_aesthetic_quality"):
        assert load_metric(name, saved(Brightness())).values({"a": steady}, {})["a"] == pytest.approx(0.2)
    for name in ("vbench_subject_consistency", "vbench_background_consistency"):
        assert load_metric(name, saved(Colours())).values({"a": steady}, {})["a"] == pytest.approx(1.0)
    flow = load_metric("vbench_dynamic_degree", saved(Difference()))
    assert flow.values({"a": steady}, {})["a"] == 0.0
    assert flow.values({"a": rising}, {})["a"] == pytest.approx(100 * 10 / 255, rel=1e-3)
    smooth = load_metric("vbench_motion_smoothness", saved(Middle()))
    assert smooth.values({"a": rising}, {})["a"] == pytest.approx(1.0, abs=1e-6)
    shaking = clip("a", np.array([0.0, 255.0] * 6))
    assert smooth.values({"a": shaking}, {})["a"] == pytest.approx(0.0, abs=1e-6)


def test_a_metric_is_admitted_only_by_its_controls(saved: Callable[[nn.Module], Path], tmp_path: Path) -> None:
    metric = load_metric("vbench_dynamic_degree", saved(Difference()))
    moving = {f"c{n}": clip(f"c{n}", np.arange(12) * (5.0 + n)) for n in range(6)}
    frozen = {name: clip(name, np.full(12, 50.0)) for name in moving}
    unproven = measure(metric, moving, moving, {})
    assert unproven.lacks == ("freeze",)
    proven = measure(metric, moving, moving, {"freeze": frozen})
    assert proven.auc == {"freeze": 1.0}
    assert proven.lacks == ()
    blind = measure(metric, moving, moving, {"freeze": moving})
    assert blind.auc == {"freeze": 0.5}
    assert blind.lacks == ("freeze",)
    write_per_case([proven], tmp_path / "values.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "values.jsonl").read_text().splitlines()]
    assert {line["case"] for line in lines} == set(moving)
    assert all(line["extractor_sha"] == metric.sha256 and line["admitted"] for line in lines)


def test_every_metric_prints_its_pitfalls_and_names_its_controls() -> None:
    for name, (about, _make) in CATALOGUE.items():
        assert name == about.name
        assert about.pitfalls
        assert about.reacts_to


def test_wrong_files_are_named(saved: Callable[[nn.Module], Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no classic metric has this name"):
        load_metric("vmaf", tmp_path / "x.pt")
    with pytest.raises(InputError, match=r"x\.pt"):
        load_metric("fid", tmp_path / "x.pt")
    (tmp_path / "x.pt").write_bytes(b"not a network")
    with pytest.raises(InputError, match=r"x\.pt is no TorchScript file"):
        load_metric("fid", tmp_path / "x.pt")
    one = {"a": clip("a", np.full(30, 9.0), samples=np.ones(20_000, np.float32))}
    with pytest.raises(InputError, match=r"Colours\.pt has no method video"):
        load_metric("lse_c", saved(Colours())).values(one, {})
    with pytest.raises(InputError, match=r"Difference\.pt does not take"):
        load_metric("csim", saved(Difference())).values(one, {})


def test_a_network_that_gives_nonsense_is_named(saved: Callable[[nn.Module], Path]) -> None:
    class Nan(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(2, 3)) / 0 * 0

    class Once(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(0, 2, 3))

    one = {"a": clip("a", np.full(30, 9.0))}
    with pytest.raises(InputError, match="not finite"):
        load_metric("csim", saved(Nan())).values(one, {})
    with pytest.raises(InputError, match=r"gives \(3,\) for"):
        load_metric("csim", saved(Once())).values(one, {})
