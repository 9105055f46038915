import numpy as np
import pytest

from openlpm.bench.dataset.caption_rows import counts_of
from openlpm.bench.dataset.tag_truth import UNCOUNTED, tag_truth
from openlpm.core.emotion import EMOTIONS, NUM_EMOTIONS
from openlpm.core.record import Event, Truth
from openlpm.core.rig import NUM_RIG, Rig
from openlpm.data.captions.part import Tag
from openlpm.data.captions.tags import INDEX, Group

pytestmark = pytest.mark.unit

FRAMES = 96


def truth(rig: dict[Rig, np.ndarray | float] | None = None, events: tuple[Event, ...] = (), **felt: float) -> Truth:
    rig_FR = np.zeros((FRAMES, NUM_RIG), np.float32)
    for channel, value in (rig or {}).items():
        rig_FR[:, channel] = value
    emotion_FE = np.zeros((FRAMES, NUM_EMOTIONS), np.float32)
    for emotion, value in felt.items():
        emotion_FE[:, EMOTIONS.index(emotion)] = value
    return Truth(seed=1, rig_FR=rig_FR, viseme_F=np.zeros(FRAMES, np.int8), events=events, emotion_FE=emotion_FE)


def column(found: Truth, group: Group, name: str) -> np.ndarray:
    return tag_truth(found)[:, INDEX[group, name]]


def test_between_a_smile_and_none_nothing_is_counted() -> None:
    for value, label in ((0.0, 0), (0.35, UNCOUNTED), (0.8, 1)):
        assert (column(truth({Rig.SMILE: value}), Group.EXPRESSION, "smile") == label).all()
    assert (column(truth(sad=0.7), Group.EMOTION, "sad") == 1).all()


def test_a_blink_is_short_and_closed_eyes_are_not() -> None:
    lids = np.zeros(FRAMES)
    lids[10:15] = lids[40:70] = 1
    found = truth({Rig.BLINK_LEFT: lids, Rig.BLINK_RIGHT: lids})
    blink, closed = column(found, Group.EXPRESSION, "blink"), column(found, Group.EXPRESSION, "eyes closed")
    assert np.flatnonzero(blink == 1).tolist() == list(range(10, 15))
    assert np.flatnonzero(closed == 1).tolist() == list(range(40, 70))
    assert blink[8] == UNCOUNTED


def test_eyes_that_turn_against_the_head_look_at_the_camera() -> None:
    against = truth({Rig.YAW: 0.4, Rig.GAZE_X: -0.36})
    assert (column(against, Group.GAZE, "at the camera") == 1).all()
    assert (column(against, Group.HEAD, "turned right") == 1).all()
    ahead = truth({Rig.YAW: 0.5})
    assert (column(ahead, Group.GAZE, "right") == 1).all()


def test_a_nod_in_answer_is_a_nod() -> None:
    for kind in ("nod", "action:nod"):
        found = truth(events=(Event(kind=kind, start_frame=20, end_frame=44),))
        nods = column(found, Group.ACTION, "nod")
        assert (nods[25:39] == 1).all()
        assert nods[20] == UNCOUNTED
        assert nods[5] == 0


def test_counts_are_of_frames_that_count() -> None:
    truth_FT = tag_truth(truth(events=(Event(kind="action:bow", start_frame=24, end_frame=48),)))
    bow = Tag(group=Group.ACTION, name="bow", start_s=1.0, end_s=3.0, certainty=1.0)
    right, told, true = counts_of((bow,), truth_FT)[INDEX[Group.ACTION, "bow"]].tolist()
    assert (right, told, true) == (14, 14 + 19, 14)
    voice = Tag(group=Group.VOICE, name="loud", start_s=0.0, end_s=4.0, certainty=1.0)
    assert counts_of((voice,), truth_FT)[:, 1].sum() == 0
