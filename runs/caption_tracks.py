"""Performances for the training of the teller: rigs, boxes of faces, states, and which tags are true in each frame.

    python runs/caption_tracks.py train --count 3600 --out TRACKS
    python runs/caption_tracks.py validation --count 240 --out TRACKS

Nothing is drawn: the rig gives what the reader would see, and how well it sees is added later.
Half of the performers are given four actions each, so that every action is seen often enough.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.dataset.tag_truth import tag_truth
from openlpm.core.rig import Rig
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.data.people.faces import POINTS, box_of
from openlpm.synth.act.acting import ActionCue
from openlpm.synth.act.actions import ACTION_NAMES, ACTIONS
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.perform import perform
from openlpm.synth.act.style import ClipStyle, draw_style
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.landmarks import LANDMARKS
from openlpm.synth.look.render import Cast
from openlpm.synth.sound.speech_bank import build

_CHOSEN = [LANDMARKS.index(name) for name in POINTS]


def style_of(seed: int) -> ClipStyle:
    """The style of a clip, in every other one with four actions."""
    style = draw_style(seed)
    if seed % 2:
        return style
    rng = generator("caption tracks", seed)
    kind = ClipKind.IDLE if rng.random() < 0.6 else style.kind
    may = [name for name in ACTION_NAMES if kind == ClipKind.IDLE or not ACTIONS[name].uses_mouth]
    actions = tuple(ActionCue(action=may[index]) for index in rng.choice(len(may), 4, replace=False).tolist())
    return replace(style, kind=kind, actions=actions)


def boxes_of(identity: int, rig_FR: NDArray[np.float32]) -> NDArray[np.float32]:
    """The true box of the face in every frame."""
    points_FP2 = Cast([Identity.from_seed(identity)]).landmarks(torch.from_numpy(rig_FR)[None])[0, :, _CHOSEN].numpy()
    return np.stack([box_of(points_P2) for points_P2 in points_FP2])


def main() -> None:
    """Plan the performances and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", choices=[split.value for split in Split])
    parser.add_argument("--count", type=int, default=3600)
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--utterances", type=int, default=300)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    split = Split(options.split)
    bank, everybody = build(split, options.utterances, seed=6), seeds_of(split)
    rigs, boxes, states, emotions, labels = [], [], [], [], []
    for index in range(options.count):
        identity = everybody[index % len(everybody)]
        seed = index + 1_000_000 * list(Split).index(split)
        record = perform(identity, seed, bank, num_frames=options.frames, style=style_of(seed))
        assert record.truth is not None
        assert record.truth.emotion_FE is not None
        rigs.append(record.truth.rig_FR[:, : Rig.TIME].astype(np.float16))
        boxes.append(boxes_of(identity, record.truth.rig_FR))
        states.append(record.state_F)
        emotions.append(record.truth.emotion_FE.astype(np.float16))
        labels.append(tag_truth(record.truth))
    np.savez(
        options.out / f"{split.value}.npz", rigs=np.stack(rigs), boxes=np.stack(boxes), states=np.stack(states),
        emotions=np.stack(emotions), labels=np.stack(labels),
    )  # fmt: skip
    print(f"{options.count} performances of {options.frames} frames in {options.out}")


if __name__ == "__main__":
    main()
