"""From evidence to rows: each number beside truth, codec and the controls that must fail."""

from collections.abc import Sequence

import numpy as np

from openlpm.bench import controls, metrics, statistics, sync
from openlpm.bench.evidence import Evidence, VoiceEvidence
from openlpm.bench.metrics import SHIFT_FRAMES, QuietMouth
from openlpm.bench.reading import ClipReading
from openlpm.bench.result import Bar, Row
from openlpm.bench.signals import Mask
from openlpm.bench.statistics import Estimate
from openlpm.core.rig import Rig

PSNR_BAR, PSNR_MOUTH_BAR = Bar(at_least=40.0), Bar(at_least=35.0)
JAW_BAR, JAW_SHIFTED_BAR = Bar(at_least=0.85), Bar(at_most=0.3)
FALSE_MOUTH_BAR, VITALITY_BAR = Bar(at_most=0.02), Bar(at_least=0.5)
IDENTITY_BAR = Bar(at_least=0.95)
RATIO_BAR = Bar(at_least=0.7, at_most=1.3)

Readings = Sequence[ClipReading]


def base_rows(evidence: Evidence) -> list[Row]:
    """All rows that need cases with a truth, in the order in which they are printed."""
    return [
        *codec_rows(evidence),
        *jaw_rows(evidence),
        *quiet_rows(evidence),
        *identity_rows(evidence),
        *motion_rows(evidence),
        *blink_rows(evidence),
    ]


def codec_rows(evidence: Evidence) -> list[Row]:
    """What the autoencoder loses: mean over clips of the PSNR of all pixels, and of the mouth's box."""
    whole = np.array([reading.psnr for reading in evidence.truth if reading.psnr is not None])
    mouth = np.array([reading.psnr_mouth for reading in evidence.truth if reading.psnr_mouth is not None])
    return [
        Row.of("vae/psnr", statistics.mean(whole), unit="dB", bar=PSNR_BAR),
        Row.of("vae/psnr_mouth", statistics.mean(mouth), unit="dB", bar=PSNR_MOUTH_BAR),
    ]


def jaw_rows(evidence: Evidence) -> list[Row]:
    """Mean over speaking clips of the correlation of the read jaw with the true one."""

    def score(readings: Readings, order: Sequence[int] | None = None, shift_frames: int = 0) -> Estimate:
        """``order[k]`` is the clip whose reading stands for clip k."""
        scores: list[float] = []
        for index, record in enumerate(evidence.records):
            assert record.truth is not None
            shown = readings[index if order is None else order[index]]
            jaw_F, truth_F = shown.rig_FR[:, Rig.JAW], record.truth.rig_FR[:, Rig.JAW]
            value = metrics.jaw_correlation(jaw_F, truth_F, metrics.speaking(record.state_F), shift_frames=shift_frames)
            if value is not None:
                scores.append(value)
        return statistics.mean(np.array(scores))

    rows = [
        Row.of("jaw_correlation", score(evidence.generated), bar=JAW_BAR),
        Row.of("jaw_correlation/shifted", score(evidence.generated, shift_frames=SHIFT_FRAMES), bar=JAW_SHIFTED_BAR),
        Row.of("jaw_correlation/other_audio", score(evidence.generated, order=_other_speakers(evidence))),
        Row.of("jaw_correlation/frozen", score(controls.frozen(evidence.generated))),
        Row.of("jaw_correlation/truth", score(evidence.truth_readings)),
    ]
    if evidence.codec_readings is not None:
        rows.append(Row.of("jaw_correlation/codec", score(evidence.codec_readings)))
    return rows


def quiet_rows(evidence: Evidence) -> list[Row]:
    """Share of listening and idle frames with a false mouth; ``met`` only if the character is alive meanwhile."""
    masks = [metrics.quiet(record.state_F) for record in evidence.records]
    if not any(mask.any() for mask in masks):
        return [Row.of("false_mouth_rate", Estimate.single(float("nan"), n=0), bar=FALSE_MOUTH_BAR)]
    truth = evidence.truth_readings
    mouth = QuietMouth.calibrate([(reading.rig_FR, mask) for reading, mask in zip(truth, masks, strict=True)])

    def rate(readings: Readings) -> Estimate:
        false = [int(mouth.false_frames(r.rig_FR, mask).sum()) for r, mask in zip(readings, masks, strict=True)]
        asked = [int(mask.sum()) for mask in masks]
        kept = [index for index, frames in enumerate(asked) if frames > 0]
        return statistics.ratio_of_sums(np.array(false, float)[kept], np.array(asked, float)[kept])

    vitality = _energy_ratio(evidence.generated, truth, masks)
    still = controls.frozen(evidence.generated)
    chatter = controls.chattering(evidence.generated, evidence.records)
    alive = VITALITY_BAR.met_by(vitality.value)
    rows = [
        Row.of("false_mouth_rate", rate(evidence.generated), bar=FALSE_MOUTH_BAR, guard=alive),
        Row.of("false_mouth_rate/vitality", vitality, bar=VITALITY_BAR),
        Row.of("false_mouth_rate/vitality_frozen", _energy_ratio(still, truth, masks)),
        Row.of("false_mouth_rate/chatter", rate(chatter)),
        Row.of("false_mouth_rate/truth", rate(truth)),
    ]
    if evidence.codec_readings is not None:
        rows.append(Row.of("false_mouth_rate/codec", rate(evidence.codec_readings)))
    return rows


