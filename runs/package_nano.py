"""Turn the folder that ``runs/nano.py`` wrote into the one that ships: int8 rows for the model, bf16 for the judges.

    python runs/package_nano.py out/nano src/openlpm/weights/data/nano

How large numbers get in the decoder is measured on the way (a minute on a CPU). The judges go into folders
beside the shipped model.
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from openlpm.recipes.activations import measured_activations
from openlpm.rollout.assembly import load_model
from openlpm.weights.store import Storage


def main() -> None:
    """Load strictly, store small, put the judges beside the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path)
    parser.add_argument("shipped", type=Path)
    args = parser.parse_args()
    model = load_model(args.trained, "cuda" if torch.cuda.is_available() else "cpu")
    vae = replace(model.config.vae, activations=measured_activations(model.vae))
    model.config = replace(model.config, vae=vae)
    model.save_to(args.shipped, storage=Storage.INT8_ROWS)
    for judge in ("critic", "critic-mouth"):
        if (args.trained / judge).is_dir():  # a run may leave the judges as they are
            shutil.copytree(args.trained / judge, args.shipped.parent / judge, dirs_exist_ok=True)
    size = sum(path.stat().st_size for path in args.shipped.rglob("*") if path.is_file())
    print(f"{args.shipped}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
