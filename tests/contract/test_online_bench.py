"""What the benchmark says about long streams: truth passes every row, and each deliberate fault fails its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from openlpm.bench import setting, statistics
from openlpm.bench.cases import Case, CaseConfig, build_cases
from openlpm.bench.evidence import Evidence
from openlpm.bench.online import measure, reaction, speed
from openlpm.bench.online.beside import listening_rows, side_by_side
from openlpm.bench.online.conversation import Conversation, RoundSource, converse_on
from openlpm.bench.online.curves import Curve, Curves, Run, joined_curves, rows_of
from openlpm.bench.online.drift import ASPECTS, CATCHES, TrueStream, slope, slope_rows
from openlpm.bench.online.faults import Fault, RenderedStream, read_rendered
from openlpm.bench.online.hour import memory_slope
from openlpm.bench.online.meter import StreamMeter, Watch, read_chunk
from openlpm.bench.online.performer import Column, load_streaming, planned_motion
from openlpm.bench.online.reaction import GIVE_UP_S, first_move, reactions
from openlpm.bench.online.sections import Section
from openlpm.bench.online.streams import quick_streams, streams_config
from openlpm.bench.online.survival import Life, kaplan_meier, life_of, survival
from openlpm.bench.online.transitions import jumps, transition_rows
from openlpm.bench.reading import ClipReading, Judges, load_judges
from openlpm.bench.result import Row
from openlpm.bench.rows import jaw_rows
from openlpm.bench.truth import TruthReading, reference_embedding
from openlpm.core.audio import ArraySource
from openlpm.core.errors import ConfigError, InputError, WeightsError
from openlpm.core.rig import Rig, State
from openlpm.nn.memory import MemoryConfig
from openlpm.rollout.online import OnlineConfig, OnlineNetwork
from openlpm.synth.act.dialogue import ClipKind
from openlpm.synth.look.references import reference_pictures
from openlpm.weights.store import Storage

pytestmark = pytest.mark.contract

WATCH = Watch(bin_frames=48, every_frames=48, excerpt_frames=6)
BINS = 3
FRAMES = BINS * WATCH.bin_frames
THRESHOLD = 0.6


@pytest.fixture(scope="module")
def judges() -> Judges:
    return load_judges(torch.device("cpu"))


@pytest.fixture(scope="module")
def conversation() -> Conversation:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    return converse_on(0, 1, clips=BINS, clip_frames=WATCH.bin_frames)[0]


@pytest.fixture(scope="module")
def reference(judges: Judges, conversation: Conversation) -> np.ndarray:
    return reference_embedding(judges, reference_pictures(conversation.identity))


@pytest.fixture(scope="module")
def truth(judges: Judges, conversation: Conversation, reference: np.ndarray) -> TrueStream:
    reading, figure_GG = read_rendered([conversation], reference[None], judges, WATCH, num_frames=FRAMES)[0]
    return TrueStream(reading=reading, figure_GG=figure_GG)


@pytest.fixture(scope="module")
def played(judges: Judges, conversation: Conversation, reference: np.ndarray, truth: TrueStream) -> dict[Fault, Curve]:
    """One conversation, whole and broken in each way; the truth that it is compared with is read apart from it."""
    curves = {}
    for fault in Fault:
        seen, _ = read_rendered([conversation], reference[None], judges, WATCH, num_frames=FRAMES, fault=fault)[0]
        scores = truth.scores(seen)
        life = life_of(seen, scores, threshold=THRESHOLD, bin_minutes=1.0)
        curves[fault] = Curve.of(conversation.identity.seed, scores, life)
    return curves


def slopes(curve: Curve) -> dict[str, float]:
    rows = slope_rows([curve.first(BINS)] * 6, bin_minutes=1.0, round_bins=BINS)
    return {row.name.removesuffix("_slope_per_min"): row.value for row in rows}


def test_the_truth_as_a_stream_is_steady_and_lives(played: dict[Fault, Curve]) -> None:
    truth = played[Fault.NONE]
    assert slopes(truth) == pytest.approx(dict.fromkeys(ASPECTS, 0.0), abs=1e-6)
    for aspect in ASPECTS:
        assert truth.scores[aspect] == pytest.approx([1.0] * BINS, abs=1e-4), aspect
    assert truth.life.cause is None


@pytest.mark.parametrize("aspect", ASPECTS)
def test_each_slope_catches_the_fault_that_is_its_own(played: dict[Fault, Curve], aspect: str) -> None:
    broken = slopes(played[CATCHES[aspect]])
    assert broken[aspect] < -0.02  # twenty times what is allowed
    rows = slope_rows([played[CATCHES[aspect]].first(BINS)] * 6, bin_minutes=1.0, round_bins=BINS)
    assert next(row for row in rows if row.name.startswith(aspect)).met is False


def test_what_is_measured_on_pixels_answers_to_its_own_fault(played: dict[Fault, Curve]) -> None:
    found = {fault: slopes(curve) for fault, curve in played.items()}
    # Nothing is said of what a critic reads: a dark background cost the present one's identity nearly half as much as
    # another face did, and its motion, from six frames, as much as a frozen one.
    assert abs(found[Fault.FREEZE]["sharpness"]) < abs(found[Fault.FADE]["sharpness"]) / 3
    assert abs(found[Fault.FADE]["colour"]) < abs(found[Fault.TINT]["colour"]) / 3


@pytest.mark.parametrize(
    ("fault", "cause"), [(Fault.MORPH, "identity"), (Fault.FADE, "sharpness"), (Fault.FREEZE, "motion")]
)
def test_a_stream_dies_of_its_fault(played: dict[Fault, Curve], fault: Fault, cause: str) -> None:
    life = played[fault].life
    assert life.cause == cause
    assert life.minutes > 0


def test_a_stream_that_cannot_be_read_is_dead_and_scores_nothing(truth: TrueStream) -> None:
    reading = truth.reading
    blank = replace(
        reading,
        cosine_M=np.full(BINS, np.nan),
        sharpness_M=np.full(BINS, np.nan),
        energy_M=np.full(BINS, np.nan),
        cells_MGGC=np.full_like(reading.cells_MGGC, np.nan),
        lowest_S=np.full_like(reading.lowest_S, np.nan),
    )
    scores = truth.scores(blank)
    assert all((scores[aspect] == 0).all() for aspect in ASPECTS)
    assert life_of(blank, scores, threshold=THRESHOLD, bin_minutes=1.0).cause is not None


def test_a_stream_is_read_alike_in_chunks_of_any_length(
    judges: Judges, conversation: Conversation, reference: np.ndarray
) -> None:
    count = 24
    frames_FCHW = RenderedStream(conversation, FRAMES, torch.device("cpu")).frames(0, count)[0]
    found = []
    for step in (8, 20):
        meters = [StreamMeter(WATCH, reference, count) for _ in range(2)]
        for first in range(0, count, step):
            piece_FCHW = frames_FCHW[first : first + step]
            read_chunk(judges.critic, torch.stack([piece_FCHW, piece_FCHW.flip(0)]), first, meters)
        found.append(meters[0].reading())
    for other in found[1:]:
        np.testing.assert_allclose(other.cosine_M, found[0].cosine_M, atol=1e-4)
        np.testing.assert_allclose(other.energy_M, found[0].energy_M, rtol=1e-2, atol=1e-8)
        np.testing.assert_allclose(other.lowest_S, found[0].lowest_S, atol=1e-4)
    assert found[0].num_bins == 1
    assert np.isfinite(found[0].lowest_S).all()


# Statistics of streams, on numbers alone.


def test_a_slope_sees_drift_and_not_what_the_round_brings() -> None:
    content = np.tile([1.0, 0.4, 0.9, 0.2, 0.8], 2)
    assert slope(content, bin_minutes=1.0, round_bins=5) == pytest.approx(0.0)
    drifting = content - 0.003 * np.arange(10)
    assert slope(drifting, bin_minutes=1.0, round_bins=5) == pytest.approx(-0.003)
    assert slope(drifting[:3], bin_minutes=1.0, round_bins=5) == pytest.approx(-0.053)  # one line through one round


def test_a_slope_is_met_only_by_its_whole_interval() -> None:
    def scores(spread: float) -> list[dict[str, np.ndarray]]:
        rng = np.random.default_rng(0)
        tilts = rng.normal(0, spread, 32)
        return [dict.fromkeys(ASPECTS, 1 + (tilt - tilts.mean()) * np.arange(10)) for tilt in tilts]

    assert all(row.met for row in slope_rows(scores(1e-4), bin_minutes=1.0, round_bins=5))
    wide = slope_rows(scores(1e-2), bin_minutes=1.0, round_bins=5)
    assert all(abs(row.value) < 1e-9 and row.met is False for row in wide)


def test_who_has_nothing_left_to_lose_is_not_steady() -> None:
    gone = [dict.fromkeys(ASPECTS, np.full(10, 0.1))] * 8
    assert all(row.value == 0 and row.met is False for row in slope_rows(gone, bin_minutes=1.0, round_bins=5))


def test_an_excerpt_in_which_no_head_can_be_seen_to_move_is_refused() -> None:
    with pytest.raises(ConfigError, match="excerpt_frames=5"):
        replace(WATCH, excerpt_frames=5)
    assert quick_streams(count=2).watch.excerpt_frames >= 6


def test_streams_of_characters_that_there_are_not_are_refused_before_anything_is_measured() -> None:
    assert streams_config(count=32, first=32, minutes=10, controls=False).first == 32
    with pytest.raises(ConfigError, match="first=40, count=32: there are 64 characters"):
        streams_config(count=32, first=40, minutes=10, controls=False)


def test_a_base_that_is_not_there_is_missed_before_anything_is_measured(
    own_networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []
    monkeypatch.setattr(measure, "speed_rows", lambda folder, *_, **__: measured.append(folder) or [])
    subject = measure.Subject(folder=own_networks, base=tmp_path, device=torch.device("cpu"))
    effort = measure.quick_effort(quick_streams(count=2), clips=None)
    with pytest.raises(WeightsError):
        list(measure.measure_online(subject, (Section.SPEED, Section.BESIDE), effort, judges=None))
    assert not measured


def test_survival_is_kaplan_meiers_with_an_exact_bound() -> None:
    alive = Life(minutes=60.0, cause=None)
    assert survival([alive] * 32).low == pytest.approx(0.025 ** (1 / 32), abs=1e-6)
    lives = [alive] * 30 + [Life(minutes=12.0, cause="identity"), Life(minutes=40.0, cause="motion")]
    found = survival(lives)
    assert found.value == pytest.approx(30 / 32)
    assert (found.low, found.high) == (pytest.approx(0.7919, abs=1e-3), pytest.approx(0.9923, abs=1e-3))
    assert [minute for minute, _ in kaplan_meier(lives)] == [0.0, 12.0, 40.0]
    early = [Life(minutes=10.0, cause=None), Life(minutes=20.0, cause="motion"), Life(minutes=30.0, cause=None)]
    assert kaplan_meier(early)[-1][1] == pytest.approx(0.5)  # who left before is not at risk
    assert survival([Life(minutes=1.0, cause="motion")] * 5).high < 0.53


def test_curves_of_several_runs_are_one_run_and_never_a_stream_twice() -> None:
    def run(seed: int) -> Curves:
        stream = Curve(seed=seed, scores={aspect: [1.0, 0.9] for aspect in ASPECTS}, life=Life(minutes=2.0, cause=None))
        columns = {"": Run(minutes=2.0, streams=[stream], chunk_ms=[5.0, 5.1])}
        controls = {Fault.NONE.value: Run(minutes=2.0, streams=[stream], chunk_ms=[])} if seed > 1 else {}
        return Curves(bin_minutes=1.0, round_bins=2, slope_bins=2, columns=columns, controls=controls)

    rows = {row.name: row for row in rows_of(joined_curves([run(1), run(2), run(3)]))}
    assert rows["survival_2min"].n == 3
    assert rows["survival_2min/truth"].n == 2  # whoever rendered the truth
    assert rows["identity_slope_per_min"].value == pytest.approx(-0.1)
    assert rows["cost_ratio_streams"].value == pytest.approx(1.02)
    with pytest.raises(InputError, match="twice"):
        joined_curves([run(1), run(1)])


def test_runs_that_were_stopped_are_joined_as_long_as_the_shortest() -> None:
    def run(seed: int, minutes: int, life: Life) -> Curves:
        stream = Curve(seed=seed, scores={aspect: [1.0] * minutes for aspect in ASPECTS}, life=life)
        columns = {"": Run(minutes=float(minutes), streams=[stream], chunk_ms=[5.0] * minutes)}
        return Curves(bin_minutes=1.0, round_bins=2, slope_bins=2, columns=columns, controls={})

    joined = joined_curves([
        run(1, 5, Life(minutes=4.0, cause="motion")),
        run(2, 3, Life(minutes=2.0, cause="motion")),
        run(3, 4, Life(minutes=4.0, cause=None)),
    ]).columns[""]  # fmt: skip
    assert joined.minutes == 3.0
    assert [stream.life for stream in joined.streams] == [
        Life(minutes=3.0, cause=None), Life(minutes=2.0, cause="motion"), Life(minutes=3.0, cause=None),
    ]  # fmt: skip
    assert {len(stream.scores["motion"]) for stream in joined.streams} == {3}


def test_memory_that_grows_is_seen_and_memory_that_does_not_is_not() -> None:
    minute = np.arange(0, 50, 0.25)
    noise = np.random.default_rng(0).normal(0, 0.2, minute.size)
    assert abs(memory_slope(minute, 500 + noise).value) < 1
    leaking = memory_slope(minute, 500 + minute / 60 * 30 + noise)
    assert leaking.low is not None
    assert leaking.low > 20
    unknown = memory_slope(minute, np.full(minute.size, np.nan))  # a system that does not tell how much is used
    assert np.isnan(unknown.value)
    assert unknown.n == 0


def test_a_rate_of_the_median_and_its_interval_ignore_a_hiccup() -> None:
    times = np.r_[np.full(99, 0.2), 20.0]
    found = statistics.per(8, statistics.median(times))
    assert (found.low, found.value, found.high) == pytest.approx((40.0, 40.0, 40.0))
    ratio = statistics.ratio_of_medians(times * 1.5, times)
    assert (ratio.low, ratio.value) == pytest.approx((1.5, 1.5))


def test_a_mouth_that_does_not_move_is_charged_and_waiting_counts() -> None:
    silent = np.zeros((24, 4), np.float32)
    spoken = silent.copy()
    spoken[6:, 0] = 0.3
    assert first_move(spoken, silent) == pytest.approx(6 / 24)
    assert first_move(silent, silent) == GIVE_UP_S
    assert first_move(np.full((24, 4), np.nan, np.float32), silent) == GIVE_UP_S
    times = reactions(0.1, 0.0, 1 / 3, seed=0)
    assert times.mean() == pytest.approx(0.1 + 1 / 6, abs=0.02)
    assert times.max() <= 0.1 + 1 / 3 + 1e-9
    assert reactions(0.1, GIVE_UP_S, 1 / 3, seed=0) == pytest.approx(GIVE_UP_S)


def test_reactions_of_one_character_are_one_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    mouth_KU = np.repeat([[0.0], [0.25], [0.1], [GIVE_UP_S]], 3, axis=1)
    partner_KU = [[0.5, GIVE_UP_S, GIVE_UP_S], *[[GIVE_UP_S] * 3] * 3]
    found = {
        "chunk_s": 1 / 3,
        "making_s": np.full((4, 3), 0.1).tolist(),
        "mouth_s": mouth_KU.tolist(),
        "partner_s": partner_KU,
    }
    monkeypatch.setattr(reaction, "measured", lambda *_, **__: found)
    rows = {row.name: row for row in reaction.reaction_rows("", None, judges=None, characters=4, utterances=3)}
    assert {row.n for row in rows.values()} == {4}
    by_character = statistics.mean(mouth_KU[:, 0])
    assert (rows["reaction_s/mouth"].value, rows["reaction_s/mouth"].low) == (by_character.value, by_character.low)
    assert rows["reaction_s/never_moved"].value == pytest.approx(0.25)
    assert rows["reaction_s/moved_by_partner"].value == pytest.approx(1 / 12)


# Clips.


def test_a_jump_where_the_state_changes_is_seen_and_one_elsewhere_is_not(conversation: Conversation) -> None:
    record = next(each for each in converse_on(1, 1, clips=3, clip_frames=144)[0].records if _switching(each) == 1)
    frame = int(np.flatnonzero(np.diff(record.state_F))[0]) + 1
    changes = np.abs(np.random.default_rng(0).normal(0.01, 0.002, 143))
    calm = jumps([record], [changes])
    assert calm[0] < 1.2
    changes[frame - 1] = 0.05
    assert jumps([record], [changes])[0] > 2.5
    unknown = changes.copy()
    unknown[frame - 1] = np.nan
    assert jumps([record], [unknown])[0] == np.inf


def test_a_picture_that_stands_still_is_not_praised_for_never_jumping(
    judges: Judges, conversation: Conversation
) -> None:
    talk = converse_on(1, 1, clips=3, clip_frames=144)[0]
    record = next(each for each in talk.records if _switching(each) == 1)
    cases = [Case(record, talk.identity, ClipKind.DIALOGUE)] * 2
    changes = np.abs(np.random.default_rng(0).normal(0.01, 0.002, 143))
    reading = ClipReading(rig_FR=cases[0].true_rig, viseme_F=np.zeros(144, int), identity_FD=np.ones((144, 4)))
    truth = [TruthReading(truth=reading, codec=None, psnr=None, psnr_mouth=None, changes=changes)] * 2
    made_of = setting.Setting(
        cases=cases, references=(), truth=truth, references_KD=np.ones((2, 4)), strangers_GD=np.ones((1, 4))
    )

    def rows(made: np.ndarray) -> dict[str, Row]:
        return {row.name: row for row in transition_rows(made_of, [made] * 2, judges.device)}

    assert rows(changes)["transition_jump"].met is True
    still = rows(np.zeros(143))
    assert still["transition_jump"].value == 0
    assert still["transition_jump"].met is False
    assert still["transition_jump/vitality"].met is False


def test_the_control_of_a_voice_that_nobody_else_has_is_not_that_voice(conversation: Conversation) -> None:
    talk = converse_on(1, 1, clips=3, clip_frames=144)[0]
    speaker = max(talk.records, key=lambda record: int((record.state_F == State.SPEAK).sum()))
    listener = min(talk.records, key=lambda record: int((record.state_F == State.SPEAK).sum()))
    assert (listener.state_F == State.SPEAK).sum() < 24 < (speaker.state_F == State.SPEAK).sum()
    rigs = [record.truth.rig_FR for record in (speaker, listener) if record.truth is not None]
    readings = [ClipReading(rig_FR=r, viseme_F=np.zeros(144, int), identity_FD=np.ones((144, 4))) for r in rigs]
    rows = jaw_rows(
        Evidence(
            records=[speaker, listener],
            truth=[
                TruthReading(truth=r, codec=None, psnr=None, psnr_mouth=None, changes=np.zeros(1)) for r in readings
            ],
            generated=readings,
            references_KD=np.ones((2, 4)),
            strangers_GD=np.ones((1, 4)),
        )
    )
    found = {row.name: row.value for row in rows}
    assert found["jaw_correlation"] == pytest.approx(1.0)
    assert abs(found["jaw_correlation/control"] or 0.0) < 0.5
    assert found["jaw_correlation/s"] == pytest.approx(1.0)


def _switching(record) -> int:
    return int((np.diff(record.state_F) != 0).sum())


def test_voices_come_round_for_ever_and_are_silent_before_they_begin(conversation: Conversation) -> None:
    samples = np.linspace(-1, 1, 1000, dtype=np.float32)
    source = RoundSource(samples)
    np.testing.assert_allclose(source.read(998, 4), samples[[998, 999, 0, 1]], atol=1e-4)
    np.testing.assert_allclose(source.read(-2, 3), [0, 0, samples[0]], atol=1e-4)
    np.testing.assert_array_equal(conversation.rig(conversation.round_frames + 5, 3), conversation.rig(5, 3))
    speak, _ = conversation.voices()
    assert speak.read(10**9, 16).shape == (16,)


def test_a_conversation_is_the_same_whichever_others_are_asked_for(conversation: Conversation) -> None:
    again = converse_on(0, 3, clips=BINS, clip_frames=WATCH.bin_frames)[0]
    assert again.identity == conversation.identity
    np.testing.assert_array_equal(again.rig(0, 60), conversation.rig(0, 60))
    assert any(State.SPEAK in record.state_F for record in conversation.records)


def test_listening_motion_that_is_damped_or_still_is_seen(conversation: Conversation) -> None:
    records = [record for each in converse_on(2, 4, clips=3, clip_frames=144) for record in each.records]
    rigs = [record.truth.rig_FR for record in records if record.truth is not None]

    def evidence(scale: float) -> Evidence:
        readings = []
        for rig in rigs:
            moved = rig.copy()
            moved[:, [Rig.YAW, Rig.PITCH, Rig.ROLL, Rig.SHIFT_X, Rig.SHIFT_Y]] *= scale
            frames = moved.shape[0]
            readings.append(ClipReading(rig_FR=moved, viseme_F=np.zeros(frames, int), identity_FD=np.ones((frames, 4))))
        truth = [TruthReading(truth=r, codec=None, psnr=None, psnr_mouth=None, changes=np.zeros(1)) for r in readings]
        return Evidence(
            records=records,
            truth=truth,
            generated=readings,
            references_KD=np.ones((len(records), 4)),
            strangers_GD=np.ones((1, 4)),
        )

    same = {row.name: row for row in listening_rows(evidence(1.0), evidence(1.0))}
    assert (same["listen_motion_ratio"].value, same["listen_motion_ratio"].met) == (pytest.approx(1.0), True)
    assert same["listen_motion_ratio/frozen"].value == 0
    damped = listening_rows(evidence(0.8), evidence(1.0), "/planned")[0]
    assert (damped.name, damped.met) == ("listen_motion_ratio/planned", False)
    assert damped.value == pytest.approx(0.64, abs=1e-3)


def test_everybody_stands_beside_the_first_column_under_their_own_name() -> None:
    def table(value: float) -> list[Row]:
        return [Row(name="motion_ratio", value=value, n=1), Row(name="motion_ratio/frozen", value=0.0, n=1)]

    rows = side_by_side({"base": table(1.0), "free": table(2.0), "planned": table(3.0)}, Column.FREE)
    assert [(row.name, row.value) for row in rows] == [
        ("motion_ratio", 2.0), ("motion_ratio/base", 1.0), ("motion_ratio/planned", 3.0), ("motion_ratio/frozen", 0.0),
    ]  # fmt: skip


def test_the_planner_leads_by_what_was_heard_and_never_by_what_comes() -> None:
    rng = np.random.default_rng(0)
    speak = np.r_[np.zeros(64_000), rng.uniform(-0.3, 0.3, 64_000)].astype(np.float32)
    whole = planned_motion(ArraySource(speak), ArraySource(speak[::-1].copy()), 192, seed=1).track_FM
    changed = speak.copy()
    changed[96_000:] = 0
    other = planned_motion(ArraySource(changed), ArraySource(speak[::-1].copy()), 192, seed=1).track_FM
    np.testing.assert_array_equal(whole[:144], other[:144])
    assert not np.array_equal(whole[144:], other[144:])


@pytest.fixture(scope="module")
def own_networks(tmp_path_factory: pytest.TempPathFactory, tiny_model) -> Path:
    """A model folder whose backbone and refiner are not the transformer that makes windows."""
    online = OnlineConfig(
        chunk_frames=1, memory=MemoryConfig(sink_frames=1, window_frames=2), backbone_times=(1.0, 0.6), refiner_time=0.3
    )
    folder = tmp_path_factory.mktemp("own")
    tiny_model(online=online, online_networks=tuple(OnlineNetwork)).save_to(folder, storage=Storage.FP32)
    return folder


def test_evaluations_are_counted_whichever_network_makes_them(own_networks: Path) -> None:
    found = speed.work(folder=str(own_networks), online=None, laptop=False, seconds=0.5, warm=1)
    assert found["nfe"] == 3
    assert speed.work(folder=str(own_networks), online=None, laptop=True, seconds=0.5, warm=1)["nfe"] == 2


def test_streams_that_are_stopped_keep_the_bins_that_were_seen(own_networks: Path, judges: Judges) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    subject = measure.Subject(
        folder=own_networks, base=own_networks, device=torch.device("cpu"), columns=(Column.FREE, Column.PLANNED)
    )
    config = replace(quick_streams(count=1), num_frames=4 * 24, slope_frames=3 * 24)
    effort = measure.quick_effort(config, clips=None)

    def report(stage: str, done: int, _total: int) -> None:
        if stage == "streams, free" and done > 2 * 24:
            raise KeyboardInterrupt

    parts = list[measure.Measured]()

    with pytest.raises(KeyboardInterrupt):
        parts.extend(measure.measure_online(subject, (Section.STREAMS,), effort, judges=judges, on_progress=report))
    assert parts[0].curves is not None
    seen = parts[0].curves.columns[""]
    assert list(parts[0].curves.columns) == [""]
    assert (parts[0].curves.slope_bins, len(seen.streams[0].scores["motion"]), len(seen.chunk_ms)) == (2, 2, 2)
    assert seen.minutes == pytest.approx(2 / 60)
    assert any(row.name.startswith("survival_") for row in parts[0].rows)


def test_the_networks_that_stream_are_measured_in_the_precision_asked_for(own_networks: Path) -> None:
    model = load_streaming(own_networks, torch.device("cpu"), precision=torch.bfloat16)
    assert {each.head.weight.dtype for each in model.streaming_networks()} == {torch.bfloat16}
    assert next(model.vae.parameters()).dtype is torch.bfloat16


def test_every_clip_of_a_setting_has_a_codec_stream_of_its_own(judges: Judges, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips are read at the same time: one stream for all would carry pictures from one into another."""
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    given: list[object] = []
    monkeypatch.setattr(setting, "read_truth", lambda _case, _judges, codec: given.append(codec))
    config = CaseConfig(count=2, num_frames=48)
    setting.set_up(judges, build_cases(config), config, strangers=2, codec_of=object)
    assert len(given) == 2
    assert given[0] is not given[1]
