"""The chunk loop: streams are causal, independent, resumable, and cost the same for ever."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from openlpm.core.audio import ArraySource
from openlpm.core.errors import ConfigError
from openlpm.core.motion import NUM_MOTION, MotionTrack
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.dit.condition import Condition, ReferenceKind
from openlpm.dit.model import CharacterTransformer
from openlpm.dit.references import remember_references
from openlpm.encoders.mel import log_mel
from openlpm.flow.path import as_data, interpolate
from openlpm.nn import by_heads
from openlpm.nn.block_causal import BlockCausal, CausalLayout
from openlpm.nn.growing import GrowingMemory
from openlpm.nn.memory import MemoryConfig
from openlpm.nn.ring import RingMemory, RingShape
from openlpm.nn.streaming import Referring
from openlpm.rollout import stream as stream_module
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.chunk import ChunkMaker, StreamMemories
from openlpm.rollout.conditioning import audio_span, read_span, speech_of_rows
from openlpm.rollout.generate_online import generate_online
from openlpm.rollout.online import OnlineConfig, OnlineNetwork, RefinerKeys
from openlpm.rollout.request import Prompt, Reference, StreamRequest
from openlpm.rollout.rows import Row
from openlpm.rollout.stream import OnlineStream
from openlpm.vae.autoencoder import DecoderState, normalise_latents
from support.streaming import ONLINE, SIZE, streaming_model

pytestmark = pytest.mark.contract

PICTURES = 4 * ONLINE.chunk_frames
FULL = 6
"""Chunks after which the memory has been full for a while."""
GLOBAL = Reference(kind=ReferenceKind.GLOBAL, picture_HWC=np.zeros((SIZE, SIZE, 3), np.uint8)).slot
FIRST = replace(GLOBAL, kind=ReferenceKind.FIRST)
# Sums of float64 in another order.
EXACT = {"rtol": 0, "atol": 1e-9}
# A ring turns keys on when its window moves: angles are float32, and their sum is rounded once more.
TURNED = {"rtol": 0, "atol": 1e-7}
# The same after the pictures became float32.
PICTURE = {"rtol": 0, "atol": 1e-6}


@pytest.fixture(scope="module")
def model() -> CharacterModel:
    return streaming_model(torch.float64)


def voice(seed: int, seconds: float = 8.0) -> ArraySource:
    samples_A = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * 16_000)).astype(np.float32)
    return ArraySource(samples_A)


def request(who: int = 0, **changes: Any) -> StreamRequest:
    picture_HWC = np.random.default_rng(who).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    fields: dict[str, Any] = {
        "references": (Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),),
        "speak": voice(2 * who),
        "listen": voice(2 * who + 1),
        "caption": "a calm face" if who % 2 else "a loud person",
        "seed": who,
    }
    return StreamRequest(**(fields | changes))


def stream_of(model: CharacterModel, *requests: StreamRequest, slots: Sequence[Any] = (GLOBAL,)) -> OnlineStream:
    stream = OnlineStream(model, len(requests), slots)
    for row, each in enumerate(requests):
        stream.join(row, each)
    return stream


def chunks(stream: OnlineStream, count: int) -> Tensor:
    return torch.cat([stream.next_chunk() for _ in range(count)], dim=1)


# Each part: streamed equals whole.


def test_decoding_rows_chunk_by_chunk_is_decoding_the_whole(model: CharacterModel) -> None:
    latents = torch.randn(3, 24, 8, 4, 4, dtype=torch.float64)
    whole, _ = model.vae.decode(latents)
    state: DecoderState | None = None
    for first in range(0, 8, 2):
        part, state = model.vae.decode(latents[:, :, first : first + 2], state)
        torch.testing.assert_close(part, whole[:, :, 4 * first : 4 * first + 8], **EXACT)


def test_tokens_of_rows_at_places_of_their_own_are_those_of_the_whole_track(model: CharacterModel) -> None:
    sources, firsts, count = [voice(row) for row in range(4)], [0, 5, 13, 6], 2
    for encoder, branch in ((model.speak, model.config.dit.speak), (model.listen, model.config.dit.listen)):
        assert branch is not None
        tokens_BLD = speech_of_rows(encoder, branch, sources, firsts, count)
        for row, first in enumerate(firsts):
            span = audio_span(encoder, branch, 0, 20)
            audio = read_span([sources[row]], span, torch.device("cpu"))
            whole = encoder(log_mel(audio, *encoder.columns_for(span.first_token, span.num_tokens)).double())
            piece = slice(first * branch.tokens_per_frame, first * branch.tokens_per_frame + branch.num_tokens(count))
            # The mel grid is computed in float32, in batches of other sizes.
            torch.testing.assert_close(tokens_BLD[row], whole[0, piece], rtol=0, atol=1e-5)


def heard(model: CharacterModel, first: int, frames: int) -> Condition:
    """Two rows, without references; voices are pieces of one encoding, words a row's for ever."""
    dit, most = model.config.dit, 2 * FULL
    assert dit.speak is not None
    assert dit.listen is not None
    sources = [voice(20), voice(21)]
    speak = speech_of_rows(model.speak, dit.speak, sources, [0, 0], most)
    listen = speech_of_rows(model.listen, dit.listen, sources[::-1], [0, 0], most)
    begin_speak, begin_listen = first * dit.speak.tokens_per_frame, first * dit.listen.tokens_per_frame
    return Condition(
        text_BLD=model.text(model.text.prepare(["calm", "a loud person"])),
        speak_BLD=speak[:, begin_speak : begin_speak + dit.speak.num_tokens(frames)],
        listen_BLD=listen[:, begin_listen : begin_listen + dit.listen.num_tokens(frames)],
    )


