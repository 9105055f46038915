"""Turn the folder that ``runs/nano.py`` wrote into the one that ships: int8 rows for the model, bf16 for the judges.

    python runs/package_nano.py out/nano src/openlpm/weights/data/nano

The judges go into folders beside the shipped model.
"""

import argparse
import shutil
from pathlib import Path

from openlpm.rollout.assembly import load_model
from openlpm.weights.store import Storage


def main() -> None:
    """Load strictly, store small, put the judges beside the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path)
    parser.add_argument("shipped", type=Path)
    args = parser.parse_args()
    load_model(args.trained).save_to(args.shipped, storage=Storage.INT8_ROWS)
    for judge in ("critic", "critic-mouth"):
        if (args.trained / judge).is_dir():  # a run may leave the judges as they are
            shutil.copytree(args.trained / judge, args.shipped.parent / judge, dirs_exist_ok=True)
    size = sum(path.stat().st_size for path in args.shipped.rglob("*") if path.is_file())
    print(f"{args.shipped}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
