"""What the pipeline promises of captions and references, with the weights of the package and a test identity."""

import json
from pathlib import Path

import numpy as np
import pytest

from openlpm.bench.dataset.caption_rows import counts_of
from openlpm.bench.dataset.reference_rows import is_inside, is_so
from openlpm.bench.dataset.tag_truth import tag_truth
from openlpm.core.record import PerformanceRecord
from openlpm.core.seeds import Split, seeds_of
from openlpm.data.captions import stage as stage_module
from openlpm.data.captions import telling
from openlpm.data.captions.answers import FOLDER_VARIABLE
from openlpm.data.captions.constant import changing_words
from openlpm.data.captions.endpoint import URL_VARIABLE
from openlpm.data.captions.part import Captions
from openlpm.data.captions.stage import CAPTIONS, CaptionsConfig
from openlpm.data.captions.tags import INDEX, TAGS, Group
from openlpm.data.pairing.part import Unit, UnitKind
from openlpm.data.records import Record
from openlpm.data.references.part import Candidates, Reference, References
from openlpm.data.references.pictures import reference_pictures
from openlpm.data.references.stage import REFERENCES
from openlpm.data.stage import RawFiles
from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.synth.act.acting import ActionCue
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.act.feelings import Course
from openlpm.synth.act.perform import perform
from openlpm.synth.act.style import ClipStyle
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast
from openlpm.synth.sound.speech_bank import SpeechBank, build
from support.caption_server import backend
from support.units import unit_records, write_performance

pytestmark = pytest.mark.contract

FRAMES = 192
PIECES = ((0, 64), (64, 128), (128, 192))


@pytest.fixture(scope="module")
def bank() -> SpeechBank:
    return build(Split.TEST, 24, seed=3)


@pytest.fixture(scope="module")
def performance(bank: SpeechBank) -> PerformanceRecord:
    """Somebody who turns the head, listens and then speaks."""
    style = ClipStyle(
        kind=ClipKind.LISTEN_THEN_SPEAK,
        mood="surprised",
        course=Course.STEADY,
        intensity=0.95,
        actions=(ActionCue(action="turn_right_and_back", at_s=0.5),),
    )
    return perform(seeds_of(Split.TEST)[4], 900_001, bank, num_frames=FRAMES, style=style)


@pytest.fixture(scope="module")
def units(performance: PerformanceRecord, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], RawFiles]:
    path = write_performance(tmp_path_factory.mktemp("films") / "one.mp4", performance)
    return unit_records(path, performance, PIECES)


@pytest.fixture(scope="module")
def captioned(units: tuple[list[Record], RawFiles]) -> list[Record]:
    return [made for record in units[0] for made in CAPTIONS.work(record, CAPTIONS.config, units[1])]


@pytest.fixture(scope="module")
def referred(captioned: list[Record], units: tuple[list[Record], RawFiles]) -> list[Record]:
    offers = [made for record in captioned for made in REFERENCES.work(record, REFERENCES.config, units[1])]
    assert REFERENCES.settle is not None
    return list(REFERENCES.settle(offers, REFERENCES.config))


def test_all_weights_of_captions_are_small() -> None:
    held = sum(file.stat().st_size for file in telling.WEIGHTS.rglob("*") if file.is_file())
    assert held < 0.3 * 2**20


def test_tags_of_a_test_identity_are_mostly_right(captioned: list[Record], performance: PerformanceRecord) -> None:
    assert performance.truth is not None
    truth_FT = tag_truth(performance.truth)
    total_TK = np.zeros((len(TAGS), 3))
    for record, (first, end) in zip(captioned, PIECES, strict=True):
        total_TK += counts_of(record.part(Captions).tags, truth_FT[first:end])
    told = [index for index, tag in enumerate(TAGS) if tag in telling.thresholds()]
    right, said, true = total_TK[told].sum(axis=0)
    assert 2 * right / (said + true) > 0.75
    turned = total_TK[INDEX[Group.HEAD, "turned right"]]
    assert turned[0] > 0.6 * turned[2] > 0
    whole_TK = counts_of((), truth_FT)
    assert whole_TK[:, 0].sum() == 0


def test_the_same_unit_gives_the_same_bytes(captioned: list[Record], units: tuple[list[Record], RawFiles]) -> None:
    (again,) = CAPTIONS.work(units[0][1], CAPTIONS.config, units[1])
    assert again.line() == captioned[1].line()
    offers = [REFERENCES.work(again, REFERENCES.config, units[1])[0].line() for _ in range(2)]
    assert offers[0] == offers[1]


