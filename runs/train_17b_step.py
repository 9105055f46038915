"""The training step of LPM-17B against the clock, on 1, 2 or 4 GPUs, in one call of about three minutes.

    PYTHONPATH=src python3 runs/train_17b_step.py --out out/train_step

Weights and clips of chance, since time does not depend on their values: five seconds at 832x480, one global reference,
text and both voices; FSDP2, bfloat16, blocks computed again in the backward pass. Parts:

  train    a clip on every GPU, compiled blocks, AdamW
  context  one clip over all GPUs (context parallelism), the same
  dmd      distribution matching: a frozen base, adapters for generator and fake score, one clip over all GPUs

Where all layers do not fit, as many as fit are timed and the result says how many: nothing is extrapolated. A part that
fails is tried again without compiling, and costs no other part. OUT gets ``step.json`` (for ``openlpm bench training
--steps OUT/step.json``) and a log; a table is printed last. ``--rehearse`` goes through all of it at tiny size on two
processes of a CPU.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.dit.work import SequenceShape
from openlpm.flow.guidance import GuidanceScales
from openlpm.parallel.attention_choice import fastest_attention
from openlpm.parallel.scale import ScaleConfig, local, scale
from openlpm.parallel.world import World, joined
from openlpm.recipes.programme.machine import H200
from openlpm.recipes.programme.reckon import Layout, Passes, StepPlan, reckon
from openlpm.recipes.speed import speed_size
from openlpm.training.flow_matching import FlowConfig, FlowLearner
from openlpm.training.flow_windows import FlowBatch, FlowDraw
from openlpm.training.gradients import clip_gradients
from openlpm.training.optimiser import MuonAdamW, OptimiserConfig, Rhythm
from openlpm.training.roles import take_roles
from openlpm.training.scores import ScoreConfig
from openlpm.training.shared_matching import FAKE, GENERATOR, SharedBatch, SharedMatchingConfig, SharedMatchingLearner
from openlpm.training.traits import ClipMix

FRAMES, LATENT_STRIDE = 30, 8
SLOT = ReferenceSlot(kind=ReferenceKind.GLOBAL)
MEMORY_SHARE = 0.92
"""Of a GPU's memory that a reckoned step may take."""
LONGEST_STEP_S = {"train": 25.0, "context": 25.0, "dmd": 18.0}
"""Fewer layers are timed where a step would take longer: the call is short."""
TIMED_STEPS = 3
RANK = 64
MATCHING = SharedMatchingConfig(times=(1.0, 0.6), scores=ScoreConfig(guidance=GuidanceScales(speak=2.0)), fake_steps=2)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is timed."""

    name: str
    context: int
    compiled: bool


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A size, a picture and where it runs."""

    config: DiTConfig
    latents: tuple[int, int]
    frames: int
    gpus: int
    on_gpu: bool

    def shape(self, config: DiTConfig) -> SequenceShape:
        """Of a clip with its reference."""
        return SequenceShape(frames=self.frames, frame_tokens=config.tokens_per_frame(*self.latents), references=1)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="lpm-17b")
    parser.add_argument("--gpus", type=int, help="by default all there are, at most 4")
    parser.add_argument("--layers", type=int, help="by default as many as fit")
    parser.add_argument("--parts", default="", help="some of train,context,dmd, in this order")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--rehearse", action="store_true", help="tiny, on a CPU: says nothing of speed")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    return parser.parse_args()


def parts_of(options: argparse.Namespace, gpus: int) -> list[Part]:
    """In the order of their worth; on four GPUs a clip on each takes long, so it comes last."""
    if options.parts:
        names = options.parts.split(",")
    else:
        names = ["context", "dmd", "train"] if gpus > 2 else ["train", "context", "dmd"]
    compiles = not options.rehearse
    made = {
        "train": Part(name="train", context=1, compiled=compiles),
        "context": Part(name="context", context=gpus, compiled=compiles),
        "dmd": Part(name="dmd", context=gpus, compiled=False),  # three roles would be three times the graphs
    }
    return [made[name] for name in names if name != "context" or gpus > 1]


