"""What a critic learns from: pictures rendered on the device, of random people in random and performed poses."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from openlpm.bench.critic import face_square
from openlpm.bench.critic_augment import disturb
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import MOUTH_CHANNELS, NUM_RIG, RIG_HIGH_R, RIG_LOW_R, Rig
from openlpm.synth.look.render import Cast, Render

NO_VISEME = -100
"""Label of frames whose rig is random, so that no sound belongs to the mouth."""

_AT_REST = 0.3
_MISSED_PLACE, _MISSED_SIZE = 0.06, 0.1
"""How far a critic may miss a face: of the face's side, and of the logarithm of that."""


@final
@dataclass(frozen=True, slots=True)
class FrameBatch:
    """N labelled pictures."""

    frames_NCHW: Tensor
    rig_NR: Tensor
    viseme_N: Tensor
    identity_index_N: Tensor
    face_N3: Tensor
    """Where the face is, as ``critic.face_square`` has it."""
    look_N3: Tensor
    """Where a critic that errs a little would look for it."""


@final
@dataclass(frozen=True, slots=True)
class FramePool:
    """Who (packed looks) and how (frames of performances) to draw from, on one device."""

    parameters_IV: Tensor
    rig_MR: Tensor
    viseme_M: Tensor

    @staticmethod
    def of(parameters_IV: Tensor, records: Sequence[PerformanceRecord]) -> "FramePool":
        """A pool of the looks ``Cast.parameters_BV`` and of all frames of the records."""
        truths = [record.truth for record in records if record.truth is not None]
        if not truths or parameters_IV.shape[0] < 2:
            raise ConfigError(f"{len(truths)} records, {parameters_IV.shape[0]} looks: give a record and two looks")
        rig_MR = torch.from_numpy(np.concatenate([truth.rig_FR for truth in truths])).float()
        viseme_M = torch.from_numpy(np.concatenate([truth.viseme_F for truth in truths])).long()
        return FramePool(parameters_IV, rig_MR.to(parameters_IV.device), viseme_M.to(parameters_IV.device))


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class FrameConfig:
    """How a batch is put together; every person appears several times so that identity can be contrasted."""

    identities: int = 64
    frames_each: int = 2
    performed: float = 0.65
    """Share of frames straight from performances."""
    remixed: float = 0.2
    """Share with the mouth of one performed frame and everything else random; the rest is random throughout."""
    augmented: bool = True

    def __post_init__(self) -> None:
        if self.identities < 2 or self.frames_each < 2:
            raise ConfigError(
                f"identities={self.identities}, frames_each={self.frames_each}: contrast needs at least two of each"
            )
        if self.performed < 0 or self.remixed < 0 or self.performed + self.remixed > 1:
            raise ConfigError(f"performed={self.performed}, remixed={self.remixed}: give shares that sum to at most 1")


@final
class FrameSource:
    """Batches as a function of (seed, step, rank): the same arguments give the same batch."""

    def __init__(self, pool: FramePool, config: FrameConfig, render: Render, *, seed: int) -> None:
        self._pool, self._config, self._render, self._seed = pool, config, render, seed
        device = pool.rig_MR.device
        self._random = torch.Generator(device=device)
        self._low_R, self._high_R = torch.from_numpy(RIG_LOW_R).to(device), torch.from_numpy(RIG_HIGH_R).to(device)

    @torch.no_grad()
    def batch(self, step: int, rank: int = 0) -> FrameBatch:
        """``identities * frames_each`` pictures, rendered and (if so configured) disturbed."""
        config, pool = self._config, self._pool
        self._random.manual_seed(_stream(self._seed, step, rank))
        count = config.identities * config.frames_each
        order_I = torch.randperm(pool.parameters_IV.shape[0], generator=self._random, device=pool.rig_MR.device)
        identity_N = order_I[: config.identities].repeat_interleave(config.frames_each)
        rig_NR, viseme_N = self._poses(count)
        parameters_NV = pool.parameters_IV[identity_N]
        frames_NCHW = self._render(parameters_NV, rig_NR)
        if config.augmented:
            frames_NCHW = disturb(frames_NCHW, self._random)
        face_N3 = face_square(Cast.from_parameters(parameters_NV).regions(rig_NR[:, None]).face_BF4[:, 0])
        return FrameBatch(frames_NCHW, rig_NR, viseme_N, identity_N, face_N3, self._missed(face_N3))

    def _missed(self, face_N3: Tensor) -> Tensor:
        """The same squares, a little beside and a little larger or smaller."""
        error_N3 = torch.rand(face_N3.shape, generator=self._random, device=face_N3.device) * 2 - 1
        # A side is a share of the picture's, places go from -1 to 1.
        place_N2 = 2 * _MISSED_PLACE * error_N3[:, :2] * face_N3[:, 2:].exp()
        return face_N3 + torch.cat([place_N2, _MISSED_SIZE * error_N3[:, 2:]], dim=1)

    def _poses(self, count: int) -> tuple[Tensor, Tensor]:
        pool, device = self._pool, self._pool.rig_MR.device
        frame_N = torch.randint(pool.rig_MR.shape[0], (count,), generator=self._random, device=device)
        performed_NR, viseme_N = pool.rig_MR[frame_N], pool.viseme_M[frame_N]
        share_NR = torch.rand(count, NUM_RIG, generator=self._random, device=device)
        random_NR = self._low_R + share_NR * (self._high_R - self._low_R)
        resting_NR = torch.rand(count, NUM_RIG, generator=self._random, device=device) < _AT_REST
        random_NR = random_NR.masked_fill(resting_NR, 0.0)
        # Lids mostly move together; independent ones would hide half of the gazes.
        alike_N = torch.rand(count, generator=self._random, device=device) < 0.7
        random_NR[:, Rig.BLINK_RIGHT] = torch.where(
            alike_N, random_NR[:, Rig.BLINK_LEFT], random_NR[:, Rig.BLINK_RIGHT]
        )
        remixed_NR = random_NR.clone()
        remixed_NR[:, list(MOUTH_CHANNELS)] = performed_NR[:, list(MOUTH_CHANNELS)]
        kind_N = torch.rand(count, generator=self._random, device=device)
        performed_N = kind_N < self._config.performed
        remixed_N = ~performed_N & (kind_N < self._config.performed + self._config.remixed)
        rig_NR = torch.where(performed_N[:, None], performed_NR, random_NR)
        rig_NR = torch.where(remixed_N[:, None], remixed_NR, rig_NR)
        return rig_NR, viseme_N.masked_fill(~(performed_N | remixed_N), NO_VISEME)


def _stream(*numbers: int) -> int:
    """A seed of its own for every tuple of numbers, the same in every process."""
    digest = hashlib.blake2b(",".join(map(str, numbers)).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "little")
