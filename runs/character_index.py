"""Make the index with which pictures are compared to the cast: colours of train identities, a limit from validation.

    python runs/character_index.py --members 1900 --checks 400

Run it again whenever the look of the cast changes (it takes some minutes on a CPU core).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.core.rig import NUM_RIG
from openlpm.core.seeds import Split, seeds_of
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.nearest import (
    INDEX_FILE,
    CharacterIndex,
    allowance,
    colour_differences,
    colour_grid,
    smooth_share,
)
from openlpm.synth.look.render import Cast

_BATCH = 8
_SHARE_INSIDE = 0.99
"""Of the validation identities that the limit lets pass: the rest have looks so rare that photographs come as close."""


def main() -> None:
    """Render, compare and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=1900)
    parser.add_argument("--checks", type=int, default=400)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=INDEX_FILE)
    options = parser.parse_args()
    members = seeds_of(Split.TRAIN)[: options.members]
    grids_NYXC = np.stack([colour_grid(image_HWC) for image_HWC in portraits(members, options.device)])
    excesses: list[float] = []
    for image_HWC in portraits(seeds_of(Split.VALIDATION)[: options.checks], options.device):
        nearest = colour_differences(colour_grid(image_HWC)[None], grids_NYXC).mean(axis=(1, 2)).min()
        excesses.append(float(nearest) - allowance(smooth_share(image_HWC)))
    limit = float(np.quantile(excesses, _SHARE_INSIDE))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    CharacterIndex(seeds_N=np.array(members, dtype=np.int32), grids_NYXC=grids_NYXC, limit=limit).save(options.out)
    print(f"{options.out.name}: {len(members)} members, limit {limit:.2f}, {options.out.stat().st_size / 1024:.0f} KiB")


def portraits(seeds: range, device: str) -> Iterator[NDArray[np.uint8]]:
    """The neutral portraits of ``seeds``."""
    with torch.inference_mode():
        for first in range(0, len(seeds), _BATCH):
            cast = Cast([Identity.from_seed(seed) for seed in seeds[first : first + _BATCH]], device=device)
            frames_NCHW = cast.render(torch.zeros(len(cast), 1, NUM_RIG, device=device))[:, 0]
            yield from (frames_NCHW * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


if __name__ == "__main__":
    main()
