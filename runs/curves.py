"""Draw the curves of a training run (needs the extra ``[train]``).

    python runs/curves.py out/nano/run-base/curves.jsonl out/curves-base.png

Every scalar that was logged gets a panel of its own.
"""

import argparse
from pathlib import Path

from openlpm.training.curves import plot_curves


def main() -> None:
    """Draw one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", type=Path)
    parser.add_argument("picture", type=Path)
    args = parser.parse_args()
    plot_curves(args.curves, args.picture)


if __name__ == "__main__":
    main()
