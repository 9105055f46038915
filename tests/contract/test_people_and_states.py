"""What the pipeline promises of people and states, with the weights of the package and test identities and voices."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from openlpm.bench.dialogue_clips import CHOSEN_POINTS, clips_of, dialogue_clips
from openlpm.bench.people import RECALL, LabelledPicture, detector_rows, switches_of
from openlpm.bench.real_faces import face_rows, labels
from openlpm.bench.states import ACCURACY, JudgedPerson, Watched, judged_people, state_rows
from openlpm.core.errors import ConfigError, InputError
from openlpm.core.rig import Rig, State
from openlpm.core.seeds import Split
from openlpm.core.units import samples_at_frame
from openlpm.data.people import cast_detector, cast_networks
from openlpm.data.people.cast_detector import CastDetector
from openlpm.data.people.cut_out import Square
from openlpm.data.people.faces import Face, box_of, overlap
from openlpm.data.people.landmark_link import INTERPRETER_VARIABLE
from openlpm.data.people.mediapipe_detector import MediapipeDetector
from openlpm.data.people.tracking import Track
from openlpm.data.states import scorer as scorer_module
from openlpm.data.states.hearing import speech_probability
from openlpm.data.states.judging import JudgingConfig, judge
from openlpm.data.states.network import NUM_OFFSETS
from openlpm.data.states.scorer import NetworkScorer, Scores, TrackMotion
from openlpm.media.mix import soft_limit
from openlpm.synth.act.conversation import Conversation, converse
from openlpm.synth.act.filming import Layout, cast_of, rig_of
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast
from openlpm.synth.sound.speech_bank import SpeechBank, build

pytestmark = pytest.mark.contract

SECONDS = 20


@pytest.fixture(scope="module")
def bank() -> SpeechBank:
    return build(Split.TEST, 60, seed=1)


@pytest.fixture(scope="module")
def talks(bank: SpeechBank) -> list[Conversation]:
    return [converse(900_000 + seed, bank, num_frames=24 * SECONDS) for seed in range(4)]


def motion(conversation: Conversation, side: int) -> TrackMotion:
    """The true landmarks of a side, shaking by a hundredth of the eyes' distance."""
    rig_FR = rig_of(conversation, side)
    points = cast_of(conversation, side).landmarks(torch.from_numpy(rig_FR)[None])[0, :, list(CHOSEN_POINTS)].numpy()
    eyes = np.linalg.norm(points[:, 9] - points[:, 6], axis=1).mean()
    noise = np.random.default_rng(side).normal(0, 0.01 * eyes, points.shape)
    turn_F3 = rig_FR[:, [Rig.YAW, Rig.PITCH, Rig.ROLL]]
    return TrackMotion(points_FP2=(points + noise).astype(np.float32), turn_F3=turn_F3)


def sound(conversation: Conversation) -> np.ndarray:
    return soft_limit(conversation.records[0].speak_A + conversation.records[1].speak_A)


def truth(conversation: Conversation, side: int) -> np.ndarray:
    state_F = conversation.records[side].state_F
    return np.where(state_F == State.BOTH, State.SPEAK, state_F)


def test_the_weights_in_the_package_are_small() -> None:
    for folder in (cast_detector.WEIGHTS, scorer_module.WEIGHTS):
        assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 2**20


def test_drawn_faces_of_test_identities_are_found_also_two_at_once() -> None:
    detector, pictures = CastDetector(), list[LabelledPicture]()
    for first in (900_010, 900_012):
        cast = Cast([Identity.from_seed(first), Identity.from_seed(first + 1)])
        rig = torch.zeros(2, 1, len(Rig))
        frames = cast.render(rig)[:, 0].mul(255).round().byte().permute(0, 2, 3, 1).numpy()
        points = cast.landmarks(rig)[:, 0][:, list(CHOSEN_POINTS)].numpy() + np.float32([[[0, 0]], [[256, 0]]])
        both = np.concatenate([frames[0], frames[1]], axis=1)
        pictures.append(LabelledPicture(picture_HWC=both, styles=("a", "b"), points_KP2=points))
    rows = {row.name: row.value for row in detector_rows(detector, pictures)}
    assert rows[RECALL] == 1
    assert rows[f"{RECALL}/false"] == 0
    assert (rows["landmark_error"] or 1) < 0.08
    assert detector.find(np.full((1, 256, 256, 3), 128, np.uint8)) == [[]]


def half_bodies(count: int) -> list[Identity]:
    """Test identities that are seen to the waist, animals first: their faces are a third of a picture wide."""
    people = [Identity.from_seed(seed) for seed in range(900_000, 900_200)]
    far = [each for each in people if each.shot == "half body"]
    return sorted(far, key=lambda each: each.species == "human")[:count]


