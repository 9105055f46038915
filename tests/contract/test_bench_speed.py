"""The benchmark of speed: what it reckons is what is there, and the command runs end to end at tiny size."""

import json
import re
from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from openlpm.bench.speed.columns import measure_columns
from openlpm.bench.speed.measure import Measured, Wishes
from openlpm.bench.speed.network import transformer_of_chance
from openlpm.bench.speed.parts import kind_of
from openlpm.bench.speed.reckoning import (
    narrow_parameters,
    reckon,
    require_room,
    weight_bytes,
    work_of_decoder,
    work_of_pass,
)
from openlpm.bench.speed.rows import decoder_rows, speed_rows
from openlpm.bench.speed.setting import SLOTS, Context, Plan, SpeedSetting, Way, online_of
from openlpm.bench.speed.stream import SpeedStream
from openlpm.cli.main import app
from openlpm.core.errors import ConfigError, InputError
from openlpm.dit.model import CharacterTransformer
from openlpm.nn.ring import RingMemory
from openlpm.parallel.narrow import to_fp8
from openlpm.recipes.models import lpm_17b
from openlpm.recipes.speed import tiny

pytestmark = pytest.mark.contract

CPU = torch.device("cpu")
TINY = SpeedSetting(name="tiny", dit=tiny(), picture=(64, 48))
LARGE = SpeedSetting(name="lpm-17b", dit=lpm_17b(), picture=(832, 480))


def test_operations_that_are_reckoned_are_those_that_are_counted():
    stream = SpeedStream(replace(TINY, fp8=False), CPU, CPU, torch.float32)
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH):  # as products, which are counted everywhere
        heard = stream.hear(stream.sound())
        with FlopCounterMode(display=False) as counted:
            stream.draft(heard)
    counts = {str(operation): flops for operation, flops in counted.get_flop_counts()["Global"].items()}
    attention = counts["aten.bmm"]
    products = sum(counts.values()) - attention
    wanted = work_of_pass(TINY)
    assert attention == 2 * wanted.attention
    # Reading conditions, the time of the flow, entrance and exit are left out: much at this size, little at the large.
    assert 2 * wanted.gemm < products < 3 * 2 * wanted.gemm


def test_each_network_of_a_stream_reads_its_words_once_where_it_lies(monkeypatch):
    """In two stages one lies on another device, where the other's words cannot be read."""
    read, plain = [], CharacterTransformer.read_text
    monkeypatch.setattr(CharacterTransformer, "read_text", lambda self, text: read.append(self) or plain(self, text))
    staged = SpeedStream(replace(TINY, devices=2, plan=Plan.STAGES), CPU, torch.device("cpu", 0), torch.float32)
    assert [each is network for each, network in zip(read, staged.networks(), strict=True)] == [True, True]
    read.clear()
    assert SpeedStream(TINY, CPU, CPU, torch.float32).networks() == read


def test_operations_of_the_decoder_are_those_of_the_pictures_that_are_shown():
    stream = SpeedStream(TINY, CPU, CPU, torch.float32)
    channels, (rows, columns) = TINY.dit.latent_channels, TINY.latents
    with torch.inference_mode():
        latents = torch.zeros(1, channels, TINY.online.chunk_frames, rows, columns)
        stream.show(latents)
        with FlopCounterMode(display=False) as counted:
            stream.show(latents)
    assert work_of_decoder(TINY) == counted.get_total_flops()
    rows_of = {row.name: row.value for row in decoder_rows(LARGE, "a", 10.0, 800.0)}
    assert rows_of["a/ceiling_fraction/vae"] == pytest.approx(1e-12 * work_of_decoder(LARGE) / 800.0 / 10e-3)


@pytest.mark.parametrize("context", list(Context))
def test_bytes_that_are_reckoned_are_those_that_are_allocated(context):
    setting = replace(TINY, context=context)
    model = transformer_of_chance(TINY.dit, CPU, torch.bfloat16)
    wide = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    assert weight_bytes(TINY.dit, fp8=False) == wide
    narrowed = to_fp8(model)
    assert narrow_parameters(TINY.dit) < narrowed < 1.1 * narrow_parameters(TINY.dit)  # scales and biases beside them
    ring = RingMemory(setting.online.memory, setting.ring, dtype=torch.bfloat16, last_is_kept=True)
    assert reckon(setting)[0].memory == pytest.approx(2 * ring.num_bytes, rel=0.01)


