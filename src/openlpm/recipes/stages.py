"""The stages that make nano, each from footage to weights in a folder; ``runs/nano.py`` strings them together."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from openlpm.bench.audio_mouth import MouthPredictor
from openlpm.bench.critic import Critic
from openlpm.bench.critic_data import FramePool, FrameSource
from openlpm.bench.mouth_data import VoicePool, VoiceSource
from openlpm.bench.reading import CRITIC_FOLDER, MOUTH_FOLDER
from openlpm.core.errors import ConfigError
from openlpm.parallel.apply import compile_units, replicate
from openlpm.parallel.pieces import InPieces
from openlpm.parallel.world import World
from openlpm.recipes import nano
from openlpm.recipes.critic import CriticObjective, MouthObjective, critic_recipe, save_judges, tiny_critic_recipe
from openlpm.rollout.assembly import CharacterConfig, CharacterModel
from openlpm.synth.look.render import Cast, render_frames
from openlpm.synth.sound.augment import augment
from openlpm.training.autoencoder import AutoencoderObjective
from openlpm.training.base import BaseObjective
from openlpm.training.clip_bank import ClipBank, fill_bank
from openlpm.training.footage import Footage
from openlpm.training.rendering import PiecewiseRenderer, Render
from openlpm.training.trainer import LogEntry, Objective, Trainer, TrainerConfig
from openlpm.weights import bundled
from openlpm.weights.store import INDEX, Storage, load, load_into, save

Say = Callable[[str], None]

_VOICED_CLIPS = 400
RENDER_PIECES = 8
"""The graph that draws is compiled in so many pieces, which processes can do at once."""


def renderer(device: torch.device, *, only: Collection[int] | None = None) -> Render:
    """The renderer, compiled where that pays; ``only`` some of its ``RENDER_PIECES`` to fill torch's cache."""
    if device.type == "cuda":
        return PiecewiseRenderer(_compiled(None if only is None else frozenset(only)), frames_at_once=64)
    return PiecewiseRenderer(render_frames, frames_at_once=8)


@cache
def _compiled(only: frozenset[int] | None) -> Render:
    """One for all stages, so that the drawing is traced once."""
    return torch.compile(render_frames, dynamic=False, backend=InPieces(count=RENDER_PIECES, only=only))


def train_autoencoder(  # noqa: PLR0913 (all that a stage works on, by name)
    model: CharacterModel,
    footage: Footage,
    cast: Cast,
    world: World,
    folder: Path,
    *,
    seconds: float,
    tiny: bool,
    say: Say,
) -> None:
    """The autoencoder on freshly rendered moments; leaves its averaged weights in ``folder/vae``."""
    objective_config, trainer_config = nano.autoencoder(seconds)
    if tiny:
        objective_config = replace(objective_config, clips=1)
    vae = model.vae.to(world.device)
    objective = AutoencoderObjective(vae, footage, cast, renderer(world.device), objective_config)
    if world.device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # shapes are fixed
        compile_units(objective.compilable)
    replicate(objective.module, world)
    run_to_end(objective, shortened(trainer_config, tiny=tiny), world, folder / "run-vae", say)
    export_part(vae, folder / "vae", world)


def train_judges(  # noqa: PLR0913 (all that a stage works on, by name)
    footage: Footage,
    cast: Cast,
    world: World,
    folder: Path,
    *,
    seconds: float,
    init: Path | None = None,
    tiny: bool,
    say: Say,
) -> None:
    """Critic and mouth predictor, on their own pictures and voices; leaves them in ``folder``.

    They go on from the judges in ``init``, or begin afresh.
    """
    recipe = tiny_critic_recipe() if tiny else critic_recipe(seconds=seconds)
    device = world.device
    rig_MR = torch.from_numpy(footage.rig_NFR).flatten(0, 1).to(device)
    viseme_M = torch.from_numpy(footage.viseme_NF).flatten().long().to(device)
    pool = FramePool(cast.parameters_BV, rig_MR, viseme_M)
    frames = FrameSource(pool, recipe.frames, renderer(device), seed=1)
    torch.manual_seed(0)
    critic, mouth = Critic(recipe.critic), MouthPredictor()
    if init is not None:
        start_judges_from(critic, mouth, init, say)
    critic, mouth = critic.to(device), mouth.to(device)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # shapes are fixed
        critic.compile(dynamic=False)
    judge = CriticObjective(critic, frames)
    replicate(critic, world)
    run_to_end(judge, shortened(recipe.critic_trainer, tiny=tiny), world, folder / "run-critic", say)
    records = [footage.record(i) for i in range(min(len(footage), _VOICED_CLIPS))]
    voices = VoicePool.of(records, device, disturb=augment, variants=1 if tiny else 3)
    replicate(mouth, world)
    hearer = MouthObjective(mouth, VoiceSource(voices))
    run_to_end(hearer, shortened(recipe.mouth_trainer, tiny=tiny), world, folder / "run-mouth", say)
    if world.is_first:
        save_judges(folder, critic, mouth)
    world.wait()


def bank_of(model: CharacterModel, footage: Footage, cast: Cast, world: World, say: Say) -> ClipBank:
    """All footage as latents on the device, by the trained autoencoder."""
    vae = model.vae.to(world.device).eval().requires_grad_(requires_grad=False)

    def tell(done: int, total: int) -> None:
        if world.is_first and done % 1024 == 0:
            say(f"bank {done}/{total}")

    return fill_bank(vae, model.text, footage, cast, renderer(world.device), on_progress=tell)


