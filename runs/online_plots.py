"""Draw what `openlpm bench online --json` kept: scores and survival of long streams, and how many fit on a GPU.

    python runs/online_plots.py benchmarks/2026-11-22-online-h200.json docs/images

For tables of a machine without matplotlib (the extra ``[train]``).
"""

import argparse
from pathlib import Path

from openlpm.bench.online.plots import draw


def main() -> None:
    """Draw one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("json", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    for picture in draw(args.json, args.folder):
        print(picture)


if __name__ == "__main__":
    main()
