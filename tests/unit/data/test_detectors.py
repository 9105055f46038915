"""Which detector a recipe means: nothing but the recipe decides."""

import pytest

from openlpm.core.errors import ConfigError
from openlpm.data.people.detectors import DetectorName, detector_for
from openlpm.data.people.landmark_link import INTERPRETER_VARIABLE

pytestmark = pytest.mark.unit


def test_without_an_interpreter_in_the_recipe_auto_is_cast_and_it_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INTERPRETER_VARIABLE, "/nowhere/python")
    name, detector = detector_for(DetectorName.AUTO, "")
    assert name is DetectorName.CAST
    assert detector_for(DetectorName.CAST, "")[1] is detector


@pytest.mark.parametrize("name", [DetectorName.AUTO, DetectorName.MEDIAPIPE])
def test_an_interpreter_that_is_none_ends_the_run_and_says_how_to_make_one(name: DetectorName) -> None:
    with pytest.raises(ConfigError, match="pip install mediapipe"):
        detector_for(name, "/nowhere/python")
