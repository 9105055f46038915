"""Windows of stored latents for the large sizes: drawn by situation and liveliness, in buckets of one size and length.

A batch is a function of (step, place): the bucket and the kinds of references depend on the step alone, so that all
processes run one graph; clips and what is dropped depend on the place too.
"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator
from openlpm.dit.condition import Condition, ReferenceKind, ReferenceSlot
from openlpm.dit.config import DiTConfig
from openlpm.dit.excerpt import excerpt
from openlpm.training.latent_store import LatentStore
from openlpm.training.traits import ClipMix, probabilities


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class FlowDraw:
    """How windows are drawn, and how often a condition is left out."""

    rows: int
    """Windows of a batch."""
    lengths: tuple[int, ...]
    """Latent frames of windows; a clip serves for the longest that it is long enough for."""
    mix: ClipMix
    drop_text: float
    drop_speak: float
    drop_listen: float
    drop_all: float
    shown: float
    """Share of batches that are shown views and expressions beside the global picture."""
    views: int = 4
    expressions: int = 8
    """At most so many of each."""
    continue_share: float = 0.0
    """Share of windows that go on from given frames."""
    most_context: int = 1

    def __post_init__(self) -> None:
        shares = (self.drop_text, self.drop_speak, self.drop_listen, self.drop_all, self.shown, self.continue_share)
        if self.rows < 1 or not self.lengths or min(self.lengths) <= self.most_context:
            raise ConfigError(
                f"rows={self.rows}, lengths={self.lengths}, most_context={self.most_context}: give one row or more, "
                "and lengths that leave frames to generate"
            )
        if any(not 0 <= share <= 1 for share in shares):
            raise ConfigError(f"{self}: shares are from 0 to 1")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class FlowBatch:
    """Windows of one size and length, with their conditions."""

    latents_BCTHW: Tensor
    condition: Condition
    context_B: Tensor
    """Latent frames at the start that are given."""


@final
class FlowSource:
    """Batches of a store."""

    def __init__(self, store: LatentStore, draw: FlowDraw, config: DiTConfig, device: torch.device) -> None:
        """See that there is something to draw.

        Raises:
            ConfigError: no clip is long enough, or none is of a wanted situation.
        """
        self._store, self._draw, self._config, self._device = store, draw, config, device
        self._buckets = self._sorted()
        mass = np.array([bucket.mass for bucket in self._buckets])
        self._share = mass / mass.sum()

    def batch(self, step: int, place: int) -> FlowBatch:
        """The windows of a step for the process at a place."""
        draw, shared, own = self._draw, generator("flow bucket", step), generator("flow windows", step, place)
        bucket = self._buckets[int(shared.choice(len(self._buckets), p=self._share))]
        slots = self._slots(shared, bucket)
        able_N = bucket.probability_N * self._has(slots)
        if not able_N.any():
            slots, able_N = (), bucket.probability_N
        clips = own.choice(len(able_N), size=draw.rows, p=able_N / able_N.sum())
        keep = own.random((draw.rows, 3)) >= (draw.drop_text, draw.drop_speak, draw.drop_listen)
        keep &= own.random((draw.rows, 1)) >= draw.drop_all
        context = own.integers(1, draw.most_context + 1, size=draw.rows) * (own.random(draw.rows) < draw.continue_share)
        windows = [self._window(int(clip), bucket.frames, slots, own) for clip in clips]
        return FlowBatch(
            latents_BCTHW=torch.stack([latents for latents, _ in windows]).to(self._device),
            condition=self._joined([condition for _, condition in windows], torch.from_numpy(keep)),
            context_B=torch.from_numpy(context).to(self._device),
        )

    def _sorted(self) -> "list[_Bucket]":
        store, draw = self._store, self._draw
        frames_N = store.traits.frames_N
        fits_N = np.array([max((each for each in draw.lengths if each <= frames), default=0) for frames in frames_N])
        buckets: list[_Bucket] = []
        for grid in sorted({clip.grid for clip in store.clips}):
            of_grid_N = np.array([clip.grid == grid for clip in store.clips])
            for frames in draw.lengths:
                able_N = of_grid_N & (fits_N == frames)
                wanted_N = np.array([getattr(draw.mix, clip.situation) > 0 for clip in store.clips])
                if (able_N & wanted_N).any():
                    chance_N = probabilities(draw.mix, store.situation_N, store.traits, able_N)
                    buckets.append(_Bucket(frames, chance_N, float(frames_N[able_N & wanted_N].sum())))
        if not buckets:
            raise ConfigError(
                f"lengths={draw.lengths}: no clip of a wanted situation has {min(draw.lengths)} latent frames; the "
                f"longest has {int(frames_N.max())}"
            )
        return buckets

    def _slots(self, shared: np.random.Generator, bucket: "_Bucket") -> tuple[ReferenceSlot, ...]:
        """References that all windows of a step are given: some of what one of them, drawn first, has."""
        first = self._store.clips[int(shared.choice(len(self._store), p=bucket.probability_N))]
        wholes = [slot for slot in first.slots if slot.kind is ReferenceKind.GLOBAL][:1]
        if shared.random() >= self._draw.shown:
            return tuple(wholes)
        chosen = list(wholes)
        for kind, most in ((ReferenceKind.VIEW, self._draw.views), (ReferenceKind.EXPRESSION, self._draw.expressions)):
            there = [slot for slot in first.slots if slot.kind is kind]
            if there and most:
                count = int(shared.integers(1, min(most, len(there)) + 1))
                chosen += [there[k] for k in sorted(shared.choice(len(there), size=count, replace=False).tolist())]
        return tuple(chosen)

    def _has(self, slots: tuple[ReferenceSlot, ...]) -> NDArray[np.bool_]:
        return np.array([set(slots) <= set(clip.slots) for clip in self._store.clips])

    def _window(
        self, clip: int, frames: int, slots: tuple[ReferenceSlot, ...], own: np.random.Generator
    ) -> tuple[Tensor, Condition]:
        known, tensors = self._store.clips[clip], self._store.read(clip)
        first = int(own.integers(known.frames - frames + 1))
        whole = tensors.condition(first, frames, slots, known.slots)
        latents_CTHW = tensors.latents_TCHW[first : first + frames].transpose(0, 1).float()
        return latents_CTHW, excerpt(whole, self._config, first, frames)

    def _joined(self, conditions: list[Condition], keep_B3: Tensor) -> Condition:
        def rows(name: str) -> Tensor | None:
            parts = [getattr(each, name) for each in conditions]
            return None if parts[0] is None else torch.cat(parts).to(self._device)

        text_BLD = rows("text_BLD")
        assert text_BLD is not None
        keep_B3 = keep_B3.to(self._device)
        return replace(
            conditions[0],
            text_BLD=text_BLD * keep_B3[:, 0, None, None],
            speak_BLD=rows("speak_BLD"),
            listen_BLD=rows("listen_BLD"),
            references_BJCHW=rows("references_BJCHW"),
            speak_on_B=keep_B3[:, 1],
            listen_on_B=keep_B3[:, 2],
        )


@final
@dataclass(frozen=True, slots=True)
class _Bucket:
    frames: int
    probability_N: NDArray[np.float64]
    mass: float
