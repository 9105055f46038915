"""Train the reader of faces on pictures that ``runs/render_faces.py`` drew.

    python runs/train_caption_reader.py --pool POOL --minutes 12

POOL holds train.npy and validation.npy with their truth; performers are those of the splits. The seed is fixed; how
many steps fit into the minutes is the machine's matter and is printed. Weights go to the package as int8 rows.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from train_cast_detector import Pool, backdrop

from openlpm.core.rig import Rig
from openlpm.core.seeds import generator
from openlpm.data.captions.features import face_square
from openlpm.data.captions.networks import FACE_SIDE, Reader, as_batch
from openlpm.data.captions.reading import WEIGHTS, Cuts, cuts_of
from openlpm.data.captions.tags import FACE_CHANNELS
from openlpm.data.people.faces import MIRRORED, box_of
from openlpm.weights.store import Storage, load_into, save

_BATCH, _RATE = 32, 2e-3
_NEW, _KEPT = 8, 400
"""Examples that are made anew for every step, and steps that they are kept for."""
_MIRRORED = {Rig.BLINK_LEFT: Rig.BLINK_RIGHT, Rig.BROW_LEFT: Rig.BROW_RIGHT}
_TURNED = (Rig.GAZE_X, Rig.YAW, Rig.ROLL)
_SCALE = {Rig.YAW: 2.5, Rig.PITCH: 3.5, Rig.ROLL: 3.5}
"""Radians count for more than shares."""


_GRAIN = generator("caption reader", "grain").normal(0, 1, (640, 640, 3)).astype(np.float32)


@dataclass
class Shown:
    """A picture with its matte, the landmarks of its face, and its rig."""

    picture_HWC: NDArray[np.uint8]
    points_P2: NDArray[np.float32]
    rig_R: NDArray[np.float32]


class Rigged:
    """A pool whose pictures come with all of the rig, half of them mirrored."""

    def __init__(self, folder: Path, split: str) -> None:
        self.pool = Pool(folder, split)
        self.rigs_NR = np.load(folder / f"{split}.npz")["rigs"]

    def draw(self, rng: np.random.Generator) -> Shown:
        """One of them."""
        index = int(rng.integers(len(self.rigs_NR)))
        picture_HWC, points_P2 = np.array(self.pool.pictures_N[index]), self.pool.points_NP2[index]
        rig_R = self.rigs_NR[index].copy()
        if rng.random() < 0.5:
            points_P2 = points_P2[list(MIRRORED)] * np.float32([-1, 1]) + np.float32([picture_HWC.shape[1], 0])
            for left, right in _MIRRORED.items():
                rig_R[[left, right]] = rig_R[[right, left]]
            rig_R[list(_TURNED)] *= -1
            picture_HWC = picture_HWC[:, ::-1]
        return Shown(picture_HWC, points_P2.astype(np.float32), rig_R)


def observed(rng: np.random.Generator, points_P2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks as a detector reports them: each a little off, and all together."""
    box_4 = box_of(points_P2)
    size = float((box_4[2:] - box_4[:2]).max())
    shake = size * float(np.exp(rng.uniform(np.log(0.003), np.log(0.02))))
    return (points_P2 + rng.normal(0, shake, points_P2.shape) + rng.normal(0, 0.006 * size, 2)).astype(np.float32)


def filmed(
    rng: np.random.Generator, shown: Shown, square: tuple[float, float, float], side: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """What is near a square, as a camera and an encoder may leave it, and where its corner was."""
    x, y, length = square
    reach = 0.6 * length
    low_2 = np.floor(np.clip([x - reach, y - reach], 0, 250)).astype(int)
    high_2 = np.ceil(np.clip([x + reach, y + reach], low_2 + 2, 256)).astype(int)
    near_HWC = shown.picture_HWC[low_2[1] : high_2[1], low_2[0] : high_2[0]].astype(np.float32)
    picture_HWC, solid = near_HWC[:, :, :3], near_HWC[:, :, 3:] / 255
    if rng.random() < 0.15:
        picture_HWC = picture_HWC * solid + backdrop(rng, *picture_HWC.shape[:2]) * (1 - solid)
    if rng.random() < 0.3:
        picture_HWC = cv2.GaussianBlur(picture_HWC, (0, 0), float(rng.uniform(0.4, 1.0)) * length / side)
    return weathered(rng, picture_HWC), low_2.astype(np.float32)


def weathered(rng: np.random.Generator, picture_HWC: NDArray[np.float32]) -> NDArray[np.uint8]:
    """As a camera or an encoder might leave it; grain is cut from one large piece, for making it takes longest."""
    rows, columns = picture_HWC.shape[:2]
    gain = rng.uniform(0.7, 1.25, (1, 1, 1 if rng.random() < 0.7 else 3)).astype(np.float32)
    picture_HWC = picture_HWC * gain + np.float32(rng.uniform(-20, 20))
    if rng.random() < 0.15:
        picture_HWC = np.repeat(picture_HWC.mean(axis=2, keepdims=True), 3, axis=2)
    y, x = (int(rng.integers(_GRAIN.shape[axis] - size)) for axis, size in ((0, rows), (1, columns)))
    picture_HWC = picture_HWC + _GRAIN[y : y + rows, x : x + columns] * np.float32(rng.uniform(0, 6))
    made_HWC = np.ascontiguousarray(picture_HWC.clip(0, 255).astype(np.uint8))
    if rng.random() < 0.35:
        _, coded = cv2.imencode(".jpg", made_HWC, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 92))])
        made_HWC = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return made_HWC