def test_the_contexts_hold_as_many_frames_as_they_say():
    assert replace(LARGE, context=Context.SHORT).key_frames == 12
    assert replace(LARGE, context=Context.NARROW).key_frames == 10
    assert replace(LARGE, context=Context.PAPER).key_frames - len(SLOTS) == 36
    assert online_of(Context.PAPER).nfe == online_of(Context.SHORT).nfe == 3
    assert LARGE.grid == (30, 52)
    assert LARGE.chunk_s == 0.5


def test_too_little_memory_says_how_much_is_missing_and_what_fits():
    needed = reckon(replace(LARGE, fp8=False))[0].total
    require_room(replace(LARGE, fp8=False), (needed,))
    with pytest.raises(InputError, match=r"GiB are missing .*this fits: lpm-17b at 832x480.*fp8"):
        require_room(replace(LARGE, fp8=False), (needed - 2**30,))
    with pytest.raises(InputError, match=r"this fits: lpm-17b at 720x416"):
        require_room(LARGE, (reckon(replace(LARGE, context=Context.NARROW))[0].total - 2**30,))
    with pytest.raises(InputError, match="take a smaller --model"):
        require_room(LARGE, (8 * 2**30,))


def test_columns_share_the_memory_out_and_stages_have_one_each():
    one = reckon(LARGE)[0]
    columns = reckon(replace(LARGE, devices=4, plan=Plan.COLUMNS))
    assert [each.memory for each in columns] == [one.memory // 4] * 4
    assert [each.decoder > 0 for each in columns] == [False, False, False, True]
    assert [each.memory for each in reckon(replace(LARGE, devices=2, plan=Plan.STAGES))] == [one.memory // 2] * 2


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"picture": (830, 480)}, "picture"),
        ({"devices": 2}, "plan"),
        ({"devices": 3, "plan": Plan.STAGES}, "devices=3"),
    ],
)
def test_impossible_settings_are_refused_by_field(wrong, named):
    with pytest.raises(ConfigError, match=named):
        replace(LARGE, **wrong)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nvjet_qqtst_128x256_128x6_1x2_h_bz_coopA_TNT", "gemm"),
        ("void cutlass::device_kernel<at::cuda::detail::enable_3x_kernel_for_sm9x<cutlass::gemm::kernel", "gemm"),
        ("aten::_scaled_mm", "gemm"),
        ("cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16_knob_7_64x128x128", "attention"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", "attention"),
        ("triton_red_fused__to_copy_add_mul_native_layer_norm_0", "rest"),
        ("aten::copy_", "rest"),
    ],
)
def test_kernels_are_told_apart_by_name(name, kind):
    assert kind_of(name) == kind


def test_two_stages_make_the_pictures_of_one_device():
    def pictures(first, last):
        stream = SpeedStream(TINY, first, last, torch.float32)
        with torch.inference_mode():
            return [stream.show(stream.make(stream.hear(stream.sound()))) for _ in range(2)]

    apart = pictures(CPU, torch.device("cpu", 0))  # another device by name, and so a network of its own
    for one, two in zip(pictures(CPU, CPU), apart, strict=True):
        assert one.shape[1:] == (48, 64, 3)
        assert torch.equal(one, two)


def test_other_words_are_written_over_those_that_were_read():
    stream = SpeedStream(TINY, CPU, CPU, torch.float32)
    texts = stream._texts
    assert texts is not None
    words = torch.randn(1, TINY.dit.text_tokens, TINY.dit.text_width)
    places = [each.key_BLNK.data_ptr() for each in texts.backbone.keys]
    before = texts.backbone.keys[1].value_BLNK.clone()
    stream.say(words)
    wanted = stream.backbone.read_text(words)
    assert stream._texts is texts
    assert [each.key_BLNK.data_ptr() for each in texts.backbone.keys] == places
    torch.testing.assert_close(texts.backbone.keys[1].value_BLNK, wanted.keys[1].value_BLNK)
    assert (texts.backbone.keys[1].value_BLNK - before).abs().max() > 1e-3


