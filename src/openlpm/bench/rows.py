"""From evidence to rows: each number beside truth, codec and the controls that must fail."""

from collections.abc import Sequence

import numpy as np

from openlpm.bench import controls, metrics, statistics, sync
from openlpm.bench.evidence import Evidence, VoiceEvidence
from openlpm.bench.eyes import eye_rows
from openlpm.bench.metrics import SHIFT_FRAMES, QuietMouth
from openlpm.bench.reading import ClipReading
from openlpm.bench.result import Bar, Row
from openlpm.bench.scoring import Scored, mean_of, ratio, scored_rows
from openlpm.bench.signals import Mask
from openlpm.bench.statistics import Estimate, Values
from openlpm.bench.visemes import ReadVisemes, viseme_rows
from openlpm.core.record import PerformanceRecord
from openlpm.core.rig import Rig
from openlpm.synth.act.actions import ACTIONS

PSNR_BAR, PSNR_MOUTH_BAR = Bar(at_least=38.0), Bar(at_least=34.0)
JAW_BAR, JAW_SHIFTED_BAR = Bar(at_least=0.92), Bar(at_most=0.3)
QUIET, FALSE_MOUTH_BAR, VITALITY_BAR = "false_mouth_rate", Bar(at_most=0.01), Bar(at_least=0.5)
TRAPS, TRAPS_BAR = "false_mouth_rate_traps", Bar(at_most=0.02)
IDENTITY_BAR = Bar(at_least=0.98)
RATIO_BAR = Bar(at_least=0.7, at_most=1.3)

Readings = Sequence[ClipReading]


