"""Weights of Wan go in: strictly, shard by shard, and what comes out is Wan until it is taught to hear."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner

from openlpm.cli.main import app
from openlpm.core.errors import InputError, WeightsError
from openlpm.dit import Condition
from openlpm.nn.attention import Bidirectional
from openlpm.recipes.wan import character_of
from openlpm.weights import room, store
from openlpm.weights.checkpoint import open_checkpoint
from openlpm.weights.conversion import plan_conversion, read_sizes, target_shapes
from openlpm.weights.convert import Choices, convert
from openlpm.weights.shard_writer import JOURNAL
from openlpm.weights.store import Storage
from openlpm.weights.transformer_folder import load_transformer, read_record
from openlpm.weights.wan import Layout, Reason
from openlpm.weights.wan_sizes import expected, named_checkpoints, names_of
from support.wan import SIZES, TEXT_TOKENS, relative_error, save_diffusers, save_original, transformer

pytestmark = pytest.mark.contract

EXACT = Choices(storage=Storage.FP32, max_shard_bytes=100_000)


def meta_shapes(model):
    return {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}


def parent_of(folder):
    parent = open_checkpoint(folder)
    return parent, character_of(read_sizes(parent.shapes, parent.config)[1], any_size=True)


def converted(folder, out, choices=EXACT):
    parent, target = parent_of(folder)
    return convert(parent, target, out, choices)


DIFFERENT = tuple({named.sizes: named for named in named_checkpoints()}.values())


def test_the_two_resolutions_of_picture_to_video_have_the_same_shapes():
    assert [named.name for named in DIFFERENT] == ["wan2.1-t2v-1.3b", "wan2.1-t2v-14b", "wan2.1-i2v-14b-720p"]
    assert names_of(DIFFERENT[-1].sizes) == ("wan2.1-i2v-14b-480p", "wan2.1-i2v-14b-720p")


@pytest.mark.parametrize("named", DIFFERENT, ids=lambda named: named.name)
def test_whole_sizes_have_the_keys_and_shapes_of_diffusers(named):
    sizes = named.sizes
    with torch.device("meta"):
        pictures = {} if sizes.picture_width is None else {"image_dim": 1280, "added_kv_proj_dim": sizes.width}
        model = transformer_on_meta(sizes, pictures)
    wanted = meta_shapes(model)
    assert expected(sizes, Layout.DIFFUSERS) == wanted
    # The authors' names, through the converter that diffusers has for them.
    from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

    original = {key: torch.empty(shape, device="meta") for key, shape in expected(sizes, Layout.ORIGINAL).items()}
    assert {key: tuple(t.shape) for key, t in convert_wan_transformer_to_diffusers(original).items()} == wanted


def transformer_on_meta(sizes, pictures):
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

    return WanTransformer3DModel(
        num_attention_heads=sizes.num_heads,
        attention_head_dim=128,
        in_channels=sizes.in_channels,
        out_channels=16,
        text_dim=4096,
        ffn_dim=sizes.ffn_width,
        num_layers=sizes.num_layers,
        **pictures,
    )


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("named", DIFFERENT, ids=lambda named: named.name)
def test_whole_sizes_become_our_named_models_and_every_key_is_accounted_for(named, layout):
    shapes = expected(named.sizes, layout)
    found_layout, sizes = read_sizes(shapes, None)
    assert (found_layout, sizes) == (layout, named.sizes)
    plan = plan_conversion(shapes, character_of(sizes))
    assert plan.shapes == target_shapes(character_of(sizes))
    kept = {made.parent for made in plan.made if made.parent is not None}
    gone = {left.key for left in plan.left_out if left.reason is not Reason.PICTURE_CHANNELS}
    assert kept | gone == shapes.keys()
    assert not kept & gone
    pictures = named.sizes.picture_width is not None
    assert len(gone) == (8 + 5 * named.sizes.num_layers if pictures else 0)


@pytest.mark.parametrize("save", [save_diffusers, save_original])
def test_a_converted_untrained_model_equals_its_parent_whatever_the_voices_say(save, tmp_path):
    wan = transformer()
    ours = load_transformer(converted(save(wan, tmp_path / "parent"), tmp_path / "ours").folder)
    latents, text, time = torch.randn(2, 4, 3, 6, 8), torch.randn(2, 7, 20), torch.tensor([0.1, 0.83])
    said = ours.config.speak
    heard = ours.config.listen
    condition = Condition(
        text_BLD=text,
        speak_BLD=torch.randn(2, said.num_tokens(3), said.width),
        listen_BLD=torch.randn(2, heard.num_tokens(3), heard.width),
    )
    with torch.no_grad():
        padded = torch.nn.functional.pad(text, (0, 0, 0, TEXT_TOKENS - 7))
        theirs = wan(latents, time * 1000, padded, return_dict=False)[0]
        out = ours(latents, time, condition, attend=Bidirectional())
        deaf = ours(latents, time, Condition(text_BLD=text), attend=Bidirectional())
    assert relative_error(out, theirs) < 1e-4
    assert torch.equal(out, deaf)


@pytest.mark.parametrize("save", [save_diffusers, save_original])
def test_picture_to_video_equals_its_parent_where_pictures_say_nothing(save, tmp_path):
    wan = transformer(picture=True)
    for block in wan.blocks:
        torch.nn.init.zeros_(block.attn2.add_v_proj.weight)
        torch.nn.init.zeros_(block.attn2.add_v_proj.bias)
    written = converted(save(wan, tmp_path / "parent"), tmp_path / "ours")
    ours = load_transformer(written.folder)
    latents, text, time = torch.randn(1, 4, 2, 6, 8), torch.randn(1, TEXT_TOKENS, 20), torch.tensor([0.4])
    with torch.no_grad():
        whole = torch.cat([latents, torch.zeros(1, 8, 2, 6, 8)], dim=1)
        theirs = wan(whole, time * 1000, text, torch.randn(1, 257, 10), return_dict=False)[0]
        out = ours(latents, time, Condition(text_BLD=text), attend=Bidirectional())
    assert relative_error(out, theirs) < 1e-4
    reasons = {left["reason"] for left in read_record(written.folder)["left_out"]}
    assert reasons == {reason.value for reason in Reason}


def test_both_layouts_convert_to_the_same_bytes(tmp_path):
    wan = transformer(picture=True)
    first = converted(save_diffusers(wan, tmp_path / "a"), tmp_path / "ours-a").shards
    second = converted(save_original(wan, tmp_path / "b"), tmp_path / "ours-b").shards
    assert len(first) > 3
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_narrow_storage_narrows_matrices_of_blocks_alone(tmp_path):
    folder = save_diffusers(transformer(), tmp_path / "parent")
    state = store.load(converted(folder, tmp_path / "ours", Choices()).folder / "dit")
    assert state["blocks.0.ffn.up.weight"].dtype is torch.bfloat16
    wide = (
        "blocks.0.modulation",
        "blocks.0.self_attention.norm_q.norm.weight",
        "time_embedding.up.weight",
        "head.weight",
    )
    assert all(state[key].dtype is torch.float32 for key in wide)


class StopsAfter:
    """Stands for a power cut after so many shards."""

    def __init__(self, calls):
        self.left = calls

    def __call__(self, done, total):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_a_conversion_that_was_stopped_goes_on_and_ends_with_the_same_bytes(tmp_path):
    folder = save_diffusers(transformer(), tmp_path / "parent")
    whole = converted(folder, tmp_path / "whole").shards
    parent, target = parent_of(folder)
    with pytest.raises(KeyboardInterrupt):
        convert(parent, target, tmp_path / "cut", EXACT, progress=StopsAfter(2))
    finished = sorted((tmp_path / "cut" / "dit").glob("*.safetensors"))
    assert len(finished) == 2
    with pytest.raises(WeightsError, match="index"):
        load_transformer_weights(tmp_path / "cut")
    before = finished[1].stat().st_mtime_ns
    finished[0].write_bytes(b"damaged")
    resumed = convert(parent, target, tmp_path / "cut", EXACT).shards
    assert [path.read_bytes() for path in resumed] == [path.read_bytes() for path in whole]
    assert finished[1].stat().st_mtime_ns == before
    assert not (tmp_path / "cut" / "dit" / JOURNAL).exists()


def load_transformer_weights(folder):
    return store.load(folder / "dit")


def test_half_a_conversion_of_something_else_is_not_gone_on_with(tmp_path):
    folder = save_diffusers(transformer(), tmp_path / "parent")
    parent, target = parent_of(folder)
    with pytest.raises(KeyboardInterrupt):
        convert(parent, target, tmp_path / "ours", EXACT, progress=StopsAfter(1))
    with pytest.raises(WeightsError, match="something else"):
        convert(parent, target, tmp_path / "ours", replace(EXACT, seed=1))
    convert(parent, target, tmp_path / "ours", EXACT)
    with pytest.raises(WeightsError, match="already"):
        convert(parent, target, tmp_path / "ours", EXACT)


def rename(state):
    state["blocks.1.attn1.to_weird.weight"] = state.pop("blocks.1.attn1.to_q.weight")


def lose(state):
    del state["blocks.2.ffn.net.2.bias"]


def cut(state):
    state["blocks.0.attn2.to_k.weight"] = state["blocks.0.attn2.to_k.weight"][:, :40].contiguous()


def add(state):
    state["blocks.0.attn2.add_k_proj.weight"] = torch.zeros(48, 48)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (rename, "blocks.1.attn1.to_weird.weight"),
        (lose, "missing: blocks.2.ffn.net.2.bias"),
        (cut, r"another shape: blocks.0.attn2.to_k.weight \(\(48, 40\) instead of \(48, 48\)\)"),
        (add, "unexpected: blocks.0.attn2.add_k_proj.weight"),
        (lambda state: (state.clear(), state.update({"lm.weight": torch.zeros(2)})), "lm.weight"),
    ],
)
def test_a_wrong_checkpoint_names_the_keys(damage, named, tmp_path):
    state = transformer().state_dict()
    damage(state)
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"num_attention_heads": 2}')
    found = open_checkpoint(tmp_path)
    with pytest.raises(WeightsError, match=named):
        read_sizes(found.shapes, found.config)


def test_a_missing_shard_and_a_cut_one_are_named(tmp_path):
    folder = save_diffusers(transformer(), tmp_path / "parent")
    shards = sorted(folder.glob("*.safetensors"))
    shards[0].write_bytes(shards[0].read_bytes()[:-9])
    with pytest.raises(WeightsError, match=shards[0].name):
        open_checkpoint(folder)
    shards[1].unlink()
    with pytest.raises(WeightsError, match=shards[1].name):
        open_checkpoint(folder)


def test_too_little_room_says_how_much_is_missing(tmp_path, monkeypatch):
    folder = save_diffusers(transformer(), tmp_path / "parent")
    parent, target = parent_of(folder)
    (tmp_path / "meminfo").write_text("MemTotal: 64 kB\nMemAvailable: 64 kB\n")
    monkeypatch.setattr(room, "_MEMORY", tmp_path / "meminfo")
    with pytest.raises(InputError, match=r"MiB are missing in memory.*--shard-mib"):
        convert(parent, target, tmp_path / "ours", Choices())
    monkeypatch.undo()
    usage = type("Usage", (), {"free": 1000})()
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match=r"MiB are missing on the disk.*another folder"):
        convert(parent, target, tmp_path / "ours", Choices())


def test_sizes_that_no_release_has_need_a_word(tmp_path):
    folder = save_diffusers(transformer(), tmp_path / "parent")
    run = CliRunner().invoke(app, ["weights", "convert", str(folder), str(tmp_path / "ours")])
    assert isinstance(run.exception, WeightsError)
    assert "--any-size" in str(run.exception)
    assert not (tmp_path / "ours").exists()


def test_the_command_line_converts_and_tells_what_it_left_out(tmp_path):
    folder = save_diffusers(transformer(picture=True), tmp_path / "parent")
    found = CliRunner().invoke(app, ["weights", "inspect", str(folder), "--json", str(tmp_path / "found.json")])
    assert found.exit_code == 0, found.output
    told = json.loads((tmp_path / "found.json").read_text())
    assert told["layout"] == "diffusers"
    assert told["names"] == []
    run = CliRunner().invoke(
        app, ["weights", "convert", str(folder), str(tmp_path / "ours"), "--any-size", "--shard-mib", "1"]
    )
    assert run.exit_code == 0, run.output
    record = read_record(tmp_path / "ours")
    assert [left["key"] for left in record["left_out"]] == [left["key"] for left in told["left_out"]]
    assert {new["key"] for new in told["added"]} == set(record["new"])
    assert store.verify(tmp_path / "ours" / "dit") > 0


WORK = """
import resource, sys
from pathlib import Path
import torch
from openlpm.recipes.wan import character_of
from openlpm.weights.checkpoint import open_checkpoint
from openlpm.weights.conversion import read_sizes
from openlpm.weights.convert import Choices, convert
parent = open_checkpoint(Path(sys.argv[1]))
target = character_of(read_sizes(parent.shapes, parent.config)[1], any_size=True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
convert(parent, target, Path(sys.argv[2]), Choices(max_shard_bytes=4_000_000))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def grown_mb(folder: Path, out: Path) -> float:
    run = subprocess.run(
        [sys.executable, "-c", WORK, str(folder), str(out)], capture_output=True, text=True, check=True
    )
    return int(run.stdout.split()[-1]) / 1024


def test_memory_does_not_grow_with_the_checkpoint(tmp_path):
    sizes = SIZES | {"num_attention_heads": 4, "attention_head_dim": 96, "ffn_dim": 1024}
    large = save_diffusers(transformer(**sizes | {"num_layers": 20}), tmp_path / "large", "40MB")
    assert open_checkpoint(large).size_bytes > 150e6
    # Shards of 4 MB as tensors and as bytes, the pages of the parent behind them, and what libraries load meanwhile.
    assert grown_mb(large, tmp_path / "ours") < 60
