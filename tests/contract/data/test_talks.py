"""What the stages people, states and pairing promise of a conversation, side by side or cut from one to the other."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from torch import Tensor

from openlpm.bench.dataset.judged import judged_rows
from openlpm.bench.dataset.talks import Talk, filmed
from openlpm.core.rig import State
from openlpm.core.seeds import Split
from openlpm.core.units import samples_at_frame
from openlpm.data.build import build
from openlpm.data.dataset import Dataset, kept, read_manifest
from openlpm.data.pairing.part import Filming, Unit
from openlpm.data.pairing.pictures import unit_pictures
from openlpm.data.pairing.timbre import Timbre
from openlpm.data.pairing.tracks import unit_sound, voices
from openlpm.data.parts import Media, Source
from openlpm.data.people.part import People
from openlpm.data.recipe import configs_for
from openlpm.data.runner import Progress, Running
from openlpm.data.states.part import States
from openlpm.data.states.rule import DISCARD
from openlpm.data.states.stage import STATES, find_states
from openlpm.synth.act.conversation import converse
from openlpm.synth.act.filming import Layout
from openlpm.synth.look.render import render_frames
from openlpm.synth.sound.speech_bank import build as build_bank

pytestmark = pytest.mark.contract

STAGES = ("ingest", "shots", "filters", "people", "states", "pairing")
# What filters think of drawn backgrounds is not the matter here.
OPEN = tuple(
    f"filters.{name}.at_most=99"
    for name in ("bars", "blur", "cast", "inset", "logo", "subtitle", "frozen_s", "doubled")
)


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory, flipbook: ModuleType) -> list[Talk]:
    """Two people side by side, the same two cut from one to the other, and others whose sound is half a second late."""
    folder = tmp_path_factory.mktemp("talks") / "raw"
    folder.mkdir()
    bank = build_bank(Split.VALIDATION, 60, seed=3)
    both = converse(920_025, bank, num_frames=24 * 10)
    return [
        flipbook.write_talk(folder / "cut.mp4", both, Layout.CUT),
        flipbook.write_talk(
            folder / "late.mp4", converse(920_001, bank, num_frames=24 * 8), Layout.SIDE_BY_SIDE, late_frames=11
        ),
        flipbook.write_talk(folder / "side.mp4", both, Layout.SIDE_BY_SIDE),
    ]


@pytest.fixture(scope="module")
def built(talks: list[Talk], films: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    raw = talks[0].path.parent
    films.write_film(raw / "nobody.mp4", [(1, 3.5)], size=(256, 256))
    dataset = Dataset(folder=tmp_path_factory.mktemp("talks") / "dataset")
    build(dataset, [raw], configs_for(STAGES, OPEN), Running(workers=1))
    return dataset


def file_of(record: object) -> str:
    return record.part(Source).name.rpartition("/")[2]  # type: ignore[attr-defined]


def units_of(dataset: Dataset, name: str) -> list[Unit]:
    return [record.part(Unit) for record in kept(dataset.current("pairing")) if file_of(record) == name]


def test_everybody_is_followed_from_beginning_to_end_and_nobody_is_nobody(built: Dataset) -> None:
    records = {file_of(record): record for record in read_manifest(built.current("people"))}
    assert records["nobody.mp4"].reasons == ("people.nobody",)
    people = records["side.mp4"].part(People)
    assert people.detector == "cast"
    assert len(people.persons) == 2
    for person, left in zip(people.persons, (0, 256), strict=True):
        assert person.num_frames == people.num_frames
        crop_F3 = person.crops.unpack()
        assert crop_F3.shape == (person.num_frames, 3)
        assert (crop_F3[:, 0] >= 0).all()
        middle_F = np.nanmean(person.points.unpack()[..., 0], axis=1)
        assert ((middle_F > left) & (middle_F < left + 256)).all()


def test_states_pairs_and_voices_are_true(built: Dataset, talks: list[Talk]) -> None:
    rows = {
        row.name: row.value or 0.0 for row in judged_rows(built, [talk for talk in talks if talk.path.stem != "late"])
    }
    assert rows["state_accuracy/cut"] > 0.8
    assert rows["pairing_accuracy"] == 1
    assert rows["identity_switches_per_10min"] == 0
    assert rows["leakage_db"] < -15
    assert rows["leakage_db/heard"] > 0.85


def test_late_sound_is_dropped_with_its_reason(built: Dataset) -> None:
    late = next(record for record in read_manifest(built.current("states")) if file_of(record) == "late.mp4")
    assert late.reasons == ("states.out_of_sync",)
    assert abs(late.part(States).offset_frames - 11) <= 1
    assert not units_of(built, "late.mp4")


def test_units_are_known_from_end_to_end_and_both_listen_to_each_other(built: Dataset) -> None:
    side, cut = units_of(built, "side.mp4"), units_of(built, "cut.mp4")
    assert not any(record.has(Timbre) for record in read_manifest(built.current("pairing")))
    assert {unit.person for unit in side} == {0, 1}
    assert {unit.filming for unit in side} == {Filming.SIDE_BY_SIDE}
    assert {unit.filming for unit in cut} == {Filming.CUT}
    assert len({unit.identity for unit in side}) == 2
    assert len({unit.identity for unit in cut}) == 2
    for unit in (*side, *cut):
        state_F = unit.states.unpack()
        assert state_F.shape == (unit.num_frames,)
        assert not (state_F == DISCARD).any()
        assert unit.crops.unpack().shape == (unit.num_frames, 3)
        assert unit.listens_to != unit.identity
        for one in unit.own:
            assert 0 <= one.first_sample < one.end_sample <= samples_at_frame(unit.num_frames)


def test_voices_and_pictures_of_a_unit_have_its_length(built: Dataset) -> None:
    raw, records = built.raw(), list(kept(built.current("pairing")))
    for record in records:
        unit = record.part(Unit)
        speak_A, listen_A = voices(record, raw)
        assert speak_A.shape == listen_A.shape == (samples_at_frame(unit.num_frames),)
        heard_A = unit_sound(record, raw)
        assert float(np.abs(speak_A).max()) <= float(np.abs(heard_A).max())
        assert bool(np.abs(speak_A).any()) == bool(unit.own)
    shown = list(unit_pictures(records[0], raw, size=64))
    assert len(shown) == records[0].part(Unit).num_frames


def test_in_a_silent_source_everybody_idles_or_is_unknown(built: Dataset) -> None:
    record = next(each for each in kept(built.current("people")) if file_of(each) == "side.mp4")
    silent = record.with_part(replace(record.part(Media), sound=None))
    (made,) = find_states(silent, STATES.config, built.raw())
    found = np.concatenate([packed.unpack() for packed in made.part(States).states])
    assert set(found.tolist()) <= {int(State.IDLE), DISCARD}
    assert (found == State.IDLE).mean() > 0.1


PROGRAM = """
import os, signal, sys
from pathlib import Path
from openlpm.data.build import build
from openlpm.data.dataset import Dataset
from openlpm.data.recipe import configs_for
from openlpm.data.runner import Running

