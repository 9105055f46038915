"""Train the teller: from what the reader sees of a performance, frame by frame, to tags.

    python runs/train_caption_teller.py --tracks TRACKS --minutes 12

TRACKS holds train.npz and validation.npz of ``runs/caption_tracks.py``. Channels of the rig are made as wrong as the
reader is on films of validation identities (``runs/tune_captions.py errors`` wrote that down); the same script
chooses thresholds afterwards.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn import functional

from openlpm.bench.dataset.tag_truth import UNCOUNTED
from openlpm.core.rig import NUM_RIG, Rig
from openlpm.core.seeds import generator
from openlpm.data.captions.features import features_of
from openlpm.data.captions.networks import Teller
from openlpm.data.captions.reading import WEIGHTS
from openlpm.data.captions.tags import FACE_CHANNELS, FELT
from openlpm.weights.store import Storage, load_into, save

_BATCH, _RATE, _FRAMES = 24, 2e-3, 168
_NEW, _KEPT = 8, 300
"""Examples that are made anew for every step, and steps that they are kept for."""


class Tracks:
    """Performances."""

    def __init__(self, path: Path) -> None:
        stored = np.load(path)
        self.rigs_KFR, self.boxes_KF4, self.states_KF = stored["rigs"], stored["boxes"], stored["states"]
        self.emotions_KFE, self.labels_KFT = stored["emotions"], stored["labels"]


class Errors:
    """How far off the reader is."""

    def __init__(self, folder: Path) -> None:
        held = json.loads((folder / "errors.json").read_text(encoding="utf-8"))
        self._numbers = {
            name: np.array([held[channel.name.lower()][name] for channel in FACE_CHANNELS])
            for name in ("slope", "offset", "bias", "noise")
        }

    def read(self, rng: np.random.Generator, values_FR: NDArray[np.float32]) -> NDArray[np.float32]:
        """Channels as the reader may report them: too small, off by as much all the time, drifting and trembling."""
        slope_R, offset_R, bias_R, noise_R = self._numbers.values()
        size_R = np.exp(rng.normal(0, 0.3, bias_R.shape))
        slope_R = slope_R * np.exp(rng.normal(0, 0.2, slope_R.shape))
        slow = float(np.sqrt(rng.uniform(0.3, 0.8)))
        drift_FR = gaussian_filter1d(rng.normal(0, 1, values_FR.shape), float(rng.uniform(2, 12)), axis=0)
        drift_FR /= max(float(drift_FR.std()), 1e-6)
        off_FR = slow * drift_FR + np.sqrt(1 - slow**2) * rng.normal(0, 1, values_FR.shape)
        own_R = offset_R + bias_R * size_R * rng.normal(0, 1, bias_R.shape)
        return (slope_R * values_FR + own_R + noise_R * size_R * off_FR).astype(np.float32)


def example(rng: np.random.Generator, tracks: Tracks, errors: Errors, index: int, frames: slice) -> NDArray[np.float32]:
    """The features of some frames."""
    rig_FR = np.zeros((frames.stop - frames.start, NUM_RIG), np.float32)
    rig_FR[:, : Rig.TIME] = tracks.rigs_KFR[index, frames]
    shut_F1 = rig_FR[:, [Rig.BLINK_LEFT, Rig.BLINK_RIGHT]].min(axis=1, keepdims=True) > 0.6
    rig_FR[:, [Rig.GAZE_X, Rig.GAZE_Y]] *= ~shut_F1 | (rng.random() < 0.5)
    box_F4 = tracks.boxes_KF4[index, frames]
    length = float((box_F4[:, 2:] - box_F4[:, :2]).max())
    box_F4 = box_F4 + rng.normal(0, 0.008 * length, box_F4.shape)
    face_FR = errors.read(rng, rig_FR[:, FACE_CHANNELS])
    return features_of(face_FR, box_F4.astype(np.float32), tracks.states_KF[index, frames])


def batch_of(rng: np.random.Generator, tracks: Tracks, errors: Errors) -> tuple[Tensor, Tensor, Tensor]:
    """Features, what is true of the tags (emotions in degrees), and what counts."""
    num_tracks, length = tracks.states_KF.shape
    features, truth, counted = [], [], []
    for _ in range(_NEW):
        index, first = int(rng.integers(num_tracks)), int(rng.integers(0, length - _FRAMES + 1))
        frames = slice(first, first + _FRAMES)
        features.append(example(rng, tracks, errors, index, frames))
        label_FT = tracks.labels_KFT[index, frames]
        true_FT = (label_FT == 1).astype(np.float32)
        counts_FT = (label_FT != UNCOUNTED).astype(np.float32)
        true_FT[:, : len(FELT)] = tracks.emotions_KFE[index, frames, 1:]
        counts_FT[:, : len(FELT)] = 1
        truth.append(true_FT)
        counted.append(counts_FT)
    return tuple(torch.from_numpy(np.stack(each)).transpose(1, 2) for each in (features, truth, counted))  # type: ignore[return-value]


class Supply:
    """Examples of the last steps: making one takes longer than learning from it, so each is seen several times."""

    def __init__(self, tracks: Tracks, errors: Errors, name: str) -> None:
        self._tracks, self._errors, self._name = tracks, errors, name
        self._kept: list[tuple[Tensor, Tensor, Tensor]] = []

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """``_BATCH`` examples, those of this step among them."""
        rng = generator("caption teller", self._name, step)
        self._kept = [*self._kept[1 - _KEPT :], batch_of(rng, self._tracks, self._errors)]
        older = rng.integers(len(self._kept), size=_BATCH // _NEW - 1).tolist()
        chosen = [self._kept[-1], *(self._kept[index] for index in older)]
        features, truth, counted = (torch.cat([each[k] for each in chosen]) for k in range(3))
        return features, truth, counted


def loss_of(teller: Teller, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Cross entropy of what counts; what is rare counts twice."""
    features, truth, counted = batch
    cross = functional.binary_cross_entropy_with_logits(teller(features), truth, reduction="none")
    return (cross * counted * (1 + truth)).sum(dim=1).mean()


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=12.0, help="of one core")
    parser.add_argument("--go-on", action="store_true", help="begin with the weights that are there, at half the rate")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(6)
    teller, rate, name = Teller(), _RATE, "train"
    if options.go_on:
        load_into(teller, options.out / "teller")
        rate, name = _RATE / 2, "again"
    errors = Errors(options.out)
    train, validation = Tracks(options.tracks / "train.npz"), Tracks(options.tracks / "validation.npz")
    held = [batch_of(generator("caption teller", "validation", index), validation, errors) for index in range(8)]
    supply = Supply(train, errors, name)
    optimiser = torch.optim.AdamW(teller.parameters(), lr=rate, weight_decay=1e-2)
    average = torch.optim.swa_utils.AveragedModel(
        teller, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995)
    )
    begun, step, said = time.process_time(), 0, 0.0
    while (share := (time.process_time() - begun) / (60 * options.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 50, 2.0 * (1 - share) + 1e-3)
        loss = loss_of(teller, supply.batch(step))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(teller.parameters(), 2.0)
        optimiser.step()
        average.update_parameters(teller)
        step += 1
        if share - said > 0.1 or step == 20:
            said = share
            with torch.no_grad():
                value = float(np.mean([float(loss_of(average.module, batch)) for batch in held]))
            print(f"{share:.0%} step {step}: train {float(loss.detach()):.4f}, validation {value:.4f}", flush=True)
    files = save(average.module.state_dict(), options.out / "teller", storage=Storage.INT8_ROWS)
    print(f"{step} steps, {sum(file.stat().st_size for file in files) / 2**10:.0f} KiB in {options.out}")


if __name__ == "__main__":
    main()
