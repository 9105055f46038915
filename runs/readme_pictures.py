"""Make the pictures of the README: a sheet of the cast, and an animated image of a generated performance.

    openlpm demo --out out/demo.mp4
    python runs/readme_pictures.py out/demo.mp4

Both go to ``docs/images``.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from openlpm.core.rig import NUM_RIG
from openlpm.media.video import read_video
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast
from openlpm.synth.look.sheet import contact_sheet

FOLDER = Path(__file__).parents[1] / "docs" / "images"
COLUMNS, ROWS, CELL = 8, 8, 128
FIRST_TEST_SEED = 900_000


def cast_sheet() -> Image.Image:
    """The first test identities, in order: nobody is picked."""
    pictures = []
    for seed in range(FIRST_TEST_SEED, FIRST_TEST_SEED + COLUMNS * ROWS):
        cast = Cast([Identity.from_seed(seed)])
        pictures.append(cast.render(torch.zeros(1, 1, NUM_RIG))[0, 0])
    sheet_HWC = contact_sheet(torch.stack(pictures), COLUMNS).permute(1, 2, 0).mul(255).round().byte().numpy()
    return Image.fromarray(sheet_HWC).resize((COLUMNS * CELL, ROWS * CELL), Image.Resampling.LANCZOS)


def main() -> None:
    """Write both pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    args = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    cast_sheet().save(FOLDER / "cast.webp", quality=85, method=6)
    frames = [Image.fromarray(np.asarray(frame)) for frame in read_video(args.video).frames_FHWC[::2]]
    frames[0].save(
        FOLDER / "performance.webp",
        save_all=True,
        append_images=frames[1:],
        duration=1000 // 12,
        loop=0,
        quality=70,
        method=4,
    )


if __name__ == "__main__":
    main()
