"""What a choreographer decides, by the rows of ``openlpm bench base`` but without a picture: its motion read as it is.

    python3 runs/plan_rows.py MODEL --clips 48 --groups 24 --json out/plan.json

MODEL is a model folder, or one that holds a choreographer alone (``openlpm train choreographer``). Detectors are
rehearsed as for a critic that sees everything exactly, so the numbers say what is lost before anything is drawn.
Validation split, unless ``--split test``. ``--text``, ``--listen`` and ``--steps`` try other scales and steps.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from openlpm.bench import metrics, wide
from openlpm.bench.actions import in_time, waiting
from openlpm.bench.cases import Case, CaseConfig, build_cases
from openlpm.bench.groups import Group, GroupSizes, case_config, style_of
from openlpm.bench.reading import ClipReading
from openlpm.bench.result import Row
from openlpm.bench.rows import TRAPS_BAR, quiet_mouth_rows
from openlpm.bench.statistics import ratio_of_sums
from openlpm.bench.wide import Played
from openlpm.core.audio import ArraySource
from openlpm.core.motion import MOTION_CHANNELS, NUM_MOTION
from openlpm.core.rig import NUM_RIG, Rig, RigTrack
from openlpm.core.seeds import Split
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.dit.condition import ReferenceKind
from openlpm.recipes import nano
from openlpm.rollout.assembly import read_config
from openlpm.rollout.choreographer import Choreographer
from openlpm.rollout.choreography import Choreographed
from openlpm.rollout.direction import directed
from openlpm.rollout.request import GenerationRequest, Reference
from openlpm.weights.store import load_into

_NOBODY = Reference(kind=ReferenceKind.GLOBAL, picture_HWC=np.zeros((256, 256, 3), np.uint8))
_AT_ONCE = 64


def planned(model: Choreographer, cases: Sequence[Case], *, told_in_time: bool = False) -> list[RigTrack]:
    """The rig that the choreographer gives each case."""
    group, tracks = model.config.frames_per_latent, []
    for first in range(0, len(cases), _AT_ONCE):
        some = cases[first : first + _AT_ONCE]
        requests = [
            GenerationRequest(
                references=(_NOBODY,),
                speak=ArraySource(case.record.speak_A),
                listen=ArraySource(case.record.listen_A),
                num_frames=case.record.num_frames,
                caption=waiting(case.record) if told_in_time else case.record.caption,
                prompts=in_time(case.record) if told_in_time else (),
                seed=first + index,
            )
            for index, case in enumerate(some)
        ]
        num_frames = some[0].record.num_frames
        if not told_in_time:
            requests = [directed(request, end_s=num_frames / FRAME_RATE_HZ) for request in requests]
        motion_BTX = Choreographed(model, requests).window(0, -(-num_frames // group))
        motion_BFM = motion_BTX.unflatten(2, (-1, NUM_MOTION)).flatten(1, 2)[:, :num_frames].cpu().numpy()
        for motion_FM in motion_BFM:
            rig_FR = np.zeros((num_frames, NUM_RIG), np.float32)
            rig_FR[:, list(MOTION_CHANNELS)] = motion_FM
            tracks.append(rig_FR)
    return tracks


def reading(rig_FR: RigTrack) -> ClipReading:
    """As a critic that sees everything would read it."""
    frames = rig_FR.shape[0]
    return ClipReading(rig_FR=rig_FR, viseme_F=np.zeros(frames, np.int64), identity_FD=np.ones((frames, 1), np.float32))


def played(cases: Sequence[Case], tracks: Sequence[RigTrack]) -> Played:
    """A group in truth and as planned."""
    truth = [reading(case.true_rig) for case in cases]
    return Played(cases=cases, truth=truth, generated=[reading(track) for track in tracks])


def motion_row(cases: Sequence[Case], tracks: Sequence[RigTrack]) -> Row:
    """How much heads move, over the truth."""
    made_N, true_N = (
        np.array([metrics.head_energy(each)[0] for each in some])
        for some in (tracks, [case.true_rig for case in cases])
    )
    return Row.of("motion_ratio", ratio_of_sums(made_N, true_N))


def main() -> None:
    """Plan all groups and print their rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--clips", type=int, default=48)
    parser.add_argument("--groups", type=int, default=24)
    parser.add_argument("--split", default="validation", choices=[each.value for each in Split])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--text", type=float)
    parser.add_argument("--listen", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    sizes = read_config(args.model).choreographer if (args.model / "config.json").is_file() else None
    sizes = sizes or nano.character().choreographer
    assert sizes is not None
    scales = {name: getattr(args, name) for name in ("text", "listen") if getattr(args, name) is not None}
    sizes = replace(sizes, guidance=replace(sizes.guidance, **scales))
    if args.steps is not None:
        sizes = replace(sizes, steps=args.steps)
    model = Choreographer(sizes)
    load_into(model, args.model / "choreographer")
    model = model.eval().requires_grad_(requires_grad=False).to(args.device)
    split, began = Split(args.split), time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {what}", flush=True)

    cases = build_cases(CaseConfig(count=args.clips, split=split))
    tracks = planned(model, cases)
    spoken = [(case, track, metrics.speaking(case.record.state_F)) for case, track in zip(cases, tracks, strict=True)]
    for shift in (0, metrics.SHIFT_FRAMES):
        found = [
            metrics.jaw_correlation(track[:, Rig.JAW], case.true_rig[:, Rig.JAW], mask_F, shift_frames=shift)
            for case, track, mask_F in spoken
        ]
        values = np.array([each for each in found if each is not None])
        say(f"jaw_correlation, shift {shift}: {values.mean():.3f} +- {values.std() / len(values) ** 0.5:.3f}")
    mixed = played(cases, tracks)
    rows = [motion_row(cases, tracks)]
    rows += quiet_mouth_rows("false_mouth_rate", TRAPS_BAR, mixed.records, mixed.truth, mixed.generated)
    groups: dict[Group, Played] = {}
    told: Played | None = None
    limits = GroupSizes().at_most(args.groups)
    for group in Group:
        if group is Group.REFERENCES or limits.of(group) == 0:
            continue
        cases = build_cases(case_config(group, limits.of(group), split), style_of(group))
        groups[group] = played(cases, planned(model, cases))
        if group is Group.SEQUENCES:
            told = played(cases, planned(model, cases, told_in_time=True))
        say(f"{group}: {len(cases)} planned")
    rows += wide.rows_of(groups, told, lambda *_: None)
    for row in rows:
        if row.value is not None:
            between = "" if row.low is None else f" ({row.low:.3f} to {row.high:.3f})"
            say(f"{row.name}: {row.value:.3f}{between}")
    if args.json:
        args.json.write_text(json.dumps({row.name: row.value for row in rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
