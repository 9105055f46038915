"""A stream of chunks computes what one causal pass computes, whatever the memory, and forgets what it should."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.dit import AudioBranch, CharacterTransformer, Condition, DiTConfig, ReferenceKind, ReferenceSlot
from openlpm.dit.cross_attention import AudioAttention
from openlpm.dit.references import remember_references
from openlpm.nn.attention import Attend, NormScope
from openlpm.nn.block_causal import BlockCausal, CausalLayout, KeyRecord, who_sees_whom
from openlpm.nn.growing import GrowingMemory
from openlpm.nn.memory import Memory, MemoryConfig, Placing, slot_positions
from openlpm.nn.narrow_attention import narrowed
from openlpm.nn.ring import RingMemory, RingShape
from openlpm.nn.streaming import Referring, Streaming

pytestmark = pytest.mark.contract

SPEAK = AudioBranch(width=10, tokens_per_frame=2, past_frames=1, future_frames=0, added=True)
LISTEN = AudioBranch(width=6, tokens_per_frame=1, past_frames=3, future_frames=0)
CONFIG = DiTConfig(
    latent_channels=3,
    width=24,
    num_layers=3,
    num_heads=2,
    ffn_width=40,
    text_width=8,
    text_tokens=5,
    freq_width=16,
    qk_norm=NormScope.HEAD,
    speak=SPEAK,
    listen=LISTEN,
    motion=6,
)
ROWS, CHUNK, GRID = 3, 2, (2, 3)
SLOTS = (ReferenceSlot(kind=ReferenceKind.GLOBAL), ReferenceSlot(kind=ReferenceKind.VIEW, subtype=1))
ROOMY = MemoryConfig(sink_frames=2, window_frames=12)
TIGHT = MemoryConfig(sink_frames=1, window_frames=4)
# Sums of float64 in another order.
EXACT = {"rtol": 0, "atol": 1e-10}
# A ring turns keys on when its window moves: angles are float32, and their sum is rounded once more.
TURNED = {"rtol": 0, "atol": 1e-7}


@pytest.fixture
def model(seed: int) -> CharacterTransformer:
    """Weights of chance everywhere, so that nothing is hidden behind a zero."""
    made = CharacterTransformer(CONFIG).double().eval()
    torch.nn.init.normal_(made.head.weight)
    for module in made.modules():
        if isinstance(module, AudioAttention):
            torch.nn.init.normal_(module.v.weight)
    torch.nn.init.normal_(made.motion_embedding.down.weight)
    torch.nn.init.normal_(made.speak_added.weight)
    return made


class Clip:
    """Latents, times and conditions of ``num_frames`` frames, and any piece of them."""

    def __init__(self, num_frames: int, rows: int = ROWS) -> None:
        double = {"dtype": torch.float64}
        self.latents = torch.randn(rows, 3, num_frames, 4, 6, **double)
        self.time = torch.rand(rows, num_frames, **double)
        self.condition = Condition(
            text_BLD=torch.randn(rows, 5, 8, **double),
            speak_BLD=torch.randn(rows, SPEAK.num_tokens(num_frames), 10, **double),
            listen_BLD=torch.randn(rows, LISTEN.num_tokens(num_frames), 6, **double),
            references_BJCHW=torch.randn(rows, len(SLOTS), 3, 4, 6, **double),
            slots=SLOTS,
            motion_BTM=torch.randn(rows, num_frames, 6, **double),
        )

    def heard(self, first: int, count: int) -> Condition:
        """The conditions of some frames, without the references."""
        whole = self.condition
        assert whole.speak_BLD is not None
        assert whole.listen_BLD is not None
        assert whole.motion_BTM is not None
        return replace(
            whole,
            references_BJCHW=None,
            slots=(),
            speak_BLD=whole.speak_BLD[:, first * 2 : first * 2 + SPEAK.num_tokens(count)],
            listen_BLD=whole.listen_BLD[:, first : first + LISTEN.num_tokens(count)],
            motion_BTM=whole.motion_BTM[:, first : first + count],
        )


def ring(
    config: MemoryConfig,
    rows: int = ROWS,
    dtype: torch.dtype = torch.float64,
    *,
    last_is_kept: bool = False,
    narrow: bool = False,
) -> RingMemory:
    shape = RingShape(
        num_rows=rows,
        num_layers=CONFIG.num_layers,
        num_heads=CONFIG.num_heads,
        head_width=CONFIG.head_width,
        grid=GRID,
        chunk_frames=CHUNK,
        num_references=len(SLOTS),
    )
    return RingMemory(config, shape, dtype=dtype, last_is_kept=last_is_kept, narrow=narrow)


def growing(config: MemoryConfig) -> GrowingMemory:
    return GrowingMemory(config, num_layers=CONFIG.num_layers, grid=GRID)


def remember(model: CharacterTransformer, clip: Clip, memory: Memory) -> None:
    references = clip.condition.references_BJCHW
    assert references is not None
    remember_references(model, references, SLOTS, clip.condition.text_BLD, Referring(memories=(memory,)))


def step(
    model: CharacterTransformer, clip: Clip, memory: Memory, first: int, *, moving: Tensor | None = None
) -> Tensor:
    """One chunk: a step that is remembered, between two that are forgotten."""
    positions_T = memory.open_chunk(CHUNK)
    latents, time = clip.latents[:, :, first : first + CHUNK], clip.time[:, first : first + CHUNK]
    condition = clip.heard(first, CHUNK)
    model(-latents, 1 - time, condition, attend=Streaming(memory), positions_T=positions_T)
    out = model(latents, time, condition, attend=Streaming(memory, record=True), positions_T=positions_T)
    model(latents + 1, time, condition, attend=Streaming(memory), positions_T=positions_T)
    memory.commit(moving)
    return out


def streamed(model: CharacterTransformer, clip: Clip, memory: Memory) -> Tensor:
    remember(model, clip, memory)
    return torch.cat([step(model, clip, memory, first) for first in range(0, clip.latents.shape[2], CHUNK)], dim=2)


def layout(num_frames: int, *, references: bool = True) -> CausalLayout:
    return CausalLayout(
        chunk_frames=CHUNK, num_frames=num_frames, num_references=len(SLOTS) * references, tokens_per_frame=6
    )


MEMORIES: list[Callable[[MemoryConfig], Memory]] = [ring, growing]


@torch.no_grad()
@pytest.mark.parametrize("make", MEMORIES)
def test_a_stream_of_chunks_equals_one_causal_pass(model, make) -> None:
    clip = Clip(8)
    whole = model(clip.latents, clip.time, clip.condition, attend=BlockCausal(layout(8)))
    torch.testing.assert_close(streamed(model, clip, make(ROOMY)), whole, **EXACT)


@torch.no_grad()
@pytest.mark.parametrize("placing", list(Placing))
def test_a_ring_equals_a_growing_memory_after_it_went_round(model, placing: Placing) -> None:
    clip, config = Clip(22), replace(TIGHT, placing=placing)
    torch.testing.assert_close(streamed(model, clip, ring(config)), streamed(model, clip, growing(config)), **TURNED)


def chunk_by_chunk(model: CharacterTransformer, clip: Clip, memory: RingMemory) -> Tensor:
    """Chunks whose last step is the one that is remembered; from the fourth on nothing is hidden."""
    made: list[Tensor] = []
    remember(model, clip, memory)
    for first in range(0, 16, CHUNK):
        memory.nothing_hidden = first >= 6
        positions_T = memory.open_chunk(CHUNK)
        chunk = slice(first, first + CHUNK)
        told = clip.heard(first, CHUNK)
        model(-clip.latents[:, :, chunk], clip.time[:, chunk], told, attend=Streaming(memory), positions_T=positions_T)
        attend = Streaming(memory, record=True)
        made.append(model(clip.latents[:, :, chunk], clip.time[:, chunk], told, attend=attend, positions_T=positions_T))
        memory.commit()
    return torch.cat(made, dim=2)


@torch.no_grad()
def test_a_memory_that_keeps_the_last_step_sets_nothing_aside_and_remembers_the_same(model) -> None:
    clip, one, two = Clip(16), ring(TIGHT), ring(TIGHT, last_is_kept=True)
    assert two.num_bytes < 0.85 * one.num_bytes
    torch.testing.assert_close(chunk_by_chunk(model, clip, two), chunk_by_chunk(model, clip, one), **TURNED)


@torch.no_grad()
def test_attention_in_8_bits_is_nearly_that_of_the_memory_and_exact_where_something_is_hidden(model) -> None:
    clip = Clip(16)
    wide, narrow = (chunk_by_chunk(model, clip, ring(TIGHT, last_is_kept=True, narrow=each)) for each in (False, True))
    torch.testing.assert_close(narrow[:, :, :6], wide[:, :, :6], **EXACT)
    error = torch.linalg.vector_norm((narrow - wide)[:, :, 6:]) / torch.linalg.vector_norm(wide[:, :, 6:])
    assert 1e-4 < error < 0.1


@torch.no_grad()
def test_copies_in_8_bits_follow_what_is_remembered(model) -> None:
    memory, other = (ring(TIGHT, last_is_kept=True, narrow=True) for _ in range(2))
    chunk_by_chunk(model, Clip(16), memory)
    chunk_by_chunk(model, Clip(16), other)
    other.restore(2, memory.snapshot(1))
    for each, row in ((memory, 0), (memory, 1), (other, 2)):
        assert each._narrow is not None
        past = slice(0, each._current.start)
        for narrow, wide in zip(each._narrow, (each._seen_XBLNK, each._values_XBLNK), strict=True):
            assert torch.equal(narrow[:, row, past].float(), narrowed(wide[:, row, past]).float())
            assert wide[:, row, past].abs().min() > 0


@torch.no_grad()
@pytest.mark.parametrize("make", MEMORIES)
def test_positions_matter_once_the_window_has_moved_on(model, make) -> None:
    clip = Clip(22)
    anchored, absolute = (streamed(model, clip, make(replace(TIGHT, placing=each))) for each in Placing)
    # TIGHT holds one sink and four frames: up to here nothing has left.
    torch.testing.assert_close(anchored[:, :, :6], absolute[:, :, :6], **EXACT)
    assert (anchored[:, :, 8:] - absolute[:, :, 8:]).abs().max() > 1e-6


@torch.no_grad()
@pytest.mark.parametrize("sinks", [0, 1, 2, 3])
@pytest.mark.parametrize("window", [2, 3, 5])
@pytest.mark.parametrize("placing", list(Placing))
def test_both_memories_place_the_same_frames_at_the_same_positions(
    model, sinks: int, window: int, placing: Placing
) -> None:
    config = MemoryConfig(sink_frames=sinks, window_frames=window, placing=placing)
    round_, grown = ring(config), growing(config)
    for age in range(0, 24, CHUNK):
        assert torch.equal(round_.open_chunk(CHUNK), grown.open_chunk(CHUNK).expand(ROWS, -1))
        placed_BM = round_.positions()
        remembered = [f for f in range(age) if f < sinks or f >= age - window]
        wanted_places = list(range(grown.num_remembered)) if placing is Placing.ANCHORED else remembered
        assert sorted(placed_BM[0][placed_BM[0] >= 0].tolist()) == wanted_places
        stamp = torch.full((ROWS, 12, 2, 12), 0.0, dtype=torch.float64)
        stamp[:, :6], stamp[:, 6:] = age + 1.0, age + 2.0  # a value that tells its frame
        for layer in range(CONFIG.num_layers):
            seen, wanted = (memory.look(layer, stamp, stamp) for memory in (round_, grown))
            assert seen.mask_BL is not None
            values = seen.value_BLNK[0, :, 0, 0][seen.mask_BL[0]]
            assert sorted(values.tolist()) == sorted(wanted.value_BLNK[0, :, 0, 0].tolist())
            for memory in (round_, grown):
                memory.stage(layer, stamp, stamp)
        for memory in (round_, grown):
            memory.commit()


@torch.no_grad()
@pytest.mark.parametrize("make", MEMORIES)
def test_what_left_the_window_is_forgotten_but_the_sinks_stay(model, make) -> None:
    """The chunk at 18 sees frame 0 and frames 14 to 17; what the memory holds is written without attention."""
    clip = Clip(20)

    def chunk_after(changed: int | None) -> Tensor:
        memory = make(TIGHT)
        remember(model, clip, memory)
        for first in range(0, 18, CHUNK):
            memory.open_chunk(CHUNK)
            for layer in range(CONFIG.num_layers):
                stamp = torch.full((ROWS, 12, 2, 12), 0.1 * first + (first == changed), dtype=torch.float64)
                memory.stage(layer, stamp, stamp)
            memory.commit()
        return step(model, clip, memory, 18)

    plain = chunk_after(None)
    for forgotten in (2, 6, 12):
        assert torch.equal(chunk_after(forgotten), plain)
    for seen in (0, 14, 16):
        assert (chunk_after(seen) - plain).abs().max() > 1e-6


@torch.no_grad()
def test_a_noisy_history_in_two_passes_is_the_stream_that_recorded_noisy_steps(model) -> None:
    clip, history = Clip(8), Clip(8)
    history.condition = clip.condition
    memory = ring(ROOMY)
    remember(model, clip, memory)
    outs = []
    for first in range(0, 8, CHUNK):
        positions = memory.open_chunk(CHUNK)
        for source, record in ((history, True), (clip, False)):
            out = model(
                source.latents[:, :, first : first + CHUNK],
                source.time[:, first : first + CHUNK],
                clip.heard(first, CHUNK),
                attend=Streaming(memory, record=record),
                positions_T=positions,
            )
            if not record:
                outs.append(out)
        memory.commit()
    record = KeyRecord()
    model(history.latents, history.time, clip.condition, attend=BlockCausal(layout(8), record=record))
    for references in (True, False):
        second = BlockCausal(layout(8, references=references), history=record)
        whole = model(clip.latents, clip.time, clip.condition if references else clip.heard(0, 8), attend=second)
        torch.testing.assert_close(whole, torch.cat(outs, dim=2), **EXACT)


@pytest.mark.parametrize(("sinks", "window"), [(0, 2), (1, 4), (2, 3)])
def test_chunks_in_parallel_see_the_frames_that_a_stream_remembers(sinks: int, window: int) -> None:
    memory = MemoryConfig(sink_frames=sinks, window_frames=window, placing=Placing.ABSOLUTE)
    parallel = CausalLayout(chunk_frames=2, num_frames=12, num_references=1, tokens_per_frame=1, memory=memory)
    token_S = torch.arange(parallel.num_tokens)
    zero = torch.zeros((), dtype=torch.long)
    seen_SL = who_sees_whom(parallel)(zero, zero, token_S[:, None], token_S)
    for first in range(0, 12, 2):
        remembered_M = slot_positions(memory, torch.tensor([first]))[0]
        frames = {int(frame) for frame in remembered_M if frame >= 0} | {first, first + 1, 12}
        assert set(seen_SL[first].nonzero()[:, 0].tolist()) == frames, first


@torch.no_grad()
def test_a_later_chunk_changes_nothing_earlier_and_references_see_no_video(model) -> None:
    clip = Clip(8)
    attend = BlockCausal(layout(8))
    before = model(clip.latents, clip.time, clip.condition, attend=attend)
    clip.latents[:, :, 4:] += 1.0
    after = model(clip.latents, clip.time, clip.condition, attend=attend)
    assert torch.equal(before[:, :, :4], after[:, :, :4])
    assert (before[:, :, 4:] - after[:, :, 4:]).abs().amin(dim=(0, 1, 3, 4)).min() > 1e-6


@torch.no_grad()
def test_references_read_once_are_those_of_every_step(model) -> None:
    """The sequence with references in it records the keys that the memory keeps."""
    clip, memory = Clip(CHUNK), ring(ROOMY)
    remember(model, clip, memory)
    record = KeyRecord()
    model(clip.latents, clip.time, clip.condition, attend=BlockCausal(layout(CHUNK), record=record))
    positions = memory.open_chunk(CHUNK)
    model(clip.latents, clip.time, clip.heard(0, CHUNK), attend=Streaming(memory), positions_T=positions)
    for layer in range(CONFIG.num_layers):
        key_BSNK, value_BSNK = record.layers[layer]
        seen = memory.look(layer, key_BSNK[:, :12], value_BSNK[:, :12])
        torch.testing.assert_close(seen.key_BLNK[:, :12], key_BSNK[:, 12:], **EXACT)
        torch.testing.assert_close(seen.value_BLNK[:, :12], value_BSNK[:, 12:], **EXACT)


@torch.no_grad()
def test_rows_may_have_different_references_and_new_ones_alone(model) -> None:
    clip = Clip(CHUNK)
    references = clip.condition.references_BJCHW
    assert references is not None
    memory = ring(ROOMY)
    given = torch.tensor([[True, True], [True, False], [True, True]])
    remember_references(
        model, references, SLOTS, clip.condition.text_BLD, Referring(memories=(memory,), given_BJ=given)
    )
    text = torch.randn(1, 5, 8, dtype=torch.float64)
    remember_references(model, references[2:], SLOTS, text, Referring(memories=(memory,), rows_B=torch.tensor([2])))
    out = step(model, clip, memory, 0)
    for row, (picked, words) in enumerate(
        [(slice(0, 2), clip.condition.text_BLD[:1]), (slice(0, 1), clip.condition.text_BLD[1:2]), (slice(0, 2), text)]
    ):
        alone = replace(
            clip.condition,
            references_BJCHW=references[:, picked],
            slots=SLOTS[picked],
            text_BLD=clip.condition.text_BLD,
        )
        memory_of_row = ring(ROOMY)
        shape = replace(memory_of_row.shape, num_references=len(SLOTS[picked]))
        memory_of_row = RingMemory(ROOMY, shape, dtype=torch.float64)
        words_BLD = words.expand(ROWS, -1, -1)
        pictures = alone.references_BJCHW
        assert pictures is not None
        remember_references(model, pictures, SLOTS[picked], words_BLD, Referring(memories=(memory_of_row,)))
        torch.testing.assert_close(out[row], step(model, clip, memory_of_row, 0)[row], **EXACT)


@torch.no_grad()
@pytest.mark.parametrize("ages", [(0, 2, 4), (1, 3, 9), (7, 8, 12)], ids=["young", "mixed", "full"])
def test_rows_of_any_age_know_nothing_of_each_other(model, ages: tuple[int, ...]) -> None:
    """Row r has ``ages[r]`` chunks behind it; each goes on as if it were alone."""
    clip = Clip(26)
    together = ring(TIGHT)
    remember(model, clip, together)
    for number in range(max(ages)):
        moving = torch.tensor([number >= max(ages) - age for age in ages])
        step(model, clip, together, number * CHUNK, moving=moving)
    assert together.num_committed.tolist() == [CHUNK * age for age in ages]
    out = step(model, clip, together, 24)
    for row, age in enumerate(ages):
        alone = ring(TIGHT)
        remember(model, clip, alone)
        for number in range(max(ages) - age, max(ages)):
            step(model, clip, alone, number * CHUNK)
        torch.testing.assert_close(out[row], step(model, clip, alone, 24)[row], **EXACT)


@torch.no_grad()
def test_a_paused_row_does_not_move(model) -> None:
    clip, memory = Clip(20), ring(TIGHT)
    remember(model, clip, memory)
    for first in (0, 2, 4, 6):
        step(model, clip, memory, first)
    before, expected = memory.snapshot(1), step(model, clip, memory, 18, moving=torch.zeros(ROWS, dtype=torch.bool))
    for first in (8, 10, 12):
        step(model, clip, memory, first, moving=torch.tensor([True, False, True]))
    after = memory.snapshot(1)
    assert torch.equal(before.keys, after.keys)
    assert torch.equal(before.frames, after.frames)
    again = step(model, clip, memory, 18)
    assert torch.equal(again[1], expected[1])
    assert (again[0] - expected[0]).abs().max() > 1e-6


@torch.no_grad()
def test_a_row_goes_on_exactly_where_it_was_saved_in_any_row(model) -> None:
    clip, memory = Clip(20), ring(TIGHT)
    remember(model, clip, memory)
    for first in range(0, 12, CHUNK):
        step(model, clip, memory, first)
    saved = memory.snapshot(2)
    expected = [step(model, clip, memory, first)[2] for first in (12, 14, 16)]
    other = ring(TIGHT)
    remember(model, Clip(2), other)
    for first in (0, 2, 4):
        step(model, Clip(20), other, first)
    other.restore(2, saved)
    for first, wanted in zip((12, 14, 16), expected, strict=True):
        assert torch.equal(step(model, clip, other, first)[2], wanted)


@torch.no_grad()
def test_a_reset_row_is_a_new_stream_even_after_a_broken_one(model) -> None:
    clip, memory, fresh = Clip(20), ring(TIGHT), ring(TIGHT)
    remember(model, clip, memory)
    remember(model, clip, fresh)
    broken = Clip(20)
    broken.latents[1] = float("nan")
    for first in range(0, 14, CHUNK):
        step(model, broken, memory, first)
    memory.reset(1)
    references = clip.condition.references_BJCHW
    assert references is not None
    row = torch.tensor([1])
    remember_references(
        model, references[1:2], SLOTS, clip.condition.text_BLD[1:2], Referring(memories=(memory,), rows_B=row)
    )
    torch.testing.assert_close(step(model, clip, memory, 0)[1], step(model, clip, fresh, 0)[1], **EXACT)


@torch.no_grad()
def test_positions_and_buffers_stay_bounded_for_hundreds_of_chunks(model) -> None:
    memory = ring(TIGHT)
    size, highest = memory.num_bytes, 0.0
    stamp = torch.zeros(ROWS, 12, 2, 12, dtype=torch.float64)
    for _ in range(400):
        positions = memory.open_chunk(CHUNK)
        highest = max(highest, positions.max().item(), memory.positions().max().item())
        assert memory.look(0, stamp, stamp).key_BLNK.shape[1] == (len(SLOTS) + TIGHT.num_frames + CHUNK) * 6
        for layer in range(CONFIG.num_layers):
            memory.stage(layer, stamp, stamp)
        memory.commit()
    assert memory.num_committed.tolist() == [800] * ROWS
    assert highest == TIGHT.num_frames + CHUNK - 1
    assert memory.num_bytes == size


def test_gradients_flow_through_a_growing_memory_and_its_references(model) -> None:
    clip, memory = Clip(6), growing(TIGHT)
    references = clip.condition.references_BJCHW
    assert references is not None
    clip.latents.requires_grad_()
    references.requires_grad_()
    remember(model, clip, memory)
    outs = [step(model, clip, memory, first) for first in (0, 2, 4)]
    outs[2].square().sum().backward()
    assert clip.latents.grad is not None
    assert references.grad is not None
    assert (clip.latents.grad.abs().amax(dim=(0, 1, 3, 4)) > 1e-8).all()
    assert (references.grad.abs().amax(dim=(0, 2, 3, 4)) > 1e-8).all()


def test_a_ring_refuses_gradients(model) -> None:
    clip = Clip(2)
    with pytest.raises(ConfigError, match="GrowingMemory"):
        streamed(model, clip, ring(TIGHT))


def test_wrong_sizes_are_refused_with_the_field() -> None:
    with pytest.raises(ConfigError, match="window_frames=0"):
        MemoryConfig(sink_frames=1, window_frames=0)
    with pytest.raises(ConfigError, match="sink_frames=-1"):
        MemoryConfig(sink_frames=-1, window_frames=4)
    with pytest.raises(ConfigError, match="chunk_frames=2: a window of 1"):
        ring(MemoryConfig(sink_frames=3, window_frames=1))
    with pytest.raises(ConfigError, match="num_frames=3"):
        ring(TIGHT).open_chunk(3)
    with pytest.raises(ConfigError, match="moving_B"):
        growing(TIGHT).commit(torch.tensor([True]))


def test_memories_and_attends_fulfil_their_protocols() -> None:
    for memory in (ring(TIGHT), growing(TIGHT)):
        assert isinstance(memory, Memory)
        assert isinstance(Streaming(memory), Attend)
        assert isinstance(Referring(memories=(memory,)), Attend)
    assert isinstance(BlockCausal(layout(2)), Attend)
