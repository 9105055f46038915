"""The run of a plan: footage once, then stage after stage, each leaving what the next begins from."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import torch

from openlpm.core.errors import ConfigError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.parallel.compile_cache import load_compiled, save_compiled
from openlpm.parallel.world import World, joined
from openlpm.recipes import stages
from openlpm.recipes.beginning import is_stored, load_parts, sizes_of, start_from
from openlpm.recipes.choreographer import ChoreographerRecipe, train_choreographer
from openlpm.recipes.kept_bank import keep_bank, kept_bank
from openlpm.recipes.online import Pupils, student_of, train_online
from openlpm.recipes.plan import Plan, stage_folder
from openlpm.recipes.post import train_post
from openlpm.recipes.running import Report, Site, export_part, write_config
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.training.choreography import bank_of_motion
from openlpm.training.clip_bank import ClipBank
from openlpm.training.footage import make_footage
from openlpm.training.shard_footage import make_shard_footage
from openlpm.weights import bundled


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What a run shares with others on its machine."""

    rank: int = 0
    wait_for: Path | None = None
    """Footage is made; the GPU is left to others until this file is there."""
    compile_cache: Path | None = None
    """Compiled graphs of an earlier run; written at the end."""
    bank: Path | None = None
    """Clips as latents: read if the file is there, so that no footage need be made, else made and written."""


def run(plan: Plan, report: Report, machine: Machine) -> None:
    """Train what the plan says. Call it before CUDA is touched: footage is made by forked processes."""
    if not plan.stages:
        report.say("nothing to do: all of these stages are there")
        return
    is_kept = machine.bank is not None and machine.bank.is_file()
    if is_kept and (plan.autoencoder is not None or plan.judges is not None):
        raise ConfigError(f"--bank {machine.bank}: vae and judges learn from footage itself; leave it out for them")
    material = None if is_kept else _material(plan, report, machine)
    while machine.wait_for is not None and not machine.wait_for.exists():
        time.sleep(0.5)
    with joined() as world:
        if machine.compile_cache is not None:
            report.say(f"compiled graphs loaded: {load_compiled(machine.compile_cache)}")
        _Chain(plan, material, world, report, machine.bank).run()
        if machine.compile_cache is not None and world.is_first:
            report.say(f"compiled graphs: {save_compiled(machine.compile_cache) / 2**20:.1f} MiB")
    report.say("done")


def _material(plan: Plan, report: Report, machine: Machine) -> stages.Material:
    """Footage of the kinds that the plan wants, made by forked processes."""
    drawn = shards = None
    if plan.needs_drawn:
        drawn = make_footage(plan.footage, machine.rank, plan.windows, _tenths("footage", report))
        report.say(f"footage: {len(drawn)} clips a process")
    if plan.needs_shards:
        assert plan.shards is not None
        shards = make_shard_footage(
            plan.shards,
            num_frames=plan.footage.num_frames,
            windows=plan.windows,
            rank=machine.rank,
            workers=plan.footage.workers,
        )
        hours = float(shards.frames_N.sum()) / FRAME_RATE_HZ / 3600
        report.say(f"shards: {len(shards)} clips a process, {hours:.2f} h, {plan.shards.share:.0%} of all windows")
        for why, count in sorted(shards.left_out.items()):
            report.say(f"shards: {count} samples are left out: {why}")
    return stages.Material(drawn=drawn, shards=shards)


def _tenths(what: str, report: Report) -> Callable[[int, int], None]:
    """Says of long work how far it is, ten times at most."""
    said = 0

    def tell(done: int, total: int) -> None:
        nonlocal said
        if 10 * done // total > said and done < total:
            said = 10 * done // total
            report.say(f"{what}: {done / total:.0%}")

    return tell


