import json

import pytest
import typer
import typer.testing

from openlpm.cli.models import models
from openlpm.core.errors import ConfigError
from openlpm.dit import AudioBranch, DiTConfig, ReferenceKind, ReferenceOffsets, ReferenceSlot
from openlpm.dit.work import num_parameters
from openlpm.recipes.models import lpm_17b, named_models, nano

pytestmark = pytest.mark.unit


def test_nano_has_at_most_24_million_parameters():
    assert num_parameters(nano()) <= 24_100_000


def test_the_large_model_has_17_4_billion_parameters_within_two_percent():
    assert num_parameters(lpm_17b()) == pytest.approx(17.4e9, rel=0.02)


def test_a_second_of_nano_is_384_tokens_and_of_the_large_model_9360():
    tokens = {model.name: model.tokens_per_second for model in named_models()}
    assert tokens["nano"] == 384
    assert tokens["lpm-17b"] == 9360


def test_the_models_command_prints_and_writes_every_size(tmp_path):
    app = typer.Typer()
    app.command()(models)
    result = typer.testing.CliRunner().invoke(app, ["--json", str(tmp_path / "m.json")], env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "m.json").read_text())["models"]
    assert [row["name"] for row in rows] == [model.name for model in named_models()]
    assert all(row["name"] in result.output for row in rows)
    assert rows[0]["memory_bf16_bytes"] == 2 * num_parameters(nano())


SIZES = {
    "latent_channels": 4,
    "width": 24,
    "num_layers": 2,
    "num_heads": 2,
    "ffn_width": 8,
    "text_width": 8,
    "text_tokens": 4,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_heads": 5},
        {"num_heads": 8},
        {"patch": (2, 2, 2)},
        {"freq_width": 7},
        {"num_layers": 0},
        {"text_tokens": 0},
    ],
)
def test_impossible_sizes_are_refused_by_field(wrong):
    with pytest.raises(ConfigError, match="width" if wrong == {"num_heads": 8} else next(iter(wrong))):
        DiTConfig(**{**SIZES, **wrong})


@pytest.mark.parametrize("wrong", ["width", "tokens_per_frame", "past_frames", "future_frames"])
def test_impossible_windows_are_refused_by_field(wrong):
    sizes = {"width": 1, "tokens_per_frame": 1, "past_frames": 0, "future_frames": 0}
    with pytest.raises(ConfigError, match=wrong):
        AudioBranch(**{**sizes, wrong: -1})


def test_a_window_and_its_margins_are_counted_in_tokens():
    branch = AudioBranch(width=1, tokens_per_frame=4, past_frames=2, future_frames=1)
    assert branch.window_tokens == 16
    assert branch.num_tokens(10) == 52


def test_every_reference_has_a_position_of_its_own_before_the_video():
    offsets = ReferenceOffsets()
    slots = [
        ReferenceSlot(kind=ReferenceKind.FIRST),
        ReferenceSlot(kind=ReferenceKind.GLOBAL),
        *(ReferenceSlot(kind=ReferenceKind.VIEW, subtype=index) for index in range(4)),
        *(ReferenceSlot(kind=ReferenceKind.EXPRESSION, subtype=index) for index in range(8)),
    ]
    positions = [offsets.position(slot) for slot in slots]
    assert len(set(positions)) == len(slots)
    assert max(positions) < 0


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        (ReferenceKind.FIRST, 1),
        (ReferenceKind.GLOBAL, 3),
        (ReferenceKind.VIEW, 8),
        (ReferenceKind.EXPRESSION, 16),
    ],
)
def test_a_subtype_that_would_stand_on_the_next_kind_is_refused(kind, subtype):
    with pytest.raises(ConfigError, match=f"subtype={subtype}"):
        ReferenceOffsets().position(ReferenceSlot(kind=kind, subtype=subtype))


def test_offsets_out_of_order_and_negative_subtypes_are_refused():
    with pytest.raises(ConfigError, match="offsets"):
        ReferenceOffsets(view=-2)
    with pytest.raises(ConfigError, match="subtype=-1"):
        ReferenceSlot(kind=ReferenceKind.VIEW, subtype=-1)
