"""The choreographer: causal, independent by rows, resumable; it leads what draws, and is led by who gives a track."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from openlpm.bench.performer import ModelPerformer
from openlpm.core.audio import ArraySource
from openlpm.core.errors import ConfigError, InputError
from openlpm.core.motion import (
    MOTION_CHANNELS,
    MOTION_HIGH_M,
    MOTION_LOW_M,
    MOTION_NAMES,
    NUM_MOTION,
    NUM_POSE,
    POSE_M,
    MotionTrack,
)
from openlpm.core.rig import MOUTH_CHANNELS
from openlpm.core.units import FRAME_RATE_HZ, samples_at_frame
from openlpm.dit.condition import Condition, ReferenceKind
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.engine.orders import Order, Role
from openlpm.engine.stage import ModelStage, StageConfig
from openlpm.flow.guidance import GuidanceScales
from openlpm.recipes import models, nano
from openlpm.recipes.beginning import start_from
from openlpm.recipes.choreographer import choreographer_recipe
from openlpm.recipes.kept_bank import keep_bank, kept_bank
from openlpm.rollout.assembly import CharacterConfig, CharacterModel
from openlpm.rollout.choreographer import LONGEST_S, Choreographer, ages_of, clock
from openlpm.rollout.choreography import Choreographed, Choreography
from openlpm.rollout.conditioning import BOUND_FRAMES
from openlpm.rollout.generate import generate
from openlpm.rollout.generate_online import generate_online
from openlpm.rollout.request import (
    DEFAULT_GUIDANCE,
    UNPLANNED_GUIDANCE,
    GenerationRequest,
    Prompt,
    Reference,
    StreamRequest,
)
from openlpm.rollout.stream import OnlineStream
from openlpm.synth.act.acting import ActionCue
from openlpm.synth.act.style import draw_acting_style
from openlpm.training.choreography import ChoreographyConfig, ChoreographyObjective, measure
from openlpm.training.clip_bank import ClipBank
from openlpm.training.footage import FootageConfig, make_footage
from openlpm.weights.store import Storage, save
from support.streaming import ONLINE, SIZE, streaming_model

pytestmark = pytest.mark.contract

FRAMES = 4
"""Pixel frames of a latent frame."""
CHUNK = 2
SAME = {"rtol": 0, "atol": 1e-5}


def shaken(model: torch.nn.Module) -> None:
    """Nothing starts at zero, which would hide the conditions."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))


@pytest.fixture(scope="module")
def choreographer() -> Choreographer:
    torch.manual_seed(0)
    made = Choreographer(models.choreographer(small=True))
    shaken(made)
    made.spread_X.fill_(0.05)
    return made.eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def model() -> CharacterModel:
    """A character that streams and is led."""
    bare = streaming_model(torch.float32)
    config = replace(
        bare.config,
        dit=replace(bare.config.dit, motion=FRAMES * NUM_MOTION),
        choreographer=models.choreographer(small=True),
    )
    torch.manual_seed(1)
    made = CharacterModel(config)
    shaken(made)
    assert made.choreographer is not None
    made.choreographer.spread_X.fill_(0.05)
    return made.eval().requires_grad_(requires_grad=False)


def voice(seed: int, seconds: float = 6.0) -> ArraySource:
    samples_A = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * 16_000)).astype(np.float32)
    return ArraySource(samples_A)


def picture(seed: int = 0) -> Reference:
    pixels = np.random.default_rng(seed).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    return Reference(kind=ReferenceKind.GLOBAL, picture_HWC=pixels)


def request(who: int = 0, **changes: Any) -> GenerationRequest:
    fields: dict[str, Any] = {
        "references": (picture(),),
        "speak": voice(2 * who),
        "listen": voice(2 * who + 1),
        "num_frames": 8 * FRAMES,
        "caption": "She nods." if who % 2 else "He waves at once and smiles.",
        "seed": who,
    }
    return GenerationRequest(**(fields | changes))


