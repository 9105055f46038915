"""What both sides of a conversation may rely on, and what its films and its truth say."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from openlpm.core.errors import ConfigError
from openlpm.core.rig import MOUTH_CHANNELS, VISEMES, Rig, State
from openlpm.core.seeds import Split, split_of
from openlpm.core.units import samples_at_frame
from openlpm.synth.act.conversation import Conversation, converse
from openlpm.synth.act.dialogue import end_of
from openlpm.synth.act.filming import (
    Film,
    Layout,
    Panel,
    cast_of,
    draw_shots,
    film_blocks,
    films_of,
    landmarks_in,
    rig_of,
)
from openlpm.synth.act.truth_file import truth_arrays, truth_header
from openlpm.synth.look.landmarks import LANDMARKS
from openlpm.synth.look.pose import PICTURE_SIZE
from openlpm.synth.sound.speech_bank import SpeechBank, build

pytestmark = pytest.mark.contract

NUM_FRAMES = 480
SEEDS = range(16)


@pytest.fixture(scope="module")
def bank() -> SpeechBank:
    return build(Split.TEST, 96, seed=2)


@pytest.fixture(scope="module")
def talks(bank: SpeechBank) -> list[Conversation]:
    return [converse(seed, bank, num_frames=NUM_FRAMES) for seed in SEEDS]


def test_what_one_side_says_is_what_the_other_hears(talks: list[Conversation]) -> None:
    for talk in talks:
        first, second = talk.records
        assert np.array_equal(first.speak_A, second.listen_A)
        assert np.array_equal(second.speak_A, first.listen_A)
        assert first.speak_A.any() or second.speak_A.any()
        assert first.identity != second.identity


def test_the_states_of_both_sides_agree(talks: list[Conversation]) -> None:
    for talk in talks:
        ours_F, theirs_F = (record.state_F for record in talk.records)
        assert np.array_equal(ours_F == State.BOTH, theirs_F == State.BOTH)
        assert np.all(theirs_F[ours_F == State.SPEAK] == State.LISTEN)


def test_sides_take_turns_and_nobody_talks_over_themselves(bank: SpeechBank, talks: list[Conversation]) -> None:
    changes = both = 0
    for talk in talks:
        for turns in talk.plan.turns:
            for before, after in pairwise(turns):
                assert end_of(bank, before) <= after.start_sample
        order = sorted((turn.start_sample, side) for side in range(2) for turn in talk.plan.turns[side])
        changes += sum(before[1] != after[1] for before, after in pairwise(order))
        assert len({bank.voice_index[turn.utterance] for turn in talk.plan.turns[0]}) <= 1
        both += all(talk.plan.turns)
    assert changes > 1.5 * len(talks)
    assert both >= 0.8 * len(talks)


def test_there_are_overlaps_hums_and_interruptions(bank: SpeechBank, talks: list[Conversation]) -> None:
    kinds = {event.kind for talk in talks for record in talk.records for event in record.truth.events}  # type: ignore[union-attr]
    assert {"turn_start", "turn_yield", "turn_hold", "nod", "blink", "partner_interrupts", "taken_aback"} <= kinds
    assert any(kind.startswith("action:") for kind in kinds)
    assert any((record.state_F == State.BOTH).any() for talk in talks for record in talk.records)
    assert "backchannel" in kinds


def test_who_is_interrupted_stops_and_has_no_mouth_for_the_rest(talks: list[Conversation]) -> None:
    found = 0
    for talk in talks:
        for side in range(2):
            record, other = talk.records[side], talk.records[1 - side]
            for at_s in talk.plan.broken_in_s[side]:
                cut = round(at_s * 24)
                if cut + 20 > NUM_FRAMES:
                    continue
                after = slice(samples_at_frame(cut + 9), samples_at_frame(cut + 12))
                assert not record.speak_A[after].any()
                assert other.speak_A[samples_at_frame(cut) : samples_at_frame(cut + 20)].any()
                found += 1
    assert found > 0


def test_the_mouth_of_a_side_moves_with_its_own_voice_only(talks: list[Conversation]) -> None:
    for talk in talks:
        for record in talk.records:
            assert record.truth is not None
            if not record.speak_A.any():
                assert not record.truth.viseme_F.any()
                continue
            quiet_F = record.truth.viseme_F == VISEMES.index("sil")
            level_F = np.array(
                [np.abs(record.speak_A[samples_at_frame(f) : samples_at_frame(f + 1)]).max() for f in range(NUM_FRAMES)]
            )
            assert level_F[~quiet_F].mean() > 5 * level_F[quiet_F].mean()


def test_a_conversation_comes_back_from_its_seed(bank: SpeechBank, talks: list[Conversation]) -> None:
    again = converse(3, bank, num_frames=NUM_FRAMES)
    for side in range(2):
        assert np.array_equal(rig_of(again, side), rig_of(talks[3], side))
        assert again.records[side].caption == talks[3].records[side].caption
        assert split_of(int(again.records[side].identity.removeprefix("seed:"))) == Split.TEST
    assert not np.array_equal(rig_of(again, 0), rig_of(talks[4], 0))


@pytest.mark.parametrize("performers", [(900_001, 900_001), (7, 900_001)])
def test_performers_that_cannot_talk_are_refused(bank: SpeechBank, performers: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="two different identities of the split test"):
        converse(1, bank, num_frames=48, performers=performers)


def test_shots_cover_the_clip_last_a_second_and_mostly_show_who_speaks(talks: list[Conversation]) -> None:
    speaking = shown = 0
    for talk in talks:
        first, second = talk.records
        shots = draw_shots(talk.seed, first.state_F, second.state_F)
        assert shots[0].first_frame == 0
        assert shots[-1].end_frame == NUM_FRAMES
        assert all(shot.end_frame - shot.first_frame >= 24 for shot in shots)
        assert all(a.end_frame == b.first_frame and a.side != b.side for a, b in pairwise(shots))
        (film,) = films_of(Layout.CUT, NUM_FRAMES, shots)
        assert np.all(film.panels[0].shown_F ^ film.panels[1].shown_F)
        for panel, record in zip(film.panels, talk.records, strict=True):
            alone_F = record.state_F == State.SPEAK
            speaking += int(alone_F.sum())
            shown += int((alone_F & panel.shown_F).sum())
    assert 0.6 < shown / speaking < 1.0


@pytest.mark.parametrize("side", [0, 1])
def test_truth_landmarks_lie_where_the_drawn_mouth_is(talks: list[Conversation], side: int) -> None:
    talk = talks[1]
    at = int(rig_of(talk, side)[:, Rig.JAW].argmax())
    shown_F = np.arange(NUM_FRAMES) == at
    panel = Panel(side=side, left=side * PICTURE_SIZE, shown_F=shown_F)
    film = Film(suffix="", size=(PICTURE_SIZE, 2 * PICTURE_SIZE), panels=(panel,))
    picture_HWC = next(
        frames_FHWC[at % 12] for block, (frames_FHWC, _) in enumerate(film_blocks(talk, film)) if block == at // 12
    )
    shut_R = rig_of(talk, side)[at].copy()
    shut_R[list(MOUTH_CHANNELS)] = 0.0
    shut_HWC = cast_of(talk, side).render(torch.from_numpy(shut_R)[None, None])[0, 0].permute(1, 2, 0).numpy() * 255
    differs_HW = np.abs(picture_HWC[:, panel.left : panel.left + PICTURE_SIZE] - shut_HWC).sum(axis=2)
    rows, columns = np.mgrid[0:PICTURE_SIZE, 0:PICTURE_SIZE]
    centre = [float((grid * differs_HW).sum() / differs_HW.sum()) for grid in (columns + panel.left, rows)]
    xy_FP2 = landmarks_in(talk, panel)
    mouth_P2 = xy_FP2[at, :6]
    # The jaw moves the chin too, so the middle of what changes lies at most as far below the lips as they are wide.
    assert mouth_P2[:, 0].min() <= centre[0] <= mouth_P2[:, 0].max()
    assert mouth_P2[:, 1].min() - 4 <= centre[1] <= mouth_P2[:, 1].max() + np.ptp(mouth_P2[:, 0])
    assert LANDMARKS[:2] == ("mouth_left", "mouth_right")
    assert np.isnan(xy_FP2[~shown_F]).all()


def test_truth_names_every_track_and_tells_who_is_shown(bank: SpeechBank, talks: list[Conversation]) -> None:
    talk = talks[0]
    shots = draw_shots(talk.seed, talk.records[0].state_F, talk.records[1].state_F)
    films = films_of(Layout.CUT, NUM_FRAMES, shots)
    header = truth_header(talk, bank, Layout.CUT, films, shots)
    arrays = truth_arrays(talk, films)
    assert {name.partition("_")[2] for name in arrays} == set(header["arrays"])
    for shot in header["shots"]:
        stretch = slice(shot["first_frame"], shot["end_frame"])
        other = "b" if shot["side"] == "a" else "a"
        assert np.isfinite(arrays[f"{shot['side']}_landmarks"][stretch]).all()
        assert np.isnan(arrays[f"{other}_landmarks"][stretch]).all()
    assert header["sides"]["a"]["identity"] != header["sides"]["b"]["identity"]
    assert header["sides"]["a"]["said"]
