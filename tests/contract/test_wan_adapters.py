"""Adapters in the layouts that people share change what PEFT and diffusers would change, by as much."""

import json
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner

from openlpm.cli.main import app
from openlpm.core.errors import WeightsError
from openlpm.recipes.wan import character_of
from openlpm.weights.checkpoint import open_checkpoint
from openlpm.weights.conversion import read_sizes
from openlpm.weights.convert import Choices, GivenAdapter, convert, merge
from openlpm.weights.store import Storage, load
from openlpm.weights.transformer_folder import read_record
from openlpm.weights.wan import Reason, from_diffusers
from support.wan import original_names, save_diffusers, save_original, transformer

pytestmark = pytest.mark.contract

PLACES = ["to_q", "to_v", "to_out.0", "net.0.proj", "net.2", "proj_out", "time_proj"]
EXACT = Choices(storage=Storage.FP32)


def with_adapter(wan, *, alpha=6.0, rank=4, **more):
    """The parent with a PEFT adapter of chance, and the state that PEFT makes of both."""
    from peft import LoraConfig

    wan.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=PLACES, init_lora_weights=False, **more))
    for name, parameter in wan.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return wan


def merged_by_peft(wan):
    """What PEFT itself makes of weights and adapter."""
    wan.fuse_lora(adapter_names=["default"])
    wan.unload_lora()
    return from_diffusers(wan.state_dict())


def convert_with(folder, out, *adapters):
    parent = open_checkpoint(folder)
    target = character_of(read_sizes(parent.shapes, parent.config)[1], any_size=True)
    return convert(parent, target, out, replace(EXACT, adapters=adapters))


def assert_equals(out, wanted):
    state = load(out / "dit")
    for key, tensor in wanted.items():
        torch.testing.assert_close(state[key], tensor, rtol=1e-5, atol=1e-6, msg=lambda text, key=key: f"{key}: {text}")


@pytest.mark.parametrize("more", [{}, {"use_rslora": True}, {"alpha_pattern": {"attn1.to_q": 2.0}}])
def test_an_adapter_saved_by_diffusers_is_merged_as_by_peft(more, tmp_path):
    wan = transformer()
    folder = save_diffusers(wan, tmp_path / "parent")
    with_adapter(wan, **more).save_lora_adapter(tmp_path / "lora", adapter_name="default")
    [file] = (tmp_path / "lora").glob("*.safetensors")
    convert_with(folder, tmp_path / "ours", GivenAdapter(file))
    assert_equals(tmp_path / "ours", merged_by_peft(wan))


def test_an_adapter_saved_by_peft_is_merged_as_by_peft(tmp_path):
    from peft import LoraConfig, get_peft_model

    wan = transformer()
    folder = save_diffusers(wan, tmp_path / "parent")
    given = LoraConfig(r=4, lora_alpha=10, target_modules=PLACES, init_lora_weights=False)
    peft = get_peft_model(wan, given)
    peft.save_pretrained(tmp_path / "lora")
    convert_with(folder, tmp_path / "ours", GivenAdapter(tmp_path / "lora"))
    assert_equals(tmp_path / "ours", from_diffusers(peft.merge_and_unload().state_dict()))


def pairs(state, names):
    """An adapter of chance for linear layers of the authors' layout."""
    torch.manual_seed(1)
    for name in names:
        rows, columns = state[f"{name}.weight"].shape[:2]
        yield name, torch.randn(3, columns), torch.randn(rows, 3), torch.tensor(1.5)


def by_reference(parent, lora):
    """Sums of products, from the adapter as diffusers' own converter reads it."""
    wanted = dict(parent)
    for key, down in lora.items():
        if key.endswith("lora_A.weight"):
            name = key.removesuffix("lora_A.weight")
            wanted[name.removeprefix("transformer.") + "weight"] = (
                parent[name.removeprefix("transformer.") + "weight"] + lora[name + "lora_B.weight"] @ down
            )
        elif key.endswith("lora_B.bias"):
            name = key.removeprefix("transformer.").removesuffix("lora_B.bias") + "bias"
            wanted[name] = parent[name] + down
    return from_diffusers(wanted)


