"""``openlpm data`` from the command line, on real recordings and on drawn ones."""

import json
import re
from pathlib import Path

import pytest

from openlpm.cli.main import main
from openlpm.data.dataset import Dataset, read_manifest
from openlpm.data.parts import Source, Span

pytestmark = pytest.mark.e2e

CUTS = Path(__file__).parents[2] / "src" / "openlpm" / "bench" / "dataset" / "real_cuts.json"
FEW = ("grid-bbaf2n.mpg", "promo-edited.mp4", "stage-three-shots.mp4", "two-people-silent.gif", "webcam.mp4")


@pytest.fixture(scope="module")
def built(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    raw = folder / "clips"
    raw.mkdir()
    for name in FEW:
        (raw / name).write_bytes((shared_data / "video" / name).read_bytes())
    (raw / "rights.json").write_text(json.dumps({"licence": "MIT", "may_train": False}))
    (raw / "webcam.mp4.rights.json").write_text(json.dumps({"licence": "MIT", "consent": "refused"}))
    # The detector for filmed people is not everywhere; what follows the filters has tests of its own.
    assert main(["data", "build", str(raw), "--out", str(folder / "dataset"), "--stop-after", "filters"]) == 0
    return folder / "dataset"


def test_licence_and_consent_are_carried_to_the_end_and_refusal_counts(built: Path) -> None:
    ingested = {each.part(Source).name: each for each in read_manifest(Dataset(folder=built).current("ingest"))}
    assert ingested["clips/webcam.mp4"].reasons == ("ingest.consent_refused",)
    for record in read_manifest(Dataset(folder=built).current("filters")):
        assert record.part(Source).rights.licence == "MIT"
        assert record.part(Source).rights.may_train is False


def test_no_clip_of_the_real_recordings_has_a_cut_in_it(built: Path) -> None:
    cuts = {name: held["cuts"] for name, held in json.loads(CUTS.read_text())["files"].items()}
    for record in read_manifest(Dataset(folder=built).current("shots")):
        span = record.part(Span)
        inside = range(span.first_frame + 2, span.first_frame + span.num_frames - 1)
        assert not [cut for cut in cuts[record.part(Source).name.partition("/")[2]] if cut in inside]


def test_what_a_person_sees_in_the_real_recordings_the_filters_see(built: Path) -> None:
    found = {
        (each.part(Source).name.partition("/")[2], each.part(Span).first_frame): set(each.reasons)
        for each in read_manifest(Dataset(folder=built).current("filters"))
    }
    captioned = found["promo-edited.mp4", 820]
    assert {"filters.subtitle", "filters.short_side"} <= captioned
    assert not found["grid-bbaf2n.mpg", 0]
    assert not found["two-people-silent.gif", 0]


def test_records_are_shown_and_counted(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "inspect", "filters", "--dataset", str(built)]) == 0
    assert "filters.short_side" in capsys.readouterr().out
    chosen = ["--reason", "filters.short_side", "--records", "2"]
    assert main(["data", "inspect", "filters", "--dataset", str(built), *chosen]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("filters.short_side" in json.loads(line)["reasons"] for line in lines)


def test_the_report_holds_all_that_it_shows(built: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert main(["data", "report", "--dataset", str(built), "--out", str(page), "--pictures", "4"]) == 0
    text = page.read_text()
    assert all(f"<h2>{stage}</h2>" in text for stage in ("ingest", "shots", "filters"))
    assert text.count("<svg") > 10
    assert "data:image/jpeg;base64," in text
    without_data = re.sub(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.findall(r"(?:https?:)?//\w|src=\"(?!\")|<script|<link|@import|url\(", without_data)


@pytest.mark.long
def test_one_stage_is_run_again_with_another_setting(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = Dataset(folder=built).current("filters").read_bytes()
    assert main(["data", "run", "filters", "--dataset", str(built), "--set", "short_side.at_least=100"]) == 0
    capsys.readouterr()
    assert main(["data", "inspect", "filters", "--dataset", str(built)]) == 0
    assert "filters.short_side" not in capsys.readouterr().out
    assert main(["data", "run", "filters", "--dataset", str(built)]) == 0
    assert Dataset(folder=built).current("filters").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "nowhere", "--out", "d"], "there is no file or folder nowhere"),
        (["build", "empty", "--out", "d"], "no file that could be a video"),
        (["build", "empty", "--out", "d", "--set", "colour=red"], "no field colour"),
        (["build", "empty", "--out", "d", "--stop-after", "lunch"], "no stage 'lunch'"),
        (["run", "filters", "--dataset", "nowhere"], "run openlpm data build first"),
        (["inspect", "filters", "--dataset", "nowhere"], "has no filters yet"),
        (["report", "--dataset", "nowhere", "--out", "r.html"], "is no dataset yet"),
        (["build", "empty", "--out", "d", "--on", "moon"], "give local, ray"),
    ],
)
def test_what_cannot_be_done_ends_in_one_sentence(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert main(["data", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said


def test_every_field_is_shown_with_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "build", "x", "--out", "y", "--show", "--set", "shots.shortest_s=4"]) == 0
    said = capsys.readouterr().out
    assert "shortest_s=4.0" in said
    assert "blur.at_most=" in said