def base_rows(evidence: Evidence, read_visemes: ReadVisemes) -> list[Row]:
    """All rows that need cases with a truth, in the order in which they are printed."""
    truth, other = evidence.truth_readings, _other_speakers(evidence)
    return [
        *codec_rows(evidence),
        *jaw_rows(evidence),
        *viseme_rows(evidence.records, truth, evidence.generated, other, read_visemes),
        *quiet_rows(evidence),
        *identity_rows(evidence),
        *motion_rows(evidence),
        *blink_rows(evidence),
        *eye_rows(evidence.records, evidence.truth_readings, evidence.generated),
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

    def scores(readings: Readings, order: Sequence[int] | None = None, shift_frames: int = 0) -> Values:
        """``order[k]`` is the clip whose reading stands for clip k."""
        found: list[float] = []
        for index, record in enumerate(evidence.records):
            assert record.truth is not None
            shown = readings[index if order is None else order[index]]
            jaw_F, truth_F = shown.rig_FR[:, Rig.JAW], record.truth.rig_FR[:, Rig.JAW]
            value = metrics.jaw_correlation(jaw_F, truth_F, metrics.speaking(record.state_F), shift_frames=shift_frames)
            if value is not None:
                found.append(value)
        return np.array(found, dtype=np.float64)

    truth, made, name = evidence.truth_readings, evidence.generated, "jaw_correlation"
    other = _other_speakers(evidence)
    scored = Scored(
        generated_NX=mean_of(scores(made)),
        truth_NX=mean_of(scores(truth)),
        control_NX=mean_of(scores(truth, order=other)),
        value=ratio,
    )
    rows = [
        *scored_rows(name, scored, bar=JAW_BAR),
        Row.of(f"{name}/shifted", statistics.mean(scores(made, shift_frames=SHIFT_FRAMES)), bar=JAW_SHIFTED_BAR),
        Row.of(f"{name}/other_audio", statistics.mean(scores(made, order=other))),
        Row.of(f"{name}/frozen", statistics.mean(scores(controls.frozen(made)))),
    ]
    if evidence.codec_readings is not None:
        rows.append(Row.of(f"{name}/codec", statistics.mean(scores(evidence.codec_readings))))
    return rows


def quiet_rows(evidence: Evidence) -> list[Row]:
    """The quiet mouth of the mixed cases."""
    return quiet_mouth_rows(
        QUIET, FALSE_MOUTH_BAR, evidence.records, evidence.truth_readings, evidence.generated, evidence.codec_readings
    )


def quiet_mouth_rows(
    name: str,
    bar: Bar,
    records: Sequence[PerformanceRecord],
    truth: Readings,
    generated: Readings,
    codec: Readings | None = None,
) -> list[Row]:
    """Share of listening and idle frames with a false mouth; ``met`` only if the character is alive meanwhile.

    The control moves the mouth all the time: as the clips speak, or by itself where none does.
    """
    masks = [_asked_to_be_quiet(record) for record in records]
    if not any(mask.any() for mask in masks):
        return [Row.of(name, Estimate.single(float("nan"), n=0), bar=bar)]
    mouth = QuietMouth.calibrate([(reading.rig_FR, mask) for reading, mask in zip(truth, masks, strict=True)])

    def terms(readings: Readings) -> Values:
        false = [int(mouth.false_frames(r.rig_FR, mask).sum()) for r, mask in zip(readings, masks, strict=True)]
        asked = [int(mask.sum()) for mask in masks]
        counts_N2 = np.array([false, asked], dtype=np.float64).T
        return counts_N2[counts_N2[:, 1] > 0]

    vitality = _energy_ratio(generated, truth, masks)
    still = controls.frozen(generated)
    scored = Scored(
        generated_NX=terms(generated),
        truth_NX=terms(truth),
        control_NX=terms(controls.chattering(truth, records)),
        value=ratio,
        less_is_better=True,
    )
    rows = [
        *scored_rows(name, scored, bar=bar, guard=VITALITY_BAR.met_by(vitality.value)),
        Row.of(f"{name}/vitality", vitality, bar=VITALITY_BAR),
        Row.of(f"{name}/vitality_frozen", _energy_ratio(still, truth, masks)),
    ]
    if codec is not None:
        rows.append(Row.of(f"{name}/codec", statistics.of_sums(terms(codec), ratio)))
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

    def terms(readings: Readings, order: Sequence[int]) -> Values:
        accepted = [
            metrics.accepted(reading.identity_FD, references_KD[k], threshold)
            for reading, k in zip(readings, order, strict=True)
        ]
        return np.array([accepted, [reading.num_frames for reading in readings]], dtype=np.float64).T

    name, own, other = "identity_tar_at_far1", list(range(count)), controls.another_clip(count)
    scored = Scored(
        generated_NX=terms(evidence.generated, own),
        truth_NX=terms(evidence.truth_readings, own),
        control_NX=terms(evidence.truth_readings, other),
        value=ratio,
    )
    rows = [
        *scored_rows(name, scored, bar=IDENTITY_BAR),
        Row.of(f"{name}/other_identity", statistics.of_sums(terms(evidence.generated, other), ratio)),
    ]
    if evidence.codec_readings is not None:
        rows.append(Row.of(f"{name}/codec", statistics.of_sums(terms(evidence.codec_readings, own), ratio)))
    return rows


def motion_rows(evidence: Evidence) -> list[Row]:
    """Head motion energy of all clips over that of their truth."""
    truth = evidence.truth_readings
    rows = [
        Row.of("motion_ratio", _energy_ratio(evidence.generated, truth), bar=RATIO_BAR),
        Row.of("motion_ratio/frozen", _energy_ratio(controls.frozen(evidence.generated), truth)),
        Row.of("motion_ratio/jitter", _energy_ratio(controls.jittering(truth), truth)),
        Row.of("motion_ratio/truth", _read_over_true(evidence)),
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


def _asked_to_be_quiet(record: PerformanceRecord) -> Mask:
    """Listening and idle frames; none of a clip that asks for an action of the mouth, which may come at any time."""
    assert record.truth is not None
    kinds = [event.kind.removeprefix("action:") for event in record.truth.events if event.kind.startswith("action:")]
    mask_F = metrics.quiet(record.state_F)
    return mask_F & (not any(ACTIONS[kind].uses_mouth for kind in kinds))


def _read_over_true(evidence: Evidence) -> Estimate:
    """How much the critic's own noise adds to the motion of the truth."""
    true: list[tuple[float, int]] = []
    for record in evidence.records:
        assert record.truth is not None
        true.append(metrics.head_energy(record.truth.rig_FR))
    return metrics.energy_ratio([metrics.head_energy(reading.rig_FR) for reading in evidence.truth_readings], true)


def _other_speakers(evidence: Evidence) -> list[int]:
    """For each clip that speaks the one that did before it, so that the control is another voice and not silence.

    Where nobody else speaks it is the clip before: a control that is the clip itself cannot fail.
    """
    spoken = [index for index, record in enumerate(evidence.records) if metrics.speaking(record.state_F).sum() >= 24]
    order = controls.another_clip(len(evidence.records))
    if len(spoken) < 2:
        return order
    for place, index in enumerate(spoken):
        order[index] = spoken[place - 1]
    return order


def _energy_ratio(generated: Readings, truth: Readings, masks: Sequence[Mask] | None = None) -> Estimate:
    def energies(readings: Readings) -> list[tuple[float, int]]:
        if masks is None:
            return [metrics.head_energy(reading.rig_FR) for reading in readings]
        return [metrics.head_energy(reading.rig_FR, mask) for reading, mask in zip(readings, masks, strict=True)]

    return metrics.energy_ratio(energies(generated), energies(truth))