def train_base(  # noqa: PLR0913 (all that a stage works on, by name)
    model: CharacterModel,
    bank: ClipBank,
    world: World,
    folder: Path,
    *,
    seconds: float,
    lessons: Sequence[tuple[nano.Lesson, float]] = ((nano.Lesson.ALL, 1.0),),
    tiny: bool,
    say: Say,
) -> None:
    """Base on a bank of clips, lesson by lesson; leaves the averaged weights of transformer and encoders in ``folder``.

    ``lessons`` come with their shares of the time; each begins with the averages that the one before has left.
    """
    for part in (model.dit, model.speak, model.listen, model.text):
        part.to(world.device)
    if world.device.type == "cuda":
        # Two kinds of block by the layouts, forward and backward.
        torch._dynamo.config.recompile_limit = 64  # noqa: SLF001 (torch documents it by this name)
        compile_units(model.dit.blocks)
    for lesson, share in lessons:
        objective_config, trainer_config = nano.base(share * seconds, lesson)
        if tiny:
            objective_config = replace(objective_config, windows=replace(objective_config.windows, token_frames=40))
        objective = BaseObjective(model, bank, objective_config)
        replicate(objective.module, world)
        run_to_end(objective, shortened(trainer_config, tiny=tiny), world, folder / f"run-base-{lesson}", say)
    for name in ("dit", "speak", "listen", "text"):
        export_part(model.parts()[name], folder / name, world)


def load_parts(model: CharacterModel, folder: Path) -> set[str]:
    """Load the parts that the folder already holds; returns their names."""
    found = {name for name in model.parts() if is_stored(folder / name)}
    for name in found:
        load_into(model.parts()[name], folder / name)
    return found


def start_from(model: CharacterModel, folder: Path, say: Say) -> None:
    """Begin with the weights of an earlier model.

    What it did not have yet keeps its initial values. A layer that has become wider does on its old channels what it
    did, and its new ones begin afresh, unheard. Both are said.
    """
    for name, part in model.parts().items():
        _begin(part, folder / name, say)


def start_judges_from(critic: Critic, mouth: MouthPredictor, folder: Path, say: Say) -> None:
    """Begin with earlier judges, as a model begins with an earlier one; both have to be in the folder.

    The bundled judges may have been made for another rig: where they do not fit, judges begin afresh, and that is said.
    """
    parts = {CRITIC_FOLDER: critic, MOUTH_FOLDER: mouth}
    for name, part in parts.items():
        if folder != bundled.root() or _fits(part, folder / name):
            _begin(part, folder / name, say)
            say(f"{name}: goes on from {folder / name}")
        else:
            say(f"{name}: the bundled weights do not fit, it begins afresh")


def _fits(part: nn.Module, folder: Path) -> bool:
    """Whether the stored weights are those of such a module, shape by shape."""
    wanted = {key: tensor.shape for key, tensor in part.state_dict().items()}
    return is_stored(folder) and wanted == {key: tensor.shape for key, tensor in load(folder).items()}


def _begin(part: nn.Module, folder: Path, say: Say) -> None:
    name, known = folder.name, load(folder)
    for key, fresh in part.state_dict().items():
        if key in known and known[key].shape != fresh.shape:
            known[key] = _grown(f"{folder}: {key}", known[key], fresh)
            say(f"{name}: {key} has grown to {tuple(fresh.shape)}")
    missing, unknown = part.load_state_dict(known, strict=False)
    if unknown:
        raise ConfigError(f"{folder}: has {', '.join(unknown[:3])}, which this model lacks; start from another")
    if missing:
        say(f"{name}: {len(missing)} new tensors begin afresh, such as {missing[0]}")


def _grown(name: str, old: Tensor, fresh: Tensor) -> Tensor:
    """A wider layer: old outputs read nothing of new inputs yet, new outputs are as initialised."""
    smaller = any(was > now for was, now in zip(old.shape, fresh.shape, strict=False))
    if old.ndim != fresh.ndim or smaller or old.shape[2:] != fresh.shape[2:]:
        raise ConfigError(f"{name}: has shape {tuple(old.shape)}, this model needs {tuple(fresh.shape)}")
    grown = fresh.clone()
    if old.ndim > 1:
        grown[: old.shape[0], old.shape[1] :] = 0
    grown[tuple(slice(size) for size in old.shape)] = old
    return grown


def is_stored(folder: Path) -> bool:
    """Whether a part was written to its end: a folder alone may be left of an export that was killed."""
    return (folder / INDEX).is_file()


def write_config(config: CharacterConfig, folder: Path, world: World) -> None:
    """The model's sizes beside its weights."""
    if world.is_first:
        CharacterModel(config).write_config(folder)


def shortened(config: TrainerConfig, *, tiny: bool) -> TrainerConfig:
    """A few steps where it is ``tiny``."""
    return replace(config, steps=6, seconds=None, log_every=2) if tiny else config


def run_to_end(objective: Objective[Any], config: TrainerConfig, world: World, folder: Path, say: Say) -> None:
    """Train to the end, from the last checkpoint if there is one, and leave the averages in place of the weights."""
    trainer = Trainer(objective, config, world, folder)
    trainer.resume()

    def tell(entry: LogEntry) -> None:
        if entry.step % (10 * config.log_every) == 0 or entry.step in (config.log_every, entry.total_steps):
            scalars = json.dumps({name: round(value, 5) for name, value in entry.scalars.items()})
            say(f"{folder.name} step {entry.step}/{entry.total_steps} {entry.seconds:.0f} s {scalars}")

    trainer.run(tell)
    trainer.average.swap()


def export_part(part: nn.Module, folder: Path, world: World) -> None:
    """Write a trained part (its averages are in place) in full precision."""
    whole = {
        name: (value.full_tensor() if hasattr(value, "full_tensor") else value).detach().cpu()
        for name, value in part.state_dict().items()
    }
    if world.is_first:
        save(whole, folder, storage=Storage.FP32)
    world.wait()