def test_kohyas_layout_is_read_as_diffusers_reads_it(tmp_path):
    from diffusers.loaders.lora_conversion_utils import _convert_musubi_wan_lora_to_diffusers

    wan = transformer()
    names = [
        f"blocks.{layer}.{part}"
        for layer in range(3)
        for part in (*(f"{a}.{p}" for a in ("self_attn", "cross_attn") for p in "qkvo"), "ffn.0", "ffn.2")
    ]
    lora = {}
    for name, down, up, alpha in pairs(original_names(wan.state_dict()), names):
        flat = "lora_unet_" + name.replace(".", "_")
        lora |= {f"{flat}.lora_down.weight": down, f"{flat}.lora_up.weight": up, f"{flat}.alpha": alpha}
    safetensors.torch.save_file(lora, tmp_path / "lora.safetensors")
    folder = save_original(wan, tmp_path / "parent")
    convert_with(folder, tmp_path / "ours", GivenAdapter(tmp_path / "lora.safetensors"))
    assert_equals(tmp_path / "ours", by_reference(wan.state_dict(), _convert_musubi_wan_lora_to_diffusers(dict(lora))))


def test_comfys_layout_with_whole_differences_is_read_as_diffusers_reads_it(tmp_path):
    from diffusers.loaders.lora_conversion_utils import _convert_non_diffusers_wan_lora_to_diffusers

    wan = transformer()
    lora = {}
    for name, down, up, alpha in pairs(
        original_names(wan.state_dict()), ["blocks.0.self_attn.q", "blocks.1.ffn.2", "blocks.2.cross_attn.o"]
    ):
        full = "diffusion_model." + name
        lora |= {f"{full}.lora_down.weight": down, f"{full}.lora_up.weight": up, f"{full}.alpha": alpha}
        lora[f"{full}.diff_b"] = torch.randn(up.shape[0])
    safetensors.torch.save_file(lora, tmp_path / "lora.safetensors")
    folder = save_diffusers(wan, tmp_path / "parent")
    convert_with(folder, tmp_path / "ours", GivenAdapter(tmp_path / "lora.safetensors"))
    reference = _convert_non_diffusers_wan_lora_to_diffusers(dict(lora))
    assert_equals(tmp_path / "ours", by_reference(wan.state_dict(), reference))


def test_whole_differences_of_norms_and_tables_are_added(tmp_path):
    wan = transformer()
    lora = {
        "diffusion_model.blocks.1.self_attn.norm_q.diff": torch.randn(48),
        "diffusion_model.blocks.1.diff_m": torch.randn(1, 6, 48),
        "diffusion_model.head.diff_m": torch.randn(1, 2, 48),
        "diffusion_model.patch_embedding.diff": torch.randn(48, 4, 1, 2, 2),
    }
    safetensors.torch.save_file(lora, tmp_path / "lora.safetensors")
    convert_with(
        save_diffusers(wan, tmp_path / "parent"), tmp_path / "ours", GivenAdapter(tmp_path / "lora.safetensors", 0.5)
    )
    wanted = from_diffusers(wan.state_dict())
    keys = (
        "blocks.1.self_attention.norm_q.norm.weight",
        "blocks.1.modulation",
        "head_modulation",
        "patch_embedding.weight",
    )
    for key, change in zip(keys, lora.values(), strict=True):
        wanted[key] = wanted[key] + 0.5 * change.reshape(wanted[key].shape)
    assert_equals(tmp_path / "ours", wanted)


