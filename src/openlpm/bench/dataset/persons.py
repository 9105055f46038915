"""Rows about people, states and pairing: drawn conversations through the whole pipeline, drawn faces, filmed faces."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from openlpm.bench.composed import composed_clips, judged_panels
from openlpm.bench.dataset.judged import judged_rows
from openlpm.bench.dataset.talks import Talk
from openlpm.bench.people import detector_rows, labelled_pictures
from openlpm.bench.result import Row
from openlpm.bench.states import real_rows
from openlpm.core.processors import usable_cores
from openlpm.data.build import build
from openlpm.data.dataset import Dataset
from openlpm.data.people.cast_detector import CastDetector
from openlpm.data.people.mediapipe_detector import MediapipeDetector
from openlpm.data.recipe import configs_for
from openlpm.data.registry import names
from openlpm.data.runner import Running
from openlpm.data.states.scorer import NetworkScorer
from openlpm.synth.sound.speech_bank import SpeechBank

Report = Callable[[str, int, int], None]
LAST_STAGE: Final = "pairing"


def talk_rows(talks: Sequence[Talk], folder: Path, report: Report) -> list[Row]:
    """States, tracks, pairs and voices of conversations, built into a dataset in ``folder`` with the default recipe."""
    stages = names()[: names().index(LAST_STAGE) + 1]
    dataset = Dataset(folder=folder / "talks")
    build(
        dataset,
        sorted({talk.path for talk in talks}),
        configs_for(stages),
        Running(workers=usable_cores(), memory_mib=0),
        report=lambda progress: report(f"talks: {progress.stage}", progress.done, progress.total),
    )
    return judged_rows(dataset, talks)


def drawn_face_rows(bank: SpeechBank, count: int) -> list[Row]:
    """How many faces of unseen performers are found, by style."""
    return detector_rows(CastDetector(), labelled_pictures(bank, count=count))


def real_state_rows(recordings: Path, python: Path, report: Report) -> list[Row]:
    """States of conversations composed of the real clips, seen by the detector for filmed people.

    Raises:
        InputError: a clip is missing, or the interpreter has no mediapipe.
    """
    scorer, people = NetworkScorer(), []
    with MediapipeDetector(python) as detector:
        for number, clip in enumerate(composed_clips(recordings), start=1):
            people += judged_panels(clip, detector, scorer)
            report("composed conversations", number, number)
    return real_rows(people)
