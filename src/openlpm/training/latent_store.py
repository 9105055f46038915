"""Clips as latents, words and voices on disk: what a large model learns from, encoded once and read as it is needed.

A folder holds ``index.json`` and shards in safetensors. A shard holds many clips, each tensor by ``NUMBER/NAME``, so a
reader maps the file and touches one clip alone.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from openlpm.core.errors import ConfigError, InputError
from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.training.traits import SITUATIONS, Traits, strata

INDEX: Final = "index.json"
_SHARD_BYTES: Final = 1 << 30


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class StoredClip:
    """What is known of a clip without reading it."""

    shard: str
    number: int
    frames: int
    """Latent frames."""
    grid: tuple[int, int]
    """Rows and columns of its latents."""
    situation: str
    """One of ``traits.SITUATIONS``."""
    emotion: str
    energy: float
    """How much the person moves, on any scale that is the same for all clips."""
    slots: tuple[ReferenceSlot, ...]
    """Which references there are, in the order of their latents."""

    def __post_init__(self) -> None:
        if self.situation not in SITUATIONS:
            raise ConfigError(f"situation={self.situation}: give one of {', '.join(SITUATIONS)}")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ClipTensors:
    """A whole clip."""

    latents_TCHW: Tensor
    text_PLD: Tensor
    """Tokens of P captions."""
    spans_P2: Tensor
    """The latent frames that each tells of, the last exclusive."""
    speak_LD: Tensor
    """Tokens of the own voice, margins of the branch on both sides (``AudioBranch.num_tokens(T)``)."""
    listen_LD: Tensor
    references_JCHW: Tensor

    def condition(
        self, first: int, frames: int, slots: Sequence[ReferenceSlot], known: Sequence[ReferenceSlot]
    ) -> Condition:
        """What the whole clip is conditioned on, in one row, with the references that are wanted.

        Text is the caption whose stretch is most like frames ``first ... first + frames - 1``.
        """
        starts_P, ends_P = self.spans_P2.unbind(1)
        shared_P = (ends_P.clamp(max=first + frames) - starts_P.clamp(min=first)).clamp(min=0)
        fit_P = shared_P / (ends_P - starts_P + frames - shared_P)
        chosen = [list(known).index(slot) for slot in slots]
        return Condition(
            text_BLD=self.text_PLD[int(fit_P.argmax())][None].float(),
            speak_BLD=self.speak_LD[None].float(),
            listen_BLD=self.listen_LD[None].float(),
            references_BJCHW=self.references_JCHW[chosen][None].float() if chosen else None,
            slots=tuple(slots),
        )


@final
class LatentWriter:
    """Writes a store, shard by shard; the index comes last, so a folder without one is not whole."""

    def __init__(self, folder: Path, *, shard_bytes: int = _SHARD_BYTES) -> None:
        self._folder, self._most = folder, shard_bytes
        self._held: dict[str, Tensor] = {}
        self._size, self._shards = 0, 0
        self._clips: list[StoredClip] = []
        folder.mkdir(parents=True, exist_ok=True)

    def add(
        self, tensors: ClipTensors, *, situation: str, emotion: str, energy: float, slots: Sequence[ReferenceSlot]
    ) -> None:
        """Append a clip; what is said of it is described in ``StoredClip``."""
        frames, _, rows, columns = tensors.latents_TCHW.shape
        number = len(self._clips)
        for name, tensor in _named(tensors).items():
            kept = tensor.to(torch.int32 if name == "spans_P2" else torch.bfloat16).contiguous().cpu()
            self._held[f"{number}/{name}"] = kept
            self._size += kept.numel() * kept.element_size()
        shard = f"latents-{self._shards:05d}.safetensors"
        self._clips.append(
            StoredClip(
                shard=shard,
                number=number,
                frames=frames,
                grid=(rows, columns),
                situation=situation,
                emotion=emotion,
                energy=energy,
                slots=tuple(slots),
            )
        )
        if self._size >= self._most:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the index."""
        self._flush()
        draft = self._folder / f"{INDEX}.draft"
        draft.write_text(json.dumps({"clips": [asdict(clip) for clip in self._clips]}))
        draft.replace(self._folder / INDEX)

    def _flush(self) -> None:
        if self._held:
            save_file(self._held, self._folder / f"latents-{self._shards:05d}.safetensors")
            self._held, self._size, self._shards = {}, 0, self._shards + 1


@final
class LatentStore:
    """A store that is read."""

    def __init__(self, folder: Path) -> None:
        """Open a folder.

        Raises:
            InputError: there is no index in it, or no clip.
        """
        if not (folder / INDEX).is_file():
            raise InputError(f"{folder} holds no latents: {INDEX} is missing; make them first")
        self._folder = folder
        self.clips = tuple(_clip(each) for each in json.loads((folder / INDEX).read_text())["clips"])
        if not self.clips:
            raise InputError(f"{folder} holds no clip: make latents of footage first")
        self.situation_N = np.array([SITUATIONS.index(clip.situation) for clip in self.clips], np.int8)
        """Index into ``SITUATIONS``."""
        self._open: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.clips)

    def read(self, number: int) -> ClipTensors:
        """All of a clip."""
        clip = self.clips[number]
        if clip.shard not in self._open:
            self._open[clip.shard] = safe_open(self._folder / clip.shard, framework="pt")  # mapped, never closed
        file = self._open[clip.shard]
        return ClipTensors(**{name: file.get_tensor(f"{clip.number}/{name}") for name in ClipTensors.__slots__})

    @cached_property
    def traits(self) -> Traits:
        """In what clips differ: all of them were filmed, and long ones hold more."""
        count = len(self)
        energy_N = np.array([clip.energy for clip in self.clips])
        return Traits(
            frames_N=np.array([clip.frames for clip in self.clips]),
            shown_NJ=np.ones((count, 1), np.bool_),
            rigged_N=np.zeros(count, np.bool_),
            filmed_N=np.ones(count, np.bool_),
            filmed_share=1.0,
            weight_N=np.array([clip.frames for clip in self.clips], np.float64),
            stratum_N=strata([clip.emotion for clip in self.clips], energy_N),
        )


def _named(tensors: ClipTensors) -> dict[str, Tensor]:
    return {name: getattr(tensors, name) for name in ClipTensors.__slots__}


def _clip(kept: dict[str, Any]) -> StoredClip:
    slots = tuple(ReferenceSlot(kind=ReferenceKind(each["kind"]), subtype=each["subtype"]) for each in kept["slots"])
    known: dict[str, Any] = {**kept, "grid": tuple(kept["grid"]), "slots": slots}
    return StoredClip(**known)