def identity_rows(evidence: Evidence) -> list[Row]:
    """Share of all frames accepted as their character at the cosine that lets 1 % of strangers' frames in."""
    references_KD = evidence.references_KD
    count = len(evidence.records)
    seeds = [record.identity for record in evidence.records]
    impostors = [(evidence.strangers_GD @ references_KD.T).ravel()]
    for index, reading in enumerate(evidence.truth_readings):
        others = [k for k in range(count) if seeds[k] != seeds[index]]
        impostors.append((reading.identity_FD @ references_KD[others].T).ravel())
    threshold = metrics.impostor_threshold(np.concatenate(impostors))

    def rate(readings: Readings, order: Sequence[int]) -> Estimate:
        accepted = [
            metrics.accepted(reading.identity_FD, references_KD[k], threshold)
            for reading, k in zip(readings, order, strict=True)
        ]
        frames = [reading.num_frames for reading in readings]
        return statistics.ratio_of_sums(np.array(accepted, float), np.array(frames, float))

    own = list(range(count))
    rows = [
        Row.of("identity_tar_at_far1", rate(evidence.generated, own), bar=IDENTITY_BAR),
        Row.of("identity_tar_at_far1/other_identity", rate(evidence.generated, controls.another_clip(count))),
        Row.of("identity_tar_at_far1/truth", rate(evidence.truth_readings, own)),
    ]
    if evidence.codec_readings is not None:
        rows.append(Row.of("identity_tar_at_far1/codec", rate(evidence.codec_readings, own)))
    return rows


def motion_rows(evidence: Evidence) -> list[Row]:
    """Head motion energy of all clips over that of their truth."""
    truth = evidence.truth_readings
    rows = [
        Row.of("motion_ratio", _energy_ratio(evidence.generated, truth), bar=RATIO_BAR),
        Row.of("motion_ratio/frozen", _energy_ratio(controls.frozen(evidence.generated), truth)),
        Row.of("motion_ratio/jitter", _energy_ratio(controls.jittering(truth), truth)),
    ]
    if evidence.codec_readings is not None:
        rows.append(Row.of("motion_ratio/codec", _energy_ratio(evidence.codec_readings, truth)))
    return rows


def blink_rows(evidence: Evidence) -> list[Row]:
    """Blinks of all clips over those of their truth; and the truth's own rate, to see that there were any."""
    truth = np.array([metrics.blinks(reading.rig_FR) for reading in evidence.truth_readings], float)

    def ratio(readings: Readings) -> Estimate:
        return statistics.ratio_of_sums(np.array([metrics.blinks(r.rig_FR) for r in readings], float), truth)

    minutes = np.array([metrics.minutes(record.num_frames) for record in evidence.records])
    rows = [
        Row.of("blink_ratio", ratio(evidence.generated), bar=RATIO_BAR),
        Row.of("blink_ratio/frozen", ratio(controls.frozen(evidence.generated))),
        Row.of("blink_ratio/truth_per_minute", statistics.ratio_of_sums(truth, minutes), unit="1/min"),
    ]
    if evidence.codec_readings is not None:
        rows.append(Row.of("blink_ratio/codec", ratio(evidence.codec_readings)))
    return rows


def sync_rows(name: str, evidence: VoiceEvidence) -> list[Row]:
    """Share of windows in which the own voice fits the mouth best of all, and the same for a mouth that is late."""

    def rate(shift_frames: int) -> Estimate:
        shares: list[float] = []
        for mouth_FX, own_FX, others_FX in zip(evidence.mouths_FX, evidence.own_FX, evidence.others_FX, strict=True):
            last = mouth_FX.shape[0] - shift_frames
            cut = [other_FX[:last] for other_FX in others_FX]
            shares.append(float(sync.win_share(mouth_FX[shift_frames:], own_FX[:last], cut).mean()))
        return statistics.mean(np.array(shares))

    return [Row.of(name, rate(0)), Row.of(f"{name}/shifted", rate(SHIFT_FRAMES))]


def _other_speakers(evidence: Evidence) -> list[int]:
    """For each clip the previous clip that speaks, so that the control is another voice and not silence."""
    spoken = [index for index, record in enumerate(evidence.records) if metrics.speaking(record.state_F).sum() >= 24]
    order = list(range(len(evidence.records)))
    for place, index in enumerate(spoken):
        order[index] = spoken[place - 1]
    return order


def _energy_ratio(generated: Readings, truth: Readings, masks: Sequence[Mask] | None = None) -> Estimate:
    def energies(readings: Readings) -> list[tuple[float, int]]:
        if masks is None:
            return [metrics.head_energy(reading.rig_FR) for reading in readings]
        return [metrics.head_energy(reading.rig_FR, mask) for reading, mask in zip(readings, masks, strict=True)]

    return metrics.energy_ratio(energies(generated), energies(truth))