def motion_of(choreographer: Choreographer, *requests: GenerationRequest, frames: int = 8) -> Tensor:
    return Choreographed(choreographer, requests).window(0, frames)


def chunks(work: Choreography, requests: list[GenerationRequest], count: int) -> Tensor:
    made: list[Tensor] = []
    with torch.inference_mode():
        for _ in range(count):
            given = work.given([each.speak for each in requests], [each.listen for each in requests])
            made.append(work.make(given, None))
            work.move(range(len(requests)))
    return torch.cat(made, dim=1)


def test_motion_stays_within_the_ranges_of_its_channels(choreographer: Choreographer) -> None:
    motion_BTFM = motion_of(choreographer, request(0), request(1)).unflatten(2, (FRAMES, NUM_MOTION))
    assert (motion_BTFM >= torch.from_numpy(MOTION_LOW_M)).all()
    assert (motion_BTFM <= torch.from_numpy(MOTION_HIGH_M)).all()
    assert motion_BTFM.std(dim=1).mean() > 0.01


def test_rows_are_independent(choreographer: Choreographer) -> None:
    together = motion_of(choreographer, request(0), request(1))
    for row in (0, 1):
        torch.testing.assert_close(motion_of(choreographer, request(row))[0], together[row], **SAME)
    assert (together[0] - together[1]).abs().max() > 0.01


def test_windows_that_overlap_are_pieces_of_one_performance(choreographer: Choreographer) -> None:
    whole = motion_of(choreographer, request(1), frames=20)
    walked = Choreographed(choreographer, [request(1)])
    for first, frames in ((0, 6), (3, 7), (5, 4), (12, 8)):
        torch.testing.assert_close(walked.window(first, frames), whole[:, first : first + frames], **SAME)


def test_the_future_does_not_change_the_past(choreographer: Choreographer) -> None:
    work = Choreography(choreographer, 1)
    heard = max(work.samples_needed(CHUNK))
    assert heard <= samples_at_frame((2 * CHUNK) * FRAMES + 3)
    long = voice(4)
    cut = ArraySource(np.concatenate([long.read(0, heard), -long.read(heard, 40_000)]))
    early = motion_of(choreographer, request(0, speak=long, listen=long), frames=8)
    late = motion_of(choreographer, request(0, speak=cut, listen=cut), frames=8)
    torch.testing.assert_close(early[:, : 2 * CHUNK], late[:, : 2 * CHUNK], **SAME)
    assert (early[:, 2 * CHUNK :] - late[:, 2 * CHUNK :]).abs().max() > 1e-3


def test_voices_and_words_are_heard(choreographer: Choreographer) -> None:
    plain = motion_of(choreographer, request(0))
    for change in ({"speak": voice(9)}, {"listen": voice(9)}, {"caption": "She shakes her head."}, {"seed": 5}):
        assert (motion_of(choreographer, request(0, **change)) - plain).abs().max() > 2e-4, change


def test_a_performance_goes_on_where_it_was_saved(choreographer: Choreographer) -> None:
    asked = [request(0), request(1)]
    work = Choreography(choreographer, 2)
    for row, each in enumerate(asked):
        work.join(row, seed=each.seed, caption=each.caption)
    chunks(work, asked, 5)
    saved = work.snapshot(1)
    rest = chunks(work, asked, 4)
    other = Choreography(choreographer, 3)
    other.join(0, seed=7, caption="")
    other.restore(2, saved)
    sources = [voice(3), None, asked[1].speak], [voice(4), None, asked[1].listen]
    made: list[Tensor] = []
    with torch.inference_mode():
        for _ in range(4):
            given = other.given(*sources)
            made.append(other.make(given, torch.tensor([True, False, True])))
            other.move((0, 2))
    torch.testing.assert_close(torch.cat(made, dim=1)[2], rest[1], **SAME)


