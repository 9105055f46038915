"""Rows about people in pictures: faces found in every style, how exactly, and whether a track stays one person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench import statistics
from openlpm.bench.dialogue_clips import CHOSEN_POINTS, TruePerson, style_of
from openlpm.bench.result import Bar, Row
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.people.faces import POINT, Detector, Face, box_of, overlap
from openlpm.data.people.tracking import Track
from openlpm.synth.act.perform import perform
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.landmarks import landmarks_of
from openlpm.synth.look.pose import PICTURE_SIZE
from openlpm.synth.look.render import Cast, Render, drawn, render_frames
from openlpm.synth.sound.speech_bank import SpeechBank

RECALL, SWITCHES = "detector_recall", "identity_switches_per_10min"
RECALL_BAR, SWITCHES_BAR = Bar(at_least=0.95), Bar(at_most=1.0)
_SAME = 0.5
_POSE_FRAMES = 96


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledPicture:
    """A picture with K faces."""

    picture_HWC: NDArray[np.uint8]
    styles: tuple[str, ...]
    points_KP2: NDArray[np.float32]


def labelled_pictures(
    bank: SpeechBank, *, count: int, seed: int = 0, render: Render = render_frames
) -> list[LabelledPicture]:
    """Pictures of one performer or two side by side, identities of the bank's split, in poses of real performances."""
    rng = generator("bench", "faces", bank.split.value, seed)
    people = rng.choice(np.array(seeds_of(Split(bank.split))), size=2 * count, replace=False).tolist()
    cast = Cast([Identity.from_seed(who) for who in people])
    rigs: list[NDArray[np.float32]] = []
    for index, who in enumerate(people):
        truth = perform(who, 1000 * seed + index, bank, num_frames=_POSE_FRAMES).truth
        assert truth is not None
        rigs.append(truth.rig_FR[int(rng.integers(_POSE_FRAMES))])
    rig_NR = np.stack(rigs)
    points_NP2 = landmarks_of(cast.parameters_BV, torch.from_numpy(rig_NR))[:, list(CHOSEN_POINTS)].numpy()
    frames_NHWC = drawn(cast.parameters_BV, rig_NR, render)
    styles = [style_of(Identity.from_seed(who)) for who in people]
    found: list[LabelledPicture] = []
    for first in range(0, len(people), 2):
        if rng.random() < 0.5:
            both_HWC = np.concatenate([frames_NHWC[first], frames_NHWC[first + 1]], axis=1)
            points_KP2 = points_NP2[first : first + 2] + np.array([[[0, 0]], [[PICTURE_SIZE, 0]]], np.float32)
            styles_K = (styles[first], styles[first + 1])
            found.append(LabelledPicture(picture_HWC=both_HWC, styles=styles_K, points_KP2=points_KP2))
        else:
            found += [
                LabelledPicture(
                    picture_HWC=frames_NHWC[k], styles=(styles[k],), points_KP2=points_NP2[k : k + 1]
                )
                for k in (first, first + 1)
            ]  # fmt: skip
    return found


def detector_rows(detector: Detector, pictures: Sequence[LabelledPicture]) -> list[Row]:
    """``detector_recall`` of each style and of all, how many faces that were found are none, and landmark errors.

    A face is found if a box overlaps its own by half. Errors are those of found faces, in distances of the eyes.
    """
    hits: dict[str, list[float]] = {}
    off: list[float] = []
    gaps: list[float] = []
    wrong: list[int] = []
    number: list[int] = []
    for picture in pictures:
        faces = detector.find(picture.picture_HWC[None])[0]
        match_K = matched(faces, np.stack([box_of(points_P2) for points_P2 in picture.points_KP2]))
        for style, points_P2, index in zip(picture.styles, picture.points_KP2, match_K, strict=True):
            hits.setdefault(style, []).append(float(index is not None))
            if index is not None:
                off_mean, off_gap = _errors(faces[index].points_P2, points_P2)
                off.append(off_mean)
                gaps.append(off_gap)
        wrong.append(len(faces) - sum(index is not None for index in match_K))
        number.append(len(faces))
    every = [hit for values in hits.values() for hit in values]
    return [
        Row.of(RECALL, statistics.mean(np.array(every)), bar=RECALL_BAR),
        *(
            Row.of(f"{RECALL}/{style}", statistics.mean(np.array(hits[style])), bar=RECALL_BAR)
            for style in sorted(hits)
        ),
        Row.of(f"{RECALL}/false", statistics.ratio_of_sums(np.array(wrong, float), np.array(number, float))),
        Row.of("landmark_error", statistics.mean(np.array(off)), unit="eyes"),
        Row.of("landmark_error/mouth_gap", statistics.mean(np.array(gaps)), unit="eyes"),
    ]  # fmt: skip


def matched(faces: Sequence[Face], boxes_K4: NDArray[np.float32]) -> list[int | None]:
    """Of each true box the face that was found there; no face stands for two."""
    if not faces:
        return [None] * len(boxes_K4)
    shared_KN = overlap(boxes_K4, np.stack([face.box_4 for face in faces]))
    found: list[int | None] = [None] * len(boxes_K4)
    for flat in np.argsort(-shared_KN, axis=None).tolist():
        k, n = divmod(flat, len(faces))
        if shared_KN[k, n] >= _SAME and found[k] is None and n not in found:
            found[k] = n
    return found


def track_of_each_frame(person: TruePerson, tracks: Sequence[Track]) -> NDArray[np.int64]:
    """Which track follows a person in each frame of a clip, -1 for none."""
    num_frames = person.state_F.shape[0]
    best_F, found_F = np.full(num_frames, _SAME), np.full(num_frames, -1)
    for index, track in enumerate(tracks):
        box_F4 = np.nan_to_num(track.boxes(num_frames), nan=-1e6)
        shared_F = np.array([overlap(box_F4[f : f + 1], person.box_F4[f : f + 1])[0, 0] for f in range(num_frames)])
        found_F = np.where(shared_F > best_F, index, found_F)
        best_F = np.maximum(best_F, shared_F)
    return found_F


def switches_of(person: TruePerson, tracks: Sequence[Track]) -> int:
    """How often somebody is followed by another track than before; frames without any do not count."""
    followed = track_of_each_frame(person, tracks)
    followed = followed[followed >= 0]
    return int((np.diff(followed) != 0).sum())


def switch_row(switches_N: Sequence[int], num_frames_N: Sequence[int]) -> Row:
    """``identity_switches_per_10min`` of N clips (``switches_of`` summed over their people) of so many frames."""
    per_ten = np.array(num_frames_N, np.float64) / (600 * FRAME_RATE_HZ)
    return Row.of(SWITCHES, statistics.ratio_of_sums(np.array(switches_N, np.float64), per_ten), bar=SWITCHES_BAR)


def _errors(points_P2: NDArray[np.float32], true_P2: NDArray[np.float32]) -> tuple[float, float]:
    """Mean distance of all points, and error of the inner lips' opening, over the distance of the outer eye corners."""
    left, right, top, bottom = (
        POINT[name] for name in ("eye_left_outer", "eye_right_outer", "gap_top", "gap_bottom")
    )  # fmt: skip
    eyes = max(float(np.linalg.norm(true_P2[right] - true_P2[left])), 1.0)
    gap, true_gap = (float(np.linalg.norm(each[bottom] - each[top])) for each in (points_P2, true_P2))
    return float(np.linalg.norm(points_P2 - true_P2, axis=1).mean()) / eyes, abs(gap - true_gap) / eyes
