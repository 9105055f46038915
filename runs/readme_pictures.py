"""Make the pictures of the README: a sheet of the cast, animated images of a generated performance and of streams.

    openlpm demo --out out/demo.mp4
    for n in 0 1 2 3; do openlpm generate --online --character seed:90000$n --listen Q --speak A --out out/$n.mp4; done
    python runs/readme_pictures.py out/demo.mp4 --streams out/0.mp4 out/1.mp4 out/2.mp4 out/3.mp4

All go to ``docs/images``.
"""

import argparse
from collections.abc import Sequence
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
COLUMNS, ROWS, CELL, STREAM = 8, 8, 128, 160
FIRST_TEST_SEED = 900_000


def cast_sheet() -> Image.Image:
    """The first test identities, in order: nobody is picked."""
    pictures = []
    for seed in range(FIRST_TEST_SEED, FIRST_TEST_SEED + COLUMNS * ROWS):
        cast = Cast([Identity.from_seed(seed)])
        pictures.append(cast.render(torch.zeros(1, 1, NUM_RIG))[0, 0])
    sheet_HWC = contact_sheet(torch.stack(pictures), COLUMNS).permute(1, 2, 0).mul(255).round().byte().numpy()
    return Image.fromarray(sheet_HWC).resize((COLUMNS * CELL, ROWS * CELL), Image.Resampling.LANCZOS)


def animated(frames: Sequence[Image.Image], name: str, quality: int) -> None:
    """Write pictures at half the frame rate."""
    frames[0].save(
        FOLDER / name,
        save_all=True,
        append_images=frames[1:],
        duration=1000 // 12,
        loop=0,
        quality=quality,
        method=4,
    )


def side_by_side(videos: Sequence[Path]) -> list[Image.Image]:
    """Every other picture of all videos, from their beginning to the end of the shortest."""
    clips = [read_video(video).frames_FHWC[::2] for video in videos]
    rows = [np.concatenate([np.asarray(frame) for frame in row], axis=1) for row in zip(*clips, strict=False)]
    return [Image.fromarray(row).resize((len(videos) * STREAM, STREAM), Image.Resampling.LANCZOS) for row in rows]


def main() -> None:
    """Write the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, nargs="?", help="a performance; the sheet of the cast is made with it")
    parser.add_argument("--streams", type=Path, nargs="+", help="what was streamed, side by side")
    args = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if args.video is not None:
        cast_sheet().save(FOLDER / "cast.webp", quality=85, method=6)
        frames = [Image.fromarray(np.asarray(frame)) for frame in read_video(args.video).frames_FHWC[::2]]
        animated(frames, "performance.webp", 70)
    if args.streams:
        animated(side_by_side(args.streams), "streams.webp", 45)


if __name__ == "__main__":
    main()