def test_merging_later_equals_merging_at_once_and_pictures_are_left_out_with_a_reason(tmp_path):
    wan = transformer(picture=True)
    lora = {}
    for name, down, up, _ in pairs(
        original_names(wan.state_dict()), ["blocks.0.self_attn.q", "blocks.1.cross_attn.k_img", "img_emb.proj.1"]
    ):
        lora |= {f"transformer.{name}.lora_A.weight": down, f"transformer.{name}.lora_B.weight": up}
    lora["transformer.patch_embedding.lora_A.weight"] = torch.randn(3, 12, 1, 2, 2)
    lora["transformer.patch_embedding.lora_B.weight"] = torch.randn(48, 3, 1, 1, 1)
    safetensors.torch.save_file(lora, tmp_path / "lora.safetensors")
    given = GivenAdapter(tmp_path / "lora.safetensors", 0.7)
    folder = save_original(wan, tmp_path / "parent")
    at_once = convert_with(folder, tmp_path / "once", given)
    convert_with(folder, tmp_path / "plain")
    later = merge(tmp_path / "plain", tmp_path / "later", replace(EXACT, adapters=(given,)))
    assert [a.read_bytes() for a in at_once.shards] == [b.read_bytes() for b in later.shards]
    [told] = read_record(tmp_path / "later")["adapters"]
    assert [left["module"] for left in told["left_out"]] == ["blocks.1.cross_attn.k_img", "img_emb.proj.1"]
    assert told["left_out"][0]["reason"] == Reason.PICTURE_ATTENTION.value
    kernel = lora["transformer.patch_embedding.lora_B.weight"].flatten(1) @ lora[
        "transformer.patch_embedding.lora_A.weight"
    ].flatten(1)
    before, after = load(tmp_path / "plain" / "dit"), load(tmp_path / "later" / "dit")
    key = "patch_embedding.weight"
    torch.testing.assert_close(after[key], before[key] + 0.7 * kernel[:, :16], rtol=1e-5, atol=1e-5)


def test_the_command_line_merges_with_a_strength(tmp_path):
    wan = transformer()
    folder = save_diffusers(wan, tmp_path / "parent")
    convert_with(folder, tmp_path / "plain")
    lora = {
        "blocks.0.self_attn.q.lora_A.weight": torch.ones(1, 48),
        "blocks.0.self_attn.q.lora_B.weight": torch.ones(48, 1),
    }
    safetensors.torch.save_file(lora, tmp_path / "l.safetensors")
    words = ["weights", "merge", str(tmp_path / "plain"), f"{tmp_path / 'l.safetensors'}:0.25"]
    run = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "merged")])
    assert run.exit_code == 0, run.output
    before, after = load(tmp_path / "plain" / "dit"), load(tmp_path / "merged" / "dit")
    key = "blocks.0.self_attention.q.weight"
    torch.testing.assert_close(after[key], before[key] + 0.25)
    assert all(torch.equal(before[other], after[other]) for other in before if other != key)


@pytest.mark.parametrize(
    ("lora", "named"),
    [
        ({"blocks.0.self_attn.q.lora_A.weight": torch.ones(1, 48)}, "needs both"),
        ({"blocks.9.self_attn.q.lora_A.weight": torch.ones(1, 48)}, "blocks.9.self_attn.q.lora_A.weight"),
        ({"blocks.0.self_attn.q.dora_scale": torch.ones(48)}, "dora_scale"),
        (
            {"blocks.0.ffn.0.lora_A.weight": torch.ones(1, 64), "blocks.0.ffn.0.lora_B.weight": torch.ones(80, 1)},
            r"blocks.0.ffn.up.weight by \(80, 64\), but it is \(80, 48\)",
        ),
        (
            {"img_emb.proj.1.lora_A.weight": torch.ones(1, 10), "img_emb.proj.1.lora_B.weight": torch.ones(10, 1)},
            "changes nothing",
        ),
    ],
)
def test_an_adapter_that_does_not_fit_names_its_keys(lora, named, tmp_path):
    safetensors.torch.save_file(lora, tmp_path / "lora.safetensors")
    folder = save_diffusers(transformer(), tmp_path / "parent")
    with pytest.raises(WeightsError, match=named):
        convert_with(folder, tmp_path / "ours", GivenAdapter(tmp_path / "lora.safetensors"))
    assert not (tmp_path / "ours").exists()


def test_a_dora_is_refused(tmp_path):
    (tmp_path / "lora").mkdir()
    (tmp_path / "lora" / "adapter_config.json").write_text(json.dumps({"use_dora": True, "lora_alpha": 1}))
    safetensors.torch.save_file({"x.lora_A.weight": torch.ones(1, 1)}, tmp_path / "lora" / "adapter_model.safetensors")
    folder = save_diffusers(transformer(), tmp_path / "parent")
    with pytest.raises(WeightsError, match="DoRA"):
        convert_with(folder, tmp_path / "ours", GivenAdapter(tmp_path / "lora"))
