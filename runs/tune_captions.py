"""How far off the reader is on films that went through the pipeline, and from what likelihood on each tag is told.

    python runs/tune_captions.py film --count 12 --work WORK
    python runs/tune_captions.py errors --count 12 --work WORK
    python runs/tune_captions.py thresholds --count 12 --work WORK

Performers are validation identities. ``film`` writes films (compiled first, which takes two minutes) and takes them
through the stages up to ``captions``; ``errors`` compares what was read with the rig, which is what
``runs/train_caption_teller.py`` makes its readings wrong by; ``thresholds`` chooses, tag by tag, the threshold with
the best F1 of stretches, and leaves out tags that stay below ``LEAST_F1`` or are true in too few frames or units.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.dataset.acted import ActedFilm, Moment, act_films, acted_films, moment_of
from openlpm.bench.dataset.caption_rows import counts_of
from openlpm.bench.dataset.tag_truth import tag_truth
from openlpm.core.seeds import Split
from openlpm.data.build import build
from openlpm.data.captions.part import Captions
from openlpm.data.captions.reading import WEIGHTS, Readings, bridged, unit_face
from openlpm.data.captions.tags import FACE_CHANNELS, TAGS
from openlpm.data.captions.telling import NetworkTeller, tags_in
from openlpm.data.dataset import Dataset, kept
from openlpm.data.filters.stage import FiltersConfig, Range, score_names
from openlpm.data.pairing.part import Unit
from openlpm.data.recipe import configs_for
from openlpm.data.records import Record
from openlpm.data.registry import names
from openlpm.data.runner import Running
from openlpm.synth.look.render import render_frames
from openlpm.synth.sound.speech_bank import SpeechBank
from openlpm.synth.sound.speech_bank import build as build_bank

LEAST_F1, LEAST_FRAMES, LEAST_UNITS = 0.8, 24, 5
_UTTERANCES, _SHOT_S = 60, 6


def film(folder: Path, bank: SpeechBank, count: int) -> None:
    """Write the films and take them through the pipeline."""
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    fast = torch.compile(render_frames, dynamic=False)
    for number, _ in enumerate(act_films(raw, bank, count, shot_s=_SHOT_S, render=fast)):
        print(f"film {number + 1} of {count}", flush=True)
    stages = names()[: names().index("captions") + 1]
    everything = FiltersConfig(**{name: Range() for name in score_names()})
    configs = {**configs_for(stages), "filters": everything}
    build(Dataset(folder=folder / "ds"), [raw], configs, Running(workers=1))


def watched(folder: Path, films: list[ActedFilm]) -> Iterator[tuple[Record, Moment]]:
    """Every unit with what is true of it."""
    for record in kept(Dataset(folder=folder / "ds").current("captions")):
        moment = moment_of(films, record)
        if moment is not None:
            yield record, moment


def errors(folder: Path, films: list[ActedFilm]) -> dict[str, dict[str, float]]:
    """Of every channel how readings depend on the rig: slope, offset, and what is left, a unit's own and a frame's."""
    read, true, units = [], [], []
    for number, (record, moment) in enumerate(watched(folder, films)):
        assert moment.shot.truth is not None
        face_FR = record.part(Captions).face.unpack()
        seen_F = np.isfinite(face_FR[:, 0])
        read.append(face_FR[seen_F])
        true.append(moment.shot.truth.rig_FR[moment.frames][seen_F][:, FACE_CHANNELS])
        units.append(np.full(int(seen_F.sum()), number))
    read_MR, true_MR, unit_M = np.concatenate(read), np.concatenate(true), np.concatenate(units)
    found: dict[str, dict[str, float]] = {}
    for index, channel in enumerate(FACE_CHANNELS):
        slope, offset = np.polyfit(true_MR[:, index], read_MR[:, index], 1)
        rest_M = read_MR[:, index] - slope * true_MR[:, index] - offset
        own_K = np.array([rest_M[unit_M == unit].mean() for unit in np.unique(unit_M)])
        within = float(np.sqrt(max((rest_M**2).mean() - (own_K**2).mean(), 0)))
        numbers = {"slope": float(slope), "offset": float(offset), "bias": float(own_K.std()), "noise": within}
        found[channel.name.lower()] = {name: round(value, 4) for name, value in numbers.items()}
    return found


def thresholds(folder: Path, films: list[ActedFilm]) -> dict[str, dict[str, float | None]]:
    """Of every tag the threshold with the best F1 of stretches."""
    teller, tried = NetworkTeller(), np.arange(0.1, 0.86, 0.05).round(2).tolist()
    total_XTK, units_T = np.zeros((len(tried), len(TAGS), 3)), np.zeros(len(TAGS))
    for record, moment in watched(folder, films):
        assert moment.shot.truth is not None
        truth_FT = tag_truth(moment.shot.truth)[moment.frames]
        units_T += (truth_FT == 1).any(axis=0)
        likely_FT = teller.likely(readings_of(record), record.part(Unit).states.unpack())
        for index, threshold in enumerate(tried):
            tags = tags_in(likely_FT, told=dict.fromkeys(TAGS, threshold))
            total_XTK[index] += counts_of(tags, truth_FT)
    f1_XT = 2 * total_XTK[..., 0] / np.maximum(total_XTK[..., 1] + total_XTK[..., 2], 1)
    found: dict[str, dict[str, float | None]] = {}
    for index, tag in enumerate(TAGS):
        best = int(f1_XT[:, index].argmax())
        f1, frames = float(f1_XT[best, index]), float(total_XTK[best, index, 2])
        enough = frames >= LEAST_FRAMES and units_T[index] >= LEAST_UNITS
        if enough:
            threshold = tried[best] if f1 >= LEAST_F1 else None
            found[f"{tag.group}/{tag.name}"] = {"threshold": threshold, "validation_f1": round(f1, 3)}
    return found


def readings_of(record: Record) -> Readings:
    """What the stage read, from its part."""
    face = unit_face(record)
    face_FR: NDArray[np.float32] = record.part(Captions).face.unpack()
    seen_F = np.isfinite(face_FR[:, 0])
    return Readings(
        face_FR=bridged(face_FR, seen_F),
        box_F4=bridged(face.box_F4, face.seen()),
        sharp_F=record.part(Captions).sharpness.unpack(),
    )


def main() -> None:
    """Do one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("film", "errors", "thresholds"))
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bank = build_bank(Split.VALIDATION, _UTTERANCES, seed=11)
    if options.what == "film":
        film(options.work, bank, options.count)
        return
    films = list(acted_films(options.work / "raw", bank, options.count, shot_s=_SHOT_S))
    found = (errors if options.what == "errors" else thresholds)(options.work, films)
    lines = [f" {json.dumps(name)}: {json.dumps(each)}" for name, each in found.items()]
    (options.out / f"{options.what}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
