"""The chunk loop keeps its promises: rows are independent, length costs no memory, a seed is a performance."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from openlpm.core.audio import ArraySource
from openlpm.core.errors import ConfigError
from openlpm.core.motion import NUM_MOTION, MotionTrack
from openlpm.core.units import samples_at_frame
from openlpm.dit.condition import Condition, ReferenceKind
from openlpm.flow.guidance import GuidanceScales
from openlpm.rollout.assembly import CharacterModel, WindowConfig
from openlpm.rollout.conditioning import pictures_to_tensor
from openlpm.rollout.generate import _Run, generate
from openlpm.rollout.request import DEFAULT_GUIDANCE, GenerationRequest, Prompt, Reference
from openlpm.vae.autoencoder import DecoderState

pytestmark = pytest.mark.contract

SIZE = 64
WINDOW = WindowConfig(frames=4, context=2, context_noise=0.1)
THREE_WINDOWS = 4 * (WINDOW.frames + 2 * (WINDOW.frames - WINDOW.context))


@pytest.fixture(scope="module")
def model(tiny_model: Callable[..., CharacterModel]) -> CharacterModel:
    return tiny_model(stirred=0.1, window=WINDOW, picture_size=SIZE)


@pytest.fixture
def conditions(model: CharacterModel, monkeypatch: pytest.MonkeyPatch) -> list[Condition]:
    """What the transformer is told, call by call, from now on."""
    told: list[Condition] = []
    forward = model.dit.forward

    def watched(latents_BCTHW: Tensor, time_BT: Tensor, condition: Condition, **options: Any) -> Tensor:
        told.append(condition)
        return forward(latents_BCTHW, time_BT, condition, **options)

    monkeypatch.setattr(model.dit, "forward", watched)
    return told


def voice(num_samples: int, seed: int) -> ArraySource:
    return ArraySource(np.random.default_rng(seed).uniform(-0.5, 0.5, num_samples).astype(np.float32))


def request(who: int = 0, **changes: Any) -> GenerationRequest:
    picture_HWC = np.random.default_rng(who).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    fields: dict[str, Any] = {
        "references": (Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),),
        "speak": voice(16_000, 2 * who),
        "listen": voice(16_000, 2 * who + 1),
        "num_frames": THREE_WINDOWS,
        "caption": "a calm face" if who % 2 else "a loud person",
        "seed": who,
        "steps": 2,
        "guidance": GuidanceScales(),  # one evaluation a step
    }
    return GenerationRequest(**(fields | changes))


def performed(model: CharacterModel, requests: Sequence[GenerationRequest]) -> Tensor:
    return torch.cat(list(generate(model, requests)), dim=1)


def head_turns(num_frames: int, seed: int = 0, channels: Sequence[int] = (0, 1, 6)) -> MotionTrack:
    track_FM = np.zeros((num_frames, NUM_MOTION), np.float32)
    given_M = np.zeros(NUM_MOTION, np.bool_)
    given_M[list(channels)] = True
    track_FM[:, given_M] = np.random.default_rng(seed).uniform(-0.3, 0.3, (num_frames, len(channels)))
    return MotionTrack(track_FM, given_M)


def test_a_motion_track_leads_from_its_first_frame_to_its_last(
    model: CharacterModel, conditions: list[Condition]
) -> None:
    track = head_turns(22)
    performed(model, [request(1, motion=track), request(2)])
    group, windows = 4, conditions[::2]  # two steps a window
    for number, condition in enumerate(windows):
        assert condition.motion_BTM is not None
        assert condition.motion_given_BTM is not None
        first = number * (WINDOW.frames - WINDOW.context) * group
        values_FM = condition.motion_BTM[0].reshape(-1, NUM_MOTION).numpy()
        given_FM = condition.motion_given_BTM[0].reshape(-1, NUM_MOTION).numpy()
        for frame, (value_M, given_M) in enumerate(zip(values_FM, given_FM, strict=True)):
            assert np.array_equal(given_M, track.given_M & (first + frame < 22))
            if first + frame < 22:
                assert np.array_equal(value_M, track.track_FM[first + frame])
        assert not condition.motion_given_BTM[1].any()


def test_later_words_hold_from_their_moment_on_in_every_window(
    model: CharacterModel, conditions: list[Condition]
) -> None:
    group_s = 4 / 24
    prompts = (Prompt(at_s=1.5 * group_s, caption="a nod"), Prompt(at_s=5 * group_s, caption="a wave"))
    performed(model, [request(1, prompts=prompts), request(2)])
    told_by_frame = ["a calm face", "a calm face", "a nod", "a nod", "a nod", "a wave", "a wave", "a wave"]
    size = model.config.text.num_tokens
    for number, condition in enumerate(conditions[::2]):  # two steps a window
        assert condition.prompt_BT is not None
        first = number * (WINDOW.frames - WINDOW.context)
        for row, told in ((0, told_by_frame), (1, ["a loud person"] * 8)):
            for frame in range(condition.prompt_BT.shape[1]):
                start = size * int(condition.prompt_BT[row, frame])
                words = model.text(model.text.prepare([told[first + frame]]))[0]
                torch.testing.assert_close(condition.text_BLD[row, start : start + size], words)


def test_words_that_come_after_the_end_change_nothing(model: CharacterModel) -> None:
    late = (Prompt(at_s=THREE_WINDOWS / 24, caption="a wave"),)
    torch.testing.assert_close(performed(model, [request(1, prompts=late)]), performed(model, [request(1)]))
    early = (Prompt(at_s=0.0, caption="a wave"),)
    told = performed(model, [request(1, prompts=early)])
    torch.testing.assert_close(told, performed(model, [request(1, caption="a wave")]))
    assert (told - performed(model, [request(1)])).abs().max() > 1e-3


def test_prompts_come_in_order() -> None:
    with pytest.raises(ConfigError, match="in order"):
        request(1, prompts=(Prompt(at_s=2.0, caption="a"), Prompt(at_s=2.0, caption="b")))
    for at_s in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="at_s="):
            Prompt(at_s=at_s, caption="a")


def test_a_performance_without_a_track_does_not_notice_its_neighbours(model: CharacterModel) -> None:
    alone_BFCHW = performed(model, [request(2)])
    together_BFCHW = performed(model, [request(1, motion=head_turns(THREE_WINDOWS)), request(2)])
    # Sums of other batch sizes are made in another order; pictures are in [0, 1].
    torch.testing.assert_close(together_BFCHW[1], alone_BFCHW[0], rtol=0, atol=1e-3)
    assert (together_BFCHW[0] - performed(model, [request(1)])[0]).abs().max() > 0.01


def test_a_model_that_was_made_without_a_motion_track_says_so(model: CharacterModel) -> None:
    config = replace(model.config, dit=replace(model.config.dit, motion=0))
    with pytest.raises(ConfigError, match="motion: tiny was made without"):
        next(generate(CharacterModel(config), [request(motion=head_turns(8))]))
    with pytest.raises(ConfigError, match=r"dit\.motion=7"):
        replace(model.config, dit=replace(model.config.dit, motion=7))


def test_a_request_gives_the_same_pictures_alone_and_in_company(model: CharacterModel) -> None:
    together_BFCHW = performed(model, [request(1), request(2), request(3)])
    for row, who in enumerate((1, 2, 3)):
        # Sums of other batch sizes are made in another order; pictures are in [0, 1].
        torch.testing.assert_close(together_BFCHW[row], performed(model, [request(who)])[0], rtol=0, atol=1e-3)
    assert (together_BFCHW[0] - together_BFCHW[1]).abs().max() > 0.05


@pytest.mark.parametrize("num_frames", [1, 4, 7, 16, 17, 25, THREE_WINDOWS])
def test_blocks_together_are_exactly_as_long_as_asked(model: CharacterModel, num_frames: int) -> None:
    blocks = list(generate(model, [request(num_frames=num_frames, steps=1)]))
    assert sum(block.shape[1] for block in blocks) == num_frames
    assert all(block.shape[1] > 0 and block.shape[2:] == (3, SIZE, SIZE) for block in blocks)
    assert all(block.min() >= 0 and block.max() <= 1 for block in blocks)


@pytest.mark.parametrize("num_frames", [1, 16, 17, 24, 25, THREE_WINDOWS])
def test_the_joins_that_the_configuration_names_are_where_blocks_meet(model: CharacterModel, num_frames: int) -> None:
    lengths = [block.shape[1] for block in generate(model, [request(num_frames=num_frames, steps=1)])]
    assert tuple(np.cumsum(lengths)[:-1]) == model.config.joins(num_frames)


def test_a_shorter_request_is_the_beginning_of_a_longer_one(model: CharacterModel) -> None:
    whole_BFCHW = performed(model, [request(1)])
    torch.testing.assert_close(performed(model, [request(1, num_frames=16)]), whole_BFCHW[:, :16], rtol=0, atol=1e-5)


def test_progress_rises_to_the_number_of_frames(model: CharacterModel) -> None:
    told: list[tuple[int, int]] = []
    list(generate(model, [request(num_frames=30)], progress=lambda done, total: told.append((done, total))))
    assert told == sorted(told)
    assert told[-1] == (30, 30)
    assert len(told) == 2 * 3


def test_what_is_kept_between_windows_does_not_grow(model: CharacterModel) -> None:
    run = _Run.start(model, [request(num_frames=4 * THREE_WINDOWS)], None)
    sizes: list[tuple[int, ...]] = []
    while run.next_frame < run.num_latent_frames:
        run.next_block()
        assert run.context_BCTHW is not None
        assert run.decoder is not None
        sizes.append((run.context_BCTHW.numel(), *[past.numel() for past in run.decoder.past]))
    assert len(sizes) > 9
    assert len(set(sizes)) == 1


def test_a_window_goes_on_from_the_frames_before_it(model: CharacterModel) -> None:
    def third_block(*, forget: bool) -> Tensor:
        run = _Run.start(model, [request(1)], None)
        run.next_block()
        assert run.context_BCTHW is not None
        if forget:
            run.context_BCTHW = -run.context_BCTHW
        made = run.context_BCTHW.clone()
        run.next_block()
        assert run.next_frame == 2 * WINDOW.frames - WINDOW.context
        assert made.shape[2] == WINDOW.context
        return run.next_block()

    assert (third_block(forget=False) - third_block(forget=True)).abs().max() > 1e-2


def test_the_context_is_shown_with_the_noise_it_was_trained_with(
    model: CharacterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[Tensor] = []
    forward = model.dit.forward

    def watched(latents_BCTHW: Tensor, time_BT: Tensor, *rest: Any, **options: Any) -> Tensor:
        times.append(time_BT)
        return forward(latents_BCTHW, time_BT, *rest, **options)

    monkeypatch.setattr(model.dit, "forward", watched)
    list(generate(model, [request()]))
    assert len(times) == 3 * 2
    for time_BT in times[:2]:
        assert (time_BT == time_BT[:, :1]).all()
    for time_BT in times[2:]:
        assert torch.allclose(time_BT[:, : WINDOW.context], torch.tensor(WINDOW.context_noise))
        assert (time_BT[:, WINDOW.context :] > WINDOW.context_noise).all()


def test_all_windows_hear_one_track(model: CharacterModel, conditions: list[Condition]) -> None:
    list(generate(model, [request(1, steps=1)]))
    assert len(conditions) == 3
    new = WINDOW.frames - WINDOW.context
    for earlier, later in pairwise(conditions):
        for branch, before_BLD, after_BLD in (
            (model.config.dit.speak, earlier.speak_BLD, later.speak_BLD),
            (model.config.dit.listen, earlier.listen_BLD, later.listen_BLD),
        ):
            assert branch is not None
            assert before_BLD is not None
            assert after_BLD is not None
            shared_BLD = before_BLD[:, new * branch.tokens_per_frame :]
            # Equal sound at equal places; only rounding differs.
            torch.testing.assert_close(after_BLD[:, : shared_BLD.shape[1]], shared_BLD, rtol=0, atol=1e-4)
            assert (before_BLD - after_BLD).abs().max() > 0.1


def test_a_first_frame_is_shown_to_the_first_window_alone(model: CharacterModel, conditions: list[Condition]) -> None:
    begin = replace(request(5).references[0], kind=ReferenceKind.FIRST)
    lasting = request(1).references[0]
    begun = performed(model, [request(1, references=(begin, lasting), steps=1)])
    first, *later = conditions
    assert first.references_BJCHW is not None
    assert [slot.kind for slot in first.slots] == [ReferenceKind.FIRST, ReferenceKind.GLOBAL]
    still_BCHW = model.vae.encode_still(pictures_to_tensor([begin.picture_HWC], model.device))
    assert torch.equal(first.references_BJCHW[:, 0], still_BCHW)
    assert len(later) == 2
    for condition in later:
        assert [slot.kind for slot in condition.slots] == [ReferenceKind.GLOBAL]
        assert condition.references_BJCHW is not None
        assert torch.equal(condition.references_BJCHW, first.references_BJCHW[:, 1:])
    assert (begun - performed(model, [request(1, steps=1)])).abs().max() > 1e-3


def test_windows_are_decoded_as_one_clip(model: CharacterModel, monkeypatch: pytest.MonkeyPatch) -> None:
    latents: list[Tensor] = []
    decode = model.vae.decode

    def watched(latents_BCTHW: Tensor, state: DecoderState | None = None) -> tuple[Tensor, DecoderState]:
        latents.append(latents_BCTHW)
        return decode(latents_BCTHW, state)

    monkeypatch.setattr(model.vae, "decode", watched)
    made_BFCHW = performed(model, [request(1)])
    assert len(latents) == 3
    whole_BCFHW, _ = decode(torch.cat(latents, dim=2))
    torch.testing.assert_close(made_BFCHW, ((whole_BCFHW + 1) / 2).clamp(0, 1).transpose(1, 2), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["speak", "listen"])
def test_a_voice_that_is_over_is_silence(model: CharacterModel, name: str) -> None:
    short = voice(samples_at_frame(9), 5)
    padded_A = np.zeros(samples_at_frame(THREE_WINDOWS), dtype=np.float32)
    padded_A[: short.num_samples] = short.read(0, short.num_samples)
    over, silent = (performed(model, [request(**{name: each})]) for each in (short, ArraySource(padded_A)))
    assert torch.equal(over, silent)
    endless = performed(model, [request(**{name: voice(samples_at_frame(THREE_WINDOWS), 5)})])
    assert not torch.equal(over, endless)


def test_a_request_without_voices_is_one_with_silent_ones(model: CharacterModel) -> None:
    silence = ArraySource(np.zeros(samples_at_frame(THREE_WINDOWS), dtype=np.float32))
    said_nothing = GenerationRequest(references=request(1).references, num_frames=THREE_WINDOWS, steps=2)
    silent = request(1, speak=silence, listen=silence, caption="", seed=0, guidance=DEFAULT_GUIDANCE)
    assert torch.equal(performed(model, [said_nothing]), performed(model, [silent]))


def test_a_seed_is_a_performance(model: CharacterModel) -> None:
    first, again, other = (performed(model, [request(1, seed=seed)]) for seed in (7, 7, 8))
    assert torch.equal(first, again)
    assert (first - other).abs().max() > 1e-2


@pytest.mark.parametrize("field", ["caption", "speak", "listen", "references", "guidance"])
def test_everything_that_is_asked_for_reaches_the_pictures(model: CharacterModel, field: str) -> None:
    other = {
        "caption": "somebody else",
        "speak": voice(16_000, 77),
        "listen": voice(16_000, 78),
        "references": request(9).references,
        "guidance": GuidanceScales(speak=3.0),
    }
    asked, changed = performed(model, [request(1)]), performed(model, [request(1, **{field: other[field]})])
    assert not torch.equal(asked, changed)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"references": (Reference(kind=ReferenceKind.VIEW, picture_HWC=np.zeros((SIZE, SIZE, 3), np.uint8)),)},
         "same kinds of references"),
        ({"references": (Reference(kind=ReferenceKind.GLOBAL, picture_HWC=np.zeros((32, 32, 3), np.uint8)),)},
         "32 pixels wide and 32 high: resize it to the 64"),
        ({"num_frames": 8}, f"num_frames: {THREE_WINDOWS} and 8"),
        ({"steps": 3}, "steps: 2 and 3"),
        ({"guidance": GuidanceScales(text=2.0)}, "guidance"),
    ],
)  # fmt: skip
def test_requests_that_do_not_go_together_are_refused_with_the_field(
    model: CharacterModel, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        next(generate(model, [request(1), request(2, **changes)]))