def test_a_row_that_does_not_move_stays_where_it_is(choreographer: Choreographer) -> None:
    asked = [request(0), request(1)]
    alone = motion_of(choreographer, asked[0], frames=6)
    work = Choreography(choreographer, 2)
    for row, each in enumerate(asked):
        work.join(row, seed=each.seed, caption=each.caption)
    first = chunks(work, asked, 1)
    with torch.inference_mode():
        for _ in range(3):
            given = work.given([None, asked[1].speak], [None, asked[1].listen])
            work.make(given, torch.tensor([False, True]))
            work.move((1,))
    last = chunks(work, asked, 2)
    torch.testing.assert_close(torch.cat([first[0], last[0]]), alone[0], **SAME)


def test_words_are_as_old_as_they_have_held() -> None:
    ages_BT = ages_of([0, 6, None], [6, 6, 6], 2, FRAMES)
    torch.testing.assert_close(ages_BT, torch.tensor([[1.0, 7 / 6], [0.0, 1 / 6], [LONGEST_S, LONGEST_S]]))
    told_BTC = clock(torch.tensor([[0.0, 0.1, 1.0, 9.0, LONGEST_S, 60.0]]))
    assert torch.equal(told_BTC[:, -1], told_BTC[:, -2])
    assert (told_BTC[0, :-1, None] - told_BTC[0, None, :-1]).abs().amax(dim=-1).fill_diagonal_(1).min() > 0.05


def test_a_later_prompt_changes_what_comes_after_it_alone(choreographer: Choreographer) -> None:
    later = (Prompt(at_s=4 * FRAMES / 24, caption="She yawns."),)
    plain, told = (motion_of(choreographer, request(0, prompts=prompts)) for prompts in ((), later))
    torch.testing.assert_close(plain[:, :4], told[:, :4], **SAME)
    assert (plain[:, 4:6] - told[:, 4:6]).abs().max() > 1e-3


def test_new_words_begin_to_age_when_they_come_and_no_words_are_old(choreographer: Choreographer) -> None:
    work = Choreography(choreographer, 2)
    asked = [request(0), request(1)]
    for row, each in enumerate(asked):
        work.join(row, seed=each.seed, caption=each.caption)
    chunks(work, asked, 3)
    work.set_caption(0, "She yawns.")
    work.set_caption(1, "")
    told_BTC = work.given([each.speak for each in asked], [each.listen for each in asked])["plan_clock_BTC"]
    step_s = FRAMES / 24
    torch.testing.assert_close(told_BTC, clock(torch.tensor([[0.0, step_s], [LONGEST_S, LONGEST_S]])))


def one_step(choreographer: Choreographer, **scales: float) -> Choreographer:
    """Makes a chunk in one step, and no channel meets its range."""
    made = Choreographer(replace(choreographer.config, steps=1, guidance=GuidanceScales(**scales)))
    made.load_state_dict(choreographer.state_dict())
    made.spread_X.fill_(0.001)
    made.mean_X.copy_((made.low_X + made.high_X) / 2)
    return made.eval()


def leaning(choreographer: Choreographer, **scales: float) -> Tensor:
    """The motion of a chunk in one step, (B, T, frames, M)."""
    return motion_of(one_step(choreographer, **scales), request(0), frames=CHUNK).unflatten(2, (FRAMES, NUM_MOTION))


@pytest.mark.parametrize("scales", [{"text": 4.0}, {"listen": 4.0}])
def test_words_and_partner_are_leant_on_everywhere_but_in_the_mouth(
    choreographer: Choreographer, scales: dict[str, float]
) -> None:
    mouth_M = torch.tensor([channel in MOUTH_CHANNELS for channel in MOTION_CHANNELS])
    plain, leant = leaning(choreographer), leaning(choreographer, **scales)
    torch.testing.assert_close(plain[..., mouth_M], leant[..., mouth_M], rtol=0, atol=1e-7)
    assert (plain[..., ~mouth_M] - leant[..., ~mouth_M]).abs().max() > 1e-5


