import pytest

from openlpm.core.errors import ConfigError, InputError
from openlpm.data.recipe import configs_for
from openlpm.data.registry import load, names, place

pytestmark = pytest.mark.unit


def test_a_field_is_set_by_its_stage_or_by_its_name_alone_where_that_is_clear() -> None:
    configs = configs_for(names(), ["shots.shortest_s=5", "blur.at_most=0.7", "need_sound=yes", "shots.cuts.least=30"])
    assert configs["shots"].shortest_s == 5.0
    assert configs["shots"].cuts.least == 30.0
    assert configs["filters"].blur.at_most == 0.7
    assert configs["ingest"].need_sound is True


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("shortest_s=5", "is a field of ingest, shots"),
        ("colour=red", "there is no field colour"),
        ("shots.colour=red", "there is no field colour"),
        ("shots.shortest_s=long", "give a number"),
        ("blur.at_most=-2e9", "no number is both"),
        ("shots.shortest_s=50", "at most half"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_words(assignment: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        configs_for(names(), [assignment])


def test_a_stage_that_is_not_run_has_no_settings() -> None:
    with pytest.raises(ConfigError, match="the stage filters is not run here"):
        configs_for(["ingest"], ["filters.blur.at_most=1"])


def test_every_stage_is_registered_under_its_own_name() -> None:
    assert [load(place(name)).name for name in names()] == list(names())
    with pytest.raises(InputError, match="there are ingest, shots, filters"):
        place("colours")


def test_another_configuration_has_another_folder_and_the_same_the_same() -> None:
    stage = load(place("shots"))
    other = configs_for(["shots"], ["shots.shortest_s=5"])["shots"]
    assert stage.folder_name(stage.config) == stage.folder_name(configs_for(["shots"])["shots"])
    assert stage.folder_name(stage.config) != stage.folder_name(other)