def lead(options: argparse.Namespace) -> None:
    """Start the processes, again for what is left if they die or hang, and print what was found."""
    options.out.mkdir(parents=True, exist_ok=True)
    ends = time.time() + 60 * options.minutes
    gpus = options.gpus or (2 if options.rehearse else min(4, torch.cuda.device_count()))
    if gpus < 1:
        raise SystemExit("there is no GPU here: give --rehearse to see that all of it runs")
    found: list[dict[str, Any]] = []
    left = [part.name for part in parts_of(options, gpus)]
    environment = {"NCCL_NVLS_ENABLE": "0", "OMP_NUM_THREADS": "1"} | os.environ
    environment |= {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
    tries = 0
    while left and ends - time.time() > 20 and tries < 3:
        tries += 1
        table = options.out / f"try-{tries}.json"
        command = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(gpus),
            __file__,
        ]
        command += ["--work", "--out", str(table), "--model", options.model, "--parts", ",".join(left)]
        command += ["--until", str(ends), *(["--rehearse"] if options.rehearse else [])]
        command += ["--layers", str(options.layers)] if options.layers else []
        with (options.out / f"try-{tries}.log").open("w") as log:
            try:
                subprocess.run(
                    command, stdout=log, stderr=log, timeout=ends - time.time() + 10, check=False, env=environment
                )
            except subprocess.TimeoutExpired:
                print(f"try {tries}: ran out of time", flush=True)
        got = json.loads(table.read_text()) if table.is_file() else []
        if not got:
            print((options.out / f"try-{tries}.log").read_text()[-2000:], flush=True)
        found += got
        # What was being done when processes died is not tried again.
        left = left[len({each["part"] for each in got}) + (len(got) == 0 or got[-1].get("unfinished", False)) :]
    device = "cpu" if options.rehearse else torch.cuda.get_device_name(0).removeprefix("NVIDIA ")
    whole = {"device": device, "gpus": gpus, "torch": torch.__version__, "model": options.model, "parts": found}
    (options.out / "step.json").write_text(json.dumps(whole, indent=1) + "\n")
    show(whole)


def show(whole: dict[str, Any]) -> None:
    """A short table."""
    for each in whole["parts"]:
        title = f"{each['part']:8} {'compiled' if each['compiled'] else 'eager':8}"
        if "error" in each:
            print(f"{title} failed: {each['error']}")
        elif "step_s" in each:
            steps = ", ".join(f"{spent:.3f}" for spent in each["step_s"])
            plan = each["planned"]
            print(
                f"{title} {each['layers']}/{each['of_layers']} layers, {each['context']} GPUs to a clip: {steps} s, "
                f"MFU {each['mfu']:.3f}, {each['tokens_per_s']:.0f} tokens/s, {each['memory_gib']:.1f} GiB "
                f"(reserved {each['reserved_gib']:.1f}); planned {plan['step_s']:.3f} s, {plan['memory_gib']:.1f} GiB; "
                f"first step {each['first_step_s']:.1f} s {each['split'] or ''}"
            )


def work(options: argparse.Namespace) -> None:
    """One of the processes."""
    torch.set_num_threads(1)
    parts = parts_of(options, int(os.environ["WORLD_SIZE"]))
    found: list[dict[str, Any]] = []
    with joined("cpu" if options.rehearse else "cuda"):
        for part in parts:
            for compiled in dict.fromkeys((part.compiled, False)):
                each = replace(part, compiled=compiled)
                with joined("cpu" if options.rehearse else "cuda", context=each.context) as world:
                    note(options.out, [*found, {"part": each.name, "compiled": compiled, "unfinished": True}], world)
                    found.append(timed(each, options, world))
                    note(options.out, found, world)
                if "error" not in found[-1]:
                    break


def note(path: Path, found: list[dict[str, Any]], world: World) -> None:
    """What is known so far, should the rest be killed."""
    if world.is_first:
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(found))
        draft.replace(path)


def timed(part: Part, options: argparse.Namespace, world: World) -> dict[str, Any]:
    """Numbers of a part, or what went wrong."""
    known = {"part": part.name, "context": part.context, "compiled": part.compiled}
    try:
        return {**known, **measured(part, options, world)}
    except Exception as error:  # noqa: BLE001 (a part that fails costs no other)
        traceback.print_exc()
        return {**known, "error": f"{type(error).__name__}: {error}"[:600]}
    finally:
        gc.collect()
        if world.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        torch._dynamo.reset()  # noqa: SLF001 (torch documents it by this name)