def test_each_is_leant_on_against_everything_but_it(choreographer: Choreographer) -> None:
    plain = leaning(choreographer)
    words, partner = (leaning(choreographer, **{name: 3.0}) - plain for name in ("text", "listen"))
    both = leaning(choreographer, text=3.0, listen=3.0) - plain
    torch.testing.assert_close(both, words + partner, rtol=0, atol=1e-6)
    # In one step motion is linear in what is predicted, so the partner's share is that of hearing against deafness.
    silent = leaning_deaf(choreographer)
    torch.testing.assert_close(partner, 2.0 * (plain - silent) * not_of_mouth(), rtol=0, atol=1e-6)


def not_of_mouth() -> Tensor:
    return torch.tensor([float(channel not in MOUTH_CHANNELS) for channel in MOTION_CHANNELS])


def leaning_deaf(choreographer: Choreographer) -> Tensor:
    """As ``leaning``, of somebody whose listening branch is off."""
    work = Choreography(one_step(choreographer), 1)
    asked = request(0)
    work.join(0, seed=asked.seed, caption=asked.caption)
    given = work.given([asked.speak], [asked.listen])
    given["plan_listen_BLD"] = None  # type: ignore[assignment]
    with torch.inference_mode():
        return work.make(given, None).unflatten(2, (FRAMES, NUM_MOTION))


def spied(monkeypatch: pytest.MonkeyPatch) -> list[Condition]:
    seen: list[Condition] = []
    told = CharacterTransformer._told

    def spy(self: CharacterTransformer, condition: Condition, *rest: Any) -> Any:
        if self.config.patch != (1, 1, 1):
            seen.append(condition)
        return told(self, condition, *rest)

    monkeypatch.setattr(CharacterTransformer, "_told", spy)
    return seen


def streamed(model: CharacterModel, asked: GenerationRequest, count: int, **changes: Any) -> None:
    stream = OnlineStream(model, 1, [asked.references[0].slot])
    fields = {"references": asked.references, "speak": asked.speak, "listen": asked.listen, "seed": asked.seed}
    stream.join(0, StreamRequest(**(fields | {"caption": asked.caption} | changes)))
    for _ in range(count):
        stream.next_chunk()


