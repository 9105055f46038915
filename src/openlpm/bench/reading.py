"""What judges see in a clip: tracks in numpy, ready for the metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.audio_mouth import MouthPredictor
from openlpm.bench.critic import PICTURE_SHAPE, Critic
from openlpm.core.errors import ConfigError
from openlpm.weights import bundled, store
from openlpm.weights.fingerprint import folder_sha256

CRITIC_FOLDER = "critic"
MOUTH_FOLDER = "critic-mouth"
_BATCH_FRAMES = 64


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class ClipReading:
    """One clip as a critic sees it."""

    rig_FR: NDArray[np.float32]
    viseme_F: NDArray[np.int64]
    identity_FD: NDArray[np.float32]

    @property
    def num_frames(self) -> int:
        """Frames that were read."""
        return self.rig_FR.shape[0]

    def held(self) -> "ClipReading":
        """The reading of the clip's first frame held to the end (exact, since a critic knows no time)."""
        first_F = np.zeros(self.num_frames, dtype=np.int64)
        return ClipReading(
            rig_FR=self.rig_FR[first_F], viseme_F=self.viseme_F[first_F], identity_FD=self.identity_FD[first_F]
        )


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Judges:
    """The networks that judge, in evaluation mode on one device, and the sha256 of each one's weights."""

    critic: Critic
    mouth: MouthPredictor | None
    hashes: Mapping[str, str]

    @property
    def device(self) -> torch.device:
        """Where the critic is."""
        return next(self.critic.parameters()).device


@torch.inference_mode()
def read_frames(critic: Critic, frames_FCHW: Tensor) -> ClipReading:
    """Read a clip (F, 3, 256, 256) in [0, 1], wherever it is kept, in small batches on the critic's device.

    Raises:
        ConfigError: the pictures are not 3x256x256.
    """
    if tuple(frames_FCHW.shape[1:]) != PICTURE_SHAPE:
        raise ConfigError(f"frames of shape {tuple(frames_FCHW.shape)}: a critic reads pictures of {PICTURE_SHAPE}")
    device = next(critic.parameters()).device
    parts = [critic(part_NCHW.to(device).float()) for part_NCHW in frames_FCHW.split(_BATCH_FRAMES)]
    return ClipReading(
        rig_FR=torch.cat([part.rig_NR for part in parts]).cpu().numpy(),
        viseme_F=torch.cat([part.viseme_NV for part in parts]).argmax(dim=1).cpu().numpy(),
        identity_FD=torch.cat([part.identity_ND for part in parts]).cpu().numpy(),
    )


def load_judges(device: torch.device, folder: Path | None = None) -> Judges:
    """The judges from a folder that holds ``critic`` and (optionally) ``critic-mouth``; bundled ones without it.

    Raises:
        WeightsError: there is no critic, or its weights do not fit.
    """
    critic_folder = bundled.folder(CRITIC_FOLDER) if folder is None else folder / CRITIC_FOLDER
    mouth_folder = critic_folder.parent / MOUTH_FOLDER
    critic = Critic()
    store.load_into(critic, critic_folder)
    hashes = {CRITIC_FOLDER: folder_sha256(critic_folder)}
    mouth = None
    if mouth_folder.is_dir():
        mouth = MouthPredictor()
        store.load_into(mouth, mouth_folder)
        mouth = mouth.to(device).eval()
        hashes[MOUTH_FOLDER] = folder_sha256(mouth_folder)
    return Judges(critic=critic.to(device).eval(), mouth=mouth, hashes=hashes)
