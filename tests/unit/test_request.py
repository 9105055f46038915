import numpy as np
import pytest

from openlpm.cli.generate import LEAN
from openlpm.core.audio import ArraySource
from openlpm.core.errors import ConfigError
from openlpm.dit.condition import ReferenceKind
from openlpm.rollout.request import DEFAULT_GUIDANCE, UNPLANNED_GUIDANCE, GenerationRequest, Reference

pytestmark = pytest.mark.unit


def picture(size: int = 32) -> np.ndarray:
    return np.zeros((size, size, 3), dtype=np.uint8)


def request(**changes: object) -> GenerationRequest:
    silence = ArraySource(np.zeros(1_000, dtype=np.float32))
    fields: dict = {
        "references": (Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture()),),
        "speak": silence,
        "listen": silence,
        "num_frames": 24,
    }
    return GenerationRequest(**(fields | changes))


def test_a_sensible_request_is_accepted() -> None:
    assert request().references[0].slot.kind is ReferenceKind.GLOBAL


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"references": ()}, "at least one picture"),
        ({"references": (Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture()),) * 2}, "same kind"),
        ({"references": (Reference(kind=ReferenceKind.FIRST, picture_HWC=picture()),)}, "besides its first frame"),
        (
            {
                "references": (
                    Reference(kind=ReferenceKind.FIRST, picture_HWC=picture()),
                    Reference(kind=ReferenceKind.VIEW, picture_HWC=picture(64)),
                )
            },
            r"sizes \[\(32, 32\), \(64, 64\)\]",
        ),
        ({"num_frames": 0}, "num_frames=0"),
        ({"steps": 0}, "steps=0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_what_cannot_work_is_refused_with_its_field(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        request(**changes)


@pytest.mark.parametrize(
    "wrong", [np.zeros((32, 32, 3), np.float32), np.zeros((32, 16, 4), np.uint8), np.zeros((32, 32), np.uint8)]
)
def test_a_reference_is_a_picture_of_three_colours_and_eight_bits(wrong: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="picture_HWC"):
        Reference(kind=ReferenceKind.GLOBAL, picture_HWC=wrong)


def test_the_command_says_how_it_guides_by_default() -> None:
    bare = UNPLANNED_GUIDANCE
    assert f"{DEFAULT_GUIDANCE.motion:g} for motion, 1 for the others" in LEAN
    assert f"--unplanned: {bare.text:g} for text, {bare.speak:g} for speak" in LEAN