def test_a_bar_is_met_by_the_sustained_rate():
    found = Measured(
        chunk_s=(0.4,) * 20,
        first_frame_s=(0.5,) * 5,
        stage_s={"draft": 0.2},
        late_ratio=1.0,
        memory_bytes=(0, 0),
    )
    rows = {row.name: row for row in speed_rows(replace(LARGE, devices=2, plan=Plan.COLUMNS), found, "H200")}
    assert rows["lpm-17b/832x480/2xH200/fps"].value == pytest.approx(30)
    assert rows["lpm-17b/832x480/2xH200/fps"].met
    slow = replace(found, chunk_s=(0.4,) * 19 + (4.0,))
    rows = {row.name: row for row in speed_rows(replace(LARGE, devices=2, plan=Plan.COLUMNS), slow, "H200")}
    assert not rows["lpm-17b/832x480/2xH200/fps"].met


def run(tmp_path, *more):
    words = ["bench", "speed", "--model", "tiny", "--resolution", "64x64", "--seconds", "1", "--device", "cpu"]
    done = CliRunner().invoke(app, [*words, *more, "--json", str(tmp_path / "speed.json")], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output + str(done.exception)
    return {row["name"]: row for row in json.loads((tmp_path / "speed.json").read_text())["rows"]}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("tiny/64x64/1xcpu", ()),
        pytest.param("tiny/64x64/stages/2xcpu", ("--gpus", "2", "--plan", "stages"), marks=pytest.mark.long),
    ],
)
def test_the_command_runs_end_to_end_at_tiny_size(name, more, tmp_path):
    rows = run(tmp_path, *more)
    assert rows[f"{name}/fps"]["value"] > 0
    assert rows[f"{name}/first_frame_s"]["value"] > 0
    assert 0 < rows[f"{name}/fp8_error"]["value"] < 0.2
    assert sum(rows[f"{name}/share/{part}"]["value"] for part in ("gemm", "attention", "rest")) == pytest.approx(1)
    assert {"gemm", "attention", "vae", "step"} <= {
        found[1] for row in rows if (found := re.search(r"fraction/(\w+)", row))
    }


def test_a_process_that_fails_says_why_and_how_far_it_came():
    told = []
    odd = replace(TINY, picture=(48, 48), devices=2, plan=Plan.COLUMNS)  # three columns of tokens for two
    with pytest.raises(Exception, match=r"ConfigError: size=2: must divide"):
        measure_columns(odd, "cpu", Wishes(seconds=1, way=Way.EAGER), lambda *each: told.append(each))
    assert {("process 0: begun", 1, 1), ("process 1: begun", 1, 1)} <= set(told)
    # The one that fails tells all it has to; the other may be ended before it has come so far.
    assert {("process 0: all are there", 1, 1), ("process 1: all are there", 1, 1)} & set(told)


@pytest.mark.long
def test_the_command_shares_columns_out_over_processes(tmp_path):
    rows = run(tmp_path, "--gpus", "2")
    assert rows["tiny/64x64/2xcpu/fps"]["value"] > 0


def test_attention_in_eight_bits_has_an_error_of_its_own(tmp_path):
    error = {
        kind: run(tmp_path, "--attention", kind)["/".join(("tiny/64x64", *name, "1xcpu/fp8_error"))]["value"]
        for kind, name in (("cudnn", ()), ("fp8", ("fp8-attention",)))
    }
    assert error["cudnn"] < error["fp8"] < 0.3


@pytest.mark.long
def test_the_command_decodes_with_wans_own_autoencoder(tmp_path):
    rows = run(tmp_path, "--decoder", "wan", "--no-error", "--resolution", "16x16")
    assert rows["tiny/16x16/wan-vae/1xcpu/fps"]["value"] > 0


def test_a_wrong_word_is_named():
    for words, named in (
        (["--model", "huge"], "huge"),
        (["--resolution", "big"], "big"),
        (["--plan", "spread"], "spread"),
        (["--attention", "sparse"], "sparse"),
        (["--gpus", "2", "--plan", "stages", "--recorded"], "--recorded"),
    ):
        done = CliRunner().invoke(app, ["bench", "speed", "--device", "cpu", *words])
        assert isinstance(done.exception, InputError), done.output
        assert named in str(done.exception)
