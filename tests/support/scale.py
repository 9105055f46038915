"""Trainings of a tiny wide model, alone or as one of several processes: run as a program it is one of them."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.dit.cross_attention import AudioAttention
from openlpm.dit.model import CharacterTransformer
from openlpm.flow.guidance import GuidanceScales
from openlpm.parallel.scale import ScaleConfig, fill, scale
from openlpm.parallel.world import World, joined
from openlpm.recipes.speed import tiny
from openlpm.training.flow_matching import FlowConfig, FlowObjective
from openlpm.training.flow_windows import FlowDraw, FlowSource
from openlpm.training.latent_store import ClipTensors, LatentStore, LatentWriter
from openlpm.training.optimiser import OptimiserConfig, Rhythm
from openlpm.training.roles import take_roles
from openlpm.training.schedule import WarmStableDecay
from openlpm.training.scores import ScoreConfig
from openlpm.training.shared_matching import (
    FAKE,
    GENERATOR,
    SharedMatchingConfig,
    SharedMatchingLearner,
    SharedMatchingObjective,
)
from openlpm.training.trainer import Trainer, TrainerConfig
from openlpm.training.traits import ClipMix

CONFIG = replace(tiny(), width=48, ffn_width=64)
SLOTS = (
    ReferenceSlot(kind=ReferenceKind.GLOBAL),
    ReferenceSlot(kind=ReferenceKind.VIEW, subtype=1),
    ReferenceSlot(kind=ReferenceKind.EXPRESSION, subtype=2),
)
FLOW = FlowConfig(
    draw=FlowDraw(
        rows=1,
        lengths=(3, 5),
        mix=ClipMix(),
        drop_text=0.1,
        drop_speak=0.1,
        drop_listen=0.1,
        drop_all=0.05,
        shown=0.5,
        continue_share=0.5,
        most_context=2,
    ),
    time_shift=2.5,
    most_context_noise=0.2,
)
MATCHING = SharedMatchingConfig(times=(1.0, 0.6), scores=ScoreConfig(guidance=GuidanceScales(speak=2.0)), fake_steps=2)
PLAIN = ScaleConfig(compile=False, narrow=False)
TRAINER = TrainerConfig(
    steps=6,
    optimiser=OptimiserConfig(lr=1e-3, use_muon=False),
    schedule=WarmStableDecay(warmup_steps=1, decay_fraction=0.5),
    log_every=1,
    save_every=3,
)


def write_store(folder: Path, *, clips: int = 6) -> Path:
    """Clips of chance, of two sizes and lengths, in two shards."""
    draw = torch.Generator().manual_seed(4)

    def chance(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw)

    assert CONFIG.speak is not None
    assert CONFIG.listen is not None
    writer = LatentWriter(folder, shard_bytes=60_000)
    for number in range(clips):
        frames, cells = (6, 4) if number % 3 else (4, 8)
        slots = SLOTS if number % 2 else SLOTS[:1]
        tensors = ClipTensors(
            latents_TCHW=chance(frames, CONFIG.latent_channels, cells, cells),
            text_PLD=chance(2, CONFIG.text_tokens, CONFIG.text_width),
            spans_P2=torch.tensor([[0, 2], [2, frames]]),
            speak_LD=chance(CONFIG.speak.num_tokens(frames), CONFIG.speak.width),
            listen_LD=chance(CONFIG.listen.num_tokens(frames), CONFIG.listen.width),
            references_JCHW=chance(len(slots), CONFIG.latent_channels, cells, cells),
        )
        situation = ("speak", "listen", "idle", "conversation")[number % 4]
        writer.add(tensors, situation=situation, emotion="joy", energy=1.0 + number, slots=slots)
    writer.close()
    return folder


def whole_model() -> CharacterTransformer:
    """Weights of chance everywhere, so that nothing starts at zero and hides."""
    torch.manual_seed(0)
    model = CharacterTransformer(CONFIG)
    with torch.no_grad():
        torch.nn.init.normal_(model.head.weight, std=0.2)
        for module in model.modules():
            if isinstance(module, AudioAttention):
                torch.nn.init.normal_(module.v.weight, std=0.2)
    return model


def scaled_model(world: World, config: ScaleConfig) -> CharacterTransformer:
    """The same weights, read shard by shard into a model that was never whole."""
    whole = whole_model().state_dict()
    with torch.device("meta"):
        model = CharacterTransformer(CONFIG)
    scale(model, world, config)
    fill(model, world.device, lambda name, shape: whole[name].reshape(shape))
    return model


def train(  # the folder decides whether a run is new
    store: Path, folder: Path, *, config: ScaleConfig = PLAIN, trainer: TrainerConfig = TRAINER
) -> dict[str, Tensor]:
    """Losses by step, and the weights in the end, whole."""
    with joined("cpu", context=config.context) as world:
        model = scaled_model(world, config)
        objective = FlowObjective.of(model, LatentStore(store), world, FLOW)
        run = Trainer(objective, trainer, world, folder)
        run.resume()
        run.run()
        weights = {name: whole(p) for name, p in model.named_parameters()}
        world.wait()
    losses = [json.loads(line)["loss"] for line in (folder / "curves.jsonl").read_text().splitlines()]
    return {"losses": torch.tensor(losses, dtype=torch.float64), **weights}


def trained_roles(store: Path, folder: Path, *, config: ScaleConfig = PLAIN) -> dict[str, Tensor]:
    """Adapters of generator and fake score after some steps, whole, and the losses."""
    with joined("cpu", context=config.context) as world:
        model = whole_model()
        torch.manual_seed(5)
        take_roles(model, (GENERATOR, FAKE), rank=4)
        scale(model, world, config)
        # A clip whose voice is dropped pulls nowhere: its gradient is what rounding left, made large by Adam.
        draw = replace(FLOW.draw, continue_share=0.0, drop_speak=0.0, drop_all=0.0)
        source = FlowSource(LatentStore(store), draw, CONFIG, world.device)
        objective = SharedMatchingObjective(SharedMatchingLearner(model, world, MATCHING), source, MATCHING)
        rhythms = (Rhythm(suffix=f".{GENERATOR}", every=MATCHING.fake_steps), Rhythm(suffix=f".{FAKE}"))
        run = Trainer(objective, replace(TRAINER, steps=5, rhythms=rhythms), world, folder)
        run.run()
        weights = {name: whole(p) for name, p in model.named_parameters()}
        world.wait()
    lines = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines] + [line["pull"] for line in lines if "pull" in line]
    return {"losses": torch.tensor(losses, dtype=torch.float64), **weights}


def whole(p: Tensor) -> Tensor:
    """All of a parameter."""
    return (p.full_tensor() if isinstance(p, DTensor) else p).detach().clone()


def kept(folder: Path, name: str, work: Callable[[Path], dict[str, Tensor]]) -> None:
    """Do it, and let the first process keep what came of it."""
    made = work(folder / name)
    if os.environ["RANK"] == "0":
        torch.save(made, folder / f"{name}.pt")


def main(folder: Path) -> None:
    """Everything that two processes do together."""
    store = folder / "store"
    with joined("cpu"):  # processes meet once; whoever joins within is among them
        kept(folder, "data", lambda run: train(store, run))
        kept(folder, "context", lambda run: train(store, run, config=replace(PLAIN, context=2)))
        kept(folder, "half", lambda run: train(store, run, trainer=replace(TRAINER, steps=3)))
        kept(folder, "roles", lambda run: trained_roles(store, run, config=replace(PLAIN, context=2)))
        kept(folder, "narrow", lambda run: train(store, run, config=replace(PLAIN, narrow=True)))


def compiled(folder: Path) -> None:
    """Blocks compiled and not: one process, without the checks of types that tests bring."""
    store, short = write_store(folder / "store"), replace(TRAINER, steps=2)
    for name in ("eager", "compiled"):
        made = train(store, folder / name, config=replace(PLAIN, compile=name == "compiled"), trainer=short)
        torch.save(made, folder / f"{name}.pt")
    (folder / "graphs").write_text(str(torch._dynamo.utils.counters["stats"]["unique_graphs"]))


if __name__ == "__main__":
    torch.set_num_threads(1)
    (compiled if "RANK" not in os.environ else main)(Path(sys.argv[1]))
