"""How well a performance follows a motion track, read by the critic, beside the same performance left free.

    python3 runs/follow_motion.py --clips 4 --frames 96

Validation identities and voices; the track is the truth's own, so that mouth and motion belong together.
"""

import argparse
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.cases import Case, CaseConfig, build_cases
from openlpm.bench.performer import references_of
from openlpm.bench.reading import Judges, load_judges, read_frames
from openlpm.core.audio import ArraySource
from openlpm.core.motion import MOTION_CHANNELS, NUM_MOTION, MotionTrack, motion_track
from openlpm.core.rig import Rig
from openlpm.core.seeds import Split
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.rollout.generate import generate
from openlpm.rollout.request import GenerationRequest
from openlpm.synth.look.references import reference_pictures
from openlpm.weights import bundled

_MOVES = 1e-2
"""Standard deviation below which a channel of a clip says nothing about correlation."""


def requests(cases: tuple[Case, ...], device: torch.device) -> list[GenerationRequest]:
    """What is asked for, without a track."""
    return [
        GenerationRequest(
            references=references_of(reference_pictures(case.identity, device=device)),
            speak=ArraySource(case.record.speak_A),
            listen=ArraySource(case.record.listen_A),
            num_frames=case.record.num_frames,
            caption=case.record.caption,
            seed=index,
        )
        for index, case in enumerate(cases)
    ]


def led(request: GenerationRequest, case: Case) -> GenerationRequest:
    """The same with all channels of the true motion."""
    track = MotionTrack(motion_track(case.true_rig), np.ones(NUM_MOTION, np.bool_))
    return replace(request, motion=track)


def readings(model: CharacterModel, judges: Judges, asked: list[GenerationRequest]) -> list[NDArray[np.float32]]:
    """The rig that the critic reads in each performance."""
    made_BFCHW = torch.cat(list(generate(model, asked)), dim=1)
    return [read_frames(judges.critic, frames_FCHW).rig_FR for frames_FCHW in made_BFCHW]


def correlation(read: list[NDArray[np.float32]], cases: tuple[Case, ...], channel: Rig) -> float:
    """Mean over the clips in which the channel moves."""
    moving = [(rig[:, channel], case.true_rig[:, channel]) for rig, case in zip(read, cases, strict=True)]
    moving = [(seen, true) for seen, true in moving if true.std() > _MOVES]
    return float(np.mean([np.corrcoef(seen, true)[0, 1] for seen, true in moving])) if moving else float("nan")


def main() -> None:
    """Print a table: channel, correlation with the track given, correlation without."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    device = torch.device(args.device)
    cases = build_cases(CaseConfig(count=args.clips, num_frames=args.frames, split=Split.VALIDATION, seed=5))
    model, judges = load_model(bundled.folder("nano"), device), load_judges(device)
    free = requests(cases, device)
    following = [led(request, case) for request, case in zip(free, cases, strict=True)]
    with_track, without = (readings(model, judges, asked) for asked in (following, free))
    print("| channel | given | free |\n|---|---|---|")
    for channel in (*MOTION_CHANNELS, Rig.JAW):
        row = (correlation(read, cases, channel) for read in (with_track, without))
        print(f"| {channel.name.lower()} | " + " | ".join(f"{value:.2f}" for value in row) + " |")


if __name__ == "__main__":
    main()