@pytest.mark.parametrize("axis", [0, 1])
def test_small_faces_in_wide_and_tall_pictures_are_found_once_each(axis: int) -> None:
    people = half_bodies(3)
    cast, rig = Cast(people), torch.zeros(3, 1, len(Rig))
    frames_NHWC = cast.render(rig)[:, 0].mul(255).round().byte().permute(0, 2, 3, 1).numpy()
    panels_N2 = np.float32([(256 * number, 0)[:: 1 if axis == 1 else -1] for number in range(3)])
    points_NP2 = cast.landmarks(rig)[:, 0][:, list(CHOSEN_POINTS)].numpy() + panels_N2[:, None]
    row = LabelledPicture(
        picture_HWC=np.concatenate(list(frames_NHWC), axis=axis), styles=("a", "b", "c"), points_KP2=points_NP2
    )
    rows = {each.name: each.value for each in detector_rows(CastDetector(), [row])}
    assert rows[RECALL] == 1
    assert rows[f"{RECALL}/false"] == 0


def a_face(score: float, *box: float) -> Face:
    return Face(
        box_4=np.float32(box), score=score, points_P2=np.zeros((22, 2), np.float32), turn_3=np.zeros(3, np.float32)
    )


def test_a_part_of_a_face_is_no_face_and_a_neighbour_is_one() -> None:
    whole, beside = a_face(0.9, 84, 73, 175, 141), a_face(0.6, 150, 90, 220, 160)
    cheek, around = a_face(0.75, 130, 75, 179, 119), a_face(0.5, 0, 0, 250, 250)
    assert cast_detector._apart([cheek, beside, around, whole]) == [whole, beside]
    assert cast_detector._apart([]) == []


