"""Train the finder and the mesh of the cast detector on pictures that ``runs/render_faces.py`` drew.

    python runs/train_cast_detector.py finder --pool POOL --minutes 8
    python runs/train_cast_detector.py mesh --pool POOL --minutes 8

Faces are those of train identities; POOL holds train.npy and validation.npy with their truth. The seed is fixed; how
many steps fit into the minutes is the machine's matter and is printed. Weights go to the package as int8 rows.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from openlpm.core.rig import Rig
from openlpm.core.seeds import generator
from openlpm.data.people.cast_detector import WEIGHTS
from openlpm.data.people.cast_networks import CELL, FINDER_SIDE, MESH_MARGIN, MESH_SIDE, Finder, Mesh
from openlpm.data.people.faces import MIRRORED, POINT, box_of
from openlpm.weights.store import Storage, load_into, save

_BATCH = 32
_RATE = 2e-3
_TURN = (Rig.YAW, Rig.PITCH, Rig.ROLL)
_MOUTH = [POINT[name] for name in ("mouth_left", "mouth_right", "lip_top", "lip_bottom", "gap_top", "gap_bottom")]
_UPPER, _LOWER = ([POINT[f"{part}_{end}"] for part in ("gap", "lip")] for end in ("top", "bottom"))


class Pool:
    """Rendered performers with their mattes and truth."""

    def __init__(self, folder: Path, split: str) -> None:
        self.pictures_N = np.load(folder / f"{split}.npy", mmap_mode="r")
        truth = np.load(folder / f"{split}.npz")
        self.points_NP2, self.turn_N3 = truth["points"], truth["rigs"][:, _TURN]

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        """A picture with its matte, its landmarks and its turn, half of them mirrored."""
        index = int(rng.integers(len(self.pictures_N)))
        picture_HWC, points_P2, turn_3 = self.pictures_N[index], self.points_NP2[index], self.turn_N3[index]
        if rng.random() < 0.5:
            return np.array(picture_HWC), points_P2, turn_3
        flipped = points_P2[list(MIRRORED)] * np.float32([-1, 1]) + np.float32([picture_HWC.shape[1], 0])
        return np.array(picture_HWC[:, ::-1]), flipped, turn_3 * np.float32([-1, 1, -1])


def backdrop(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    """Something to stand before: a gradient with shapes and grain."""
    small = rng.uniform(0, 255, (int(rng.integers(1, 7)), int(rng.integers(1, 7)), 3)).astype(np.float32)
    picture = cv2.resize(small, (columns, rows), interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_NEAREST])))
    for _ in range(int(rng.integers(0, 7))):
        colour = tuple(float(each) for each in rng.uniform(0, 255, 3))
        centre = (int(rng.integers(columns)), int(rng.integers(rows)))
        if rng.random() < 0.5:
            axes = (int(rng.integers(3, 60)), int(rng.integers(3, 60)))
            cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
        else:
            corner = (centre[0] + int(rng.integers(4, 90)), centre[1] + int(rng.integers(4, 90)))
            cv2.rectangle(picture, centre, corner, colour, -1)
    return picture + rng.normal(0, rng.uniform(0, 8), picture.shape).astype(np.float32)


def weathered(rng: np.random.Generator, picture_HWC: NDArray[np.float32]) -> NDArray[np.float32]:
    """As a camera or an encoder might leave it."""
    gain, offset = rng.uniform(0.7, 1.25, (1, 1, 1 if rng.random() < 0.7 else 3)), rng.uniform(-20, 20)
    picture_HWC = picture_HWC * gain.astype(np.float32) + np.float32(offset)
    if rng.random() < 0.15:
        picture_HWC = np.repeat(picture_HWC.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.3:
        picture_HWC = cv2.GaussianBlur(picture_HWC, (0, 0), rng.uniform(0.3, 1.2))
    picture_HWC = picture_HWC + rng.normal(0, rng.uniform(0, 6), picture_HWC.shape)
    picture_HWC = picture_HWC.clip(0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        _, coded = cv2.imencode(".jpg", picture_HWC, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))])
        picture_HWC = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return picture_HWC.astype(np.float32)


def scene(rng: np.random.Generator, pool: Pool) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """A picture of the finder's size with up to four performers, and the landmarks of each."""
    side, kind = FINDER_SIDE, rng.random()
    if kind < 0.45:  # whole pictures beside one another, letterboxed
        number = 1 if kind < 0.2 else 2 if kind < 0.38 else int(rng.integers(3, 5))
        room = side if rng.random() < 0.7 else int(rng.integers(side // 2, side))
        each = room // number
        left, top = int(rng.integers(0, side - each * number + 1)), int(rng.integers(0, side - each + 1))
        picture = np.zeros((side, side, 3), np.float32) if rng.random() < 0.7 else backdrop(rng, side, side)
        found: list[NDArray[np.float32]] = []
        for index in range(number):
            source, points_P2, _ = pool.draw(rng)
            x = left + index * each
            picture[top : top + each, x : x + each] = cv2.resize(
                source[:, :, :3], (each, each), interpolation=cv2.INTER_AREA
            )
            found.append(points_P2 * (each / source.shape[0]) + np.float32([x, top]))
        return picture, found
    picture, found = backdrop(rng, side, side), []
    for _ in range(int(rng.choice(5, p=(0.12, 0.33, 0.3, 0.15, 0.1)))):
        source, points_P2, _ = pool.draw(rng)
        face = box_of(points_P2)
        size = float(np.exp(rng.uniform(np.log(13), np.log(130)))) / float((face[2:] - face[:2]).max())
        corner = rng.uniform(8, side - 8, 2) - (face[:2] + face[2:]) / 2 * size
        warp = np.float32([[size, 0, corner[0]], [0, size, corner[1]]])
        shrunk = cv2.GaussianBlur(source, (0, 0), 0.45 / size) if size < 0.7 else source
        layer = cv2.warpAffine(shrunk.astype(np.float32), warp, (side, side), flags=cv2.INTER_LINEAR)
        placed = points_P2 * np.float32(size) + corner.astype(np.float32)
        box = box_of(placed)
        if any(_covers(box, box_of(other)) for other in found):
            continue
        solid = layer[:, :, 3:] / 255
        picture = picture * (1 - solid) + layer[:, :, :3] * solid
        found.append(placed)
    return picture, found


def _covers(box: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    reach = 0.35 * ((box[2:] - box[:2]).max() + (other[2:] - other[:2]).max())
    return bool((np.abs(box[:2] + box[2:] - other[:2] - other[2:]) / 2 < 1.6 * reach).all())


def finder_batch(rng: np.random.Generator, pool: Pool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures, which cells hold a face, which of them are neither yes nor no, and boxes."""
    cells = FINDER_SIDE // CELL
    pictures = np.empty((_BATCH, 3, FINDER_SIDE, FINDER_SIDE), np.float32)
    is_face, ignored = np.zeros((_BATCH, cells, cells), np.float32), np.zeros((_BATCH, cells, cells), np.float32)
    boxes = np.zeros((_BATCH, 4, cells, cells), np.float32)
    grid_y, grid_x = np.mgrid[:cells, :cells] + 0.5
    for row in range(_BATCH):
        picture, found = scene(rng, pool)
        pictures[row] = weathered(rng, picture).transpose(2, 0, 1) / 255
        for points_P2 in found:
            box = box_of(points_P2) / CELL
            middle, size = (box[:2] + box[2:]) / 2, np.maximum(box[2:] - box[:2], 0.3)
            away = np.hypot((grid_x - middle[0]) / max(size[0], 2), (grid_y - middle[1]) / max(size[1], 2))
            near = away < 0.18
            near[min(int(max(middle[1], 0)), cells - 1), min(int(max(middle[0], 0)), cells - 1)] = True
            is_face[row][near] = 1
            ignored[row][(away < 0.4) & ~near] = 1
            for channel, value in enumerate((middle[0] - grid_x, middle[1] - grid_y)):
                boxes[row, channel][near] = value[near]
            boxes[row, 2:, near] = np.log(size)
    return (
        torch.from_numpy(pictures), torch.from_numpy(is_face),
        torch.from_numpy(ignored * (1 - is_face)), torch.from_numpy(boxes),
    )  # fmt: skip


def finder_loss(finder: Finder, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """Focal loss of the cells and distance of the boxes."""
    pictures, is_face, ignored, boxes = batch
    found = finder(pictures.contiguous(memory_format=torch.channels_last))
    share = torch.sigmoid(found.logit_NHW)
    right = torch.where(is_face > 0, share, 1 - share)
    cross = functional.binary_cross_entropy_with_logits(found.logit_NHW, is_face, reduction="none")
    faces = is_face.sum().clamp_min(1)
    weight = torch.where(is_face > 0, 1.0, 0.5) * (1 - right).square() * (1 - ignored)
    off = functional.smooth_l1_loss(found.box_N4HW, boxes, reduction="none", beta=0.1).mean(1)
    return (cross * weight).sum() / faces + 2.0 * (off * is_face).sum() / faces


def mesh_batch(rng: np.random.Generator, pool: Pool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cut-outs, landmarks across them, turns, and which are faces."""
    pictures = np.empty((_BATCH, 3, MESH_SIDE, MESH_SIDE), np.float32)
    points, turns = np.zeros((_BATCH, len(MIRRORED), 2), np.float32), np.zeros((_BATCH, 3), np.float32)
    is_face = np.ones(_BATCH, np.float32)
    for row in range(_BATCH):
        source, points_P2, turn_3 = pool.draw(rng)
        box = box_of(points_P2)
        length = float((box[2:] - box[:2]).max())
        side = length * MESH_MARGIN * float(np.exp(rng.normal(0, 0.09)))
        middle = (box[:2] + box[2:]) / 2 + rng.normal(0, 0.045, 2) * length
        if rng.random() < 0.12:
            is_face[row] = 0
            middle, side = rng.uniform(0, 256, 2), float(rng.uniform(20, 90))
            if np.abs(middle - (box[:2] + box[2:]) / 2).max() < 0.6 * length:
                side, source = 60.0, np.dstack([backdrop(rng, 256, 256), np.zeros((256, 256), np.float32)])
        tilt = float(rng.normal(0, 0.06))
        zoom = MESH_SIDE / side
        turned = zoom * np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
        warp = np.hstack([turned, (MESH_SIDE / 2 - turned @ middle)[:, None]])
        picture_HWC = source.astype(np.float32)
        if is_face[row] and rng.random() < 0.35:
            solid = picture_HWC[:, :, 3:] / 255
            picture_HWC[:, :, :3] = picture_HWC[:, :, :3] * solid + backdrop(rng, 256, 256) * (1 - solid)
        blur = max(0.45 / zoom, 0.0) if zoom < 0.75 else 0.0
        if rng.random() < 0.35:
            blur = max(blur, float(rng.uniform(0.5, 2.2)) / zoom)
        shown = cv2.GaussianBlur(picture_HWC[:, :, :3], (0, 0), blur) if blur > 0.2 else picture_HWC[:, :, :3]
        border = cv2.BORDER_REPLICATE if rng.random() < 0.5 else cv2.BORDER_CONSTANT
        cut = cv2.warpAffine(shown, warp, (MESH_SIDE, MESH_SIDE), flags=cv2.INTER_LINEAR, borderMode=border)
        pictures[row] = weathered(rng, cut).transpose(2, 0, 1) / 255
        points[row] = (points_P2 @ turned.T + warp[:, 2]) / (MESH_SIDE / 2) - 1
        turns[row] = turn_3 + np.float32([0, 0, tilt])
    return torch.from_numpy(pictures), torch.from_numpy(points), torch.from_numpy(turns), torch.from_numpy(is_face)


def mesh_loss(mesh: Mesh, batch: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """Distance of the landmarks (mouth first), of the turn, and whether it is a face."""
    pictures, points, turns, is_face = batch
    meshed = mesh(pictures.contiguous(memory_format=torch.channels_last))
    weight_P = torch.ones(points.shape[1])
    weight_P[_MOUTH] = 3.0
    off_NP = functional.smooth_l1_loss(meshed.points_NP2, points, reduction="none", beta=0.02).sum(-1)
    # What is read of a mouth is how far it opens: its points may be off, but together.
    opens, opened = ((each[:, _UPPER] - each[:, _LOWER])[:, :, 1] for each in (meshed.points_NP2, points))
    gap = (functional.smooth_l1_loss(opens, opened, reduction="none", beta=0.02).mean(1) * is_face).mean()
    off = ((off_NP * weight_P).mean(1) * is_face).sum() / is_face.sum().clamp_min(1)
    turn = ((meshed.turn_N3 - turns).square().mean(1) * is_face).mean()
    return 10 * off + 40 * gap + 2.0 * turn + 0.2 * functional.binary_cross_entropy_with_logits(meshed.logit_N, is_face)


def main() -> None:
    """Train one of the two and write its weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=("finder", "mesh"))
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--go-on", action="store_true", help="begin with the weights that are there, at half the rate")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(6)
    network = (Finder() if options.network == "finder" else Mesh()).to(memory_format=torch.channels_last)
    if options.go_on:
        load_into(network, options.out / options.network)
    rate, name = (_RATE / 2, f"{options.network} again") if options.go_on else (_RATE, options.network)
    draw, loss_of = (finder_batch, finder_loss) if options.network == "finder" else (mesh_batch, mesh_loss)
    train, validation = Pool(options.pool, "train"), Pool(options.pool, "validation")
    held = [draw(generator("cast detector", "validation", index), validation) for index in range(6)]
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995)
    )
    begun, step, said = time.monotonic(), 0, 0.0
    while (share := (time.monotonic() - begun) / (60 * options.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 50, 2.5 * (1 - share) + 1e-3)
        loss = loss_of(network, draw(generator("cast detector", name, step), train))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.update_parameters(network)
        step += 1
        if share - said > 0.1:
            said = share
            with torch.no_grad():
                value = float(np.mean([float(loss_of(average.module, batch)) for batch in held]))
            print(f"{share:.0%} step {step}: train {float(loss.detach()):.4f}, validation {value:.4f}", flush=True)
    files = save(average.module.state_dict(), options.out / options.network, storage=Storage.INT8_ROWS)
    print(f"{step} steps, {sum(file.stat().st_size for file in files) / 2**10:.0f} KiB in {options.out}")


if __name__ == "__main__":
    main()