def setting_of(options: argparse.Namespace, world: World) -> Setting:
    """The size, or next to nothing."""
    if options.rehearse:
        config = speed_size("tiny")
        return Setting(config=config, latents=(8, 8), frames=4, gpus=world.size, on_gpu=False)
    return Setting(
        config=speed_size(options.model),
        latents=(480 // LATENT_STRIDE, 832 // LATENT_STRIDE),
        frames=FRAMES,
        gpus=world.size,
        on_gpu=world.device.type == "cuda",
    )


def planned(setting: Setting, part: Part, layers: int) -> StepPlan:
    """What ``openlpm train plan`` says of so many layers."""
    config = replace(setting.config, num_layers=layers)
    # Of distribution matching a step in which both learn and the generator's second step is taught.
    passes = Passes(trained=2, seen=4) if part.name == "dmd" else Passes()
    layout = Layout(gpus=setting.gpus, context=part.context, average=False)
    return reckon(config, setting.shape(config), layout, passes, H200)


def layers_that_fit(setting: Setting, part: Part) -> int:
    """The most, and for distribution matching no more than a step of reasonable time; pairs, for both voices."""
    if not setting.on_gpu:
        return setting.config.num_layers
    room = MEMORY_SHARE * torch.cuda.mem_get_info()[1]
    for layers in range(setting.config.num_layers, 1, -2):
        plan = planned(setting, part, layers)
        bytes_taken = plan.memory.total
        if part.name == "dmd":  # nothing is kept of what does not learn but its weights
            bytes_taken -= plan.memory.gradients + plan.memory.optimiser
        if bytes_taken <= room and plan.time.total <= LONGEST_STEP_S[part.name]:
            return layers
    return 2


def measured(part: Part, options: argparse.Namespace, world: World) -> dict[str, Any]:
    """Make the network, take steps until the time is over, at least one of them timed."""
    setting = setting_of(options, world)
    layers = options.layers or layers_that_fit(setting, part)
    config = replace(setting.config, num_layers=layers)
    plan, began = planned(setting, part, layers), time.time()
    step = (
        matching_step(part, setting, config, world) if part.name == "dmd" else flow_step(part, setting, config, world)
    )
    spent: list[float] = []
    with fastest_attention(world.device):
        wait(world)
        first = clocked(lambda: step(1), world)
        # A second one warms what the first has compiled anew (a backward pass, another role).
        second = clocked(lambda: step(0), world)
        while len(spent) < TIMED_STEPS:
            spent.append(clocked(lambda: step(0), world))
            if world.agree(int(options.until - time.time() < 2.2 * spent[-1] or time.time() - began > 75)):
                break
        # Where the time goes is looked at only if that leaves enough for another part.
        left_s = options.until - time.time() - (10 if part.name == "dmd" else 60)
        split = parts_of_step(lambda: step(0), world, left_s, spent[-1])
    middle = sorted(spent)[len(spent) // 2]
    gpu = world.device.type == "cuda"
    return {
        "layers": layers,
        "of_layers": setting.config.num_layers,
        "tokens": plan.tokens,
        "first_step_s": first,
        "second_step_s": second,
        "step_s": spent,
        "mfu": plan.operations / (world.size * H200.peak.value * middle),
        "tokens_per_s": plan.tokens / middle,
        "memory_gib": torch.cuda.max_memory_allocated() / 2**30 if gpu else 0.0,
        "reserved_gib": torch.cuda.max_memory_reserved() / 2**30 if gpu else 0.0,
        "planned": {"step_s": plan.time.total, "memory_gib": plan.memory.total / 2**30, "mfu": plan.mfu},
        "plan_error": abs(plan.time.total - middle) / middle,
        "loss": step.loss,
        "split": split,
    }


def parts_of_step(step: Any, world: World, left_s: float, step_s: float) -> dict[str, float]:
    """Seconds of kernels in one more step, by kind, on the first GPU; nothing where there is no time for it."""
    if world.device.type != "cuda" or not world.agree(int(left_s > 2.5 * step_s)):
        return {}
    from openlpm.bench.speed.parts import part_times

    if world.is_first:
        seen = part_times(step, world.device, repeats=1)
        return {"gemm": round(seen.gemm, 3), "attention": round(seen.attention, 3), "rest": round(seen.rest, 3)}
    step()
    return {}


def clocked(work: Any, world: World) -> float:
    """Seconds until all processes are done."""
    started = time.perf_counter()
    work()
    wait(world)
    return time.perf_counter() - started


def wait(world: World) -> None:
    """For the device and for the others."""
    if world.device.type == "cuda":
        torch.cuda.synchronize()
    world.wait()


class Step:
    """One training step; called with a number, from which the step of distribution matching follows."""

    def __init__(self, optimiser: MuonAdamW, differentiate: Any) -> None:
        self._optimiser, self._differentiate = optimiser, differentiate
        self.loss = float("nan")

    def __call__(self, number: int) -> None:
        """Gradients, clipped, into weights."""
        torch.manual_seed(number)
        loss = self._differentiate(number)
        moving = self._optimiser.moving(number)
        owners = [p for rhythm in moving for p in self._optimiser.parameters_of(rhythm)]
        clip_gradients(owners, 1.0)
        self._optimiser.rate.fill_(1e-6)
        self._optimiser.step(moving)
        self._optimiser.zero_grad(set_to_none=True)
        self.loss = float(loss)


def flow_step(part: Part, setting: Setting, config: DiTConfig, world: World) -> Step:
    """Flow matching with all weights."""
    model = network(config)
    scale(model, world, ScaleConfig(context=part.context, compile=part.compiled, narrow=setting.on_gpu))
    of_chance(model, world)
    draw = FlowDraw(
        rows=1, lengths=(setting.frames,), mix=ClipMix(), drop_text=0, drop_speak=0, drop_listen=0, drop_all=0, shown=0
    )
    learner = FlowLearner(model, world, FlowConfig(draw=draw, time_shift=3.0))
    batch = window(setting, config, world)
    config_of = OptimiserConfig(lr=1e-6, use_muon=False)

    def differentiate(_: int) -> Tensor:
        loss, _scalars = learner(batch)
        loss.backward()
        return loss.detach()

    return Step(MuonAdamW(model.named_parameters(), config_of), differentiate)


def matching_step(part: Part, setting: Setting, config: DiTConfig, world: World) -> Step:
    """Generator and fake score as roles; step 0 teaches both, step 1 the fake score alone."""
    model = network(config)
    take_roles(model, (GENERATOR, FAKE), RANK if setting.on_gpu else 4)
    scale(model, world, ScaleConfig(context=part.context, compile=part.compiled, narrow=setting.on_gpu))
    of_chance(model, world)
    learner = SharedMatchingLearner(model, world, MATCHING)
    rhythms = (Rhythm(suffix=f".{GENERATOR}", every=MATCHING.fake_steps), Rhythm(suffix=f".{FAKE}"))
    batch = window(setting, config, world)

    def differentiate(number: int) -> Tensor:
        moves = number % MATCHING.fake_steps == 0
        return learner.differentiate(SharedBatch(window=batch, moves=moves, step=1))["loss"]

    return Step(MuonAdamW(model.named_parameters(), OptimiserConfig(lr=1e-6, use_muon=False), rhythms), differentiate)


def network(config: DiTConfig) -> CharacterTransformer:
    """Without memory yet."""
    with torch.device("meta"):
        return CharacterTransformer(config)


def of_chance(model: nn.Module, world: World) -> None:
    """Weights that keep what passes through them of order one, made where they are to be."""
    model.to_empty(device=world.device)
    torch.manual_seed(world.rank)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            own = local(parameter)
            if name.endswith(("norm.weight", "cross_norm.weight")):
                own.fill_(1)
            elif name.endswith("bias") or ".left." in name:
                own.zero_()
            elif name.endswith("modulation"):
                own.normal_(std=0.3)
            else:
                own.normal_(std=(parameter.numel() / parameter.shape[0]) ** -0.5)


def window(setting: Setting, config: DiTConfig, world: World) -> FlowBatch:
    """A clip of chance; processes that share it have the same one."""
    draw = torch.Generator(device=world.device).manual_seed(world.data_rank)

    def chance(*shape: int) -> Tensor:
        return torch.randn(1, *shape, device=world.device, generator=draw)

    assert config.speak is not None
    assert config.listen is not None
    return FlowBatch(
        latents_BCTHW=chance(config.latent_channels, setting.frames, *setting.latents),
        condition=Condition(
            text_BLD=chance(config.text_tokens, config.text_width),
            speak_BLD=chance(config.speak.num_tokens(setting.frames), config.speak.width),
            listen_BLD=chance(config.listen.num_tokens(setting.frames), config.listen.width),
            references_BJCHW=chance(1, config.latent_channels, *setting.latents),
            slots=(SLOT,),
        ),
        context_B=torch.zeros(1, dtype=torch.long, device=world.device),
    )


if __name__ == "__main__":
    asked = read_options()
    (work if asked.work else lead)(asked)