def report(progress):
    if progress.stage == sys.argv[3] and progress.done >= 1:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    stages, settings = sys.argv[4].split(","), sys.argv[5:]
    build(Dataset(folder=Path(sys.argv[2])), [Path(sys.argv[1])], configs_for(stages, settings), Running(workers=1),
          report=report)
"""


@pytest.mark.long
@pytest.mark.parametrize("stage", ["people", "states", "pairing"])
def test_a_build_that_is_killed_in_a_new_stage_goes_on_and_makes_the_same(
    stage: str, built: Dataset, talks: list[Talk], tmp_path: Path
) -> None:
    program, out, raw = tmp_path / "program.py", tmp_path / "dataset", talks[0].path.parent
    program.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, str(program), str(raw), str(out), stage, ",".join(STAGES), *OPEN]
    assert subprocess.run(arguments, env=environment, check=False).returncode == -signal.SIGKILL
    worked: list[Progress] = []
    dataset = Dataset(folder=out)
    build(dataset, [raw], configs_for(STAGES, OPEN), Running(workers=1), report=worked.append)
    assert {each.stage for each in worked} == set(STAGES[STAGES.index(stage) :])
    assert next(each for each in worked if each.stage == stage).done >= 1
    for name in STAGES:
        assert dataset.current(name).read_bytes() == built.current(name).read_bytes()


def test_conversations_that_are_there_are_not_drawn_again(tmp_path: Path) -> None:
    bank, minutes = build_bank(Split.VALIDATION, 20, seed=3), 2 * 36 / 24 / 60
    first = list(filmed(bank, tmp_path, minutes, lambda *_: None))
    drawn = [talk.path.read_bytes() for talk in first]
    first[1].path.unlink()
    asked: list[int] = []

    def render(parameters_NV: Tensor, rig_NR: Tensor) -> Tensor:
        asked.append(len(rig_NR))
        return render_frames(parameters_NV, rig_NR)

    again = list(filmed(bank, tmp_path, minutes, lambda *_: None, render=render))
    assert [talk.path.read_bytes() for talk in again] == drawn
    # One side by side is drawn, each of its two panels; every batch has the same size, as a compiled renderer needs.
    assert sum(asked) == 2 * 36
    assert len(set(asked)) == 1
    for one, other in zip(first, again, strict=True):
        assert one.layout is other.layout
        for mine, its in zip(one.sides, other.sides, strict=True):
            assert mine.style == its.style
            np.testing.assert_array_equal(mine.points_FP2, its.points_FP2)
            np.testing.assert_array_equal(mine.voice_A, its.voice_A)