def test_who_only_listens_is_told_nothing_that_changes(captioned: list[Record]) -> None:
    kinds = [record.part(Unit).kind for record in captioned]
    assert UnitKind.LISTEN in kinds
    for record in captioned:
        captions = record.part(Captions)
        assert changing_words(captions.lasting) == []
        if record.part(Unit).kind is UnitKind.LISTEN:
            assert captions.caption == captions.lasting
            assert all(segment.caption == captions.lasting for segment in captions.segments)
        else:
            assert captions.caption != captions.lasting


def test_segments_cover_the_unit(captioned: list[Record]) -> None:
    for record in captioned:
        segments = record.part(Captions).segments
        assert segments[0].first_frame == 0
        assert segments[-1].end_frame == record.part(Unit).num_frames
        assert all(segment.caption for segment in segments)


def test_references_are_what_they_are_called_and_never_from_the_clip(
    referred: list[Record], performance: PerformanceRecord
) -> None:
    assert performance.truth is not None
    everything: list[Reference] = []
    for record in referred:
        references = record.part(References).references
        assert not record.has(Candidates)
        assert not any(is_inside(record, each) for each in references)
        assert len({(each.kind, each.subtype) for each in references}) == len(references)
        assert all(is_so(performance.truth, each.frame, each) for each in references)
        everything += references
    assert {each.kind for each in everything} >= {ReferenceKind.GLOBAL, ReferenceKind.VIEW}
    assert "right" in {each.subtype for each in everything}


def test_reference_pictures_are_those_frames(
    referred: list[Record], units: tuple[list[Record], RawFiles], performance: PerformanceRecord
) -> None:
    import torch

    assert performance.truth is not None
    cast = Cast([Identity.from_seed(performance.truth.seed)])
    record = referred[-1]
    references = record.part(References).references
    pictures = reference_pictures(record, units[1], size=128)
    assert [(each.kind, each.subtype) for each in pictures] == [(each.kind, each.subtype_index) for each in references]
    for shown, reference in zip(pictures, references, strict=True):
        assert shown.picture_HWC.shape == (128, 128, 3)
        assert ReferenceSlot(kind=shown.kind, subtype=shown.subtype).kind is reference.kind
        rig_R = torch.from_numpy(performance.truth.rig_FR[reference.frame])
        true_HWC = cast.render(rig_R[None, None])[0, 0].mul(255).permute(1, 2, 0).numpy()[::2, ::2]
        assert np.abs(true_HWC - shown.picture_HWC).mean() < 12  # coded, and shrunk another way


def test_a_unit_without_other_moments_has_no_references(
    captioned: list[Record], units: tuple[list[Record], RawFiles]
) -> None:
    assert REFERENCES.settle is not None
    (offer,) = REFERENCES.work(captioned[0], REFERENCES.config, units[1])
    (alone,) = REFERENCES.settle([offer], REFERENCES.config)
    assert alone.part(References).references == ()


def test_models_are_asked_once_and_a_second_run_needs_no_server(
    units: tuple[list[Record], RawFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = CaptionsConfig(describer="endpoint:seer", transcriber="endpoint:ear")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    stage_module.forget_models()
    with backend() as served:
        monkeypatch.setenv(URL_VARIABLE, served.url)
        served.transcript = {"text": "Well. I did not know that."}
        (first,) = CAPTIONS.work(units[0][2], config, units[1])
        asked = len(served.asked)
        assert asked == 2
        question = json.loads(next(body for path, _, body in served.asked if path.endswith("completions")))
        assert len(question["messages"][0]["content"]) == 1 + config.pictures
    (again,) = CAPTIONS.work(units[0][2], config, units[1])
    stage_module.forget_models()
    assert again.line() == first.line()
    captions = first.part(Captions)
    assert captions.appearance == "a woman with a red scarf, wearing a coat"
    assert captions.dense == "A woman with a red scarf talks to a friend."
    assert "She sits with a friend." in captions.lasting
    assert "smiles" not in captions.lasting
    assert (captions.described_by, captions.heard_by) == ("endpoint:seer", "endpoint:ear")
    assert "I did not know that" in " ".join(segment.words for segment in captions.segments)
