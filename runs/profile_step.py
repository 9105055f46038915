"""Where the time of a training step goes: compiling, host, and the largest kernels, of every stage and the renderer.

    python3 runs/profile_step.py --out out/profile --parts render autoencoder base

Needs one GPU and about three minutes, most of them compiling; with ``--compile-cache`` a second run needs less. With
``--warm`` it only compiles: several at once, a part each, on the GPUs that a training is about to use, save it minutes.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from openlpm.bench.critic import Critic
from openlpm.bench.critic_data import FramePool, FrameSource
from openlpm.core.motion import NUM_MOTION
from openlpm.core.rig import NUM_RIG, Rig
from openlpm.core.seeds import Split, seeds_of
from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.parallel.apply import compile_units, replicate
from openlpm.parallel.compile_cache import load_compiled, save_compiled
from openlpm.parallel.world import World, joined
from openlpm.recipes import nano, stages
from openlpm.recipes.critic import CriticObjective, CriticRecipe, critic_recipe
from openlpm.recipes.online import Pupils, in_rhythm, online_recipe, prepared, student_of
from openlpm.recipes.stage import ONLINE_STAGES, Stage
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.synth.act.telling import Told
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.references import reference_rigs
from openlpm.synth.look.render import Cast, Render, render_frames
from openlpm.training.autoencoder import AutoencoderObjective
from openlpm.training.base import BaseObjective
from openlpm.training.clip_bank import STRIDE, ClipBank
from openlpm.training.footage import WINDOW_STRIDE, Footage
from openlpm.training.matching import MatchingConfig
from openlpm.training.moments import RenderedMoments
from openlpm.training.rendering import PiecewiseRenderer
from openlpm.training.trainer import Objective, Trainer, TrainerConfig
from openlpm.training.traits import SITUATIONS
from openlpm.training.window_captions import Stretches, WindowText, numbered
from openlpm.weights import bundled

CLIPS, FRAMES, LATENT_FRAMES = 64, 240, 60
SAMPLES = 160_000


def milliseconds(work: Callable[[], object], repeats: int = 8) -> float:
    """Median wall time of ``work`` with the device waited for; the first two are not counted."""
    times = []
    for _ in range(repeats + 2):
        started = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times[2:]))


def kernels(work: Callable[[], object], title: str, rows: int = 24) -> None:
    """Device time of ``work`` and its largest kernels."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        work()
        torch.cuda.synchronize()
    events = [event for event in seen.key_averages() if event.device_type == DeviceType.CUDA]
    events.sort(key=lambda event: -event.self_device_time_total)
    total = sum(event.self_device_time_total for event in events) / 1000
    print(f"{title}: {total:.1f} ms on the device in {sum(event.count for event in events)} kernels")
    for event in events[:rows]:
        print(f"  {event.self_device_time_total / 1000:7.2f} ms x{event.count:5d}  {event.key[:100]}")


def footage_of(cast_size: int) -> Footage:
    """Random motion and silent voices for the first train identities."""
    rng = np.random.default_rng(0)
    identities = [Identity.from_seed(seed) for seed in list(seeds_of(Split.TRAIN))[:cast_size]]
    return Footage(
        rig_NFR=(rng.random((cast_size, FRAMES, NUM_RIG)) * 0.2).astype(np.float32),
        state_NF=np.zeros((cast_size, FRAMES), np.int8),
        viseme_NF=np.zeros((cast_size, FRAMES), np.int8),
        speak_NA=np.zeros((cast_size, SAMPLES), np.int16),
        listen_NA=np.zeros((cast_size, SAMPLES), np.int16),
        captions=["She speaks."] * cast_size,
        identities=identities,
        stretches=Stretches(num_frames=FRAMES, lengths=(), stride=WINDOW_STRIDE),
        told=numbered([[] for _ in identities]),
    )


