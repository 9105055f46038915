"""Train the readers of faces and of bodies on pictures that ``runs/render_faces.py`` drew.

    python runs/train_caption_reader.py face --pool POOL --minutes 12
    python runs/train_caption_reader.py body --pool POOL --minutes 8

POOL holds train.npy and validation.npy with their truth; performers are those of the splits. The seed is fixed; how
many steps fit into the minutes is the machine's matter and is printed. Weights go to the package as int8 rows, and
beside them what the teller has to bear: how far off each channel is on validation identities.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from train_cast_detector import Pool, backdrop, weathered

from openlpm.core.rig import Rig
from openlpm.core.seeds import generator
from openlpm.data.captions.features import BODY_BELOW, BODY_MARGIN, FACE_MARGIN
from openlpm.data.captions.networks import BODY_SIDE, FACE_SIDE, Reader, body_reader, face_reader
from openlpm.data.captions.reading import WEIGHTS
from openlpm.data.captions.tags import BODY_CHANNELS, FACE_CHANNELS
from openlpm.data.people.faces import box_of
from openlpm.weights.store import Storage, load_into, save

_BATCH, _RATE = 32, 2e-3
_MIRRORED = {
    Rig.BLINK_LEFT: Rig.BLINK_RIGHT, Rig.BROW_LEFT: Rig.BROW_RIGHT, Rig.ARM_LEFT: Rig.ARM_RIGHT,
    Rig.REACH_LEFT: Rig.REACH_RIGHT, Rig.SWING_LEFT: Rig.SWING_RIGHT, Rig.HAND_LEFT: Rig.HAND_RIGHT,
}  # fmt: skip
_TURNED = (Rig.GAZE_X, Rig.YAW, Rig.ROLL, Rig.SWAY)
_ARMS = (
    (Rig.ARM_LEFT, (Rig.REACH_LEFT, Rig.SWING_LEFT, Rig.HAND_LEFT)),
    (Rig.ARM_RIGHT, (Rig.REACH_RIGHT, Rig.SWING_RIGHT, Rig.HAND_RIGHT)),
)
_SCALE = {Rig.YAW: 2.5, Rig.PITCH: 3.5, Rig.ROLL: 3.5}
"""Radians count for more than shares."""


class Rigged:
    """A pool whose pictures come with all of the rig, half of them mirrored."""

    def __init__(self, folder: Path, split: str) -> None:
        self.pool = Pool(folder, split)
        self.rigs_NR = np.load(folder / f"{split}.npz")["rigs"]
        self.mirrored_NR = self.rigs_NR.copy()
        for left, right in _MIRRORED.items():
            self.mirrored_NR[:, [left, right]] = self.rigs_NR[:, [right, left]]
        self.mirrored_NR[:, _TURNED] *= -1

    def __len__(self) -> int:
        return len(self.rigs_NR)

    def picture(
        self, index: int, *, mirrored: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        """A picture with its matte, the box of its face, and its rig."""
        picture_HWC, box_4 = np.array(self.pool.pictures_N[index]), box_of(self.pool.points_NP2[index])
        if not mirrored:
            return picture_HWC, box_4, self.rigs_NR[index]
        flipped_4 = np.array([picture_HWC.shape[1], 0, picture_HWC.shape[1], 0], np.float32) + box_4[[2, 1, 0, 3]] * [
            -1,
            1,
            -1,
            1,
        ]
        return picture_HWC[:, ::-1], flipped_4.astype(np.float32), self.mirrored_NR[index]


def cut(
    rng: np.random.Generator, picture_HWC: NDArray[np.uint8], box_4: NDArray[np.float32], kind: str
) -> NDArray[np.float32]:
    """What the reader would see: about the face or the body, never quite where it should be."""
    side, margin, below = (FACE_SIDE, FACE_MARGIN, 0.0) if kind == "face" else (BODY_SIDE, BODY_MARGIN, BODY_BELOW)
    length = float((box_4[2:] - box_4[:2]).max())
    middle_2 = (box_4[:2] + box_4[2:]) / 2 + np.array([0, below * length]) + rng.normal(0, 0.025, 2) * length
    zoom = side / (length * margin * float(np.exp(rng.normal(0, 0.04))))
    warp = np.array([[zoom, 0, side / 2 - zoom * middle_2[0]], [0, zoom, side / 2 - zoom * middle_2[1]]])
    shown = picture_HWC.astype(np.float32)
    solid = shown[:, :, 3:] / 255
    shown = shown[:, :, :3]
    if rng.random() < 0.3:
        shown = shown * solid + backdrop(rng, *shown.shape[:2]) * (1 - solid)
    blur = 0.45 / zoom if zoom < 0.75 else 0.0
    if rng.random() < 0.3:
        blur = max(blur, float(rng.uniform(0.5, 1.3)) / zoom)
    if blur > 0.2:
        shown = cv2.GaussianBlur(shown, (0, 0), blur)
    return weathered(rng, cv2.warpAffine(shown, warp, (side, side), borderMode=cv2.BORDER_REPLICATE))


def batch_of(rng: np.random.Generator, rigged: Rigged, kind: str, size: int = _BATCH) -> tuple[Tensor, Tensor, Tensor]:
    """Cut-outs, channels, and which of them can be seen."""
    channels = FACE_CHANNELS if kind == "face" else BODY_CHANNELS
    pictures, truth, seen = [], [], []
    for _ in range(size):
        picture_HWC, box_4, rig_R = rigged.picture(int(rng.integers(len(rigged))), mirrored=bool(rng.random() < 0.5))
        pictures.append(cut(rng, picture_HWC, box_4, kind))
        truth.append(target(rig_R)[list(channels)])
        seen.append([visible(rig_R, channel) for channel in channels])
    pictures_NCHW = torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2) / 255).float()
    return pictures_NCHW, torch.from_numpy(np.stack(truth)), torch.from_numpy(np.array(seen, np.float32))


def target(rig_R: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is to be read: of hands that are not there, the middle."""
    wanted_R = rig_R.copy()
    for arm, rest in _ARMS:
        wanted_R[list(rest)] *= np.clip(rig_R[arm] / 0.5, 0, 1)
    return wanted_R