def test_a_face_is_as_sure_as_it_stays_when_it_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a face moves on towards the face, however sure the networks are of it."""
    person = Cast(half_bodies(1))
    picture_HWC = person.render(torch.zeros(1, 1, len(Rig)))[0, 0].mul(255).round().byte().permute(1, 2, 0).numpy()
    detector = CastDetector()
    (face,) = detector.find(picture_HWC[None])[0]
    left, top, right, bottom = (float(each) for each in face.box_4)
    length = max(right - left, bottom - top)
    square = ((left + right) / 2, (top + bottom) / 2, length * cast_networks.MESH_MARGIN)
    half = (square[0] + 0.15 * length, square[1] - 0.15 * length, 0.5 * square[2])

    def squares(frames_FHWC: np.ndarray) -> list[list[tuple[Square, float]]]:
        return [[(half, 0.99), (square, 0.9)] for _ in frames_FHWC]

    monkeypatch.setattr(detector, "_squares", squares)
    (found,) = detector.find(picture_HWC[None])[0]
    assert overlap(found.box_4[None], face.box_4[None])[0, 0] > 0.9


def test_however_long_a_picture_is_it_is_looked_at_a_few_times() -> None:
    for shape, most in (((256, 256), 1), ((256, 300), 1), ((480, 854), 4), ((256, 20_000), 9), ((20_000, 256), 9)):
        views = cast_detector._views(np.zeros((*shape, 3), np.uint8))
        assert 1 <= len(views) <= most
        assert all(0 <= rows.start < rows.stop <= shape[0] for rows, _ in views)
        assert all(0 <= columns.start < columns.stop <= shape[1] for _, columns in views)


def test_states_of_conversations_are_right_beside_one_another_and_alone(talks: list[Conversation]) -> None:
    scorer, people = NetworkScorer(), list[JudgedPerson]()
    for talk in talks:
        tracks = [motion(talk, side) for side in range(2)]
        for sides in ((0, 1), (1,)):
            judgement = judge([tracks[side] for side in sides], sound(talk), scorer)
            assert judgement.sync.kept
            people += [
                JudgedPerson(clip="", group="", true_F=truth(talk, side), found_F=state_F)
                for side, state_F in zip(sides, judgement.states, strict=True)
            ]
    rows = {row.name: row.value or 0 for row in state_rows(people)}
    assert rows[ACCURACY] > 0.9
    assert rows["listen_recall"] > 0.9
    assert rows["speak_recall"] > 0.9


def test_sound_half_a_second_late_is_found_out_and_nobody_is_said_to_speak(talks: list[Conversation]) -> None:
    scorer, late = NetworkScorer(), samples_at_frame(12)
    for talk in talks[:2]:
        judgement = judge([motion(talk, side) for side in range(2)], np.roll(sound(talk), late), scorer)
        assert not judgement.sync.kept
        assert abs((judgement.sync.late_frames or 0) - 12) <= 1
        assert np.mean([(state_F == State.SPEAK).mean() for state_F in judgement.states]) < 0.1


def test_a_dubbed_face_does_not_speak(talks: list[Conversation]) -> None:
    judgement = judge([motion(talks[0], side) for side in range(2)], sound(talks[1]), NetworkScorer())
    assert np.mean([(state_F == State.SPEAK).mean() for state_F in judgement.states]) < 0.15


class Told:
    """Says what it was told of every track."""

    def __init__(self, odds_F: np.ndarray) -> None:
        self.odds_F = odds_F.astype(np.float32)

    def score(self, tracks: Sequence[TrackMotion], samples_A: np.ndarray) -> list[Scores]:
        agreement_FK = np.zeros((len(self.odds_F), NUM_OFFSETS), np.float32)
        return [Scores(speaks_F=self.odds_F, articulates_F=self.odds_F, agreement_FK=agreement_FK) for _ in tracks]


def test_who_falls_silent_just_before_a_cut_no_longer_speaks(bank: SpeechBank) -> None:
    frames, end = 96, 87
    voices = (np.concatenate([bank.samples(utterance + more) for more in range(8)]) for utterance in range(40))
    cut = (voice_A[: samples_at_frame(frames)] for voice_A in voices)
    weak_F = np.r_[48:61, 70:frames]
    voice_A = next(each_A for each_A in cut if (speech_probability(each_A, frames)[weak_F] > 0.6).all())
    still = TrackMotion(points_FP2=np.zeros((frames, len(CHOSEN_POINTS), 2), np.float32), turn_F3=np.zeros((frames, 3)))

    def spoken(odds_F: np.ndarray, config: JudgingConfig | None = None) -> np.ndarray:
        return judge([still], voice_A, Told(odds_F), config=config).states[0] == State.SPEAK

    numbers = np.arange(frames)
    falls_silent = np.where(numbers < end, 6.0, 0.2)
    assert spoken(falls_silent)[20:end].all()
    assert not spoken(falls_silent)[end:].any()
    assert spoken(falls_silent, JudgingConfig(weak=0.0))[20:].all()
    pauses = np.where((numbers < 50) | (numbers >= 59), 6.0, 0.2)
    assert spoken(pauses)[20:].all()
    weak_for_long = np.where(numbers < end - 12, 6.0, 0.2)
    assert spoken(weak_for_long)[20:].all()
    with pytest.raises(ConfigError, match="weak_s"):
        JudgingConfig(weak_s=(0.6, 0.1))


def test_clips_of_a_conversation_know_who_is_where_and_the_rows_can_fail(bank: SpeechBank) -> None:
    clips = list(dialogue_clips(bank, Layout.CUT, minutes=0.4, seconds_each=12))
    assert sum(clip.num_frames for clip in clips) >= 0.4 * 1440 - 1
    assert all(clip.num_frames >= 72 and len(clip.people) == 1 for clip in clips)
    (both,) = clips_of(clips[0].conversation, Layout.SIDE_BY_SIDE)
    assert both.people[1].box_F4[:, 0].min() > 200
    faces = [
        tuple(
            Face(box_4=box_of(points), score=1.0, points_P2=points, turn_3=np.zeros(3, np.float32))
            for points in person.points_FP2
        )
        for person in both.people
    ]
    frames = tuple(range(both.num_frames))
    tracks = tuple(Track(frames=frames, faces=each, appearance_X=np.zeros(75, np.float32)) for each in faces)
    assert [switches_of(person, tracks) for person in both.people] == [0, 0]
    crossed = tuple(
        Track(frames=frames, faces=one[:100] + other[100:], appearance_X=np.zeros(75, np.float32))
        for one, other in (faces, faces[::-1])
    )
    assert [switches_of(person, crossed) for person in both.people] == [1, 1]
    people = judged_people(Watched(clip=both, tracks=tracks), NetworkScorer())
    assert np.mean([(each.true_F == each.found_F).mean() for each in people]) > 0.85
    unseen = judged_people(Watched(clip=both, tracks=()), NetworkScorer())
    assert {row.name: row.value for row in state_rows(unseen)}[ACCURACY] == 0


def real_folder() -> Path:
    for folder in (os.environ.get("OPENLPM_TEST_DATA"), "../shared/data"):
        if folder and (Path(folder) / "video").is_dir():
            return Path(folder) / "video"
    pytest.skip("no real recordings: neither $OPENLPM_TEST_DATA nor ../shared/data is there")


def test_every_real_clip_has_labels_that_lie_in_the_picture() -> None:
    known = labels()
    for path in real_folder().iterdir():
        assert path.name in known["faces"], f"{path.name} has no labels"
    for moments in known["faces"].values():
        assert all(0 < face["x"] < 1 and 0 < face["y"] < 1 for moment in moments for face in moment["faces"])


@pytest.mark.long
def test_faces_of_filmed_people_are_found() -> None:
    python = os.environ.get(INTERPRETER_VARIABLE)
    if not python:
        pytest.skip(f"${INTERPRETER_VARIABLE} names no interpreter with mediapipe")
    folder = real_folder()
    with MediapipeDetector(Path(python)) as detector:
        rows = {row.name: row.value or 0 for row in face_rows(detector, folder)}
    assert rows["real_face_recall/front"] > 0.95
    assert rows["real_face_recall/false"] < 0.1


def test_an_interpreter_without_mediapipe_is_an_error_that_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with MediapipeDetector(broken) as detector, pytest.raises(InputError, match="exit code 3"):
        detector.find(np.zeros((1, 64, 64, 3), np.uint8))
