"""How well a performance follows a motion track, read by the critic, beside the same performance left free.

    python3 runs/follow_motion.py --clips 4 --frames 96

Validation identities and voices; the track is the truth's own, so that mouth and motion belong together. It is given
whole and a share of its channels at a time. The critic's reading of the drawn truth is the most that can be seen.
"""

import argparse
import sys
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.cases import Case, CaseConfig, build_cases
from openlpm.bench.performer import references_of
from openlpm.bench.reading import Judges, load_judges, read_frames
from openlpm.core.audio import ArraySource
from openlpm.core.motion import MOTION_CHANNELS, MOTION_GROUPS, MotionTrack, motion_track
from openlpm.core.rig import Rig
from openlpm.core.seeds import Split
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.rollout.generate import generate
from openlpm.rollout.request import GenerationRequest
from openlpm.synth.look.references import reference_pictures
from openlpm.synth.look.render import Cast
from openlpm.weights import bundled

_HEAD, _GAZE, _LIDS, _BROWS = MOTION_GROUPS
SHARES = {"all": MOTION_CHANNELS, "head": _HEAD, "gaze and lids": _GAZE + _LIDS, "brows": _BROWS, "none": ()}
"""Which channels are given, in a performance of its own each."""
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


def led(request: GenerationRequest, case: Case, channels: tuple[Rig, ...]) -> GenerationRequest:
    """The same with some channels of the true motion."""
    if not channels:
        return request
    given_M = np.array([channel in channels for channel in MOTION_CHANNELS])
    return replace(request, motion=MotionTrack(motion_track(case.true_rig) * given_M, given_M))


def readings(model: CharacterModel, judges: Judges, asked: list[GenerationRequest]) -> list[NDArray[np.float32]]:
    """The rig that the critic reads in each performance."""
    made_BFCHW = torch.cat(list(generate(model, asked)), dim=1)
    return [read_frames(judges.critic, frames_FCHW).rig_FR for frames_FCHW in made_BFCHW]


def true_readings(judges: Judges, case: Case, device: torch.device) -> NDArray[np.float32]:
    """The rig that the critic reads in the truth as it is drawn."""
    rig_BFR = torch.from_numpy(case.true_rig)[None].to(device)
    return read_frames(judges.critic, Cast([case.identity], device=device).render(rig_BFR)[0]).rig_FR


def correlations(read: list[NDArray[np.float32]], cases: tuple[Case, ...], channel: Rig) -> list[float]:
    """Of the clips in which the channel moves."""
    tracks = [(rig[:, channel], case.true_rig[:, channel]) for rig, case in zip(read, cases, strict=True)]
    return [float(np.corrcoef(seen, true)[0, 1]) for seen, true in tracks if true.std() > _MOVES]


def main() -> None:
    """Print a table: channels and their correlations (mean, standard deviation over clips), a column a share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    device = torch.device(args.device)
    cases = build_cases(CaseConfig(count=args.clips, num_frames=args.frames, split=Split.VALIDATION, seed=5))
    model, judges = load_model(bundled.folder("nano"), device), load_judges(device)
    free = requests(cases, device)
    read = {"truth": [true_readings(judges, case, device) for case in cases]}
    for name, channels in SHARES.items():
        asked = [led(request, case, channels) for request, case in zip(free, cases, strict=True)]
        read[name] = readings(model, judges, asked)
        print(f"{name}: {args.clips} clips", file=sys.stderr)
    print(f"| channel | clips | {' | '.join(read)} |\n|---|---|{'---|' * len(read)}")
    for channel in (*MOTION_CHANNELS, Rig.JAW):
        columns = [correlations(rigs, cases, channel) for rigs in read.values()]
        cells = [f"{np.mean(values):.2f} ± {np.std(values):.2f}" if values else "" for values in columns]
        print(f"| {channel.name.lower()} | {len(columns[0])} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
