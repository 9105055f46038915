"""What makes a large stream fast on a GPU computes what the plain code computes."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from openlpm.bench.speed.setting import Attention, SpeedSetting, Way
from openlpm.bench.speed.stream import SpeedStream
from openlpm.nn import narrow_attention, rope, rope_kernel
from openlpm.nn.attention import attention
from openlpm.nn.fp8 import Fp8Linear, is_supported
from openlpm.parallel.attention_choice import fastest_attention
from openlpm.parallel.narrow import relative_difference
from openlpm.recipes.speed import tiny

pytestmark = [
    pytest.mark.contract,
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA"),
]

DIT = replace(tiny(), width=128)  # heads of 32, which every kernel takes
SETTING = SpeedSetting(name="tiny", dit=DIT, picture=(64, 48), fp8=False)


@pytest.fixture(autouse=True)
def plain():
    with torch.inference_mode():
        yield


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_rotation_in_one_pass_is_the_rotation(dtype):
    x_BSNK = torch.randn(2, 30, 5, 24).to(dtype)
    rotation = rope.rotation_at(torch.randn(2, 30, 3) * 5, 24)
    there = rope.Rotation(cos=rotation.cos.cuda(), sin=rotation.sin.cuda())
    target = torch.zeros(2, 5, 40, 24, dtype=dtype, device="cuda").transpose(1, 2)
    rope.rotate_into(target[:, 4:34], x_BSNK.cuda(), there)
    wanted = rope.rotate(x_BSNK, rotation)
    # A product and a sum rounded once or twice.
    torch.testing.assert_close(target[:, 4:34].cpu(), wanted, rtol=1e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-5)
    assert target[:, :4].abs().max() == target[:, 34:].abs().max() == 0
    torch.testing.assert_close(rope.rotate(x_BSNK.cuda(), there), target[:, 4:34], rtol=0, atol=0)


def test_numbers_in_8_bits_are_those_of_the_plain_code():
    x_BSNK = (torch.randn(2, 30, 5, 24) * 40).to(torch.bfloat16)
    narrow = narrow_attention.narrowed(x_BSNK.cuda())
    assert torch.equal(narrow.cpu().float(), narrow_attention.narrowed(x_BSNK).float())


def test_a_layer_in_8_bits_is_its_emulation():
    if not is_supported(torch.device("cuda")):
        pytest.skip("this GPU has no 8-bit floating point")
    layer = Fp8Linear(nn.Linear(256, 96))
    x_RI = torch.randn(70, 256, dtype=torch.bfloat16)
    wanted = layer(x_RI.float())
    assert relative_difference(layer.cuda()(x_RI.cuda()).float().cpu(), wanted) < 0.005  # bfloat16 makes 0.002


def test_attention_in_8_bits_is_its_emulation():
    if not narrow_attention.is_supported(torch.device("cuda")):
        pytest.skip("needs Hopper and fa3-fwd")
    query, key, value = (torch.randn(1, tokens, 4, 128, dtype=torch.bfloat16) for tokens in (100, 300, 300))
    narrow = [narrow_attention.narrowed(each) for each in (query, key, value)]
    wanted = narrow_attention.narrow_attention(*narrow, torch.float32)
    found = narrow_attention.narrow_attention(*(each.cuda() for each in narrow), torch.float32).cpu()
    assert relative_difference(found, wanted) < 0.05  # the kernel also rounds the weights of the softmax to 8 bits
    assert relative_difference(wanted, attention(query.float(), key.float(), value.float())) < 0.1


@pytest.mark.parametrize("narrow", [False, True])
def test_what_enters_a_memory_in_one_pass_is_what_enters_it_piece_by_piece(narrow, monkeypatch):
    device, made = torch.device("cuda"), []
    supported = narrow and narrow_attention.is_supported(device)
    setting = replace(SETTING, attention=Attention.FP8 if supported else Attention.CUDNN)
    if narrow != supported:
        pytest.skip("needs Hopper and fa3-fwd")
    for plain in (True, False):
        if not plain:
            monkeypatch.undo()
        else:
            monkeypatch.setattr(rope_kernel, "is_supported", lambda x: False)
        stream = SpeedStream(setting, device, device, torch.bfloat16)
        made.append(chunks(stream, 4).float())
    # Rounding to bfloat16 before or after a product, through a few layers.
    assert relative_difference(made[1], made[0]) < 0.05


def test_fast_blocks_compute_what_the_plain_ones_compute():
    device, made = torch.device("cuda"), []
    if not is_supported(device):
        pytest.skip("this GPU has no 8-bit floating point")
    for way in (Way.EAGER, Way.KERNELS, Way.COMPILED):
        stream = SpeedStream(replace(SETTING, fp8=True), device, device, torch.bfloat16)
        stream.quicken(way)
        stream.restart()  # references too
        made.append(chunks(stream, 3).float())
    # Roundings to 8 bits fall otherwise here and there.
    assert relative_difference(made[1], made[0]) < 0.05
    assert relative_difference(made[2], made[0]) < 0.05


def chunks(stream, count):
    return torch.cat([stream.make(stream.hear(stream.sound())) for _ in range(count)], dim=2)


@pytest.mark.parametrize("way", list(Way))
def test_a_recorded_stream_is_the_stream_also_with_other_words_and_a_memory_that_hides(way):
    device, made = torch.device("cuda"), []
    words = torch.randn(1, DIT.text_tokens, DIT.text_width).cuda()
    with fastest_attention(device):
        for recorded in (False, True):
            stream = SpeedStream(SETTING, device, device, torch.float32)
            stream.quicken(way)
            if recorded:
                stream.record()
            parts = [chunks(stream, 5)]
            stream.say(words)
            parts.append(chunks(stream, 2))
            for memory in stream._memories:
                memory.nothing_hidden = False
            parts.append(chunks(stream, 4))
            for memory in stream._memories:
                memory.nothing_hidden = True
            stream.skip_to_minute(3)
            parts.append(chunks(stream, 2))
            made.append(torch.cat(parts, dim=2))
    torch.testing.assert_close(made[1], made[0], rtol=0, atol=1e-4)
    assert made[0].std() > 0.1


def test_other_words_change_a_recorded_stream():
    device = torch.device("cuda")
    stream = SpeedStream(SETTING, device, device, torch.float32)
    stream.record()
    chunks(stream, 4)
    heard, saved = stream.hear(stream.sound()), [memory.snapshot(0) for memory in stream._memories]
    before = stream.make(heard)
    for memory, row in zip(stream._memories, saved, strict=True):
        memory.restore(0, row)
    assert torch.equal(stream.make(heard), before)
    for memory, row in zip(stream._memories, saved, strict=True):
        memory.restore(0, row)
    stream.say(torch.randn(1, DIT.text_tokens, DIT.text_width).cuda())
    assert (stream.make(heard) - before).abs().max() > 1e-3


def test_compiled_blocks_are_three_graphs_however_many_there_are():
    import torch._dynamo
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    device = torch.device("cuda")
    stream = SpeedStream(replace(SETTING, dit=replace(DIT, num_layers=8)), device, device, torch.bfloat16)
    stream.quicken(Way.COMPILED)
    chunks(stream, 2)
    stream.say(torch.randn(1, DIT.text_tokens, DIT.text_width).cuda())
    stream.skip_to_minute(9)
    chunks(stream, 2)
    assert counters["stats"]["unique_graphs"] == 3
    assert not counters["graph_break"]
