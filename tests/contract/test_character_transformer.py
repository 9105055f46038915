"""What the character transformer promises about its conditions."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.dit import AudioBranch, CharacterTransformer, Condition, DiTConfig, ReferenceKind, ReferenceSlot
from openlpm.dit.cross_attention import AudioAttention, AudioTokens
from openlpm.dit.excerpt import excerpt, first_prompt
from openlpm.nn.attention import Bidirectional, NormScope, attention
from openlpm.nn.rope import Rotation, rotate

pytestmark = pytest.mark.contract

SPEAK = AudioBranch(width=10, tokens_per_frame=2, past_frames=1, future_frames=1, added=True)
LISTEN = AudioBranch(width=6, tokens_per_frame=1, past_frames=3, future_frames=0)
CONFIG = DiTConfig(
    latent_channels=3,
    width=24,
    num_layers=2,
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
FRAMES = 4
SLOTS = (
    ReferenceSlot(kind=ReferenceKind.FIRST),
    ReferenceSlot(kind=ReferenceKind.VIEW, subtype=2),
    ReferenceSlot(kind=ReferenceKind.EXPRESSION, subtype=5),
)


@pytest.fixture
def model(seed: int) -> CharacterTransformer:
    """A fresh model whose head speaks, so that differences inside reach the output."""
    model = CharacterTransformer(CONFIG).eval()
    torch.nn.init.normal_(model.head.weight)
    return model


@pytest.fixture
def trained(model: CharacterTransformer) -> CharacterTransformer:
    """The same with audio values that are not zero."""
    for module in model.modules():
        if isinstance(module, AudioAttention):
            torch.nn.init.normal_(module.v.weight)
    torch.nn.init.normal_(model.motion_embedding.down.weight)
    torch.nn.init.normal_(model.speak_added.weight)
    return model


@pytest.fixture
def latents(seed: int) -> Tensor:
    return torch.randn(2, 3, FRAMES, 4, 6)


@pytest.fixture
def condition(seed: int) -> Condition:
    return Condition(
        text_BLD=torch.randn(2, 5, 8),
        speak_BLD=torch.randn(2, SPEAK.num_tokens(FRAMES), 10),
        listen_BLD=torch.randn(2, LISTEN.num_tokens(FRAMES), 6),
        references_BJCHW=torch.randn(2, 3, 3, 4, 6),
        slots=SLOTS,
    )


TIME_B = torch.tensor([0.2, 0.9])


@torch.no_grad()
def predict(model: CharacterTransformer, latents: Tensor, condition: Condition, time: Tensor = TIME_B) -> Tensor:
    return model(latents, time, condition, attend=Bidirectional())


def test_a_fresh_model_hears_nothing(model, latents, condition):
    deaf = replace(condition, speak_BLD=None, listen_BLD=None)
    assert torch.equal(predict(model, latents, condition), predict(model, latents, deaf))


def test_a_fresh_voice_can_be_learnt(model, latents, condition):
    model(latents, TIME_B, condition, attend=Bidirectional()).square().sum().backward()
    for block in model.blocks:
        assert block.cross_attention.audio.v.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("voice", ["speak", "listen"])
def test_a_row_that_is_switched_off_is_as_without_the_voice(trained, latents, condition, voice):
    off_row = replace(condition, **{f"{voice}_on_B": torch.tensor([True, False])})
    none = replace(condition, **{f"{voice}_BLD": None})
    out, heard, unheard = (predict(trained, latents, each) for each in (off_row, condition, none))
    torch.testing.assert_close(out[0], heard[0])
    torch.testing.assert_close(out[1], unheard[1])
    assert not torch.allclose(heard[1], unheard[1], atol=1e-3)


def test_speak_is_heard_in_even_blocks_and_listen_in_odd_ones(model):
    widths = [block.cross_attention.audio.branch.width for block in model.blocks]
    assert widths == [SPEAK.width, LISTEN.width]


def test_a_frame_hears_only_its_own_window(seed):
    branch = SPEAK
    layer = AudioAttention(CONFIG, branch)
    layer.reset_parameters()
    torch.nn.init.normal_(layer.v.weight)
    query = torch.randn(1, FRAMES * 6, 2, 12)
    tokens = torch.randn(1, branch.num_tokens(FRAMES), 24)
    for changed in range(tokens.shape[1]):
        other = tokens.clone()
        other[:, changed] += 1.0
        before = layer(query, layer.read(AudioTokens(tokens_BLD=tokens, on_B=None)), None, FRAMES)
        after = layer(query, layer.read(AudioTokens(tokens_BLD=other, on_B=None)), None, FRAMES)
        moved = (before != after).unflatten(1, (FRAMES, 6)).any(dim=-1).any(dim=-1)[0].tolist()
        source = changed // branch.tokens_per_frame - branch.past_frames
        near = [frame - branch.past_frames <= source <= frame + branch.future_frames for frame in range(FRAMES)]
        assert moved == near


def test_a_window_of_a_longer_clip_hears_the_same(seed):
    layer = AudioAttention(CONFIG, SPEAK)
    layer.reset_parameters()
    torch.nn.init.normal_(layer.v.weight)
    query, tokens = torch.randn(1, FRAMES * 6, 2, 12), torch.randn(1, SPEAK.num_tokens(FRAMES), 24)
    whole = layer(query, layer.read(AudioTokens(tokens_BLD=tokens, on_B=None)), None, FRAMES)
    step = SPEAK.tokens_per_frame
    inside = AudioTokens(tokens_BLD=tokens[:, step : step + SPEAK.num_tokens(2)], on_B=None)
    part = layer(query[:, 6:18], layer.read(inside), None, 2)
    torch.testing.assert_close(part, whole[:, 6:18])


def test_an_added_voice_begins_as_nothing_reaches_its_own_frames_and_can_be_switched_off(model, latents, condition):
    unheard = replace(condition, speak_on_B=torch.tensor([True, False]))
    fresh = predict(model, latents, condition)
    model.speak_added.weight.data.zero_()
    assert torch.equal(fresh, predict(model, latents, condition))
    model(latents, TIME_B, condition, attend=Bidirectional()).square().sum().backward()
    assert model.speak_added.weight.grad.abs().sum() > 0
    off = predict(model, latents, unheard)
    torch.nn.init.normal_(model.speak_added.weight)
    on = predict(model, latents, unheard)
    assert not torch.allclose(on[0], off[0])
    assert torch.equal(on[1], off[1])
    told = model.tell(condition, latents.shape)
    changed = condition.speak_BLD.clone()
    changed[:, SPEAK.own(FRAMES)][:, SPEAK.tokens_per_frame] += 1  # the first token of the second frame
    other = model.tell(replace(condition, speak_BLD=changed), latents.shape)
    moved_T = (told.added_BTD != other.added_BTD).any(dim=2).any(dim=0)
    assert moved_T.tolist() == [False, True, False, False]


def test_a_fresh_model_follows_no_motion_but_can_learn_to(model, latents, condition):
    moved = replace(condition, motion_BTM=torch.randn(2, FRAMES, 6))
    assert torch.equal(predict(model, latents, moved), predict(model, latents, condition))
    model(latents, TIME_B, moved, attend=Bidirectional()).square().sum().backward()
    assert model.motion_embedding.down.weight.grad.abs().sum() > 0


def test_motion_that_is_not_given_does_not_matter(trained, latents, condition):
    track, other = torch.randn(2, FRAMES, 6), torch.randn(2, FRAMES, 6)
    given = torch.zeros(2, FRAMES, 6, dtype=torch.bool)
    given[0, :, :3] = True
    mixed = torch.where(given, track, other)
    free = predict(trained, latents, condition)
    partly = predict(trained, latents, replace(condition, motion_BTM=track, motion_given_BTM=given))
    again = predict(trained, latents, replace(condition, motion_BTM=mixed, motion_given_BTM=given))
    whole = predict(trained, latents, replace(condition, motion_BTM=track))
    torch.testing.assert_close(partly, again)
    torch.testing.assert_close(partly[1], free[1])
    assert not torch.allclose(partly[0], free[0], atol=1e-3)
    assert not torch.allclose(partly[0], whole[0], atol=1e-3)


def test_motion_of_another_length_or_for_a_model_without_it_is_refused(model, latents, condition):
    with pytest.raises(ConfigError, match="4 latent frames of 6"):
        predict(model, latents, replace(condition, motion_BTM=torch.zeros(2, FRAMES + 1, 6)))
    with pytest.raises(ConfigError, match="without motion_BTM"):
        replace(condition, motion_given_BTM=torch.ones(2, FRAMES, 6, dtype=torch.bool))
    free = CharacterTransformer(replace(CONFIG, motion=0))
    with pytest.raises(ConfigError, match="a model without one"):
        predict(free, latents, replace(condition, motion_BTM=torch.zeros(2, FRAMES, 6)))


def test_the_order_of_references_does_not_matter(model, latents, condition):
    order = [2, 0, 1]
    shuffled = replace(
        condition,
        references_BJCHW=condition.references_BJCHW[:, order],
        slots=tuple(SLOTS[index] for index in order),
    )
    torch.testing.assert_close(predict(model, latents, shuffled), predict(model, latents, condition))


def test_references_and_their_slots_matter(model, latents, condition):
    whole = predict(model, latents, condition)
    fewer = replace(condition, references_BJCHW=condition.references_BJCHW[:, :2], slots=SLOTS[:2])
    none = replace(condition, references_BJCHW=None, slots=())
    moved = replace(condition, slots=(*SLOTS[:2], ReferenceSlot(kind=ReferenceKind.EXPRESSION, subtype=1)))
    for other in (fewer, none, moved):
        assert not torch.allclose(predict(model, latents, other), whole, atol=1e-4)


def test_no_references_are_the_same_as_an_empty_set(model, latents, condition):
    none = replace(condition, references_BJCHW=None, slots=())
    empty = replace(condition, references_BJCHW=torch.zeros(2, 0, 3, 4, 6), slots=())
    torch.testing.assert_close(predict(model, latents, none), predict(model, latents, empty))


@pytest.mark.parametrize("with_references", [True, False])
def test_one_time_a_row_equals_the_same_time_for_each_frame(model, latents, condition, with_references):
    if not with_references:
        condition = replace(condition, references_BJCHW=None, slots=())
    per_frame = TIME_B[:, None].expand(-1, FRAMES)
    torch.testing.assert_close(
        predict(model, latents, condition), predict(model, latents, condition, per_frame), atol=1e-5, rtol=1e-5
    )


def test_the_time_of_one_frame_matters(model, latents, condition):
    per_frame = TIME_B[:, None].repeat(1, FRAMES)
    before = predict(model, latents, condition, per_frame)
    per_frame[:, 1] = 0.5
    after = predict(model, latents, condition, per_frame)
    assert not torch.allclose(before[:, :, 1], after[:, :, 1], atol=1e-3)


def test_only_differences_of_positions_matter_without_references(model, latents, condition):
    condition = replace(condition, references_BJCHW=None, slots=())
    far = model(latents, TIME_B, condition, attend=Bidirectional(), positions_T=torch.arange(FRAMES) - 20.0)
    # Cosines of angles up to 20 rad in float32.
    torch.testing.assert_close(far, predict(model, latents, condition), atol=1e-4, rtol=1e-4)


class Recording:
    """Sees everything, and keeps the keys of the first block."""

    def __init__(self) -> None:
        self.key_BSNK = torch.empty(0)

    def __call__(self, query_BSNK: Tensor, key_BSNK: Tensor, value_BSNK: Tensor, rotation: Rotation, *, layer: int):
        if layer == 0:
            self.key_BSNK = key_BSNK
        return Bidirectional()(query_BSNK, key_BSNK, value_BSNK, rotation, layer=layer)


@torch.no_grad()
def test_references_are_clean_whatever_the_time_of_the_video(model, latents, condition):
    recording = Recording()
    times = TIME_B[:, None].repeat(1, FRAMES)
    times[:, 0] = 0.0
    as_frame = torch.cat([condition.references_BJCHW[:, 0].unsqueeze(2), latents[:, :, 1:]], dim=2)
    model(as_frame, times, condition, attend=recording)
    first_frame, first_reference = recording.key_BSNK[:, :6], recording.key_BSNK[:, FRAMES * 6 : FRAMES * 6 + 6]
    torch.testing.assert_close(first_reference, first_frame)


def test_positions_may_differ_by_row(model, latents, condition):
    positions = torch.stack([torch.arange(FRAMES) * 1.0, torch.arange(FRAMES) * 2.0 - 7])
    both = model(latents, TIME_B, condition, attend=Bidirectional(), positions_T=positions)
    second = model(
        latents[1:],
        TIME_B[1:],
        Condition(
            text_BLD=condition.text_BLD[1:],
            speak_BLD=condition.speak_BLD[1:],
            listen_BLD=condition.listen_BLD[1:],
            references_BJCHW=condition.references_BJCHW[1:],
            slots=SLOTS,
        ),
        attend=Bidirectional(),
        positions_T=positions[1],
    )
    torch.testing.assert_close(both[1:], second)


class FrameByFrame:
    """An ``Attend`` of somebody else: every picture sees only itself."""

    def __call__(self, query_BSNK: Tensor, key_BSNK: Tensor, value_BSNK: Tensor, rotation: Rotation, *, layer: int):
        query, key = rotate(query_BSNK, rotation), rotate(key_BSNK, rotation)
        groups = [tensor.split(6, dim=1) for tensor in (query, key, value_BSNK)]
        return torch.cat([attention(*group) for group in zip(*groups, strict=True)], dim=1)


def test_each_frame_is_told_its_own_prompt(trained, latents, condition):
    prompts = torch.randn(3, 2, CONFIG.text_tokens, CONFIG.text_width)
    numbers = torch.tensor([[0, 0, 1, *[2] * (FRAMES - 3)], [1] * FRAMES])
    several = replace(condition, text_BLD=torch.cat([*prompts], dim=1), prompt_BT=numbers)
    out = trained(latents, TIME_B, several, attend=FrameByFrame())
    for number, prompt in enumerate(prompts):
        alone = trained(latents, TIME_B, replace(condition, text_BLD=prompt), attend=FrameByFrame())
        told = numbers == number
        torch.testing.assert_close(out.transpose(1, 2)[told], alone.transpose(1, 2)[told])
        others = out.transpose(1, 2)[~told] - alone.transpose(1, 2)[~told]
        assert others.abs().amax(dim=(1, 2, 3)).min() > 1e-3


def test_references_are_told_what_the_first_frame_is_told(trained, latents, condition):
    prompts = torch.randn(2, 2, CONFIG.text_tokens, CONFIG.text_width)
    numbers = torch.ones(2, FRAMES, dtype=torch.long)
    both = replace(condition, text_BLD=torch.cat([*prompts], dim=1), prompt_BT=numbers)
    alone = replace(condition, text_BLD=prompts[1])
    torch.testing.assert_close(predict(trained, latents, both), predict(trained, latents, alone))
    torch.testing.assert_close(first_prompt(both, CONFIG), prompts[1])
    assert torch.equal(first_prompt(alone, CONFIG), prompts[1])


def test_an_excerpt_keeps_the_prompts_of_its_frames(trained, condition):
    numbers = torch.arange(FRAMES).expand(2, -1)
    told = replace(condition, text_BLD=torch.randn(2, FRAMES * CONFIG.text_tokens, 8), prompt_BT=numbers)
    part = excerpt(told, CONFIG, 1, 2)
    assert part.prompt_BT.tolist() == [[1, 2]] * 2
    assert torch.equal(first_prompt(part, CONFIG), told.text_BLD.unflatten(1, (FRAMES, -1))[:, 1])


def test_prompts_that_fit_no_frames_are_refused(model, latents, condition):
    words = torch.randn(2, 2 * CONFIG.text_tokens, 8)
    numbers = torch.zeros(2, FRAMES, dtype=torch.long)
    with pytest.raises(ConfigError, match="prompt_BT has 1 columns"):
        predict(model, latents, replace(condition, text_BLD=words, prompt_BT=numbers[:, :1]))
    with pytest.raises(ConfigError, match="every prompt needs text_tokens"):
        predict(model, latents, replace(condition, text_BLD=words[:, :-1], prompt_BT=numbers))
    with pytest.raises(ConfigError, match="which frame is told which prompt"):
        predict(model, latents, replace(condition, text_BLD=words))


@torch.no_grad()
def test_frames_that_do_not_see_each_other_are_each_denoised_at_their_own_time(model, latents, condition):
    times = torch.rand(2, FRAMES)
    apart = model(latents, times, condition, attend=FrameByFrame())
    unseen = replace(condition, references_BJCHW=None, slots=())
    for frame in range(FRAMES):
        alone = model(latents, times[:, frame], unseen, attend=FrameByFrame())
        torch.testing.assert_close(apart[:, :, frame], alone[:, :, frame])


def test_who_sees_whom_is_an_argument_and_leaves_no_trace_in_the_weights(model, latents, condition):
    keys = list(model.state_dict())
    out = model(latents, TIME_B, condition, attend=FrameByFrame())
    assert list(model.state_dict()) == keys
    other = latents.clone()
    other[:, :, 2] += 1.0
    changed = model(other, TIME_B, condition, attend=FrameByFrame()) != out
    assert changed.any(dim=(0, 1, 3, 4)).tolist() == [False, False, True, False]


def test_the_model_has_no_buffers_so_a_state_is_all_there_is(model):
    assert not list(model.buffers())


@pytest.mark.parametrize("trim", ["speak_BLD", "listen_BLD"])
def test_a_voice_without_its_margins_is_refused(model, latents, condition, trim):
    short = replace(condition, **{trim: getattr(condition, trim)[:, 1:]})
    with pytest.raises(ConfigError, match="tokens"):
        predict(model, latents, short)


def test_references_without_slots_are_refused(condition):
    with pytest.raises(ConfigError, match="slots"):
        replace(condition, slots=())


def test_a_voice_for_a_deaf_model_is_refused(latents, condition):
    deaf = CharacterTransformer(replace(CONFIG, speak=None))
    with pytest.raises(ConfigError, match="pass None"):
        predict(deaf, latents, condition)


@pytest.mark.parametrize("part", ["text_BLD", "speak_BLD", "listen_BLD"])
def test_tokens_of_another_encoder_are_refused(model, latents, condition, part):
    wide = replace(condition, **{part: getattr(condition, part).repeat(1, 1, 2)})
    with pytest.raises(ConfigError, match="width"):
        predict(model, latents, wide)


def test_too_much_text_and_times_for_other_frames_are_refused(model, latents, condition):
    with pytest.raises(ConfigError, match="text_tokens"):
        predict(model, latents, replace(condition, text_BLD=torch.zeros(2, 6, 8)))
    with pytest.raises(ConfigError, match="time"):
        predict(model, latents, condition, torch.rand(2, FRAMES + 1))


def test_a_half_precision_model_agrees_and_answers_in_the_type_of_its_latents(trained, latents, condition):
    whole = predict(trained, latents, condition)
    half = predict(trained.bfloat16(), latents, condition)
    assert half.dtype is torch.float32
    # Eight bits of mantissa through two blocks.
    assert (half - whole).norm() / whole.norm() < 0.03
