import json
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn

from openlpm.core.errors import WeightsError
from openlpm.weights import bundled
from openlpm.weights.int8 import dequantise, quantise
from openlpm.weights.store import Storage, load, load_into, save
from openlpm.weights.wan import key_from_diffusers

pytestmark = pytest.mark.unit

SHARD = 20_000


@pytest.fixture
def state(seed):
    return {
        "blocks.0.q.weight": torch.randn(64, 48) * torch.logspace(-4, 1, 64)[:, None],
        "blocks.0.q.bias": torch.randn(64),
        "conv.weight": torch.randn(32, 8, 3, 3),
        "modulation": torch.randn(1, 6, 48),
        "zeros": torch.zeros(32, 32),
        "count": torch.tensor(7),
    }


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(48, 64), nn.Linear(64, 32))


def test_saved_in_float32_is_loaded_bit_for_bit(state, tmp_path):
    save(state, tmp_path, storage=Storage.FP32)
    loaded = load(tmp_path)
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_saved_in_bfloat16_is_loaded_as_rounded(state, tmp_path):
    save(state, tmp_path, storage=Storage.BF16)
    loaded = load(tmp_path, dtype=torch.float32)
    assert torch.equal(loaded["conv.weight"], state["conv.weight"].bfloat16().float())
    assert loaded["count"].dtype is torch.int64


def test_int8_rows_are_close_row_by_row_and_keep_small_tensors(state, tmp_path):
    save(state, tmp_path, storage=Storage.INT8_ROWS)
    loaded = load(tmp_path)
    assert loaded.keys() == state.keys()
    for key in ("blocks.0.q.bias", "modulation", "count", "zeros"):
        assert torch.equal(loaded[key], state[key])
    for key in ("blocks.0.q.weight", "conv.weight"):
        wanted, got = state[key].flatten(1), loaded[key].flatten(1)
        # Half a step of 1/127 of the largest value, and a little for clipping.
        assert ((wanted - got).norm(dim=1) / wanted.norm(dim=1)).max() < 0.01


def test_int8_storage_survives_a_second_round_unchanged(state, tmp_path):
    save(state, tmp_path / "a", storage=Storage.INT8_ROWS)
    once = load(tmp_path / "a")
    save(once, tmp_path / "b", storage=Storage.INT8_ROWS)
    twice = load(tmp_path / "b")
    for key in once:
        torch.testing.assert_close(twice[key], once[key], rtol=1e-3, atol=1e-6)


def test_the_scale_search_beats_plain_rounding(seed):
    weight = torch.randn(32, 4096)
    scale = weight.abs().amax(dim=1, keepdim=True) / 127
    naive = (weight / scale).round() * scale
    found = dequantise(quantise(weight))
    gain = (naive - weight).square().sum(dim=1) / (found - weight).square().sum(dim=1)
    assert gain.min() > 0.999  # a scale rounded to float16 can cost a trace
    assert gain.mean() > 1.005


def test_scales_too_small_for_float16_are_kept_in_float32(seed):
    stored = quantise(torch.randn(32, 32) * 1e-6)
    assert stored.scale.dtype is torch.float32
    assert quantise(torch.randn(32, 32)).scale.dtype is torch.float16


def test_shards_stay_below_their_limit_and_hold_everything(state, tmp_path):
    shards = save(state, tmp_path, storage=Storage.FP32, max_shard_bytes=SHARD)
    assert len(shards) > 1
    assert all(path.stat().st_size < SHARD + 2000 for path in shards)
    assert load(tmp_path).keys() == state.keys()


def test_a_new_save_leaves_nothing_of_the_old_one(state, tmp_path):
    save(state, tmp_path, storage=Storage.FP32, max_shard_bytes=SHARD)
    (shard,) = save({"conv.weight": state["conv.weight"]}, tmp_path, storage=Storage.BF16)
    assert {path.name for path in tmp_path.iterdir()} == {shard.name, "index.json"}
    assert load(tmp_path).keys() == {"conv.weight"}


def test_tensors_that_share_memory_are_stored_apart(tmp_path):
    weight = torch.randn(4, 4)
    save({"a": weight, "b": weight.t()}, tmp_path, storage=Storage.FP32)
    assert torch.equal(load(tmp_path)["b"], weight.t())


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_module_is_filled_on_any_device(tmp_path, device):
    source = network()
    save(source.state_dict(), tmp_path, storage=Storage.FP32)
    with torch.device(device):
        target = network().bfloat16()
    load_into(target, tmp_path)
    for name, parameter in target.named_parameters():
        assert torch.equal(parameter, source.get_parameter(name).bfloat16())


def test_keys_that_do_not_fit_are_named(tmp_path):
    state = network().state_dict()
    state["extra.weight"] = state.pop("1.bias")
    state["0.weight"] = torch.zeros(3, 3)
    save(state, tmp_path, storage=Storage.FP32)
    target = network()
    before = target[0].bias.clone()
    with pytest.raises(WeightsError) as caught:
        load_into(target, tmp_path)
    text = str(caught.value)
    assert "missing: 1.bias" in text
    assert "unexpected: extra.weight" in text
    assert "0.weight ((3, 3) instead of (64, 48))" in text
    assert torch.equal(target[0].bias, before)


def flip_a_byte(path: Path) -> None:
    blob = bytearray(path.read_bytes())
    blob[-5] ^= 1
    path.write_bytes(blob)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (flip_a_byte, "corrupt"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "truncated"),
        (lambda path: path.unlink(), "missing"),
    ],
)
def test_a_damaged_shard_is_named(state, tmp_path, damage, complaint):
    shards = save(state, tmp_path, storage=Storage.INT8_ROWS, max_shard_bytes=4000)
    damage(shards[1])
    with pytest.raises(WeightsError, match=complaint) as caught:
        load(tmp_path)
    assert shards[1].name in str(caught.value)


@pytest.mark.parametrize("content", [None, "{", "{}", "[]", json.dumps({"format": 2})])
def test_a_folder_without_a_good_index_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "index.json").write_text(content)
    with pytest.raises(WeightsError, match="index"):
        load(tmp_path)


def test_a_key_that_looks_like_a_scale_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="rename"):
        save({"a": torch.zeros(1), "a.scale": torch.zeros(1)}, tmp_path, storage=Storage.FP32)


@pytest.mark.parametrize("model", ["giant", "..", ""])
def test_unknown_bundled_weights_are_refused(model):
    with pytest.raises(WeightsError, match="bundled"):
        bundled.folder(model)


def test_all_tracked_weights_together_are_at_most_44_mib(repository):
    source = repository / "src"
    listed = subprocess.run(["git", "ls-files", "-z", "src"], cwd=repository, capture_output=True, check=False)
    if listed.returncode == 0:
        paths = [repository / name for name in listed.stdout.decode().split("\0") if name]
    else:
        paths = list(source.rglob("*"))
    weights = [path for path in paths if {".safetensors", ".npz", ".pt"} & set(path.suffixes) and path.is_file()]
    assert sum(path.stat().st_size for path in weights) <= 44 * 2**20


@pytest.mark.parametrize("key", ["blocks.0.attn2.add_k_proj.weight", "condition_embedder.image_embedder.norm1.weight"])
def test_picture_branches_of_wan_are_refused_by_name(key):
    with pytest.raises(WeightsError, match=key):
        key_from_diffusers(key)
