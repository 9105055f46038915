"""Base learns from what it is meant to learn from: the same batches every time, and never from what it is given."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from openlpm.core.audio import ArraySource
from openlpm.core.errors import ConfigError
from openlpm.core.motion import MOTION_CHANNELS, MOTION_GROUPS, NUM_MOTION
from openlpm.core.rig import Rig, State
from openlpm.dit.block import Block
from openlpm.dit.condition import Condition, ReferenceKind
from openlpm.flow.schedule import TimeDraw
from openlpm.recipes import nano
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.conditioning import audio_span, read_span, speech_tokens
from openlpm.training import window_conditions
from openlpm.training.base import BaseLearner, BaseObjective, BaseObjectiveConfig
from openlpm.training.clip_bank import STRIDE, ClipBank, situations
from openlpm.training.focus import Focus
from openlpm.training.performance_reader import PerformanceReader, ReaderConfig
from openlpm.training.traits import SITUATIONS, ClipMix
from openlpm.training.window_conditions import WindowConditions
from openlpm.training.windows import WindowBatch, WindowDraw, WindowLayout, WindowSource
from openlpm.vae.config import StageConfig

pytestmark = pytest.mark.contract

CLIPS, FRAMES, CELLS = 5, 12, 4
CONFIG = BaseObjectiveConfig(
    windows=WindowDraw(
        token_frames=40,
        mix=ClipMix(speak=1, listen=1, idle=1, conversation=1),
        layouts=(
            WindowLayout(frames=6, first=False, views=0, expressions=0),
            WindowLayout(frames=5, first=True, views=2, expressions=1),
        ),
        drop_text=0.3,
        drop_speak=0.3,
        drop_listen=0.3,
        drop_all=0.1,
        give_motion=0.5,
        continue_share=0.5,
        most_context=3,
    ),
    most_context_noise=0.3,
    times=TimeDraw(shift=2.5, early_share=0.5),
    focus=Focus(mouth=5.0, eyes=2.5, most=1.0),
)
DRAW = CONFIG.windows


@pytest.fixture(scope="module")
def model() -> CharacterModel:
    config = nano.character()
    stages = tuple(StageConfig(width=8, blocks=2) for _ in range(3))
    config = replace(
        config,
        vae=replace(config.vae, encoder=stages, decoder=stages),
        dit=replace(config.dit, width=48, num_layers=2, num_heads=2, ffn_width=64, freq_width=32),
    )
    torch.manual_seed(0)
    made = CharacterModel(config)
    with torch.no_grad():
        for parameter in made.parameters():  # what starts at zero would hide the conditions
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made


@pytest.fixture
def bank(model: CharacterModel, chance_bank: Callable[..., ClipBank]) -> ClipBank:
    return chance_bank(model, situations=(0, 1, 2, 3, 0))


def test_a_reader_is_where_the_performances_are() -> None:
    reader = PerformanceReader(48, torch.ones(2, 3, 4, device="meta"))
    assert {tensor.device.type for tensor in (*reader.parameters(), *reader.buffers())} == {"meta"}


def tensors(batch: WindowBatch) -> list[Tensor]:
    return [batch.clips_B, batch.starts_B, batch.context_B, batch.keep_B3, batch.motion_BM, batch.motion_span_B2]


def equal(left: WindowBatch, right: WindowBatch) -> bool:
    pairs = zip(tensors(left), tensors(right), strict=True)
    return all(one.shape == other.shape and torch.equal(one, other) for one, other in pairs)


def loss_of(objective: BaseObjective, batch: WindowBatch) -> float:
    torch.manual_seed(3)
    with torch.no_grad():
        return float(objective.loss(batch)[0])


def one_batch(**changes: object) -> WindowBatch:
    batch = WindowBatch(
        layout=DRAW.layouts[0],
        clips_B=torch.tensor([0, 1, 2]),
        starts_B=torch.tensor([0, 3, 6]),
        context_B=torch.tensor([2, 0, 3]),
        prompt_frames=0,
        told_at_once_B=torch.ones(3, dtype=torch.bool),
        references=(0,),
        keep_B3=torch.ones(3, 3, dtype=torch.bool),
        motion_BM=torch.zeros(3, NUM_MOTION, dtype=torch.bool),
        motion_span_B2=torch.tensor([[0, 6]]).expand(3, 2),
    )
    return replace(batch, **changes)  # type: ignore[arg-type]


def test_a_batch_is_a_function_of_step_and_process(model: CharacterModel, bank: ClipBank) -> None:
    one, other = BaseObjective(model, bank, CONFIG), BaseObjective(model, bank, CONFIG)
    later = [one.batch(step, rank=1) for step in (9, 8)]  # whatever was asked for before
    assert equal(other.batch(8, rank=1), later[1])
    assert other.batch(8, rank=1).references == later[1].references
    assert not equal(one.batch(8, rank=1), one.batch(8, rank=0))
    assert not equal(one.batch(8, rank=1), one.batch(10, rank=1))


def test_all_processes_run_the_same_graph(model: CharacterModel, bank: ClipBank) -> None:
    objective = BaseObjective(model, bank, CONFIG)
    seen = set()
    for step in range(20):
        batches = [objective.batch(step, rank) for rank in range(4)]
        assert len({(batch.layout, batch.references, len(batch.clips_B)) for batch in batches}) == 1
        seen.add(batches[0].layout)
    assert seen == set(DRAW.layouts)


def test_windows_lie_inside_their_clips_and_leave_something_to_learn(model: CharacterModel, bank: ClipBank) -> None:
    objective = BaseObjective(model, bank, CONFIG)
    batches = [objective.batch(step, rank=0) for step in range(60)]
    for batch in batches:
        assert (batch.starts_B % STRIDE == 0).all()
        assert batch.starts_B.min() >= 0
        assert batch.starts_B.max() + batch.layout.frames <= FRAMES
        assert batch.context_B.min() >= 0
        assert batch.context_B.max() <= DRAW.most_context
        assert batch.clips_B.max() < CLIPS
        assert len(batch.clips_B) * batch.layout.num_tokens_frames <= DRAW.token_frames
        kinds = [bank.slots[j].kind for j in batch.references]
        assert kinds.count(ReferenceKind.GLOBAL) == 1
        assert kinds.count(ReferenceKind.VIEW) == batch.layout.views
        assert kinds.count(ReferenceKind.EXPRESSION) == batch.layout.expressions
        assert len(set(batch.references)) == len(batch.references)
    assert {int(start) for batch in batches for start in batch.starts_B} == {0, 3, 6}
    kept = torch.cat([batch.keep_B3 for batch in batches]).float().mean(dim=0)
    # 0.9 * 0.7 of some 300 rows: four standard errors.
    assert (kept - 0.63).abs().max() < 0.12


def test_frames_that_are_given_do_not_count(
    model: CharacterModel, bank: ClipBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective, batch = BaseObjective(model, bank, CONFIG), one_batch()
    dit = model.dit.forward

    def spoilt(latents_BCTHW: Tensor, time_BT: Tensor, *rest: Any, **options: Any) -> Tensor:
        output_BCTHW = dit(latents_BCTHW, time_BT, *rest, **options).clone()
        output_BCTHW[0, :, where] += 100
        return output_BCTHW

    wanted, (_, scalars) = loss_of(objective, batch), objective.loss(batch)
    assert set(scalars) == {"error"}
    monkeypatch.setattr(model.dit, "forward", spoilt)
    where = slice(0, 2)
    assert loss_of(objective, batch) == wanted
    where = slice(2, 3)
    assert loss_of(objective, batch) > 10 * wanted


def test_given_frames_are_shown_almost_clean(
    model: CharacterModel, bank: ClipBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[Tensor] = []
    dit = model.dit.forward

    def watched(latents_BCTHW: Tensor, time_BT: Tensor, *rest: Any, **options: Any) -> Tensor:
        times.append(time_BT)
        return dit(latents_BCTHW, time_BT, *rest, **options)

    monkeypatch.setattr(model.dit, "forward", watched)
    loss_of(BaseObjective(model, bank, CONFIG), one_batch())
    assert times[0][0, :2].max() <= CONFIG.most_context_noise
    assert times[0][0, 2:].unique().numel() == 1
    assert times[0][1].unique().numel() == 1
    assert times[0][2, :3].max() <= CONFIG.most_context_noise


def test_mouth_and_eyes_weigh_what_the_configuration_says(model: CharacterModel, bank: ClipBank) -> None:
    batch = one_batch()
    losses = {}
    for focus in (0, 1, 2):
        uniform = replace(bank, focus_NTHW=torch.full_like(bank.focus_NTHW, focus))
        losses[focus] = loss_of(BaseObjective(model, uniform, CONFIG), batch)
    assert losses[1] / losses[0] == pytest.approx(CONFIG.focus.eyes, rel=1e-4)
    assert losses[2] / losses[0] == pytest.approx(CONFIG.focus.mouth, rel=1e-4)


def test_a_small_mouth_is_as_much_to_learn_as_a_large_one() -> None:
    mouth_BTHW = torch.zeros(3, 1, 16, 16, dtype=torch.bool)
    for clip, (rows, columns) in enumerate(((2, 4), (2, 2), (1, 1))):
        mouth_BTHW[clip, 0, :rows, :columns] = True
    focus = Focus(mouth=5.0, eyes=2.0)
    weight_BTHW = focus.weights(mouth_BTHW, torch.ones_like(mouth_BTHW))
    assert weight_BTHW[:, 0, 0, 0].tolist() == pytest.approx([5.0, 5.0 * 0.03 * 256 / 4, 20.0])  # 20: four times 5
    assert (weight_BTHW[~mouth_BTHW] == 2.0).all()
    assert (focus.weights(mouth_BTHW, torch.zeros_like(mouth_BTHW))[~mouth_BTHW] == 1.0).all()


def test_a_weight_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"mouth=0\.5"):
        Focus(mouth=0.5, eyes=1.0)


def reversed_clips(bank: ClipBank, field: str) -> ClipBank:
    if field == "text":
        return replace(bank, text=replace(bank.text, word_NKL=bank.text.word_NKL.flip(0)))
    return replace(bank, **{field: getattr(bank, field).flip(0)})


@pytest.mark.parametrize(("number", "field"), [(0, "text"), (1, "speak_NA"), (2, "listen_NA")])
def test_a_dropped_condition_is_not_heard_and_a_kept_one_is(
    model: CharacterModel, bank: ClipBank, number: int, field: str
) -> None:
    dropped = torch.ones(3, 3, dtype=torch.bool)
    dropped[:, number] = False
    changed = reversed_clips(bank, field)
    for keep_B3, heard in ((dropped, False), (~dropped, True)):
        losses = [loss_of(BaseObjective(model, each, CONFIG), one_batch(keep_B3=keep_B3)) for each in (bank, changed)]
        assert (losses[0] != losses[1]) == heard


def test_motion_is_seen_where_it_is_given(model: CharacterModel, bank: ClipBank) -> None:
    channel = MOTION_CHANNELS.index(Rig.PITCH)
    told = torch.zeros(3, NUM_MOTION, dtype=torch.bool)
    told[:, channel] = True
    for moved, seen in ((channel, True), (channel + 1, False)):
        motion_NTM = bank.motion_NTM.clone()
        motion_NTM[:, :, moved::NUM_MOTION] += 1
        changed = replace(bank, motion_NTM=motion_NTM)
        losses = [loss_of(BaseObjective(model, each, CONFIG), one_batch(motion_BM=told)) for each in (bank, changed)]
        assert (losses[0] != losses[1]) == seen


def test_motion_is_seen_only_while_it_is_given(model: CharacterModel, bank: ClipBank) -> None:
    told = torch.ones(3, NUM_MOTION, dtype=torch.bool)
    span = torch.tensor([[1, 3]]).expand(3, 2)
    batch = one_batch(motion_BM=told, motion_span_B2=span, starts_B=torch.zeros(3, dtype=torch.long))
    for frame, seen in ((0, False), (1, True), (2, True), (3, False)):
        motion_NTM = bank.motion_NTM.clone()
        motion_NTM[:, frame] += 1
        banks = (bank, replace(bank, motion_NTM=motion_NTM))
        losses = [loss_of(BaseObjective(model, each, CONFIG), batch) for each in banks]
        assert (losses[0] != losses[1]) == seen


def test_motion_is_given_now_and_then_and_in_whole_groups(model: CharacterModel, bank: ClipBank) -> None:
    objective = BaseObjective(model, bank, CONFIG)
    given_BM = torch.cat([objective.batch(step, rank=0).motion_BM for step in range(60)])
    assert given_BM.any(dim=1).float().mean() == pytest.approx(DRAW.give_motion, abs=0.12)
    for group in MOTION_GROUPS:
        columns = given_BM[:, [MOTION_CHANNELS.index(each) for each in group]]
        assert torch.equal(columns.any(dim=1), columns.all(dim=1))


def test_a_share_of_those_is_given_the_whole_track_all_the_time(model: CharacterModel, bank: ClipBank) -> None:
    draw = replace(DRAW, give_motion=0.6, whole_motion=1.0)
    objective = BaseObjective(model, bank, replace(CONFIG, windows=draw))
    batches = [objective.batch(step, rank=0) for step in range(40)]
    given_BM = torch.cat([batch.motion_BM for batch in batches])
    assert torch.equal(given_BM.any(dim=1), given_BM.all(dim=1))
    assert given_BM.all(dim=1).float().mean() == pytest.approx(0.6, abs=0.12)
    for batch in batches:
        assert (batch.motion_span_B2 == torch.tensor([0, batch.layout.frames])).all()


@pytest.mark.parametrize("start", [0, 3, 6])
def test_a_window_hears_in_training_what_it_would_hear_in_a_performance(
    model: CharacterModel, bank: ClipBank, monkeypatch: pytest.MonkeyPatch, start: int
) -> None:
    monkeypatch.setattr(window_conditions, "disturb", lambda audio_BA: audio_BA)
    monkeypatch.setattr(window_conditions, "warp_bands", lambda mel_BML: mel_BML)
    conditions: list[Condition] = []
    dit = model.dit.forward

    def watched(latents_BCTHW: Tensor, time_BT: Tensor, condition: Condition, **options: Any) -> Tensor:
        conditions.append(condition)
        return dit(latents_BCTHW, time_BT, condition, **options)

    monkeypatch.setattr(model.dit, "forward", watched)
    frames = DRAW.layouts[0].frames
    loss_of(BaseObjective(model, bank, CONFIG), one_batch(starts_B=torch.full((3,), start)))
    served = []
    for encoder, branch, tracks_NA in (
        (model.speak, model.config.dit.speak, bank.speak_NA),
        (model.listen, model.config.dit.listen, bank.listen_NA),
    ):
        assert branch is not None
        span = audio_span(encoder, branch, start, frames)
        sources = [ArraySource(track_A.numpy().astype(np.float32) / 32767) for track_A in tracks_NA[:3]]
        with torch.no_grad():
            served.append(speech_tokens(encoder, span, read_span(sources, span, torch.device("cpu"))))
    # The mel windows begin at the same samples; only rounding differs.
    torch.testing.assert_close([conditions[0].speak_BLD, conditions[0].listen_BLD], served, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("number", [0, 1])
def test_a_window_is_told_what_happens_in_it_whatever_is_given(
    model: CharacterModel, bank: ClipBank, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    conditions: list[Condition] = []
    dit = model.dit.forward

    def watched(latents_BCTHW: Tensor, time_BT: Tensor, condition: Condition, **options: Any) -> Tensor:
        conditions.append(condition)
        return dit(latents_BCTHW, time_BT, condition, **options)

    monkeypatch.setattr(model.dit, "forward", watched)
    layout, references = DRAW.layouts[number], ((0,), (0, 1, 2, 5))[number]
    batch = one_batch(layout=layout, references=references, starts_B=torch.tensor([6, 0, 3]))
    loss_of(BaseObjective(model, bank, CONFIG), batch)
    captions = [f"words {clip} {start} {layout.frames}" for clip, start in ((0, 6), (1, 0), (2, 3))]
    with torch.no_grad():
        assert torch.equal(conditions[0].text_BLD, model.text(model.text.prepare(captions)))


def test_frames_are_told_what_their_own_prompt_says(model: CharacterModel, bank: ClipBank) -> None:
    batch = one_batch(
        layout=DRAW.layouts[1],
        starts_B=torch.tensor([6, 0, 3]),
        keep_B3=torch.tensor([[True], [True], [False]]).expand(3, 3),
        prompt_frames=3,
        told_at_once_B=torch.tensor([True, False, False]),
    )
    with torch.no_grad():
        words = WindowConditions(model, bank).told(batch, 0, 5)
        told = model.text(model.text.prepare(["words 0 6 5", "", "words 1 0 3", "words 1 3 2"]))
    found = words.text_BLD.unflatten(1, (2, -1))
    assert torch.equal(found[:2].flatten(0, 1), told)
    assert torch.equal(found[2], torch.zeros_like(found[2]))
    assert words.prompt_BT is not None
    assert words.prompt_BT.tolist() == [[0] * 5, [0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]


def test_a_share_of_windows_is_told_at_once(bank: ClipBank) -> None:
    draw = replace(DRAW, prompt_frames=3, told_at_once=0.4)
    assert draw.lengths == (2, 3, 5, 6)
    source = WindowSource(bank, draw)
    told = torch.cat([source.batch(step, rank=0).told_at_once_B for step in range(200)])
    assert 0.3 < told.float().mean() < 0.5
    assert all(WindowSource(bank, DRAW).batch(step, rank=0).told_at_once_B.all() for step in range(20))


def test_prompts_of_lengths_without_captions_are_refused() -> None:
    for changes in ({"prompt_frames": 4}, {"prompt_frames": 3, "told_at_once": 1.5}):
        with pytest.raises(ConfigError, match=r"prompt_frames=.* a multiple of 3"):
            replace(DRAW, **changes)


def test_a_share_of_windows_names_an_action_in_the_mix_of_situations(model: CharacterModel, bank: ClipBank) -> None:
    acts_NK = bank.text.acts_NK & False
    six, five = (bank.text.stretches.columns(layout.frames) for layout in DRAW.layouts)
    for clip, column in ((0, six[1]), (1, six[2]), (1, six[0]), (4, six[1]), (0, five[2])):
        acts_NK[clip, column] = True
    rare = replace(bank, text=replace(bank.text, acts_NK=acts_NK))
    named = {6: {(0, 3), (1, 6), (1, 0), (4, 3)}, 5: {(0, 6)}}
    for acting in (0.0, 0.6, 1.0):
        objective = BaseObjective(model, rare, replace(CONFIG, windows=replace(DRAW, acting=acting)))
        batches = [objective.batch(step, rank=0) for step in range(100)]
        assert all(equal(batch, objective.batch(step, rank=0)) for step, batch in enumerate(batches[:5]))
        drawn = [
            (batch.layout.frames, int(clip), int(start))
            for batch in batches
            for clip, start in zip(batch.clips_B, batch.starts_B, strict=True)
        ]
        share = np.mean([(clip, start) in named[frames] for frames, clip, start in drawn])
        # Without a wish four windows of 15 of one layout are named, one of 15 of the other, weighed by the mix.
        assert share == pytest.approx(acting + (1 - acting) * (0.18 if acting < 1 else 0), abs=0.07)
    # Situation 0 has two windows of clips 0 and 4, situation 1 two of clip 1: half of the acting ones each.
    ones = [clip for frames, clip, _ in drawn if frames == 6]
    assert np.mean([clip == 1 for clip in ones]) == pytest.approx(0.5, abs=0.1)


def test_a_bank_in_which_nobody_acts_is_drawn_as_ever(model: CharacterModel, bank: ClipBank) -> None:
    quiet = replace(bank, text=replace(bank.text, acts_NK=bank.text.acts_NK & False))
    wish = BaseObjective(model, quiet, replace(CONFIG, windows=replace(DRAW, acting=0.5)))
    none = BaseObjective(model, quiet, CONFIG)
    assert all(equal(wish.batch(step, rank=0), none.batch(step, rank=0)) for step in range(10))


def test_windows_without_captions_are_refused(model: CharacterModel, bank: ClipBank) -> None:
    stretches = replace(bank.text.stretches, lengths=(6,))
    with pytest.raises(ConfigError, match=r"a window of 5 frames has no captions.*\(6,\)"):
        BaseObjective(model, replace(bank, text=replace(bank.text, stretches=stretches)), CONFIG)
    with pytest.raises(ConfigError, match=r"acting=1\.5"):
        replace(DRAW, acting=1.5)


def test_a_situation_is_what_is_said_and_heard() -> None:
    state_NF = np.array(
        [[State.IDLE, State.SPEAK], [State.LISTEN, State.IDLE], [State.IDLE] * 2, [State.SPEAK, State.LISTEN]], np.int8
    )
    assert [SITUATIONS[index] for index in situations(state_NF)] == ["speak", "listen", "idle", "conversation"]
    assert SITUATIONS[situations(np.array([[State.BOTH]], np.int8))[0]] == "conversation"


def with_mix(mix: ClipMix) -> BaseObjectiveConfig:
    return replace(CONFIG, windows=replace(DRAW, mix=mix))


def test_clips_are_drawn_by_situation_however_many_there_are(model: CharacterModel, bank: ClipBank) -> None:
    rare = replace(bank, situation_N=np.array([0, 0, 0, 0, 1], np.int8))
    even = with_mix(ClipMix(speak=1, listen=1, idle=0, conversation=0))
    drawn = torch.cat([BaseObjective(model, rare, even).batch(step, rank=0).clips_B for step in range(60)])
    assert float((drawn == 4).float().mean()) == pytest.approx(0.5, abs=0.1)
    quiet = with_mix(ClipMix(speak=1, listen=0, idle=0, conversation=0))
    drawn = torch.cat([BaseObjective(model, bank, quiet).batch(step, rank=0).clips_B for step in range(20)])
    assert set(drawn.tolist()) == {0, 4}
    with pytest.raises(ConfigError, match="no clip of these situations"):
        BaseObjective(model, rare, with_mix(ClipMix(speak=0, listen=0, idle=1, conversation=0)))
    with pytest.raises(ConfigError, match="one of them is positive"):
        ClipMix(speak=0, listen=0, idle=0, conversation=0)


def test_a_context_that_leaves_nothing_to_make_is_refused() -> None:
    with pytest.raises(ConfigError, match="most_context=5"):
        replace(DRAW, most_context=5)


def test_tokens_half_way_up_learn_to_say_what_is_done_in_their_own_window(
    model: CharacterModel, bank: ClipBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = BaseObjective(model, bank, replace(CONFIG, reader=ReaderConfig(weight=0.5, depth=0.5)))
    reader = cast(BaseLearner, objective.module).reader
    assert reader is not None
    asked: list[Tensor] = []
    read = PerformanceReader.forward

    def spy(self: PerformanceReader, tokens: Tensor, performance: Tensor) -> Tensor:
        asked.append(performance)
        return read(self, tokens, performance)

    monkeypatch.setattr(PerformanceReader, "forward", spy)
    batch = one_batch()
    torch.manual_seed(3)
    with torch.no_grad():
        loss, scalars = objective.loss(batch)
    alone = loss_of(BaseObjective(model, bank, CONFIG), batch)
    assert float(loss) == pytest.approx(alone + 0.5 * float(scalars["misread"]))
    for row, (clip, start) in enumerate(zip(batch.clips_B, batch.starts_B, strict=True)):
        assert torch.equal(asked[0][row], bank.performance_NTX[clip, start : start + 6])
    with torch.no_grad():
        torch.nn.init.normal_(reader.head.weight)
    objective.loss(batch)[1]["misread"].backward()
    first, second = (cast(Block, block) for block in model.dit.blocks)
    assert model.text.pieces.weight.grad is not None
    assert first.ffn.up.weight.grad is not None
    assert second.ffn.up.weight.grad is None  # read before it
    model.zero_grad(set_to_none=True)


def test_a_reader_is_asked_for_and_not_exported(model: CharacterModel, bank: ClipBank) -> None:
    assert cast(BaseLearner, BaseObjective(model, bank, CONFIG).module).reader is None
    assert not any("reader" in name for name, _ in model.named_parameters())
    with pytest.raises(ConfigError, match="weight=-1"):
        ReaderConfig(weight=-1)


def test_every_part_but_the_autoencoder_learns(model: CharacterModel, bank: ClipBank) -> None:
    objective = BaseObjective(model, bank, CONFIG)
    loss, _ = objective.loss(one_batch(layout=DRAW.layouts[1], references=(0, 1, 2, 5)))
    loss.backward()
    for name, part in model.parts().items():
        moved = [p for p in part.parameters() if p.grad is not None and bool(p.grad.any())]
        assert bool(moved) == (name not in ("vae", "choreographer")), name
    model.zero_grad(set_to_none=True)
    assert np.isfinite(float(loss.detach()))
