"""The rows of the wide world from groups to table, with an oracle for a critic: each misses its bar for its own fault.

Pictures are stand-ins as in ``test_metrics_whole_table``; here they carry a rig and nobody's face.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from openlpm.bench import reading, truth, wide
from openlpm.bench.action_match import ActionMatcher
from openlpm.bench.base import BaseConfig
from openlpm.bench.cases import Case, CaseConfig, StyleOf, build_cases
from openlpm.bench.critic import Reading
from openlpm.bench.emotions import EmotionReader
from openlpm.bench.groups import Group, GroupSizes
from openlpm.bench.performer import Part
from openlpm.bench.reaction_detector import ReactionDetector
from openlpm.bench.reading import Judges
from openlpm.bench.rehearsal import Stage
from openlpm.bench.result import Row
from openlpm.bench.wide import StoppedWide, measure_wide
from openlpm.core.rig import NUM_RIG, Rig
from openlpm.synth.look import references
from openlpm.synth.look.identity import Identity

pytestmark = pytest.mark.contract

SIZES = GroupSizes(traps=3, listeners=16, actions=16, held_out=4, sequences=8, emotions=16, references=2)
_SHAPE = (3, 2, 64)
_ARMS = slice(Rig.ARM_LEFT, Rig.HAND_RIGHT + 1)
Play = Callable[[np.ndarray], np.ndarray]


def picture(rig_FR: Tensor) -> Tensor:
    frames_FCHW = torch.zeros(rig_FR.shape[0], *_SHAPE)
    frames_FCHW[:, 0, 0, :NUM_RIG] = rig_FR
    return frames_FCHW


class StandInCast:
    def __init__(self, identities: Sequence[Identity], *, device: torch.device) -> None: ...

    def render(self, rig_BFR: Tensor) -> Tensor:
        return torch.stack([picture(rig_FR) for rig_FR in rig_BFR])


class Oracle(nn.Module):
    """Reads the rig with a little error; of ``blind`` channels it sees nothing."""

    def __init__(self, blind: slice = slice(0)) -> None:
        super().__init__()
        self.nothing, self.blind = nn.Parameter(torch.zeros(1)), blind

    def forward(self, frames_NCHW: Tensor) -> Reading:
        rig_NR = frames_NCHW[:, 0, 0, :NUM_RIG].clone()
        rig_NR[:, self.blind] = 0.0
        noise_NR = 0.004 * torch.sin(1e4 * rig_NR + torch.arange(NUM_RIG))
        face_ND = torch.ones(rig_NR.shape[0], 4) / 2
        return Reading(rig_NR + noise_NR, torch.zeros(rig_NR.shape[0], 15), face_ND, rig_NR[:, :3])


class Actor:
    """Performs the true rig of the group that was built last, changed by ``play``."""

    codec = None

    def __init__(self, play: Play) -> None:
        self.cases: Sequence[Case] = ()
        self.play = play
        self.kinds: set[tuple[str, ...]] = set()
        self.parts: list[Part] = []

    def joins(self, num_frames: int) -> Sequence[int]:
        return ()

    def perform(self, parts: Sequence[Part]) -> Iterator[Tensor]:
        self.kinds |= {tuple(part.kinds) for part in parts}
        self.parts += parts
        yield torch.stack([picture(torch.from_numpy(self.play(self.cases[p.seed].true_rig.copy()))) for p in parts])


class Once:
    """Rehearses a detector once for every critic: the tests share them, as they take seconds."""

    known: ClassVar[dict[tuple[str, int], object]] = {}

    def __init__(self, kind: Any, blind: slice) -> None:
        self.kind, self.key = kind, (kind.__name__, blind.stop)

    def rehearsed(self, stage: Stage) -> Any:
        if self.key not in self.known:
            self.known[self.key] = self.kind.rehearsed(stage)
        return self.known[self.key]


@pytest.fixture(scope="module")
def built() -> dict[int, tuple[Case, ...]]:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    return {}


Table = Callable[..., dict[str, Row]]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, built: dict[int, tuple[Case, ...]]) -> Table:
    monkeypatch.setattr(truth, "Cast", StandInCast)
    monkeypatch.setattr(references, "Cast", StandInCast)
    monkeypatch.setattr(reading, "PICTURE_SHAPE", _SHAPE)

    def run(play: Play = lambda rig_FR: rig_FR, *, blind: slice = slice(0), **sizes: int) -> dict[str, Row]:
        actor = Actor(play)

        def build(config: CaseConfig, style_of: StyleOf, **_: object) -> tuple[Case, ...]:
            if config.seed not in built:
                built[config.seed] = build_cases(config, style_of)
            actor.cases = built[config.seed]
            return actor.cases

        monkeypatch.setattr(wide, "build_cases", build)
        for kind in (ActionMatcher, EmotionReader, ReactionDetector):
            monkeypatch.setattr(wide, kind.__name__, Once(kind, blind))
        judges = Judges(critic=Oracle(blind), mouth=None, hashes={})
        chosen = GroupSizes(**({group.value: 0 for group in Group} | sizes)) if sizes else SIZES
        config = BaseConfig(cases=CaseConfig(), long=None, human_clips=0, strangers=1, batch=4, groups=chosen)
        heard: list[tuple[str, int, int]] = []
        rows = {row.name: row for row in measure_wide(actor, judges, config, on_progress=lambda *to: heard.append(to))}
        begun = [what for what, done, _ in heard if done == 0]
        assert begun == [what for what, done, total in heard if done == total]
        assert {f"{group}: truth" for group in Group if chosen.of(group)} <= set(begun)
        in_time = chosen.sequences > 0  # sequences are performed a second time, each action told when it is its turn
        assert sum("statistics of" in what for what in begun) == in_time + sum(chosen.of(group) > 0 for group in Group)
        told = [part for part in actor.parts if part.prompts]
        assert len(told) == chosen.sequences
        assert all(len(part.prompts) >= 3 and part.prompts[-1].caption == part.caption for part in told)
        assert chosen.references == 0 or actor.kinds == {
            ("global",), ("global", "view"), ("global", "view", "expression")
        }  # fmt: skip
        return rows

    return run


def test_a_perfect_performer_meets_every_bar_and_its_controls_do_not(table: Table) -> None:
    rows = table()
    for name in (
        "false_mouth_rate_traps",
        "reaction_event_f1/s",
        "reaction_contrast_auc",
        "emotion_f1/s",
        "text_action_success",
        "text_sequence_success",
    ):
        assert rows[name].met is True, rows[name]
    assert rows["false_mouth_rate_traps/control"].value > 0.3
    assert rows["reaction_event_f1/control"].value < 0.7
    assert rows["reaction_contrast_auc/control"].value < 0.75
    assert rows["emotion_f1/control"].value < 0.3
    assert rows["text_action_success/control"].value <= 0.2
    assert rows["text_sequence_success/control"].value == 0.0
    assert rows["text_action_success/held_out"].value == 1.0
    assert rows["text_sequence_success/told_in_time"].value == rows["text_sequence_success"].value
    assert rows["text_sequence_success/reversed"].value <= 0.2
    assert rows["reference_gain/views"].value == pytest.approx(0.0, abs=1e-6)


def test_somebody_who_never_moves_does_nothing_of_it(table: Table) -> None:
    rows = table(np.zeros_like)
    assert rows["reaction_event_f1/s"].value < 0.2
    assert rows["reaction_contrast_auc"].value == pytest.approx(0.5, abs=0.15)
    assert rows["emotion_f1/s"].value < 0.2
    assert rows["text_action_success"].value == 0.0
    assert rows["text_sequence_success"].value == 0.0
    assert rows["false_mouth_rate_traps"].met is False  # as quiet as can be, but not alive


def test_reactions_that_come_two_seconds_late_are_none_and_moods_stay(table: Table) -> None:
    rows = table(lambda rig_FR: np.roll(rig_FR, 48, axis=0), listeners=16, emotions=16)
    assert rows["reaction_event_f1/s"].value < 0.4
    assert rows["reaction_contrast_auc"].value < 0.8
    assert rows["emotion_f1/s"].met is True


def test_actions_may_come_at_any_time_but_only_in_their_order(table: Table) -> None:
    assert table(lambda rig_FR: np.roll(rig_FR, 24, axis=0), actions=16)["text_action_success"].value > 0.8
    assert table(lambda rig_FR: rig_FR[::-1].copy(), sequences=8)["text_sequence_success"].value < 0.3


def test_half_of_a_movement_is_not_an_action(table: Table) -> None:
    assert table(lambda rig_FR: 0.4 * rig_FR, actions=16)["text_action_success"].value < 0.3


def test_a_mouth_that_moves_to_a_trap_is_seen(table: Table) -> None:
    def chatter(rig_FR: np.ndarray) -> np.ndarray:
        rig_FR[:, Rig.JAW] = np.maximum(rig_FR[:, Rig.JAW], 0.5 * np.sin(np.arange(len(rig_FR)) / 2) ** 2)
        return rig_FR

    assert table(chatter, traps=3)["false_mouth_rate_traps"].met is False


def test_what_the_critic_does_not_read_is_not_scored(table: Table) -> None:
    seen, blind = table(actions=16), table(actions=16, blind=_ARMS)
    assert blind["text_action_success/scored"].value < seen["text_action_success/scored"].value - 0.2
    assert blind["text_action_success"].n < seen["text_action_success"].n
    faceless = table(listeners=16, emotions=16, blind=slice(Rig.SMILE, Rig.ROLL + 1))
    for name in ("reaction_event_f1", "emotion_f1"):
        assert faceless[f"{name}/s"].value is None
        assert faceless[f"{name}/s"].unit == "not measurable"
        assert faceless[f"{name}/s"].met is False


def test_without_groups_the_rows_are_there_and_empty(table: Table) -> None:
    rows = table(traps=3)
    for name in ("reaction_event_f1/s", "reaction_contrast_auc", "emotion_f1/s", "text_action_success"):
        assert rows[name].value is None
        assert rows[name].met is False


def test_who_stops_keeps_the_groups_that_were_whole(table: Table) -> None:
    played = 0

    def stops(rig_FR: np.ndarray) -> np.ndarray:
        nonlocal played
        played += 1
        if played > 3 + 5:  # in the middle of the listeners
            raise KeyboardInterrupt
        return rig_FR

    with pytest.raises(StoppedWide) as stopped:
        table(stops, traps=3, listeners=16)
    rows = {row.name: row for row in stopped.value.rows}
    assert rows["false_mouth_rate_traps"].n > 0
    assert rows["false_mouth_rate_traps"].value is not None
    assert rows["reaction_event_f1/s"].value is None