@final
class _Chain:
    """A plan at work."""

    def __init__(
        self, plan: Plan, material: stages.Material | None, world: World, report: Report, kept: Path | None
    ) -> None:
        """Without ``material`` there is a ``kept`` bank."""
        self._plan, self._made, self._world, self._report = plan, material, world, report
        self._kept_at = kept
        self._site = Site(world=world, folder=plan.request.out, report=report, board=plan.request.board)
        self._bank: ClipBank | None = None

    def run(self) -> None:
        plan = self._plan
        if plan.autoencoder is not None or plan.choreographer is not None or plan.base is not None:
            write_config(plan.character, plan.request.out, self._world)
        if plan.autoencoder is not None:
            stages.train_autoencoder(self._model(), self._material, self._site, plan.autoencoder)
        if plan.judges is not None:
            request = plan.request
            earlier = request.init_judges or (bundled.root() if request.init is not None else None)
            variants = 1 if request.tiny else stages.VOICE_VARIANTS
            drawn, cast = self._material.drawn, self._material.cast(self._world.device)
            assert drawn is not None
            stages.train_judges(drawn, cast, self._site, plan.judges, init=earlier, variants=variants)
        if plan.choreographer is not None:
            self._train_choreographer(plan.choreographer)
        if plan.base is not None:
            model = self._model()
            self._bank = self._bank or self._banked(model)
            stages.train_base(model, self._bank, self._site, plan.base)
            self._make_whole(model)
        if plan.post:
            self._train_post()
        if plan.online:
            self._train_online()

    def _model(self) -> CharacterModel:
        """What ``out`` holds of the model, the rest from ``init`` or of chance, the same wherever a run broke."""
        torch.manual_seed(0)
        model = CharacterModel(self._plan.character)
        if self._plan.request.init is not None:
            start_from(model, self._plan.request.init, self._report.say)
        load_parts(model, self._plan.request.out)
        return model

    def _train_choreographer(self, recipe: ChoreographerRecipe) -> None:
        """By the bank of whoever needs pictures anyway, else by one without."""
        model, material, device = self._model(), self._made, self._world.device
        if self._plan.base is not None or material is None or material.shards is not None or material.drawn is None:
            bank = self._bank = self._banked(model)
        else:
            bank = bank_of_motion(model.own_parts().text, material.drawn, model.config.vae.frames_per_latent, device)
        train_choreographer(model, bank, self._site, recipe)

    def _make_whole(self, model: CharacterModel) -> None:
        """What ``out`` lacks of a model folder is what Base learnt with: Online and packaging ask for a whole one."""
        for name, part in model.parts().items():
            if not is_stored(self._site.folder / name):
                export_part(part, self._site.folder / name, self._world)

    @property
    def _material(self) -> stages.Material:
        assert self._made is not None
        return self._made

    def _banked(self, model: CharacterModel) -> ClipBank:
        vae = model.own_parts().vae
        if self._made is None and self._kept_at is not None:
            self._report.say(f"bank: read from {self._kept_at}")
            vae.to(self._world.device).eval().requires_grad_(requires_grad=False)
            return kept_bank(self._kept_at, vae, self._world.device)
        bank = stages.bank_of(model, self._material, self._world, self._report.say)
        if self._kept_at is not None and self._world.is_first:
            keep_bank(bank, self._kept_at, vae)
        return bank

    def _train_post(self) -> None:
        plan, device = self._plan, self._world.device
        assert plan.base_folder is not None
        model = load_model(plan.base_folder, device)
        for stage, recipe in plan.post.items():
            self._bank = self._bank or self._banked(model)
            folder = stage_folder(plan.request.out, stage)
            draft = folder.with_name(f"draft-{stage}")
            train_post(stage, model, self._bank, replace(self._site, folder=draft), recipe)
            self._keep(model, folder, draft)
            model = load_model(folder, device)

    def _train_online(self) -> None:
        plan, device = self._plan, self._world.device
        assert plan.teacher is not None
        assert plan.student is not None
        base = load_model(plan.teacher, device)
        # Whoever has just trained Base has a bank of the same autoencoder already.
        bank = self._bank or self._banked(base)
        begun = load_model(plan.student)
        if sizes_of(begun.config) != sizes_of(base.config):
            raise ConfigError(f"{plan.student}: a student has the sizes of its Base, {plan.teacher}; give another")
        dit = begun.dit if plan.begins_from_base else begun.streaming
        for stage, recipe in plan.online.items():
            student = student_of(base, dit, stage, recipe).to(device)
            folder = stage_folder(plan.request.out, stage)
            draft = folder.with_name(f"draft-{stage}")
            site = replace(self._site, folder=draft)
            train_online(stage, Pupils(base=base, student=student), bank, site, recipe)
            self._keep(student, folder, draft)
            dit = student.dit

    def _keep(self, student: CharacterModel, folder: Path, draft: Path) -> None:
        """A whole model folder: what the stage taught, and the rest as it was."""
        for name, part in student.parts().items():
            export_part(part, draft / name, self._world)
        write_config(student.config, draft, self._world)
        if self._world.is_first:
            draft.rename(folder)
        self._world.wait()
