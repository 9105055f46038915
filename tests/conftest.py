"""What every test stands on: shapes checked at run time, one thread, one marker, and the shared recordings."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
from hypothesis import settings

# Before torch is imported anywhere: pytest-xdist already uses every core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Before the packages are: from here on a tensor of the wrong shape or type is an error at the call that passed it.
_CHECKED = ("nn", "flow", "dit", "vae", "encoders")
jaxtyping.install_import_hook([f"openlpm.{name}" for name in _CHECKED], "beartype.beartype")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from openlpm.core.rig import Rig  # noqa: E402
from openlpm.core.units import samples_at_frame  # noqa: E402
from openlpm.dit.condition import ReferenceKind, ReferenceSlot  # noqa: E402
from openlpm.recipes import nano  # noqa: E402
from openlpm.rollout.assembly import CharacterModel, WindowConfig  # noqa: E402
from openlpm.synth.act.telling import Told  # noqa: E402
from openlpm.synth.look.references import reference_rigs  # noqa: E402
from openlpm.training.clip_bank import STRIDE, ClipBank  # noqa: E402
from openlpm.training.window_captions import Stretches, WindowText, numbered  # noqa: E402
from openlpm.vae.config import StageConfig  # noqa: E402

torch.set_num_threads(1)

# No test is timed: beside other work a fifth of a second is over before anything was tried.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

REPOSITORY = Path(__file__).resolve().parent.parent
_KINDS = {"unit", "contract", "e2e"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test says what kind it is, and those for a GPU step aside where there is none."""
    wrong = [item.nodeid for item in items if len(_KINDS & {mark.name for mark in item.iter_markers()}) != 1]
    if wrong:
        listed = "\n  ".join(wrong)
        raise pytest.UsageError(f"each test needs exactly one of the markers {', '.join(sorted(_KINDS))}:\n  {listed}")
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of small real recordings that lies beside the repository and is no part of it."""
    named = os.environ.get("OPENLPM_TEST_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no recordings to test with: {folder} is not a folder (name one in OPENLPM_TEST_DATA)")
    return folder


@pytest.fixture
def seed() -> int:
    """Seeds torch for one test, so that a failure comes back when it is run alone."""
    value = 20_251
    torch.manual_seed(value)
    return value


@pytest.fixture(scope="session")
def tiny_model() -> Callable[..., CharacterModel]:
    """Makes small models of nano's kind with weights of chance, always the same.

    ``stirred`` is how much noise is added to all weights, because what starts at zero would hide its conditions; the
    other arguments are fields of ``CharacterConfig``.
    """

    def make(*, stirred: float = 0.0, **changes: Any) -> CharacterModel:
        config = nano.character()
        stages = tuple(StageConfig(width=width, blocks=1) for width in (8, 16, 16))
        tiny = {
            "name": "tiny",
            "vae": replace(config.vae, encoder=stages, decoder=stages),
            "dit": replace(config.dit, width=48, num_layers=2, num_heads=2, ffn_width=64, freq_width=32),
            "window": WindowConfig(frames=3, context=1, context_noise=0.1),
            "choreographer": None,
        }
        torch.manual_seed(0)
        model = CharacterModel(replace(config, **(tiny | changes))).eval().requires_grad_(requires_grad=False)
        if stirred:
            for parameter in model.parameters():
                parameter.add_(stirred * torch.randn_like(parameter))
        return model

    return make


@pytest.fixture(scope="session")
def chance_bank() -> Callable[..., ClipBank]:
    """Makes a bank of clips of chance for a model: latents of ``cells`` rows, loud voices, words, all references."""

    def make(model: CharacterModel, *, situations: Sequence[int], frames: int = 12, cells: int = 4) -> ClipBank:
        generator = torch.Generator().manual_seed(1)
        clips, channels, samples = len(situations), model.config.vae.latent_channels, samples_at_frame(4 * frames)

        def latents(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, channels, cells, cells, generator=generator).bfloat16()

        def voices() -> torch.Tensor:
            return torch.randint(-9_000, 9_000, (clips, samples), generator=generator).to(torch.int16)

        slots = tuple(ReferenceSlot(kind=ReferenceKind(key.kind), subtype=key.subtype) for key in reference_rigs())
        stretches = Stretches(num_frames=frames, lengths=tuple(range(1, frames + 1)), stride=STRIDE)
        return ClipBank(
            latents_NTCHW=latents(clips, frames),
            focus_NTHW=torch.randint(0, 3, (clips, frames, cells, cells), generator=generator).to(torch.uint8),
            firsts_NKCHW=latents(clips, frames // STRIDE),
            references_NJCHW=latents(clips, len(slots)),
            slots=slots,
            motion_NTM=torch.randn(clips, frames, model.config.dit.motion, generator=generator),
            performance_NTX=torch.randn(clips, frames, 4 * Rig.TIME, generator=generator).bfloat16(),
            speak_NA=voices(),
            listen_NA=voices(),
            text=WindowText.of(
                model.text,
                numbered(
                    [
                        [
                            Told(caption=f"words {clip} {first} {length}", acts=(clip + first // STRIDE) % 3 == 0)
                            for first, length in stretches
                        ]
                        for clip in range(clips)
                    ]
                ),
                stretches,
                torch.device("cpu"),
            ),
            situation_N=np.array(situations, np.int8),
        )

    return make