def visible(rig_R: NDArray[np.float32], channel: Rig) -> float:
    """Whether a channel shows: eyes that are shut look nowhere."""
    if channel in (Rig.GAZE_X, Rig.GAZE_Y, Rig.WIDEN):
        return float(min(rig_R[Rig.BLINK_LEFT], rig_R[Rig.BLINK_RIGHT]) < 0.6)
    return 1.0


def loss_of(reader: Reader, batch: tuple[Tensor, Tensor, Tensor], scale_R: Tensor) -> Tensor:
    """Squared distance of what can be seen."""
    pictures, truth, seen = batch
    return (((reader(pictures) - truth) * scale_R).square() * seen).mean()


def main() -> None:
    """Train one of the two, write its weights and its errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("face", "body"))
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0, help="of one core")
    parser.add_argument("--go-on", action="store_true", help="begin with the weights that are there, at half the rate")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(6)
    kind, channels = options.kind, FACE_CHANNELS if options.kind == "face" else BODY_CHANNELS
    reader = face_reader() if kind == "face" else body_reader()
    rate, name = _RATE, kind
    if options.go_on:
        load_into(reader, options.out / kind)
        rate, name = _RATE / 2, f"{kind} again"
    scale_R = torch.tensor([_SCALE.get(channel, 1.0) for channel in channels])
    train, validation = Rigged(options.pool, "train"), Rigged(options.pool, "validation")
    held = [batch_of(generator("caption reader", "validation", index), validation, kind, 64) for index in range(12)]
    optimiser = torch.optim.AdamW(reader.parameters(), lr=rate, weight_decay=1e-2)
    average = torch.optim.swa_utils.AveragedModel(
        reader, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995)
    )
    begun, step, said = time.process_time(), 0, 0.0
    while (share := (time.process_time() - begun) / (60 * options.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 50, 2.0 * (1 - share) + 1e-3)
        loss = loss_of(reader, batch_of(generator("caption reader", name, step), train, kind), scale_R)
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
    files = save(average.module.state_dict(), options.out / kind, storage=Storage.INT8_ROWS)
    print(f"{step} steps, {sum(file.stat().st_size for file in files) / 2**10:.0f} KiB in {options.out}")
    with torch.no_grad():
        off = torch.cat([(average.module(pictures) - truth) for pictures, truth, _ in held])
        seen = torch.cat([seen for _, _, seen in held])
        truth = torch.cat([truth for _, truth, _ in held])
    error_R = ((off.square() * seen).sum(0) / seen.sum(0)).sqrt().numpy()
    np.save(options.out / f"{kind}_errors.npy", error_R.astype(np.float32))
    print(
        ", ".join(
            f"{channel.name} {error:.3f} of {spread:.2f}"
            for channel, error, spread in zip(channels, error_R, truth.std(0), strict=True)
        )
    )


if __name__ == "__main__":
    main()