def face_example(rng: np.random.Generator, shown: Shown) -> Cuts:
    """What the reader is given of a picture."""
    points_P2 = observed(rng, shown.points_P2)
    square = face_square(box_of(points_P2))
    picture_HWC, corner_2 = filmed(rng, shown, (square[0], square[1], square[2] * 1.1), FACE_SIDE)
    points_P2 = points_P2 - corner_2
    return cuts_of(picture_HWC, points_P2, box_of(points_P2))


def batch_of(rng: np.random.Generator, rigged: Rigged, size: int = _BATCH) -> tuple[list[Tensor], Tensor, Tensor]:
    """What the reader is given, channels, and which of them can be seen."""
    given, truth, seen = [], [], []
    for _ in range(size):
        shown = rigged.draw(rng)
        given.append(face_example(rng, shown))
        truth.append(shown.rig_R[list(FACE_CHANNELS)])
        seen.append([shows(shown.rig_R, channel) for channel in FACE_CHANNELS])
    stacked = [np.stack([each[k] for each in given]) for k in range(len(given[0]))]
    inputs = [as_batch(each) if each.dtype == np.uint8 else torch.from_numpy(each) for each in stacked]
    return inputs, torch.from_numpy(np.stack(truth)), torch.from_numpy(np.array(seen, np.float32))


class Supply:
    """Examples of the last steps: making one takes longer than learning from it, so each is seen several times."""

    def __init__(self, rigged: Rigged, name: str) -> None:
        self._rigged, self._name = rigged, name
        self._kept: list[tuple[list[Tensor], Tensor, Tensor]] = []

    def batch(self, step: int) -> tuple[list[Tensor], Tensor, Tensor]:
        """``_BATCH`` examples, those of this step among them."""
        rng = generator("caption reader", self._name, step)
        self._kept.append(batch_of(rng, self._rigged, _NEW))
        self._kept = self._kept[-_KEPT:]
        older = rng.integers(len(self._kept), size=_BATCH // _NEW - 1).tolist()
        chosen = [self._kept[-1], *(self._kept[index] for index in older)]
        inputs = [torch.cat([each[0][k] for each in chosen]) for k in range(len(chosen[0][0]))]
        return inputs, torch.cat([each[1] for each in chosen]), torch.cat([each[2] for each in chosen])


def shows(rig_R: NDArray[np.float32], channel: Rig) -> float:
    """Whether a channel shows: eyes that are shut look nowhere."""
    if channel in (Rig.GAZE_X, Rig.GAZE_Y, Rig.WIDEN):
        return float(min(rig_R[Rig.BLINK_LEFT], rig_R[Rig.BLINK_RIGHT]) < 0.6)
    return 1.0


def loss_of(reader: nn.Module, batch: tuple[list[Tensor], Tensor, Tensor], scale_R: Tensor) -> Tensor:
    """Squared distance of what can be seen."""
    inputs, truth, seen = batch
    return (((reader(*inputs) - truth) * scale_R).square() * seen).mean()


def say_errors(reader: nn.Module, held: list[tuple[list[Tensor], Tensor, Tensor]]) -> None:
    """Say how far off each channel is on validation identities."""
    with torch.no_grad():
        off = torch.cat([(reader(*inputs) - truth) for inputs, truth, _ in held])
        seen = torch.cat([seen for _, _, seen in held])
        truth = torch.cat([truth for _, truth, _ in held])
    error_R = ((off.square() * seen).sum(0) / seen.sum(0)).sqrt().numpy()
    spread_R = truth.std(0).tolist()
    for channel, off, each in zip(FACE_CHANNELS, error_R.tolist(), spread_R, strict=True):
        print(f"{channel.name.lower()} {off:.3f} of {each:.2f}")


def main() -> None:
    """Train, write the weights, say the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0, help="of one core")
    parser.add_argument("--go-on", action="store_true", help="begin with the weights that are there, at half the rate")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(6)
    reader, rate, name = Reader(), _RATE, "face"
    if options.go_on:
        load_into(reader, options.out / "reader")
        rate, name = _RATE / 2, "face again"
    scale_R = torch.tensor([_SCALE.get(channel, 1.0) for channel in FACE_CHANNELS])
    train, validation = Rigged(options.pool, "train"), Rigged(options.pool, "validation")
    held = [batch_of(generator("caption reader", "validation", index), validation, 64) for index in range(12)]
    supply = Supply(train, name)
    optimiser = torch.optim.AdamW(reader.parameters(), lr=rate, weight_decay=1e-2)
    average = torch.optim.swa_utils.AveragedModel(
        reader, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995)
    )
    begun, step, said = time.process_time(), 0, 0.0
    while (share := (time.process_time() - begun) / (60 * options.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 50, 2.0 * (1 - share) + 1e-3)
        loss = loss_of(reader, supply.batch(step), scale_R)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 2.0)
        optimiser.step()
        average.update_parameters(reader)
        step += 1
        if share - said > 0.1 or step == 20:
            said = share
            with torch.no_grad():
                value = float(np.mean([float(loss_of(average.module, batch, scale_R)) for batch in held]))
            print(f"{share:.0%} step {step}: train {float(loss.detach()):.4f}, validation {value:.4f}", flush=True)
    files = save(average.module.state_dict(), options.out / "reader", storage=Storage.INT8_ROWS)
    print(f"{step} steps, {sum(file.stat().st_size for file in files) / 2**10:.0f} KiB in {options.out}")
    say_errors(average.module, held)


if __name__ == "__main__":
    main()