def memories(model: CharacterModel, *, ring: bool, memory: MemoryConfig = ONLINE.memory) -> StreamMemories:
    dit = model.config.dit
    shape = RingShape(
        num_rows=2,
        num_layers=dit.num_layers,
        num_heads=dit.num_heads,
        head_width=dit.head_width,
        grid=(2, 2),
        chunk_frames=ONLINE.chunk_frames,
        num_references=1,
    )
    made = [
        RingMemory(memory, shape, dtype=torch.float64)
        if ring
        else GrowingMemory(memory, num_layers=dit.num_layers, grid=(2, 2))
        for _ in range(2)
    ]
    pictures = torch.randn(2, 1, 24, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    text = heard(model, 0, 2).text_BLD
    remember_references(model.dit, pictures, (GLOBAL,), text, Referring(memories=tuple(made)))
    return StreamMemories(backbone=made[0], refiner=made[1])


def noises(online: OnlineConfig, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    shape = (count, online.num_noises, 2, 24, 2, 4, 4)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@torch.no_grad()
@pytest.mark.parametrize("keys", list(RefinerKeys))
@pytest.mark.parametrize("history_time", [None, 0.0, 0.2])
def test_the_loop_makes_the_same_with_either_memory(
    model: CharacterModel, keys: RefinerKeys, history_time: float | None
) -> None:
    online = replace(ONLINE, refiner_keys=keys, history_time=history_time)
    maker = ChunkMaker(online=online, backbone=model.dit, refiner=model.dit)
    round_, grown = memories(model, ring=True), memories(model, ring=False)
    for number, noise in enumerate(noises(online, FULL)):
        condition = heard(model, 2 * number, 2)
        left, right = (maker.make(each, noise, condition) for each in (round_, grown))
        torch.testing.assert_close(left.latents_BCTHW, right.latents_BCTHW, **TURNED)
        assert len(left.predictions) == 3


@torch.no_grad()
def test_a_history_of_its_own_is_the_finished_chunk_read_once_more(model: CharacterModel) -> None:
    online = replace(ONLINE, refiner_time=None, history_time=0.2)
    maker, past = ChunkMaker(online=online, backbone=model.dit), memories(model, ring=False)
    noise, condition = noises(online, 1)[0], heard(model, 0, 2)
    read: list[tuple[float, Tensor]] = []
    forward = model.dit.forward

    def watched(latents: Tensor, time: Tensor, *rest: Any, **options: Any) -> Tensor:
        if options["attend"].record:
            read.append((float(time.flatten()[0]), latents))
        return forward(latents, time, *rest, **options)

    model.dit.forward = watched  # type: ignore[method-assign]
    try:
        chunk = maker.make(StreamMemories(backbone=past.backbone), noise, condition)
    finally:
        del model.dit.forward
    ((time, latents),) = read
    assert time == pytest.approx(0.2)
    again = interpolate(chunk.latents_BCTHW, noise[-1], torch.full((2,), 0.2))
    torch.testing.assert_close(latents, again, **EXACT)


@torch.no_grad()
def test_one_step_of_each_transformer_is_one_causal_pass_over_the_clip(model: CharacterModel) -> None:
    """What a distillation trains in parallel is what the stream computes chunk by chunk."""
    online = replace(ONLINE, backbone_times=(1.0,), memory=MemoryConfig(sink_frames=2, window_frames=8))
    maker = ChunkMaker(online=online, backbone=model.dit, refiner=model.dit)
    past, noise = memories(model, ring=True, memory=online.memory), noises(online, 4)
    made = [maker.make(past, noise[number], heard(model, 2 * number, 2)) for number in range(4)]
    whole_noise = torch.cat(list(noise), dim=3)
    pictures = torch.randn(2, 1, 24, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    condition = replace(heard(model, 0, 8), references_BJCHW=pictures, slots=(GLOBAL,))
    causal = BlockCausal(CausalLayout(chunk_frames=2, num_frames=8, num_references=1, tokens_per_frame=4))

    def data(sample: Tensor, time: float) -> Tensor:
        time_B = torch.full((2,), time)
        return as_data(model.dit.config.prediction, model.dit(sample, time_B, condition, attend=causal), sample, time_B)

    backbone = data(whole_noise[0], 1.0)
    torch.testing.assert_close(torch.cat([each.predictions[0] for each in made], dim=2), backbone, **EXACT)
    again = interpolate(normalise_latents(backbone), whole_noise[1], torch.full((2,), 0.3))
    torch.testing.assert_close(torch.cat([each.predictions[1] for each in made], dim=2), data(again, 0.3), **EXACT)


def test_parts_may_be_of_a_narrow_type_while_samples_stay_wide(model: CharacterModel) -> None:
    def performed(narrow: torch.dtype) -> Tensor:
        other = CharacterModel(model.config)
        other.load_state_dict(model.state_dict())
        other.dit.to(narrow)
        other.vae.to(narrow)
        stream = stream_of(other, request(1))
        assert stream._references_BJCHW.dtype == torch.float32
        return chunks(stream, 2)

    wide, narrow = performed(torch.float32), performed(torch.bfloat16)
    assert (wide - chunks(stream_of(model, request(1)), 2)).abs().max() < 1e-4
    assert (wide - narrow).abs().mean() < 0.02  # eight bits of mantissa
    assert narrow.dtype == torch.float32


# Causality.


@pytest.mark.parametrize("name", ["speak", "listen"])
def test_sound_beyond_what_the_next_chunk_needs_changes_nothing(model: CharacterModel, name: str) -> None:
    plain = stream_of(model, request(1))
    before = chunks(plain, FULL)
    needed = plain.samples_needed(0)[name == "listen"]
    expected = plain.next_chunk()

    def next_after(changed_from: int) -> Tensor:
        samples_A = voice(2 if name == "speak" else 3).read(0, 8 * 16_000)
        samples_A[changed_from:] *= -0.3
        stream = stream_of(model, request(1, **{name: ArraySource(samples_A)}))
        assert torch.equal(chunks(stream, FULL), before)
        return stream.next_chunk()

    assert torch.equal(next_after(needed), expected)
    assert not torch.equal(next_after(needed - 300), expected)


def test_the_only_look_ahead_is_the_declared_one(model: CharacterModel) -> None:
    """The encoder's look-ahead, and the 233 samples by which the last mel window reaches past its column."""
    stream = stream_of(model, request(1))
    for number in range(1, 4):
        for needed, speech in zip(stream.samples_needed(0), (model.speak, model.listen), strict=True):
            heard_s = samples_at_frame(number * PICTURES + speech.config.lookahead_frames)
            assert heard_s <= needed <= heard_s + 240
        stream.next_chunk()


def test_words_hold_from_the_next_chunk_on(model: CharacterModel) -> None:
    plain, told = stream_of(model, request(1)), stream_of(model, request(1))
    assert torch.equal(chunks(plain, 3), chunks(told, 3))
    told.set_caption(0, "somebody else altogether")
    saved, elsewhere = told.snapshot(0), stream_of(model, request(2))
    made = told.next_chunk()
    assert (plain.next_chunk() - made).abs().max() > 1e-4
    elsewhere.restore(0, saved)  # where nothing had been read
    assert torch.equal(elsewhere.next_chunk(), made)
    fresh = stream_of(model, request(1, caption="somebody else altogether"))
    fresh.next_chunk()
    for ring, other in zip(fresh._rings, told._rings, strict=True):  # the references were read again, with the words
        mine, theirs = ring.snapshot(0), other.snapshot(0)
        torch.testing.assert_close(mine.reference_keys, theirs.reference_keys, **EXACT)


def test_references_are_read_again_only_when_words_change(
    model: CharacterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[int]] = []

    def counted(*arguments: Any) -> None:
        read.append(arguments[4].rows_B.tolist())
        remember_references(*arguments)

    monkeypatch.setattr("openlpm.rollout.stream.remember_references", counted)
    stream = stream_of(model, request(1), request(2))
    chunks(stream, 3)
    stream.set_caption(1, "sad")
    chunks(stream, 2)
    assert read == [[0, 1], [1]]  # one transformer twice: both memories are filled by one reading


def test_a_motion_track_is_followed_from_where_the_row_is(model: CharacterModel) -> None:
    track_FM = np.random.default_rng(0).uniform(-0.3, 0.3, (6 * PICTURES, NUM_MOTION)).astype(np.float32)
    given_M = np.ones(NUM_MOTION, np.bool_)
    moved = stream_of(model, request(1, motion=MotionTrack(track_FM, given_M)))
    later_FM = track_FM.copy()
    later_FM[3 * PICTURES :] += 0.2
    other = stream_of(model, request(1, motion=MotionTrack(later_FM, given_M)))
    assert torch.equal(chunks(moved, 3), chunks(other, 3))
    assert (moved.next_chunk() - other.next_chunk()).abs().max() > 1e-6


def test_a_first_frame_is_shown_to_the_first_chunk_alone(model: CharacterModel) -> None:
    begin = replace(request(5).references[0], kind=ReferenceKind.FIRST)
    stream = stream_of(model, request(1, references=(begin, *request(1).references)), slots=(FIRST, GLOBAL))
    plain = stream_of(model, request(1), slots=(FIRST, GLOBAL))
    assert (stream.next_chunk() - plain.next_chunk()).abs().max() > 1e-4
    for each in (stream, plain):
        each.next_chunk()
    for mine, theirs in zip(stream._rings, plain._rings, strict=True):
        left, right = mine.snapshot(0), theirs.snapshot(0)
        assert left.references_J.tolist() == right.references_J.tolist() == [False, True]
        tokens = 4  # of the first reference: nobody sees them
        torch.testing.assert_close(left.reference_keys[:, tokens:], right.reference_keys[:, tokens:], **EXACT)


# Rows.


@pytest.mark.parametrize("ages", [(0, 1, 2), (0, 2, FULL), (FULL, FULL + 1, FULL + 3)], ids=["young", "mixed", "full"])
def test_rows_of_any_age_perform_as_if_alone(model: CharacterModel, ages: tuple[int, ...]) -> None:
    together = stream_of(model, *(request(who) for who in (1, 2, 3)))
    for number in range(max(ages)):
        together.next_chunk([row for row, age in enumerate(ages) if number >= max(ages) - age])
    assert [together.position(row) for row in range(3)] == [PICTURES * age for age in ages]
    made = together.next_chunk()
    for row, age in enumerate(ages):
        alone = chunks(stream_of(model, request(row + 1)), age + 1)
        torch.testing.assert_close(made[row], alone[0, -PICTURES:], **PICTURE)


def test_a_paused_row_does_not_move(model: CharacterModel) -> None:
    stream = stream_of(model, request(1), request(2))
    chunks(stream, FULL)
    saved = stream.snapshot(1)
    for _ in range(3):
        stream.next_chunk([0])
    after = stream.snapshot(1)
    assert after.next_frame == saved.next_frame
    assert torch.equal(after.noise, saved.noise)
    for left, right in zip(saved.decoder, after.decoder, strict=True):
        assert torch.equal(left, right)
    unbroken = stream_of(model, request(1), request(2))
    expected = chunks(unbroken, FULL + 1)[1, -PICTURES:]
    torch.testing.assert_close(stream.next_chunk([1])[1], expected, **PICTURE)


@pytest.mark.parametrize("age", [0, 1, FULL], ids=["new", "young", "full"])
def test_a_saved_stream_goes_on_exactly_in_another_place(model: CharacterModel, age: int) -> None:
    stream = stream_of(model, request(1), request(2))
    for _ in range(age):
        stream.next_chunk()
    saved = stream.snapshot(1)
    expected = chunks(stream, 4)[1]
    other = stream_of(model, request(3), request(5))  # where the words were others
    chunks(other, 3)
    other.restore(1, saved)
    assert torch.equal(chunks(other, 4)[1], expected)


def test_a_place_that_was_left_is_as_new(model: CharacterModel) -> None:
    stream = stream_of(model, request(1), request(2))
    chunks(stream, FULL)
    stream.leave(1)
    stream.next_chunk()
    with pytest.raises(ConfigError, match=r"rows=\[1\]"):
        stream.next_chunk([1])
    stream.join(1, request(3))
    alone = chunks(stream_of(model, request(3)), 3)
    torch.testing.assert_close(chunks(stream, 3)[1], alone[0], **PICTURE)


# For ever.


def test_a_chunk_costs_the_same_after_hundreds_of_chunks(
    model: CharacterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = stream_of(model, request(1, speak=voice(1, 1.0)))
    seen: list[tuple[float, int]] = []
    forward = model.dit.forward

    def watched(latents: Tensor, *rest: Any, positions_T: Tensor, **options: Any) -> Tensor:
        seen.append((positions_T.max().item(), latents.shape[2]))
        return forward(latents, *rest, positions_T=positions_T, **options)

    stream.next_chunk()
    monkeypatch.setattr(model.dit, "forward", watched)
    sizes = {tuple(ring.num_bytes for ring in stream._rings)}
    for _ in range(220):
        last = stream.next_chunk()
        sizes.add(tuple(ring.num_bytes for ring in stream._rings))
    assert last.isfinite().all()
    assert len(sizes) == 1
    assert len(seen) == 220 * ONLINE.nfe
    assert max(position for position, _ in seen) == ONLINE.memory.num_frames + ONLINE.chunk_frames - 1
    assert {frames for _, frames in seen} == {ONLINE.chunk_frames}


def test_no_shape_and_no_branch_of_a_chunk_depends_on_a_value(model: CharacterModel) -> None:
    """What may be recorded in a CUDA graph: tensors without values refuse whoever asks for one."""
    with FakeTensorMode(), torch.no_grad():
        dit = CharacterTransformer(model.config.dit)
        shape = RingShape(
            num_rows=2, num_layers=2, num_heads=2, head_width=24, grid=(2, 2), chunk_frames=2, num_references=1
        )
        rings = [RingMemory(ONLINE.memory, shape) for _ in range(2)]
        words, moving_B = torch.zeros(2, 64, 160), torch.ones(2, dtype=torch.bool)
        reading = Referring(memories=rings, given_BJ=torch.ones(2, 1, dtype=torch.bool), rows_B=torch.arange(2))
        remember_references(dit, torch.zeros(2, 1, 24, 4, 4), (GLOBAL,), words, reading)
        maker = ChunkMaker(online=ONLINE, backbone=dit, refiner=dit)
        for _ in range(5):
            noise = torch.zeros(3, 2, 24, 2, 4, 4)
            made = maker.make(
                StreamMemories(backbone=rings[0], refiner=rings[1]), noise, Condition(text_BLD=words), moving_B=moving_B
            )
        assert made.latents_BCTHW.shape == (2, 24, 2, 4, 4)
        with pytest.raises(DataDependentOutputException):
            rings[0].num_committed[0].item()


def test_gradients_flow_through_a_rollout_or_through_one_step(model: CharacterModel) -> None:
    maker = ChunkMaker(online=ONLINE, backbone=model.dit, refiner=model.dit)

    def gradient(step: int | None) -> Tensor:
        past, noise = memories(model, ring=False), noises(ONLINE, 3).requires_grad_()
        made = [maker.make(past, noise[k], heard(model, 2 * k, 2), gradient_step=step) for k in range(3)]
        (whole,) = torch.autograd.grad(sum(chunk.predictions[1].square().sum() for chunk in made[2:]), noise)
        return whole.abs().amax(dim=(2, 3, 4, 5, 6))  # chunk by step

    everywhere = gradient(None)
    assert (everywhere[:, 0] > 1e-8).all()  # through the history of the backbone
    one = gradient(1)
    assert (one[:, 0] == 0).all()
    assert (one[:, 1] > 1e-8).all()


# The product's loop, and what is refused.


@pytest.mark.parametrize("num_frames", [1, 8, 13])
def test_a_clip_is_exactly_as_long_as_asked_and_a_shorter_one_its_beginning(
    model: CharacterModel, num_frames: int
) -> None:
    told: list[tuple[int, int]] = []
    requests = [request(1), request(2)]
    blocks = list(generate_online(model, requests, num_frames, progress=lambda *done: told.append(done)))
    made = torch.cat(blocks, dim=1)
    assert made.shape == (2, num_frames, 3, SIZE, SIZE)
    assert told[-1] == (num_frames, num_frames)
    assert made.min() >= 0
    assert made.max() <= 1
    whole = torch.cat(list(generate_online(model, requests, 16)), dim=1)
    assert torch.equal(made, whole[:, :num_frames])


def test_later_words_are_told_with_the_first_chunk_that_begins_no_earlier(model: CharacterModel) -> None:
    chunk = ONLINE.chunk_frames * model.config.vae.frames_per_latent
    asked = request(1, prompts=(Prompt(at_s=(chunk + 1) / FRAME_RATE_HZ, caption="somebody else"),))
    made = torch.cat(list(generate_online(model, [request(2), asked], 4 * chunk)), dim=1)
    by_hand, shown = stream_of(model, request(2), request(1)), []
    for number in range(4):
        if number == 2:
            by_hand.set_caption(1, "somebody else")
        shown.append(by_hand.next_chunk())
    assert torch.equal(made, torch.cat(shown, dim=1))
    plain = torch.cat(list(generate_online(model, [request(2), request(1)], 4 * chunk)), dim=1)
    assert torch.equal(plain[:, : 2 * chunk], made[:, : 2 * chunk])
    assert torch.equal(plain[0], made[0])
    assert not torch.equal(plain[1, 2 * chunk :], made[1, 2 * chunk :])


@pytest.mark.parametrize("field", ["caption", "speak", "listen", "references", "seed"])
def test_everything_that_is_asked_for_reaches_the_pictures(model: CharacterModel, field: str) -> None:
    other = {
        "caption": "somebody else",
        "speak": voice(77),
        "listen": voice(78),
        "references": request(9).references,
        "seed": 5,
    }
    asked, changed = (chunks(stream_of(model, each), 2) for each in (request(1), request(1, **{field: other[field]})))
    assert not torch.equal(asked, changed)


def test_evaluations_are_counted_as_they_are_made(model: CharacterModel, monkeypatch: pytest.MonkeyPatch) -> None:
    for online, expected in (
        (ONLINE, 3),
        (replace(ONLINE, refiner_keys=RefinerKeys.CLEAN), 4),
        (replace(ONLINE, refiner_time=None), 2),
        (replace(ONLINE, refiner_time=None, backbone_times=(1.0,)), 1),
        (replace(ONLINE, refiner_time=None, history_time=0.0), 3),
        (replace(ONLINE, history_time=0.2), 4),
    ):
        assert online.nfe == expected
        other = CharacterModel(replace(model.config, online=online)).double()
        stream = stream_of(other, request(1))
        stream.next_chunk()
        calls: list[int] = []
        forward = other.dit.forward
        monkeypatch.setattr(other.dit, "forward", lambda *a, f=forward, c=calls, **k: (c.append(1), f(*a, **k))[1])
        stream.next_chunk()
        assert len(calls) == expected


def with_networks(model: CharacterModel, *networks: OnlineNetwork, change: float) -> CharacterModel:
    """The model with further transformers, the same as its own but for a change of one matrix."""
    made = CharacterModel(replace(model.config, online_networks=networks)).double().eval()
    made.requires_grad_(requires_grad=False)
    for name, part in made.parts().items():
        part.load_state_dict(model.parts()[name if name in model.parts() else "dit"].state_dict())
    for network in networks:
        made.get_parameter(f"{network}.blocks.0.self_attention.v.weight").mul_(change)
    return made


def test_a_backbone_of_its_own_makes_the_chunks(model: CharacterModel) -> None:
    one = chunks(stream_of(model, request(1)), 3)
    for change in (1.0, 0.5):
        other = with_networks(model, OnlineNetwork.BACKBONE, change=change)
        assert torch.equal(chunks(stream_of(other, request(1)), 3), one) == (change == 1.0)
        other.dit.blocks[0].self_attention.v.weight.mul_(3)  # Base makes no chunks
        again = with_networks(model, OnlineNetwork.BACKBONE, change=change)
        assert torch.equal(chunks(stream_of(other, request(1)), 3), chunks(stream_of(again, request(1)), 3))


def test_a_model_streams_in_another_way_than_its_own_where_that_is_asked(model: CharacterModel) -> None:
    bare = replace(ONLINE, refiner_time=None)
    own = chunks(stream_of(model, request(1)), 3)
    stream = OnlineStream(model, 1, (GLOBAL,), online=bare)
    stream.join(0, request(1))
    assert stream.maker.refiner is None
    assert not torch.equal(chunks(stream, 3), own)


def test_a_refiner_of_its_own_has_references_of_its_own(model: CharacterModel) -> None:
    def performed(change: float) -> Tensor:
        stream = OnlineStream(with_networks(model, OnlineNetwork.REFINER, change=change), 1, (GLOBAL,))
        stream.join(0, request(1))
        made = chunks(stream, 3)
        left, right = (ring.snapshot(0).reference_keys for ring in stream._rings)
        assert torch.equal(left, right) == (change == 1.0)
        return made

    one = chunks(stream_of(model, request(1)), 3)
    assert torch.equal(performed(1.0), one)
    assert (performed(0.5) - one).abs().max() > 1e-5


def test_a_model_that_was_not_taught_to_stream_says_why(model: CharacterModel) -> None:
    plain = CharacterModel(replace(model.config, online=None))
    with pytest.raises(ConfigError, match="tiny cannot stream: its config"):
        generate_online(plain, [request(1)], 8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backbone_times": ()}, "backbone_times="),
        ({"backbone_times": (0.9, 0.5)}, "fall from 1"),
        ({"backbone_times": (1.0, 1.0)}, "fall from 1"),
        ({"refiner_time": 1.0}, "refiner_time=1.0"),
        ({"history_time": 1.0}, "history_time=1.0"),
        ({"chunk_frames": 5}, "chunk_frames=5"),
    ],
)
def test_impossible_streams_are_refused_with_the_field(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        replace(ONLINE, **changes)


def test_networks_without_a_way_to_stream_are_refused_and_a_refiner_may_rest(model: CharacterModel) -> None:
    with pytest.raises(ConfigError, match="online_networks=backbone, refiner: say in `online` how they stream"):
        replace(model.config, online=None, online_networks=tuple(OnlineNetwork))
    laptop = with_networks(model, OnlineNetwork.REFINER, change=0.5)
    laptop.config = replace(laptop.config, online=ONLINE.for_laptop())
    stream = stream_of(laptop, request(1))
    assert stream.maker.refiner is None
    assert torch.isfinite(stream.next_chunk()).all()


def test_performers_that_do_not_fit_are_refused(model: CharacterModel) -> None:
    stream = stream_of(model, request(1))
    wrong = Reference(kind=ReferenceKind.VIEW, picture_HWC=np.zeros((SIZE, SIZE, 3), np.uint8))
    with pytest.raises(ConfigError, match="has no place here"):
        stream.join(0, request(1, references=(wrong,)))
    small = Reference(kind=ReferenceKind.GLOBAL, picture_HWC=np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(ConfigError, match="32 pixels wide"):
        stream.join(0, request(1, references=(small,)))
    with pytest.raises(ConfigError, match="a refiner needs a time"):
        ChunkMaker(online=ONLINE, backbone=model.dit)


@pytest.mark.parametrize("own_refiner", [False, True])
def test_conditions_told_once_a_chunk_are_those_told_at_every_step(model: CharacterModel, own_refiner: bool) -> None:
    refiner = model.dit
    if own_refiner:
        refiner = CharacterTransformer(model.config.dit).double().eval().requires_grad_(requires_grad=False)
        refiner.load_state_dict(model.dit.state_dict())
        refiner.blocks[1].cross_attention.v.weight.mul_(0.5)

    def made(tells_once: bool) -> Tensor:
        maker = ChunkMaker(online=ONLINE, backbone=model.dit, refiner=refiner, tells_once=tells_once)
        past, noise = memories(model, ring=True), noises(ONLINE, 3)
        with torch.no_grad():
            return torch.stack([maker.make(past, noise[k], heard(model, 2 * k, 2)).latents_BCTHW for k in range(3)])

    torch.testing.assert_close(made(tells_once=True), made(tells_once=False), **EXACT)


@pytest.mark.parametrize("slots", [(GLOBAL,), (GLOBAL, FIRST)])
def test_leaving_out_the_mask_of_full_memories_changes_nothing(
    model: CharacterModel, monkeypatch: pytest.MonkeyPatch, slots: tuple[Any, ...]
) -> None:
    made = chunks(stream_of(model, request(1), request(2), slots=slots), FULL)
    monkeypatch.setattr(Row, "is_full", lambda *_: False)
    torch.testing.assert_close(made, chunks(stream_of(model, request(1), request(2), slots=slots), FULL), **PICTURE)


@pytest.mark.skipif(not by_heads.is_supported(), reason="no such kernel in this PyTorch")
def test_attending_head_after_head_shows_the_same_pictures(
    model: CharacterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = CharacterModel(model.config)
    other.load_state_dict(model.state_dict())
    made: list[Tensor] = []
    for faster in (False, True):
        monkeypatch.setattr(stream_module, "is_faster", lambda *_, faster=faster: faster)
        stream = stream_of(other, request(1), request(2))
        made.append(chunks(stream, FULL))
    assert not torch.equal(*made)  # else it was not done
    torch.testing.assert_close(*made, rtol=0, atol=1e-4)  # float32 in another order
