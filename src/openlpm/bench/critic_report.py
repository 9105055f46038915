"""``openlpm bench critic``: the errors of the judge itself, on people and voices it has never seen."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench import metrics, statistics
from openlpm.bench.audio_mouth import MouthPredictor, predict_mouth
from openlpm.bench.cases import Case
from openlpm.bench.evidence import VoiceEvidence
from openlpm.bench.reading import ClipReading, Judges
from openlpm.bench.result import Bar, Row
from openlpm.bench.rows import sync_rows
from openlpm.bench.signals import correlation
from openlpm.bench.statistics import Estimate
from openlpm.bench.sync import NUM_OTHERS
from openlpm.bench.truth import pictures_of, read_truth, reference_embedding
from openlpm.bench.visible import ASKED, shown
from openlpm.core.audio import ArraySource
from openlpm.core.rig import MOUTH_CHANNELS, Rig
from openlpm.core.seeds import generator

GROUPS: dict[str, tuple[Rig, ...]] = {
    "jaw": (Rig.JAW,),
    "lips": (Rig.WIDTH, Rig.ROUNDING, Rig.PRESS),
    "teeth_tongue": (Rig.TEETH, Rig.TONGUE),
    "smile": (Rig.SMILE,),
    "blink": (Rig.BLINK_LEFT, Rig.BLINK_RIGHT),
    "lids": (Rig.SQUINT, Rig.WIDEN),
    "gaze": (Rig.GAZE_X, Rig.GAZE_Y),
    "brows": (Rig.BROW_LEFT, Rig.BROW_RIGHT, Rig.FURROW),
    "head_turn": (Rig.YAW, Rig.PITCH, Rig.ROLL),
    "head_shift": (Rig.SHIFT_X, Rig.SHIFT_Y, Rig.LEAN),
    "body": (Rig.SHOULDER, Rig.BREATH),
    "sway": (Rig.SWAY,),
    "blush": (Rig.BLUSH,),
    "arms": (Rig.ARM_LEFT, Rig.ARM_RIGHT),
    "hands": (
        Rig.REACH_LEFT, Rig.REACH_RIGHT, Rig.SWING_LEFT, Rig.SWING_RIGHT, Rig.HAND_LEFT, Rig.HAND_RIGHT,
    ),
}  # fmt: skip
"""Channels that are reported together, each over the frames that show it (``visible.shown``)."""

_STILL = 1e-8  # variance of a channel that never moves
_JAW_BAR = Bar(at_least=0.95)
_IDENTITY_BAR = Bar(at_least=0.98)


def critic_rows(
    judges: Judges, cases: Sequence[Case], *, on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> list[Row]:
    """Read the truth of the cases and compare: groups of channels, visemes, identity, blinks, expected mouths."""
    readings: list[ClipReading] = []
    for index, case in enumerate(cases):
        readings.append(read_truth(case, judges, codec=None).truth)
        on_progress(index + 1, len(cases))
    truth = [case.true_rig for case in cases]
    read = [reading.rig_FR for reading in readings]
    asked = [shown(torch.from_numpy(true_FR)).numpy() >= ASKED for true_FR in truth]
    read_FR, truth_FR, asked_FR = np.concatenate(read), np.concatenate(truth), np.concatenate(asked)
    rows: list[Row] = []
    for name, channels in GROUPS.items():
        columns = list(channels)
        bar = _JAW_BAR if name == "jaw" else None
        r2 = r_squared(read_FR[:, columns], truth_FR[:, columns], asked_FR[:, columns])
        rows.append(Row.of(f"critic/{name}/r2", Estimate.single(r2, n=len(cases)), bar=bar))
        errors = [np.abs(r - t)[:, columns][a[:, columns]] for r, t, a in zip(read, truth, asked, strict=True)]
        sums = [np.array([float(of(error)) for error in errors]) for of in (np.sum, np.size)]
        rows.append(Row.of(f"critic/{name}/mae", statistics.ratio_of_sums(*sums)))
    rows.append(_viseme_row(readings, cases))
    rows.append(_identity_row(judges, readings, cases))
    blinks = np.array([metrics.blinks(reading.rig_FR) for reading in readings], float)
    true_blinks = np.array([metrics.blinks(case.true_rig) for case in cases], float)
    rows.append(Row.of("critic/blinks_read_over_true", statistics.ratio_of_sums(blinks, true_blinks)))
    if judges.mouth is not None:
        rows.extend(mouth_rows(judges.mouth, cases))
    return rows


def r_squared(read_FX: NDArray[np.floating], truth_FX: NDArray[np.floating], asked_FX: NDArray[np.bool_]) -> float:
    """Share of the variance that is read where it is asked for, mean over channels; NaN if none ever moves there."""
    shares: list[float] = []
    for read_F, truth_F, asked_F in zip(read_FX.T, truth_FX.T, asked_FX.T, strict=True):
        variance = float(truth_F[asked_F].var()) if asked_F.any() else 0.0
        if variance > _STILL:
            shares.append(1 - float(((read_F - truth_F)[asked_F] ** 2).mean()) / variance)
    return float(np.mean(shares)) if shares else float("nan")


def mouth_rows(predictor: MouthPredictor, cases: Sequence[Case]) -> list[Row]:
    """How well a voice alone tells the jaw, and how often the true mouth finds its own voice among ten."""
    spoken = [case for case in cases if metrics.speaking(case.record.state_F).mean() > 0.5]
    expected = [predict_mouth(predictor, ArraySource(case.record.speak_A), case.record.num_frames) for case in spoken]
    jaws = [
        correlation(track_FX[mask, 0], case.true_rig[mask, Rig.JAW])
        for track_FX, case in zip(expected, spoken, strict=True)
        if (mask := metrics.speaking(case.record.state_F)).any()
    ]
    rows = [Row.of("critic-mouth/jaw_correlation", statistics.mean(np.array(jaws)))]
    if len(spoken) > NUM_OTHERS:
        others: list[list[NDArray[np.float32]]] = []
        for index in range(len(spoken)):
            rest = [k for k in range(len(spoken)) if k != index]
            chosen = generator("bench", "others", index).choice(rest, size=NUM_OTHERS, replace=False)
            others.append([expected[int(k)] for k in chosen])
        mouths = [case.true_rig[:, list(MOUTH_CHANNELS)] for case in spoken]
        rows.extend(
            sync_rows("critic-mouth/win_rate", VoiceEvidence(mouths_FX=mouths, own_FX=expected, others_FX=others))
        )
    return rows


def _viseme_row(readings: Sequence[ClipReading], cases: Sequence[Case]) -> Row:
    right: list[float] = []
    asked: list[float] = []
    for reading, case in zip(readings, cases, strict=True):
        assert case.record.truth is not None
        voiced_F = metrics.speaking(case.record.state_F)
        right.append(float((reading.viseme_F == case.record.truth.viseme_F)[voiced_F].sum()))
        asked.append(float(voiced_F.sum()))
    return Row.of("critic/viseme_accuracy_speaking", statistics.ratio_of_sums(np.array(right), np.array(asked)))


def _identity_row(judges: Judges, readings: Sequence[ClipReading], cases: Sequence[Case]) -> Row:
    references_KD = np.stack(
        [
            reference_embedding(judges, pictures_JCHW)
            for pictures_JCHW in pictures_of([case.identity for case in cases], judges.device)
        ]
    )
    scores = [reading.identity_FD @ references_KD.T for reading in readings]
    impostors = np.concatenate([np.delete(score_FK, index, axis=1).ravel() for index, score_FK in enumerate(scores)])
    threshold = metrics.impostor_threshold(impostors)
    accepted = [float((score_FK[:, index] > threshold).sum()) for index, score_FK in enumerate(scores)]
    frames = [float(score_FK.shape[0]) for score_FK in scores]
    estimate = statistics.ratio_of_sums(np.array(accepted), np.array(frames))
    return Row.of("critic/identity_tar_at_far1", estimate, bar=_IDENTITY_BAR)


def num_parameters(judges: Judges) -> int:
    """Parameters of all judges together."""
    networks: list[torch.nn.Module] = [judges.critic, *([judges.mouth] if judges.mouth is not None else [])]
    return sum(parameter.numel() for network in networks for parameter in network.parameters())
