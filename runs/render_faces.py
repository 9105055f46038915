"""Draw the pictures that the cast detector is trained on: many performers, each once, in poses at the ends of the rig.

    python runs/render_faces.py train --count 5600 --out POOL
    python runs/render_faces.py validation --count 400 --out POOL

Compiled first, which takes two minutes; then about 35 pictures a second and core. A picture has its matte as fourth
channel, so that performers can be pasted anywhere.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.core.rig import NUM_RIG, RIG_HIGH_R, RIG_LOW_R, Rig
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.data.people.faces import POINTS
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.landmarks import LANDMARKS, landmarks_of
from openlpm.synth.look.pose import PICTURE_SIZE
from openlpm.synth.look.render import Cast, render_frames

_BATCH = 8
_CHOSEN = [LANDMARKS.index(name) for name in POINTS]


def pose(rng: np.random.Generator) -> NDArray[np.float32]:
    """A rig with about a third of its channels at rest and many closed mouths."""
    rig_R = RIG_LOW_R + (RIG_HIGH_R - RIG_LOW_R) * rng.beta(1.2, 1.2, NUM_RIG)
    rig_R = np.where(rng.random(NUM_RIG) < 0.35, np.clip(0, RIG_LOW_R, RIG_HIGH_R), rig_R)
    closed = rng.random() < 0.4
    rig_R[Rig.JAW] = rng.choice([0.0, 0.0, 0.03, 0.08]) if closed else rng.beta(1.1, 2.2)
    rig_R[Rig.PRESS] *= float(rng.random() < 0.4)
    for channel, share in ((Rig.BLINK_LEFT, 0.3), (Rig.BLINK_RIGHT, 0.3), (Rig.ARM_LEFT, 0.2), (Rig.ARM_RIGHT, 0.2)):
        rig_R[channel] *= float(rng.random() < share)
    rig_R[Rig.TIME] = rng.uniform(0, 60)
    return rig_R.astype(np.float32)


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", choices=[split.value for split in Split])
    parser.add_argument("--count", type=int, default=5600)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    draw = torch.compile(render_frames, dynamic=False)
    count = options.count - options.count % _BATCH
    everybody = np.array(seeds_of(Split(options.split)))
    seeds_N = generator("faces", options.split).choice(everybody, count, replace=False)
    pictures_NHWC = np.lib.format.open_memmap(
        options.out / f"{options.split}.npy", mode="w+", dtype=np.uint8, shape=(count, PICTURE_SIZE, PICTURE_SIZE, 4)
    )
    rigs_NR = np.stack([pose(generator("faces", "rig", int(seed))) for seed in seeds_N])
    points = np.zeros((count, len(POINTS), 2), np.float32)
    with torch.no_grad():
        for first in range(0, count, _BATCH):
            rows = slice(first, first + _BATCH)
            cast = Cast([Identity.from_seed(int(seed)) for seed in seeds_N[rows]])
            rig_NR = torch.from_numpy(rigs_NR[rows])
            frames_NCHW = draw(cast.parameters_BV, rig_NR, matte=True)
            pictures_NHWC[rows] = frames_NCHW.mul(255).round().byte().permute(0, 2, 3, 1).numpy()
            points[rows] = landmarks_of(cast.parameters_BV, rig_NR)[:, _CHOSEN].numpy()
    np.savez(options.out / f"{options.split}.npz", seeds=seeds_N, points=points, rigs=rigs_NR)
    print(f"{count} pictures of {options.split} identities in {options.out}")


if __name__ == "__main__":
    main()
