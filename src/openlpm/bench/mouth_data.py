"""What the mouth predictor learns from: training voices, disturbed in several ways, with their true mouths."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.audio_mouth import voice_mel
from openlpm.bench.metrics import speaking
from openlpm.core.audio import ArraySource
from openlpm.core.errors import ConfigError
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import MOUTH_CHANNELS
from openlpm.core.seeds import generator
from openlpm.encoders.mel import COLUMNS_PER_FRAME

Disturb = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]
"""``synth.augment.augment``: another recording of the same voice, its timing unchanged."""


@final
@dataclass(frozen=True, slots=True)
class VoiceBatch:
    """B windows of voices with their mouths."""

    mel_BML: Tensor
    mouth_BFX: Tensor
    speaking_BF: Tensor


@final
@dataclass(frozen=True, slots=True)
class VoicePool:
    """Clips kept on the device as mel columns, K of them, of one length."""

    mel_KML: Tensor
    """In half precision: there are many."""
    mouth_KFX: Tensor
    speaking_KF: Tensor

    @staticmethod
    def of(
        records: Sequence[PerformanceRecord], device: torch.device, *, disturb: Disturb | None = None, variants: int = 1
    ) -> "VoicePool":
        """The clips of the records in which somebody speaks for a second or more, each ``variants`` times.

        Every variant is disturbed differently; without ``disturb`` the sound stays as it is.
        """
        spoken = [
            record for record in records if record.truth is not None and int(speaking(record.state_F).sum()) >= 24
        ]
        if not spoken:
            raise ConfigError(f"{len(records)} records: nobody speaks for a second in any of them")
        mels, mouths, masks = [], [], []
        for record in spoken:
            assert record.truth is not None
            for variant in range(variants):
                random = generator(record.clip_id, "mouth", variant)
                voice_A = record.speak_A if disturb is None else disturb(record.speak_A, random)
                mels.append(voice_mel(ArraySource(voice_A), record.num_frames)[0].half())
                mouths.append(torch.from_numpy(record.truth.rig_FR[:, list(MOUTH_CHANNELS)]))
                masks.append(torch.from_numpy(speaking(record.state_F)))
        return VoicePool(
            torch.stack(mels).to(device), torch.stack(mouths).float().to(device), torch.stack(masks).to(device)
        )


@final
class VoiceSource:
    """Batches of random windows as a function of (seed, step, rank)."""

    def __init__(self, pool: VoicePool, *, batch_size: int = 64, window_frames: int = 96, seed: int = 0) -> None:
        self._pool, self._batch_size, self._seed = pool, batch_size, seed
        self._window = min(window_frames, pool.mouth_KFX.shape[1])

    def batch(self, step: int, rank: int = 0) -> VoiceBatch:
        """``batch_size`` windows of ``window_frames`` frames."""
        pool, device = self._pool, self._pool.mel_KML.device
        digest = hashlib.blake2b(f"{self._seed},{step},{rank}".encode(), digest_size=7).digest()
        random = torch.Generator().manual_seed(int.from_bytes(digest, "little"))
        clips, num_frames = pool.mouth_KFX.shape[:2]
        clip_B = torch.randint(clips, (self._batch_size,), generator=random).to(device)
        first_B = torch.randint(num_frames - self._window + 1, (self._batch_size,), generator=random).to(device)
        frame_BF = first_B[:, None] + torch.arange(self._window, device=device)
        column_BL = COLUMNS_PER_FRAME * first_B[:, None] + torch.arange(COLUMNS_PER_FRAME * self._window, device=device)
        mel_BML = pool.mel_KML[clip_B[:, None], :, column_BL].transpose(1, 2).float()
        return VoiceBatch(
            mel_BML, pool.mouth_KFX[clip_B[:, None], frame_BF], pool.speaking_KF[clip_B[:, None], frame_BF]
        )