def told_motion(seen: list[Condition]) -> tuple[Tensor, Tensor]:
    """What four chunks were told, leaving out the reading of references."""
    values = [each.motion_BTM for each in seen if each.motion_BTM is not None]
    given = [each.motion_given_BTM for each in seen if each.motion_given_BTM is not None]
    return torch.cat(values[:: len(values) // 4], dim=1), torch.cat(given[:: len(given) // 4], dim=1)


def test_what_draws_is_led_by_what_was_decided_online_as_in_base(
    model: CharacterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model.choreographer is not None
    asked = request(0)
    wanted = motion_of(model.choreographer, asked)
    seen = spied(monkeypatch)
    streamed(model, asked, 4)
    values, given = told_motion(seen)
    assert given.all()
    torch.testing.assert_close(values, wanted[:, : 4 * CHUNK], **SAME)
    seen.clear()
    next(generate(model, [asked]))
    first = seen[0]
    assert first.motion_BTM is not None
    assert first.motion_given_BTM is not None
    assert first.motion_given_BTM.all()
    torch.testing.assert_close(first.motion_BTM[:, :8], wanted[:, : first.motion_BTM.shape[1]][:, :8], **SAME)


def test_a_given_track_overrules_it_and_leaves_it_the_rest(
    model: CharacterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model.choreographer is not None
    track_FM = np.full((8 * FRAMES, NUM_MOTION), 0.25, np.float32)
    wanted = motion_of(model.choreographer, request(0))
    seen = spied(monkeypatch)
    streamed(model, request(0), 4, motion=MotionTrack(track_FM, POSE_M))
    values, given = told_motion(seen)
    assert given.all()
    values_BTFM = values.unflatten(2, (FRAMES, NUM_MOTION))
    assert (values_BTFM[..., :NUM_POSE] == 0.25).all()
    rest = wanted[:, : 4 * CHUNK].unflatten(2, (FRAMES, NUM_MOTION))[..., NUM_POSE:]
    torch.testing.assert_close(values_BTFM[..., NUM_POSE:], rest, **SAME)
    seen.clear()
    next(generate(model, [request(0, motion=MotionTrack(track_FM, POSE_M))]))
    first = seen[0].motion_BTM
    assert first is not None
    base_BTFM = first[:, : 4 * CHUNK].unflatten(2, (FRAMES, NUM_MOTION))
    assert (base_BTFM[..., :NUM_POSE] == 0.25).all()
    torch.testing.assert_close(base_BTFM[..., NUM_POSE:], rest, **SAME)


def test_live_it_leads_in_place_of_the_planner(
    model: CharacterModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.save_to(tmp_path, storage=Storage.FP32)
    monkeypatch.setattr("openlpm.engine.stage.fit_to_cpu", lambda model: None)  # its trial would choose by the machine
    stage = ModelStage(StageConfig(model=tmp_path, threads=1, places=1))
    stage.join("one", Role(references=(picture(),)))
    facts, seen = stage.facts, spied(monkeypatch)
    sizes = [samples_at_frame(facts.chunk_frames) + ahead for ahead in (facts.speak_ahead, facts.listen_ahead)]
    order = Order.silent("one", 0, speak=sizes[0], listen=sizes[1], num_frames=facts.chunk_frames)
    planner_FM = np.full((facts.chunk_frames, NUM_MOTION), 0.25, np.float32)
    stage.make([replace(order, motion_FM=planner_FM)])
    told = [each.motion_BTM for each in seen if each.motion_BTM is not None]
    assert told
    assert not any((each == 0.25).all(dim=1).any() for each in told)


def test_a_first_frame_is_not_argued_with(model: CharacterModel, monkeypatch: pytest.MonkeyPatch) -> None:
    first = replace(picture(3), kind=ReferenceKind.FIRST)
    asked = request(0, references=(picture(), first))
    seen = spied(monkeypatch)
    stream = OnlineStream(model, 1, [each.slot for each in asked.references])
    stream.join(0, StreamRequest(references=asked.references, speak=asked.speak, listen=asked.listen))
    for _ in range(4):
        stream.next_chunk()
    given = told_motion(seen)[1]
    assert not given[:, :BOUND_FRAMES].any()
    assert given[:, BOUND_FRAMES:].all()
    seen.clear()
    next(generate(model, [asked]))
    told = seen[0].motion_given_BTM
    assert told is not None
    assert not told[:, :BOUND_FRAMES].any()
    assert told[:, BOUND_FRAMES:].all()


ORDER, WAITING = "Nod, then wave at 1 second.", "The person stays quiet."
IN_TURN = (
    Prompt(at_s=0.3, caption=f"Nod. {WAITING}"),
    Prompt(at_s=1.0, caption=f"Wave. {WAITING}"),
    Prompt(at_s=3.0, caption=WAITING),
)


def test_what_a_text_orders_is_told_in_its_turn_offline_and_online(
    model: CharacterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, str]] = []
    set_caption = Choreography.set_caption

    def spy(self: Choreography, row: int, caption: str) -> None:
        there = self._rows[row]
        told.append((0 if there is None else there.next_frame * FRAMES, caption))
        set_caption(self, row, caption)

    monkeypatch.setattr(Choreography, "set_caption", spy)
    asked = request(0, caption=ORDER, num_frames=8 * FRAMES)
    offline = torch.cat(list(generate(model, [asked])), dim=1)
    assert [caption for _, caption in told if caption] == [
        "The person stays quiet.",
        *(each.caption for each in IN_TURN[:2]),
    ]
    assert [frame for frame, caption in told[-2:]] == [8, 24]
    spelt = request(0, caption=WAITING, prompts=IN_TURN, num_frames=8 * FRAMES)
    assert torch.equal(offline, torch.cat(list(generate(model, [spelt])), dim=1))
    told.clear()
    streamed(model, asked, 6)
    assert told[1:] == [(0, WAITING), (8, IN_TURN[0].caption), (24, IN_TURN[1].caption)]
    told.clear()
    streamed(model, asked, 6, planned=False)
    assert told[1:] == [(0, ORDER)]


def test_a_stream_whose_end_is_known_has_all_done_by_then(model: CharacterModel) -> None:
    order = StreamRequest(references=(picture(),), caption="Nod, then wave.")
    spelt = replace(
        order,
        caption=WAITING,
        prompts=(Prompt(at_s=0.3, caption=f"Nod. {WAITING}"), Prompt(at_s=0.65, caption=f"Wave. {WAITING}")),
    )
    made = [torch.cat(list(generate_online(model, [asked], 24)), dim=1) for asked in (order, spelt)]
    assert torch.equal(*made)


def test_other_words_end_what_was_still_to_be_told_and_a_saved_stream_keeps_it(model: CharacterModel) -> None:
    stream = OnlineStream(model, 2, [picture().slot])
    for row in range(2):
        stream.join(row, StreamRequest(references=(picture(),), caption=ORDER))
    stream.next_chunk()
    saved = stream.snapshot(0)
    assert saved.request.prompts == IN_TURN
    stream.set_caption(1, "Smile.")
    for _ in range(3):
        stream.next_chunk()
    assert stream.snapshot(1).request.caption == "Smile."
    assert stream.snapshot(0).request.caption == IN_TURN[1].caption
    stream.restore(1, saved)
    for _ in range(3):
        stream.next_chunk([1])
    assert stream.snapshot(1).request.caption == IN_TURN[1].caption
    assert stream.snapshot(1).request.prompts == IN_TURN[2:]
    stream.set_caption(1, ORDER)  # in the midst of a stream it is counted from then on
    begins_s = stream.position(1) / FRAME_RATE_HZ
    assert [each.at_s - begins_s for each in stream.snapshot(1).request.prompts] == pytest.approx([0.3, 1.0, 3.0])


def test_without_it_nothing_is_told(model: CharacterModel, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = spied(monkeypatch)
    made: list[int] = []
    monkeypatch.setattr(Choreography, "make", lambda *_: made.append(1))
    streamed(model, request(0), 4, planned=False)
    assert not told_motion(seen)[1].any()
    assert not made  # nor is it worked out
    seen.clear()
    next(generate(model, [request(0, planned=False)]))
    assert seen[0].motion_BTM is None


def test_without_it_words_and_voice_are_leant_on(model: CharacterModel) -> None:
    bare = CharacterModel(replace(model.config, choreographer=None))
    for who, planned, scales in (
        (model, True, DEFAULT_GUIDANCE),
        (model, False, UNPLANNED_GUIDANCE),
        (bare, True, UNPLANNED_GUIDANCE),
    ):
        assert ModelPerformer(who, planned=planned).guidance == scales


def test_a_stream_with_it_goes_on_where_it_was_saved(model: CharacterModel) -> None:
    stream = OnlineStream(model, 1, [picture().slot])
    stream.join(0, StreamRequest(references=(picture(),), speak=voice(0), listen=voice(1), caption="She nods."))
    for _ in range(3):
        stream.next_chunk()
    saved = stream.snapshot(0)
    rest = torch.cat([stream.next_chunk() for _ in range(3)], dim=1)
    other = OnlineStream(model, 2, [picture().slot])
    other.restore(1, saved)
    again = torch.cat([other.next_chunk()[1:] for _ in range(3)], dim=1)
    # Keys of float32 are turned on when the window moves, and pictures follow.
    torch.testing.assert_close(again, rest, rtol=0, atol=1e-3)


def test_a_model_that_knows_fewer_channels_says_which(model: CharacterModel) -> None:
    config = replace(model.config, dit=replace(model.config.dit, motion=FRAMES * NUM_POSE), choreographer=None)
    older = CharacterModel(config).eval()
    stream = OnlineStream(older, 1, [picture().slot])
    jaw_M = np.array([name == "jaw" for name in MOTION_NAMES])
    with pytest.raises(ConfigError, match=r"cannot be told jaw; give some of yaw"):
        stream.join(
            0, StreamRequest(references=(picture(),), motion=MotionTrack(np.zeros((8, NUM_MOTION), np.float32), jaw_M))
        )
    stream.join(
        0, StreamRequest(references=(picture(),), motion=MotionTrack(np.zeros((8, NUM_MOTION), np.float32), POSE_M))
    )
    stream.next_chunk()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chunk_frames": 3}, "choreographer.chunk_frames=3"),
        ({"steps": 0}, "choreographer.steps=0"),
        ({"guidance": GuidanceScales(speak=2.0)}, "leave speak and motion at 1"),
    ],
)
def test_a_choreographer_that_does_not_fit_says_why(model: CharacterModel, changes: dict[str, int], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CharacterConfig(
            **{
                name: getattr(model.config, name)
                for name in ("name", "vae", "dit", "speak", "listen", "text", "window", "picture_size")
            },
            online=ONLINE,
            choreographer=replace(models.choreographer(small=True), **changes),
        )


# Training.


def learnable(choreographer: Choreographer) -> Choreographer:
    made = Choreographer(choreographer.config)
    made.load_state_dict(choreographer.state_dict())
    return made


def few_windows(**changes: Any) -> ChoreographyConfig:
    config = choreographer_recipe(1.0, small=True).objective
    layouts = tuple(replace(each, frames=6) for each in config.windows.layouts[:1])
    draw = replace(config.windows, layouts=layouts, token_frames=40, prompt_frames=3, acting=0.0)
    return replace(config, windows=replace(draw, **changes))


def test_it_learns_from_motion_alone(
    choreographer: Choreographer, model: CharacterModel, chance_bank: Callable[..., ClipBank]
) -> None:
    bank = chance_bank(model, situations=(0, 1, 2, 3, 0))
    made = learnable(choreographer)
    measure(made, bank)
    values = made.to_latents(bank.motion_NTM.float())
    assert abs(float(values.mean())) < 0.05
    objective = ChoreographyObjective(made, bank, few_windows())
    loss, scalars = objective.loss(objective.batch(0, 0))
    loss.backward()
    silent = [name for name, each in made.named_parameters() if each.grad is None or not each.grad.any()]
    assert not [name for name in silent if "pieces" not in name], silent
    assert scalars.keys() == {"error", "error_last"}
    again = objective.batch(0, 0)
    assert torch.equal(again.clips_B, objective.batch(0, 0).clips_B)


def test_what_is_held_out_is_never_learnt_from_and_tells_who_remembers(
    choreographer: Choreographer, model: CharacterModel, chance_bank: Callable[..., ClipBank]
) -> None:
    bank = chance_bank(model, situations=(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3))
    made = learnable(choreographer)
    measure(made, bank)
    objective = ChoreographyObjective(made, bank, few_windows(acting=0.5), held_out=100)
    drawn = {int(clip) for step in range(40) for clip in objective.batch(step, 0).clips_B}
    assert drawn == set(range(14))  # an eighth of sixteen is held out
    torch.manual_seed(7)
    chance = torch.rand(3)
    torch.manual_seed(7)
    before = objective.errors(4)
    assert torch.equal(torch.rand(3), chance)  # trying leaves the noise of training as it was
    assert objective.errors(4) == before
    optimiser = torch.optim.Adam(objective.module.parameters(), lr=3e-3)
    for step in range(60):
        optimiser.zero_grad()
        objective.loss(objective.batch(step, 0))[0].backward()
        optimiser.step()
    learnt, others = objective.errors(4)
    assert learnt < before[0]
    assert others - learnt > before[1] - before[0]
    few = ChoreographyObjective(made, chance_bank(model, situations=(0, 1, 2, 3, 0)), few_windows(), held_out=100)
    assert {int(clip) for step in range(40) for clip in few.batch(step, 0).clips_B} == set(range(5))


def test_a_wider_track_does_on_its_old_channels_what_it_did(tmp_path: Path) -> None:
    small = replace(
        nano.character().dit, width=48, num_layers=1, num_heads=2, ffn_width=64, freq_width=32, motion=FRAMES * NUM_POSE
    )
    torch.manual_seed(2)
    old = CharacterTransformer(small)
    shaken(old)
    wide: DiTConfig = replace(small, motion=FRAMES * NUM_MOTION)
    character = replace(nano.character(), dit=wide, choreographer=None)
    made = CharacterModel(character)
    for name, part in made.parts().items():
        save((old if name == "dit" else part).state_dict(), tmp_path / name, storage=Storage.FP32)
    start_from(made, tmp_path, lambda _: None)
    latents, time = torch.randn(1, 24, 3, 4, 4), torch.rand(1)
    pose = torch.rand(1, 3, FRAMES, NUM_POSE)
    given = torch.rand_like(pose) < 0.5
    more = torch.nn.functional.pad(pose, (0, NUM_MOTION - NUM_POSE))
    more_given = torch.nn.functional.pad(given, (0, NUM_MOTION - NUM_POSE))
    from openlpm.nn.attention import Bidirectional

    def drawn(dit: CharacterTransformer, values: Tensor, told: Tensor) -> Tensor:
        condition = Condition(
            text_BLD=torch.zeros(1, 64, 160), motion_BTM=values.flatten(2), motion_given_BTM=told.flatten(2)
        )
        return dit(latents, time, condition, attend=Bidirectional())

    torch.testing.assert_close(drawn(made.dit, more, more_given), drawn(old, pose, given), **SAME)


def test_a_bank_is_read_as_it_was_written_and_only_by_its_autoencoder(
    tmp_path: Path, model: CharacterModel, chance_bank: Callable[..., ClipBank]
) -> None:
    bank = chance_bank(model, situations=(0, 1, 2))
    keep_bank(bank, tmp_path / "sub" / "bank.pt", model.vae)
    again = kept_bank(tmp_path / "sub" / "bank.pt", model.vae, torch.device("cpu"))
    assert torch.equal(again.latents_NTCHW, bank.latents_NTCHW)
    assert again.text.stretches == bank.text.stretches
    assert again.slots == bank.slots
    other = CharacterModel(model.config)
    with pytest.raises(ConfigError, match="another autoencoder"):
        kept_bank(tmp_path / "sub" / "bank.pt", other.vae, torch.device("cpu"))
    (tmp_path / "none.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is no bank of clips"):
        kept_bank(tmp_path / "none.pt", model.vae, torch.device("cpu"))


def test_footage_about_actions_names_one_in_nearly_every_clip() -> None:
    config = FootageConfig(num_utterances=8, num_clips=8, num_frames=192, workers=1, acting=1.0)
    acts_NK = make_footage(config, 0, (192,)).told.acts_NK
    assert acts_NK.any(axis=1).mean() > 0.8
    assert make_footage(replace(config, acting=0.0), 0, (192,)).told.acts_NK.any(axis=1).mean() < 0.7


def test_a_style_about_actions_has_some_in_every_clip() -> None:
    styles = [draw_acting_style(seed) for seed in range(60)]
    assert all(1 <= len(style.actions) <= 4 for style in styles)
    assert all(isinstance(cue, ActionCue) for style in styles for cue in style.actions)
    assert {style.mood for style in styles} > {"neutral"}
    assert draw_acting_style(3) == draw_acting_style(3)
