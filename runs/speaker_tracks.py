"""Conversations for the training of the active speaker network: true landmarks of both sides, their states and voices.

    python runs/speaker_tracks.py train --count 320 --seconds 20 --utterances 500 --human BANK.npz --out TRACKS
    python runs/speaker_tracks.py validation --count 16 --seconds 30 --utterances 200 --human BANK.npz --out TRACKS

Nothing is drawn: the rig gives the landmarks. BANK is an archive of ``runs/align_human.py``, whose speakers of the
split join the synthetic voices; without it there are only those.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from openlpm.core.rig import Rig
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.people.faces import POINTS
from openlpm.synth.act.conversation import SIDES, converse
from openlpm.synth.act.filming import cast_of, rig_of
from openlpm.synth.look.landmarks import LANDMARKS
from openlpm.synth.sound import human_bank
from openlpm.synth.sound.speech_bank import build, with_human

_CHOSEN = [LANDMARKS.index(name) for name in POINTS]
_TURN = [Rig.YAW, Rig.PITCH, Rig.ROLL]


def main() -> None:
    """Plan the conversations and write their tracks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", choices=[split.value for split in Split])
    parser.add_argument("--count", type=int, default=320)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--utterances", type=int, default=500)
    parser.add_argument("--human", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    split = Split(options.split)
    bank = build(split, options.utterances, seed=6)
    if options.human is not None:
        bank = with_human(bank, list(human_bank.load(options.human).utterances(split)))
    points, turns, states, voices = [], [], [], []
    for index in range(options.count):
        # Validation begins far from training, though it has other voices and identities anyway.
        seed = index + 50_000 * list(Split).index(split)
        conversation = converse(seed, bank, num_frames=options.seconds * FRAME_RATE_HZ)
        for side, record in zip(range(len(SIDES)), conversation.records, strict=True):
            rig_FR = rig_of(conversation, side)
            points.append(cast_of(conversation, side).landmarks(torch.from_numpy(rig_FR)[None])[0, :, _CHOSEN].numpy())
            turns.append(rig_FR[:, _TURN])
            states.append(record.state_F)
            voices.append((record.speak_A * 32767).clip(-32768, 32767).astype(np.int16))
    np.savez(
        options.out / f"{split.value}.npz",
        points=np.stack(points), turns=np.stack(turns), states=np.stack(states), voices=np.stack(voices),
    )  # fmt: skip
    print(f"{options.count} conversations of {options.seconds} s in {options.out}")


if __name__ == "__main__":
    main()
