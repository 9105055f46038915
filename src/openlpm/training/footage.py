"""Synthetic footage for training: performances made by worker processes, pictures rendered on the device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord, Truth
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.synth.act.perform import perform_and_tell
from openlpm.synth.act.style import draw_acting_style
from openlpm.synth.act.telling import Told
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.look.render import Cast
from openlpm.synth.sound import human_bank
from openlpm.synth.sound.espeak import Utterance
from openlpm.synth.sound.speech_bank import SpeechBank, build, with_human
from openlpm.training.forked import in_order
from openlpm.training.window_captions import Stretches, WindowCaptions, joined, numbered

WINDOW_STRIDE = 12
"""Windows begin at multiples of this many frames: half a second, 8000 samples exactly."""
_CHUNK = 32


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class FootageConfig:
    """How much footage a process works from; every process makes its own."""

    num_utterances: int
    num_clips: int
    num_frames: int
    """Length of a clip, 24 a second."""
    workers: int
    seed: int = 0
    split: Split = Split.TRAIN
    human: Path | None = None
    """Recorded people (``synth.human_bank``); None for synthesised voices alone."""
    acting: float = 0.0
    """Share of clips that are about actions (``style.draw_acting_style``); of the others about one in four has some."""
    human_share: float = 0.4
    """Of all voices, those of recorded people, as far as there are enough; every process draws its own."""

    def __post_init__(self) -> None:
        for name in ("num_clips", "workers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}: give 1 or more")
        if not 0 <= self.human_share < 1:
            raise ConfigError(f"human_share={self.human_share}: give a share from 0 to below 1")
        if not 0 <= self.acting <= 1:
            raise ConfigError(f"acting={self.acting}: give a share from 0 to 1")


@final
@dataclass(frozen=True, slots=True)
class Footage:
    """Performances in memory, one identity a clip."""

    rig_NFR: NDArray[np.float32]
    state_NF: NDArray[np.int8]
    viseme_NF: NDArray[np.int8]
    speak_NA: NDArray[np.int16]
    listen_NA: NDArray[np.int16]
    captions: list[str]
    """Of whole clips."""
    identities: list[Identity]
    stretches: Stretches
    told: WindowCaptions
    """Captions of the stretches of every clip."""

    def __len__(self) -> int:
        return len(self.identities)

    def record(self, number: int) -> PerformanceRecord:
        """One clip as a record again (its events are not kept)."""
        seed = self.identities[number].seed
        return PerformanceRecord(
            clip_id=f"footage-{number}",
            identity=f"seed:{seed}",
            num_frames=self.rig_NFR.shape[1],
            speak_A=self.speak_NA[number].astype(np.float32) / 32767,
            listen_A=self.listen_NA[number].astype(np.float32) / 32767,
            state_F=self.state_NF[number],
            caption=self.captions[number],
            truth=Truth(seed=seed, rig_FR=self.rig_NFR[number], viseme_F=self.viseme_NF[number], events=()),
        )


_bank: SpeechBank | None = None


def make_footage(
    config: FootageConfig,
    rank: int,
    windows: tuple[int, ...] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Footage:
    """Speech, performances and captions for one process. Call it before CUDA is touched: it forks.

    Stretches as long as one of ``windows`` (frames) get captions of their own, from every half second on.

    Raises:
        ConfigError: one of ``windows`` is longer than a clip.
    """
    global _bank  # noqa: PLW0603 (workers inherit the bank by fork instead of receiving a copy each)
    stretches = Stretches(num_frames=config.num_frames, lengths=windows, stride=WINDOW_STRIDE)
    _bank = build(config.split, config.num_utterances, seed=config.seed * 1009 + rank, workers=config.workers)
    if config.human is not None:
        _bank = with_human(_bank, _recorded(config.human, config, rank, num_synthetic=len(set(_bank.voice_index))))
    jobs = [range(first, min(first + _CHUNK, config.num_clips)) for first in range(0, config.num_clips, _CHUNK)]
    parts: list[_Part] = []
    for part in in_order(partial(_perform_some, config, rank, stretches), jobs, config.workers):
        parts.append(part)
        on_progress(len(parts), len(jobs))
    return _stack(parts, stretches)


def _recorded(path: Path, config: FootageConfig, rank: int, *, num_synthetic: int) -> list[Utterance]:
    """What some recorded people of the split say, so many that they make up ``human_share`` of all voices."""
    bank = human_bank.load(path)
    everyone = bank.people(config.split)
    wanted = min(len(everyone), round(num_synthetic * config.human_share / (1 - config.human_share)))
    chosen = generator("recorded", config.seed, rank).permutation(len(everyone))[:wanted]
    return list(bank.utterances(config.split, {everyone[int(index)] for index in chosen}))


@final
@dataclass(frozen=True, slots=True)
class _Part:
    """Clips of one worker."""

    records: list[PerformanceRecord]
    identities: list[Identity]
    told: WindowCaptions


def _perform_some(config: FootageConfig, rank: int, stretches: Stretches, numbers: Sequence[int]) -> _Part:
    assert _bank is not None
    seeds = seeds_of(config.split)
    records: list[PerformanceRecord] = []
    identities: list[Identity] = []
    told: list[list[Told]] = []
    for number in numbers:
        rng = generator("footage", config.seed, rank, number)
        identity_seed = int(rng.integers(seeds.start, seeds.stop))
        identity = Identity.from_seed(identity_seed)
        clip_seed = int(rng.integers(2**31))
        acts = generator("acting", config.seed, rank, number).random() < config.acting
        made = perform_and_tell(
            identity_seed,
            clip_seed,
            _bank,
            num_frames=config.num_frames,
            style=draw_acting_style(clip_seed) if acts else None,
            appearance=describe(identity),
        )
        records.append(made.record)
        identities.append(identity)
        told.append([made.telling.stretch(first, length) for first, length in stretches])
    return _Part(records, identities, numbered(told))


def _stack(parts: list[_Part], stretches: Stretches) -> Footage:
    records = [record for part in parts for record in part.records]
    truths = [record.truth for record in records if record.truth is not None]
    return Footage(
        rig_NFR=np.stack([truth.rig_FR for truth in truths]),
        state_NF=np.stack([record.state_F for record in records]),
        viseme_NF=np.stack([truth.viseme_F for truth in truths]),
        speak_NA=np.stack([_to_int16(record.speak_A) for record in records]),
        listen_NA=np.stack([_to_int16(record.listen_A) for record in records]),
        captions=[record.caption for record in records],
        identities=[identity for part in parts for identity in part.identities],
        stretches=stretches,
        told=joined([part.told for part in parts]),
    )


def _to_int16(samples_A: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.round(np.clip(samples_A, -1, 1) * 32767).astype(np.int16)


def cast_of(footage: Footage, device: torch.device) -> Cast:
    """All identities of the footage on the device."""
    return Cast(footage.identities, device=device)


def boxes_to_cells(boxes_BF4: Tensor, frames_per_cell: int, cells: int, picture_size: int) -> Tensor:
    """Latent cells that a box (x0, y0, x1, y1 in pixels) touches in any frame of a group: bool (B, T, cells, cells)."""
    groups_BTG4 = boxes_BF4.unflatten(1, (-1, frames_per_cell)) * (cells / picture_size)
    low_BT2 = groups_BTG4[..., :2].amin(dim=2).floor()
    high_BT2 = groups_BTG4[..., 2:].amax(dim=2).ceil()
    grid = torch.arange(cells, device=boxes_BF4.device)
    inside_x = (grid >= low_BT2[..., 0:1]) & (grid < high_BT2[..., 0:1])
    inside_y = (grid >= low_BT2[..., 1:2]) & (grid < high_BT2[..., 1:2])
    return inside_y[..., :, None] & inside_x[..., None, :]
