"""Distillation teaches whom it means to teach, from what a stream would see, and nobody else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition
from openlpm.dit.excerpt import excerpt
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.guidance import GuidanceScales
from openlpm.flow.schedule import TimeDraw
from openlpm.nn.memory import MemoryConfig
from openlpm.parallel.world import joined
from openlpm.recipes import nano
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.online import OnlineConfig
from openlpm.training.causal import CausalClip, CausalObjective, CausalObjectiveConfig
from openlpm.training.clip_bank import ClipBank
from openlpm.training.focus import Focus
from openlpm.training.makers import Maker, ParallelMaker, RolloutMaker
from openlpm.training.matching import MatchingConfig, MatchingLearner, MatchingObjective
from openlpm.training.ode import OdeObjective, OdeObjectiveConfig
from openlpm.training.optimiser import OptimiserConfig, Rhythm
from openlpm.training.perception import FeatureDistance
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.scores import ScoreConfig, Scores
from openlpm.training.teacher import TeacherConfig, trajectory
from openlpm.training.trainer import Trainer, TrainerConfig
from openlpm.training.traits import ClipMix
from openlpm.training.window_conditions import WindowConditions, latents_of
from openlpm.training.windows import WindowBatch, WindowDraw, WindowLayout
from openlpm.vae.config import StageConfig

pytestmark = pytest.mark.contract

CLIPS, FRAMES, CELLS = 3, 12, 4
ONLINE = OnlineConfig(
    chunk_frames=2, memory=MemoryConfig(sink_frames=1, window_frames=4), backbone_times=(1.0, 0.5), refiner_time=None
)
REFINED = replace(ONLINE, refiner_time=0.3)
DRAW = WindowDraw(
    token_frames=14,
    mix=ClipMix(),
    layouts=(WindowLayout(frames=6, first=False, views=0, expressions=0),),
    drop_text=0.0,
    drop_speak=0.0,
    drop_listen=0.0,
    drop_all=0.0,
    give_motion=0.0,
)
MATCHING = MatchingConfig(
    windows=DRAW,
    scores=ScoreConfig(guidance=GuidanceScales(speak=2.0)),
    fake_steps=3,
    score_frames=4,
)
TRAINER = TrainerConfig(
    steps=6,
    optimiser=OptimiserConfig(lr=1e-3),
    schedule=WarmStableDecay(warmup_steps=1, decay_fraction=0.5),
    log_every=1,
)


def transformer(seed: int) -> CharacterTransformer:
    torch.manual_seed(seed)
    made = CharacterTransformer(
        replace(nano.character().dit, width=48, num_layers=2, num_heads=2, ffn_width=64, freq_width=32)
    )
    with torch.no_grad():
        for parameter in made.parameters():  # what starts at zero would hide the conditions
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made


@pytest.fixture
def model() -> CharacterModel:
    config = nano.character()
    stages = tuple(StageConfig(width=8, blocks=2) for _ in range(3))
    student = transformer(0)
    torch.manual_seed(0)
    made = CharacterModel(replace(config, vae=replace(config.vae, encoder=stages, decoder=stages), dit=student.config))
    made.dit.load_state_dict(student.state_dict())
    return made.requires_grad_(requires_grad=False)


@pytest.fixture
def bank(model: CharacterModel, chance_bank: Callable[..., ClipBank]) -> ClipBank:
    return chance_bank(model, situations=(0, 0, 0))


def seen(model: CharacterModel, bank: ClipBank) -> tuple[Tensor, Condition]:
    window: WindowBatch = (
        MatchingObjective(  # the windows of a step, whoever learns from them
            None,
            _Idle(),
            bank,
            MATCHING,  # type: ignore[arg-type]
        )
        .batch(0, 0)
        .window
    )
    torch.manual_seed(0)
    with torch.no_grad():
        return latents_of(bank, window), WindowConditions(model, bank)(window)


class _Idle:
    num_steps = 2

    def make(self, data_BCTHW: Tensor, condition: Condition, step: int) -> Tensor:
        raise AssertionError


def moved(module: nn.Module) -> bool:
    return any(p.grad is not None and bool(p.grad.any()) for p in module.parameters())


def learner(
    model: CharacterModel, bank: ClipBank, kind: str, config: MatchingConfig = MATCHING
) -> tuple[MatchingObjective, nn.Module]:
    student, fake = transformer(1), transformer(2)
    if kind == "refine":
        maker: Maker = RolloutMaker(
            dit=transformer(3).requires_grad_(requires_grad=False), online=REFINED, refiner=student
        )
    else:
        maker = ParallelMaker(student, ONLINE) if kind == "parallel" else RolloutMaker(dit=student, online=ONLINE)
    return MatchingObjective(MatchingLearner(student, maker, model, fake, bank, config), maker, bank, config), student


def test_a_chunk_is_predicted_from_what_its_stream_has_seen(model: CharacterModel, bank: ClipBank) -> None:
    data, condition = seen(model, bank)
    dit, half = model.dit, torch.full((len(data),), 0.7)

    def both(history: Tensor, noisy: Tensor) -> tuple[Tensor, Tensor]:
        clip = CausalClip(dit, ONLINE, condition)
        with torch.no_grad():
            return clip.last(history), clip.other(noisy, half)

    noisy = torch.randn_like(data)
    last, other = both(data, noisy)
    for frame in range(6):
        changed = data.clone()
        changed[:, :, frame] += 1
        chunk = frame // 2 * 2
        new_last, new_other = both(changed, noisy)
        assert torch.equal(new_last[:, :, :chunk], last[:, :, :chunk])
        assert not torch.equal(new_last[:, :, chunk : chunk + 2], last[:, :, chunk : chunk + 2])
        # Another step of a chunk sees the history of earlier chunks, never its own.
        assert torch.equal(new_other[:, :, : chunk + 2], other[:, :, : chunk + 2])
        if chunk < 4:
            assert not torch.equal(new_other[:, :, chunk + 2 :], other[:, :, chunk + 2 :])
    with pytest.raises(ConfigError, match="no history"):
        CausalClip(dit, ONLINE, condition).other(noisy, half)


def test_causal_flow_matching_teaches_every_part_but_the_autoencoder(model: CharacterModel, bank: ClipBank) -> None:
    model.requires_grad_(requires_grad=True)
    config = CausalObjectiveConfig(windows=DRAW, times=TimeDraw(shift=2.5), focus=Focus(mouth=5.0, eyes=2.5))
    objective = CausalObjective(model, bank, ONLINE, config)
    loss, scalars = objective.loss(objective.batch(0, 0))
    loss.backward()
    assert set(scalars) == {"error", "error_last"}
    for name, part in model.parts().items():
        assert moved(part) == (name not in ("vae", "choreographer")), name


def test_a_teacher_passes_the_times_of_its_student_and_ends_where_it_would_have_ended(
    model: CharacterModel, bank: ClipBank
) -> None:
    data, condition = seen(model, bank)
    noise = torch.randn_like(data)
    config = TeacherConfig(steps=4, guidance=GuidanceScales(), time_shift=1.0)
    way = trajectory(model.dit, noise, condition, (1.0, 0.5), config)
    own = trajectory(model.dit, noise, condition, (1.0, 0.75, 0.5, 0.25), config)
    torch.testing.assert_close(way.samples[0], noise)
    torch.testing.assert_close(way.data_BCTHW, own.data_BCTHW)  # 0.5 is one of its own four steps
    torch.testing.assert_close(way.samples[1], own.samples[2])
    between = trajectory(model.dit, noise, condition, (1.0, 0.6), config)
    # The straight line between the samples before and after; the step from 0.6 on is one more.
    line = own.samples[1] + (0.75 - 0.6) / 0.25 * (own.samples[2] - own.samples[1])
    torch.testing.assert_close(between.samples[1], line)


def test_ode_initialisation_teaches_the_student_and_not_the_teacher(model: CharacterModel, bank: ClipBank) -> None:
    student = transformer(1)
    teacher = model.dit
    shown = CharacterModel(model.config).requires_grad_(requires_grad=False)
    shown.load_state_dict(model.state_dict())
    shown.dit = student
    config = OdeObjectiveConfig(windows=DRAW, teacher=TeacherConfig(steps=2, guidance=GuidanceScales(text=2.0)))
    objective = OdeObjective(shown, teacher, bank, ONLINE, config)
    assert {name.split(".")[0] for name, _ in objective.module.named_parameters()} == {"dit"}
    loss, _ = objective.loss(objective.batch(0, 0))
    loss.backward()
    assert moved(student)
    assert not moved(teacher)
    assert not moved(shown.speak)


@pytest.mark.parametrize("kind", ["parallel", "rollout", "refine"])
def test_scores_teach_the_generator_and_its_clips_teach_the_fake_score(
    model: CharacterModel, bank: ClipBank, kind: str
) -> None:
    objective, student = learner(model, bank, kind)
    batch = objective.batch(3, 0)
    assert batch.moves
    loss, scalars = objective.loss(batch)
    loss.backward()
    fake = objective.module.fake  # type: ignore[union-attr]
    assert moved(student)
    assert moved(fake)
    assert not moved(model)
    assert set(scalars) == {"fake", "pull"}

    objective.module.zero_grad(set_to_none=True)
    batch = objective.batch(4, 0)
    assert not batch.moves
    objective.loss(batch)[0].backward()
    assert not moved(student)
    assert moved(fake)


def test_a_generator_learns_from_the_scores_and_not_from_how_well_its_clips_are_denoised(
    model: CharacterModel, bank: ClipBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scores, "gradient", lambda _, made_BCTHW, __: torch.zeros_like(made_BCTHW))
    objective, student = learner(model, bank, "rollout")
    objective.loss(objective.batch(0, 0))[0].backward()
    assert not moved(student)
    assert moved(objective.module.fake)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["parallel", "rollout"])
@pytest.mark.parametrize("step", [0, 1])
def test_a_gradient_goes_through_one_step_alone(model: CharacterModel, bank: ClipBank, kind: str, step: int) -> None:
    data, condition = seen(model, bank)
    student = transformer(1)
    calls: list[tuple[bool, float]] = []
    plain = student.forward

    def watched(latents: Tensor, time: Tensor, *rest: object, **options: object) -> Tensor:
        calls.append((torch.is_grad_enabled(), float(time.flatten()[0])))
        return plain(latents, time, *rest, **options)  # type: ignore[arg-type]

    student.forward = watched  # type: ignore[method-assign, assignment]
    maker: Maker = ParallelMaker(student, ONLINE) if kind == "parallel" else RolloutMaker(dit=student, online=ONLINE)
    made = maker.make(data, condition, step)
    assert made.shape == data.shape
    assert {time for with_gradient, time in calls if with_gradient and time > 0} == {ONLINE.backbone_times[step]}


@pytest.mark.parametrize("step", [0, 1])
def test_a_history_of_its_own_noise_is_learnt_behind_and_takes_no_gradient(
    model: CharacterModel, bank: ClipBank, step: int
) -> None:
    """Without noise on the history: keys at time 0, and every step of a chunk an evaluation of its own."""
    data, condition = seen(model, bank)
    online = replace(ONLINE, history_time=0.0)
    for kind in ("parallel", "rollout"):
        student = transformer(1)
        calls: list[tuple[bool, float]] = []
        plain = student.forward

        def watched(
            latents: Tensor,
            time: Tensor,
            *rest: object,
            calls: list[tuple[bool, float]] = calls,
            plain: Any = plain,
            **o: object,
        ) -> Tensor:
            calls.append((torch.is_grad_enabled(), round(float(time.flatten()[0]), 3)))
            return plain(latents, time, *rest, **o)

        student.forward = watched  # type: ignore[method-assign, assignment]
        maker: Maker = (
            ParallelMaker(student, online) if kind == "parallel" else RolloutMaker(dit=student, online=online)
        )
        assert maker.make(data, condition, step).requires_grad
        chunks = 1 if kind == "parallel" else data.shape[2] // 2
        with_gradient = [time for gradient, time in calls if gradient and time > 0]
        assert with_gradient == [online.backbone_times[step]] * chunks
        assert (False, 0.0) in calls


def test_the_teachers_ends_are_learnt_behind_a_clean_history_at_every_step(
    model: CharacterModel, bank: ClipBank
) -> None:
    for online, passes in ((ONLINE, [0.5, 1.0]), (replace(ONLINE, history_time=0.0), [0.0, 1.0, 0.5])):
        student = CharacterModel(replace(model.config, online=online))
        student.load_state_dict(model.state_dict())
        teacher = TeacherConfig(steps=2, guidance=GuidanceScales())
        objective = OdeObjective(student, model.dit, bank, online, OdeObjectiveConfig(windows=DRAW, teacher=teacher))
        times: list[float] = []
        student.dit.register_forward_pre_hook(lambda _, given, times=times: times.append(float(given[1].flatten()[0])))
        loss, scalars = objective.loss(objective.batch(0, 0))
        assert times == passes
        assert loss.item() == pytest.approx(sum(each.item() for each in scalars.values()))
        loss.backward()
        assert moved(student.dit)


def test_a_rollout_knows_nothing_of_the_data(model: CharacterModel, bank: ClipBank) -> None:
    data, condition = seen(model, bank)
    maker = RolloutMaker(dit=transformer(1), online=ONLINE)

    def rolled(data: Tensor) -> Tensor:
        torch.manual_seed(4)
        with torch.no_grad():
            return maker.make(data, condition, 1)

    assert torch.equal(rolled(data), rolled(torch.zeros_like(data)))
    with pytest.raises(ConfigError, match="multiple of chunk_frames"):
        maker.make(data[:, :, :5], condition, 1)


def test_a_refiner_is_taught_behind_a_backbone_that_stays(model: CharacterModel, bank: ClipBank) -> None:
    objective, student = learner(model, bank, "refine")
    maker = objective._maker
    assert isinstance(maker, RolloutMaker)
    assert maker.num_steps == 1
    objective.loss(objective.batch(0, 0))[0].backward()
    assert moved(student)
    assert not moved(maker.dit)


def test_scores_are_told_of_what_they_see(model: CharacterModel, bank: ClipBank) -> None:
    objective, _ = learner(model, bank, "rollout", replace(MATCHING, score_frames=3))
    batch = objective.batch(0, rank=0)
    told: list[Tensor] = []
    watch = model.text.register_forward_pre_hook(lambda _, given: told.append(given[0]))
    objective.loss(batch)
    watch.remove()
    drawn = list(zip(batch.window.clips_B.tolist(), batch.window.starts_B.tolist(), strict=True))
    for ids_BLG, first, frames in zip(told, (0, 3), (6, 3), strict=True):
        assert torch.equal(
            ids_BLG, model.text.prepare([f"words {clip} {start + first} {frames}" for clip, start in drawn])
        )


def test_an_excerpt_is_what_the_stretch_is_conditioned_on(model: CharacterModel, bank: ClipBank) -> None:
    data, condition = seen(model, bank)
    time = torch.full((len(data),), 0.5)
    part = excerpt(condition, model.config.dit, 2, 3)
    with pytest.raises(ConfigError):
        model.dit(data[:, :, 2:5], time, condition, attend=_attend())
    assert model.dit(data[:, :, 2:5], time, part, attend=_attend()).shape == data[:, :, 2:5].shape
    assert torch.equal(excerpt(condition, model.config.dit, 0, 6).speak_BLD, condition.speak_BLD)  # type: ignore[arg-type]
    later = excerpt(excerpt(condition, model.config.dit, 1, 5), model.config.dit, 1, 3)
    for name in ("speak_BLD", "listen_BLD", "motion_BTM", "references_BJCHW"):
        assert torch.equal(getattr(later, name), getattr(part, name)), name
    bare = excerpt(condition, model.config.dit, 2, 3, references=False)
    assert bare.references_BJCHW is None
    assert bare.slots == ()


def _attend() -> Callable[..., Tensor]:
    from openlpm.nn.attention import Bidirectional

    return Bidirectional()


def test_the_feature_distance_is_zero_for_equal_clips_and_grows_with_what_changes(
    model: CharacterModel, bank: ClipBank
) -> None:
    data, _ = seen(model, bank)
    distance = FeatureDistance(model.vae)
    assert float(distance(data, data)) == 0
    shift = torch.randn_like(data)
    near, far = (float(distance(data + size * shift, data)) for size in (0.1, 1.0))
    assert 0 < near < far
    made = data.clone().requires_grad_()
    distance(made + 0.1 * shift, data).backward()
    assert made.grad is not None
    assert made.grad.any()


def test_distillation_in_two_rhythms_trains_and_resumes_as_if_unbroken(
    model: CharacterModel, bank: ClipBank, tmp_path: object
) -> None:
    config = replace(
        TRAINER,
        rhythms=(Rhythm(prefix="generator.", every=3), Rhythm(prefix="fake.", optimiser=OptimiserConfig(lr=5e-4))),
    )

    def run(name: str, stops: tuple[int, ...]) -> dict[str, Tensor]:
        for steps in stops:
            objective, _ = learner(model, bank, "rollout", replace(MATCHING, perceptual=0.1))
            with joined("cpu") as world:
                trainer = Trainer(objective, config, world, tmp_path / name)  # type: ignore[operator]
                trainer.resume()
                while trainer.step < steps:
                    trainer.update()
                trainer.save()
        return {key: value.detach().clone() for key, value in objective.module.state_dict().items()}

    whole, resumed = run("whole", (5,)), run("resumed", (2, 5))
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    begun = learner(model, bank, "rollout")[0].module.state_dict()
    assert {key.split(".")[0] for key in whole if not torch.equal(whole[key], begun[key])} == {"generator", "fake"}
