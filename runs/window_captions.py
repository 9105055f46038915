"""What captions of whole clips say about windows, and what captions of windows say and cost.

    python3 runs/window_captions.py --clips 400

Needs a CPU and seconds. Windows are all those that a clip has room for, every half second; the bank is small, which
changes voices but no actions.
"""

import argparse
import re
import time

import numpy as np

from openlpm.core.record import Event
from openlpm.core.seeds import Split
from openlpm.recipes import nano
from openlpm.synth.act.enact import Performance
from openlpm.synth.act.perform import perform_and_tell
from openlpm.synth.look.identity import Identity, describe
from openlpm.synth.sound.speech_bank import build
from openlpm.training.clip_bank import situations
from openlpm.training.footage import WINDOW_STRIDE
from openlpm.training.traits import ClipMix
from openlpm.training.window_captions import Stretches, numbered

_FRAMES, _MOSTLY = 240, 0.6


def share_in(event: Event, first: int, frames: int) -> float:
    """How much of an event lies in a window."""
    shared = min(event.end_frame, first + frames) - max(event.start_frame, first)
    return max(shared, 0) / (event.end_frame - event.start_frame)


def report(clips: list[Performance], length: int) -> None:
    """Shares of the windows of a length."""
    rows = []
    for clip in clips:
        record = clip.record
        assert record.truth is not None
        actions = [event for event in record.truth.events if event.kind.startswith("action:")]
        says_time = bool(re.search("second", record.caption))
        for first, frames in Stretches(num_frames=_FRAMES, lengths=(length,), stride=WINDOW_STRIDE):
            shares = [share_in(event, first, frames) for event in actions]
            rows.append(
                (
                    bool(actions),
                    any(share < _MOSTLY for share in shares),
                    any(share == 0 for share in shares),
                    says_time and first > 0,
                    clip.telling.stretch(first, frames).acts,
                )
            )
    named, unseen, absent, wrong_time, own = np.mean(rows, axis=0)
    print(
        f"{length} frames, {len(rows)} windows: the clip's caption names an action {named:.3f}, one that is not mostly "
        f"seen {unseen:.3f} ({unseen / named:.2f} of those), one of which nothing is seen {absent:.3f}, says a time "
        f"that is not the window's {wrong_time:.3f}; the window's own names an action {own:.3f}"
    )
    # As training draws clips.
    mixed_N = ClipMix().probabilities(situations(np.stack([clip.record.state_F for clip in clips])))
    mixed = float(mixed_N @ np.array([row[-1] for row in rows]).reshape(len(clips), -1).mean(axis=1))
    drawn = nano.ACTING + (1 - nano.ACTING) * mixed
    print(f"  in the default mix of situations {mixed:.3f}; with acting={nano.ACTING} {drawn:.3f}")


def main() -> None:
    """Make clips, caption their windows, and say how the two kinds of captions differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--seed", type=int, default=77_000, help="of the first clip")
    args = parser.parse_args()
    bank = build(Split.TRAIN, 120, seed=5)
    objective, _ = nano.base(60)
    lengths = tuple(nano.character().vae.frames_per_latent * frames for frames in (*objective.windows.lengths, 48))
    stretches = Stretches(num_frames=_FRAMES, lengths=lengths, stride=WINDOW_STRIDE)
    clips: list[Performance] = []
    spent = np.zeros(3)
    for number in range(args.clips):
        looks = describe(Identity.from_seed(number))
        began = time.process_time()
        clips.append(perform_and_tell(number, args.seed + number, bank, num_frames=_FRAMES, appearance=looks))
        performed = time.process_time()
        told = [clips[-1].telling.stretch(*stretch) for stretch in stretches]
        captioned = time.process_time()
        numbered([told])
        spent += (performed - began, captioned - performed, time.process_time() - captioned)
    perform_ms, caption_ms, number_ms = 1000 * spent / args.clips
    print(
        f"{args.clips} clips, processor time a clip: performing {perform_ms:.2f} ms, {len(stretches)} captions "
        f"{caption_ms:.2f} ms ({1000 * caption_ms / len(stretches):.0f} us each), numbering them {number_ms:.2f} ms"
    )
    for length in lengths:
        report(clips, length)


if __name__ == "__main__":
    main()