def bank_of(model: CharacterModel, device: torch.device) -> ClipBank:
    """Random latents of the right shapes."""
    keys = list(reference_rigs())
    lengths = (4, 6, *range(12, 37), 48)  # windows, and what prompts in them tell of
    stretches = Stretches(num_frames=LATENT_FRAMES, lengths=lengths, stride=STRIDE)
    told = numbered([[Told(caption="She nods.", acts=True)] * len(stretches)] * CLIPS)
    shape = (model.config.vae.latent_channels, 16, 16)

    def noise(*lead: int) -> torch.Tensor:
        return torch.randn(CLIPS, *lead, *shape, device=device).bfloat16()

    return ClipBank(
        latents_NTCHW=noise(LATENT_FRAMES),
        focus_NTHW=torch.randint(0, 3, (CLIPS, LATENT_FRAMES, 16, 16), device=device).byte(),
        firsts_NKCHW=noise(LATENT_FRAMES // STRIDE),
        references_NJCHW=noise(len(keys)),
        slots=tuple(ReferenceSlot(kind=ReferenceKind(key.kind), subtype=key.subtype) for key in keys),
        motion_NTM=torch.randn(CLIPS, LATENT_FRAMES, 4 * NUM_MOTION, device=device),
        performance_NTX=torch.randn(CLIPS, LATENT_FRAMES, 4 * Rig.TIME, device=device).bfloat16(),
        speak_NA=torch.randint(-3000, 3000, (CLIPS, SAMPLES), device=device).short(),
        listen_NA=torch.randint(-3000, 3000, (CLIPS, SAMPLES), device=device).short(),
        text=WindowText.of(model.text, told, stretches, device),
        situation_N=np.arange(CLIPS, dtype=np.int8) % len(SITUATIONS),
    )


def judge_of(recipe: CriticRecipe, cast: Cast, render: Render, device: torch.device) -> CriticObjective:
    """A fresh critic before pictures of the cast in random poses."""
    poses_MR, visemes_M = torch.rand(512, NUM_RIG, device=device) * 0.3, torch.zeros(512, device=device).long()
    frames = FrameSource(FramePool(cast.parameters_BV, poses_MR, visemes_M), recipe.frames, render, seed=1)
    return CriticObjective(Critic(recipe.critic).to(device), frames)


def step_of(  # noqa: PLR0913 (whose step, and what is asked about it)
    objective: Objective[object],
    config: TrainerConfig,
    world: World,
    folder: Path,
    title: str,
    *,
    warm: bool,
    updates: int = 1,
) -> None:
    """Compile, then (unless that was all) time one update and its parts."""
    trainer = Trainer(objective, config, world, folder)
    started = time.perf_counter()
    for _ in range(updates):
        trainer.update()
    torch.cuda.synchronize()
    print(f"{title}: first {updates} updates {time.perf_counter() - started:.1f} s", flush=True)
    if warm:
        return
    if updates > 1:  # steps of several kinds: only their mean says something
        each = milliseconds(lambda: [trainer.update() for _ in range(updates)], repeats=2) / updates
        print(f"{title}: {each:.1f} ms an update")
        print(f"{title}: at most {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB", flush=True)
        return
    batch = objective.batch(0, 0)

    def both_ways() -> None:
        objective.loss(batch)[0].backward()

    parts = {
        "update": trainer.update,
        "batch": lambda: objective.batch(0, 0),
        "forward and backward": both_ways,
        "clip, optimiser, average": lambda: trainer._apply((0,)),  # noqa: SLF001 (a part of update, timed by itself)
    }
    for name, work in parts.items():
        print(f"{title}: {name} {milliseconds(work):.1f} ms")
    kernels(trainer.update, f"{title}, update")


def profile_online(args: argparse.Namespace, world: World) -> None:
    """Stages of Online from the bundled nano, on random clips."""
    base = load_model(bundled.folder("nano"), world.device)
    bank = bank_of(base, world.device)
    for stage, number in product(args.stages, args.layouts):
        recipe = online_recipe(stage, 60, small=False)
        layout = recipe.objective.windows.layouts[number : number + 1]
        shown = replace(recipe.objective, windows=replace(recipe.objective.windows, layouts=layout))
        recipe = replace(recipe, objective=shown, rank=args.rank)
        pupils = Pupils(base=base, student=student_of(base, base.dit, stage, recipe).to(world.device))
        lesson = prepared(stage, pupils, bank, recipe)
        replicate(lesson.module, world)
        # Steps that move the generator and others, through either of its steps: all kinds are in so many.
        several = 12 if isinstance(recipe.objective, MatchingConfig) else 3
        title = f"{stage}, layout {number}"
        step_of(lesson, in_rhythm(recipe), world, args.out, title, warm=args.warm, updates=several)


def arguments() -> argparse.Namespace:
    """What is to be profiled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", nargs="*", default=["render", "autoencoder", "base"], help="also: critic, online")
    parser.add_argument("--layouts", type=int, nargs="*", default=[0], help="of Base or Online, by number")
    parser.add_argument("--stages", type=Stage, nargs="*", default=[*ONLINE_STAGES], help="of Online")
    parser.add_argument("--rank", type=int, default=0, help="components of change that Online may learn (0: all)")
    parser.add_argument("--pieces", type=int, nargs="*", help="of the renderer, by number (default: all)")
    parser.add_argument("--warm", action="store_true", help="compile and stop")
    parser.add_argument("--compile-cache", type=Path)
    return parser.parse_args()


def main() -> None:
    """Profile the parts that are asked for."""
    args = arguments()
    with joined("cuda") as world:
        if args.compile_cache is not None:
            print(f"compiled graphs loaded: {load_compiled(args.compile_cache)}")
        footage = footage_of(CLIPS)
        cast = Cast(footage.identities, device=world.device)
        # Who only warms up another part need not wait for the renderer, which takes longest.
        drawn = not args.warm or "render" in args.parts
        render: Render = PiecewiseRenderer(render_frames, frames_at_once=128)
        if drawn:
            render = stages.renderer(world.device, only=args.pieces)
        if "render" in args.parts:
            looks, poses = cast.parameters_BV.repeat(2, 1), torch.rand(128, NUM_RIG, device=world.device) * 0.3
            started = time.perf_counter()
            render(looks, poses)
            torch.cuda.synchronize()
            print(f"render: pieces {args.pieces or 'all'}, first call {time.perf_counter() - started:.1f} s")
        if "render" in args.parts and not args.warm:
            print(f"render: {128 / milliseconds(lambda: render(looks, poses)) * 1000:.0f} frames/s in batches of 128")
        if "autoencoder" in args.parts:
            model = CharacterModel(nano.character()).to(world.device)
            objective_config, trainer_config = nano.autoencoder(60)
            moments = RenderedMoments(footage, cast, render, objective_config.focus)
            pictures = AutoencoderObjective(model.vae, moments, objective_config)
            compile_units(pictures.compilable)
            replicate(pictures.module, world)
            step_of(pictures, trainer_config, world, args.out, "autoencoder", warm=args.warm)
        if "base" in args.parts:
            model = CharacterModel(nano.character()).to(world.device)
            base_config, trainer_config = nano.base(60)
            compile_units(model.dit.blocks)
            bank = bank_of(model, world.device)
            for number in args.layouts:
                shown = replace(base_config.windows, layouts=base_config.windows.layouts[number : number + 1])
                one = replace(base_config, windows=shown)
                windows = BaseObjective(model, bank, one)
                replicate(windows.module, world)
                step_of(windows, trainer_config, world, args.out, f"base, layout {number}", warm=args.warm)
        if "online" in args.parts:
            profile_online(args, world)
        if "critic" in args.parts:
            recipe = critic_recipe(seconds=60)
            judge = judge_of(recipe, cast, render, world.device)
            judge.module.compile(dynamic=False)
            replicate(judge.module, world)
            step_of(judge, recipe.critic_trainer, world, args.out, "critic", warm=args.warm)
        if args.compile_cache is not None:
            print(f"compiled graphs saved: {save_compiled(args.compile_cache) / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
