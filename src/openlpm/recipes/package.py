"""From what a training left, in full precision, to the folder that ships: int8 rows, and differences where they do.

Online's transformers are Base's and what distillation changed in it. They are stored as that difference, cut to as many
components as a size allows (``weights.difference``); what the cut loses is measured and reported.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from openlpm.bench.reading import CRITIC_FOLDER, MOUTH_FOLDER
from openlpm.core.errors import ConfigError
from openlpm.recipes.activations import measured_activations
from openlpm.recipes.beginning import sizes_of
from openlpm.rollout.assembly import CharacterConfig, CharacterModel, load_model
from openlpm.rollout.online import OnlineNetwork
from openlpm.vae.config import AutoencoderConfig
from openlpm.weights.difference import Difference
from openlpm.weights.int8 import dequantise, quantise, worth_quantising
from openlpm.weights.store import Storage, load, save

_RANKS = (0, 1, 2, 4, 8, 16, 32, 64)
_BASE = "dit"
_SHARED = ("vae", "speak", "listen", "text", "choreographer")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CutRow:
    """What is lost of a difference at a rank, before rounding."""

    rank: int
    size_mib: float
    lost: float
    """Norm of what is left out over the norm of the difference; vectors are never cut."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PackedNetwork:
    """How a transformer of Online was stored."""

    name: OnlineNetwork
    base: str
    """The folder beside it to which it is a difference."""
    size_mib: float
    changed: float
    """Norm of the difference over the norm of the base's weights."""
    mean_rank: float
    error: float
    """Norm of what the weights as loaded and as trained differ by, over the norm of the difference."""
    error_whole: float
    """The same, had the whole transformer been stored as int8 rows."""
    cuts: tuple[CutRow, ...]


def package(
    trained: Path, shipped: Path, *, online: Path | None = None, budget_mib: float = 2.5, people: int = 16
) -> list[PackedNetwork]:
    """Store a trained Base and its judges small in ``shipped``, and with ``online`` the transformers that stream.

    ``online`` is the folder of a stage of the Online chain. Its transformers get ``budget_mib`` together. With pictures
    of so many ``people`` it is measured how large numbers get in the decoder (a minute on a CPU); 0 leaves that out,
    and the model will not decode in 8 bits.

    Raises:
        ConfigError: ``online`` was not distilled from this Base, or the budget cannot hold it.
        WeightsError: a folder holds no model.
    """
    base = load_model(trained)
    streaming = None if online is None else load_model(online)
    config = base.config if streaming is None else _joint_config(base, streaming)
    sizes = base.config.vae
    if people and isinstance(sizes, AutoencoderConfig):
        base.vae.to("cuda" if torch.cuda.is_available() else "cpu")
        activations = measured_activations(base.own_parts().vae, num_people=people)
        base.vae.cpu()
        base.config = replace(base.config, vae=replace(sizes, activations=activations))
        config = replace(config, vae=base.config.vae)
    base.save_to(shipped, storage=Storage.INT8_ROWS)
    for judge in (CRITIC_FOLDER, MOUTH_FOLDER):
        if (trained / judge).is_dir():  # a run may leave the judges as they are
            shutil.copytree(trained / judge, shipped.parent / judge, dirs_exist_ok=True)
    for name in OnlineNetwork:  # of an earlier packaging
        shutil.rmtree(shipped / name, ignore_errors=True)
    if streaming is None:  # `trained` may stream: what was distilled for it is not of this Base any more
        CharacterModel(replace(base.config, online=None, online_networks=())).write_config(shipped)
        load_model(shipped)
        return []
    packed: list[PackedNetwork] = []
    bases = {_BASE: base.dit.state_dict()}
    share = round(budget_mib * 2**20 / len(config.online_networks))
    networks = {OnlineNetwork.BACKBONE: streaming.streaming, OnlineNetwork.REFINER: streaming.refiner}
    for name in config.online_networks:
        network = networks[name]
        assert network is not None
        packed.append(_pack(name, network.state_dict(), bases, shipped, share))
        bases[name] = load(shipped / name)
    CharacterModel(config).write_config(shipped)
    load_model(shipped)  # strict: what ships is a model
    return packed


def _joint_config(base: CharacterModel, streaming: CharacterModel) -> CharacterConfig:
    """Base's sizes, and Online's way to stream."""
    online = streaming.config.online
    if online is None:
        raise ConfigError(
            "online=None: this folder was never taught to stream; give that of a stage of the Online chain"
        )
    if sizes_of(streaming.config) != sizes_of(base.config):
        raise ConfigError("online: its sizes are not those of the trained Base; give a stage that began from this Base")
    parts = (base.parts(), streaming.parts())
    for part in _SHARED:
        if any(part not in each for each in parts):
            continue
        ours, theirs = (each[part].state_dict() for each in parts)
        if any(not torch.equal(value, theirs[key]) for key, value in ours.items()):
            raise ConfigError(
                f"online: its {part} is not that of the trained Base; give a stage that began from this Base"
            )
    own = (OnlineNetwork.BACKBONE, *((OnlineNetwork.REFINER,) if streaming.refiner is not None else ()))
    return replace(base.config, online=online, online_networks=own)


def _pack(
    name: OnlineNetwork,
    target: Mapping[str, Tensor],
    bases: Mapping[str, Mapping[str, Tensor]],
    shipped: Path,
    size: int,
) -> PackedNetwork:
    """Store a network as a difference to that of the bases from which it comes out best."""
    tried: dict[str, tuple[float, float]] = {}
    differences = {base: Difference(state, target) for base, state in bases.items()}
    ranks = {base: each.within(size) for base, each in differences.items()}
    learnt = _distance(target, bases[_BASE])
    folder = shipped / name

    def store(base: str) -> float:
        state = differences[base].state(ranks[base])
        written = save(state, folder, storage=Storage.INT8_ROWS, base=shipped / base)
        tried[base] = (_distance(load(folder), target) / learnt, sum(path.stat().st_size for path in written) / 2**20)
        return tried[base][0]

    best = min(bases, key=store)
    store(best)
    chosen = differences[best]
    rounded = {key: dequantise(quantise(each)) if worth_quantising(each) else each for key, each in target.items()}
    return PackedNetwork(
        name=name,
        base=best,
        size_mib=tried[best][1],
        changed=learnt / _distance(bases[_BASE], None),
        mean_rank=sum(ranks[best].values()) / max(1, len(ranks[best])),
        error=tried[best][0],
        error_whole=_distance(rounded, target) / learnt,
        cuts=tuple(
            CutRow(rank=rank, size_mib=chosen.size_bytes(cut) / 2**20, lost=chosen.lost(cut))
            for rank in sorted({*_RANKS, chosen.most})
            if rank <= chosen.most
            for cut in (chosen.evenly(rank),)
        ),
    )


def _distance(one: Mapping[str, Tensor], other: Mapping[str, Tensor] | None) -> float:
    """Norm of the difference of two sets of weights, or of one."""
    parts = [
        (value.double() - (0 if other is None else other[key].double())).square().sum() for key, value in one.items()
    ]
    return max(float(torch.stack(parts).sum()) ** 0.5, 1e-30)
