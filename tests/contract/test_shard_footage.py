"""Training from shards: every window shows, hears and is told what was filmed at its moment, and is drawn as wanted."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from openlpm.core.errors import ConfigError, InputError
from openlpm.core.units import samples_at_frame
from openlpm.data.runner import Running, run_stage
from openlpm.data.shards.features import as_video, fingerprint
from openlpm.data.shards.reading import Sample
from openlpm.data.shards.stage import ShardsConfig
from openlpm.dit.condition import ReferenceKind
from openlpm.recipes import nano
from openlpm.rollout.assembly import CharacterModel
from openlpm.training.base import BaseLearner, BaseObjective
from openlpm.training.clip_bank import STRIDE, ClipBank
from openlpm.training.focus import Focus
from openlpm.training.moments import FilmedMoments, MixedMoments
from openlpm.training.reference_sets import ReferenceSets
from openlpm.training.shard_bank import SLOTS, fill_shard_bank, joined_banks
from openlpm.training.shard_footage import ShardFootage, ShardFootageConfig, cuts, make_shard_footage
from openlpm.training.traits import SITUATIONS, ClipMix, Traits, probabilities, strata
from openlpm.training.windows import WindowDraw, WindowLayout, WindowSource
from openlpm.weights.store import Storage
from support.filmed_units import dataset_of, make_units

pytestmark = pytest.mark.contract

LENGTHS = (150, 50, 100, 61, 30)
"""Frames: cut into two clips, whole, whole but for an end, and too short for a window."""
MOST, WINDOWS, SIZE = 96, (24, 48), 64
DRAW = WindowDraw(
    token_frames=60,
    mix=ClipMix(speak=1, listen=1, idle=1, conversation=1, balance=0.0),
    layouts=(
        WindowLayout(frames=12, first=False, views=0, expressions=0),
        WindowLayout(frames=6, first=True, views=2, expressions=1),
    ),
    drop_text=0.0,
    drop_speak=0.0,
    drop_listen=0.0,
    drop_all=0.0,
    give_motion=1.0,
)


def shards_of(folder: Path, **changes: object) -> Path:
    units, raw = make_units(folder / "raw", LENGTHS)
    dataset = dataset_of(folder / "dataset", raw)
    config = ShardsConfig(size=SIZE, crf=0, shard_samples=2, **changes)  # type: ignore[arg-type]
    with dataset.alone():
        run_stage(dataset, "openlpm.data.shards.stage:SHARDS", config, lambda: units, Running(workers=1, memory_mib=0))
    return dataset.folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shards_of(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def footage(dataset: Path) -> ShardFootage:
    return read(dataset)


def read(dataset: Path, *, rank: int = 0, **changes: object) -> ShardFootage:
    config = ShardFootageConfig(folder=dataset, **changes)  # type: ignore[arg-type]
    return make_shard_footage(config, num_frames=MOST, windows=WINDOWS, rank=rank, workers=2)


@pytest.fixture(scope="module")
def model(tiny_model: Callable[..., CharacterModel]) -> CharacterModel:
    return tiny_model(stirred=0.02)


@pytest.fixture(scope="module")
def bank(model: CharacterModel, footage: ShardFootage) -> ClipBank:
    return fill_shard_bank(model.vae, model.text, footage, torch.device("cpu"))


def test_units_of_any_length_are_cut_into_clips_that_cover_them() -> None:
    assert cuts(30, 96) == [(0, 24)]
    assert cuts(11, 96) == []
    assert cuts(96, 96) == [(0, 96)]
    assert cuts(150, 96) == [(0, 96), (48, 96)]
    for length in range(97, 700, 7):
        pieces = cuts(length, 96)
        covered = {frame for first, count in pieces for frame in range(first, first + count)}
        assert covered == set(range(length // 12 * 12)), length
        assert all(first % 12 == 0 and count == 96 for first, count in pieces)


def test_what_is_too_short_for_every_window_is_left_out_and_said(footage: ShardFootage, dataset: Path) -> None:
    by_unit = Counter(piece.facts.identity for piece in footage.pieces)
    assert by_unit == {"person0": 2, "person1": 1, "person2": 1, "person3": 1, "person4": 1}
    longer = make_shard_footage(ShardFootageConfig(folder=dataset), num_frames=MOST, windows=(48,), rank=0, workers=1)
    assert {piece.facts.identity for piece in longer.pieces} == {"person0", "person1", "person2", "person3"}
    assert longer.left_out == {"shorter than a window of 2 s": 1}
    with pytest.raises(ConfigError, match=r"no sample of these shards can be learnt from \(5 shorter than a window"):
        make_shard_footage(ShardFootageConfig(folder=dataset), num_frames=600, windows=(600,), rank=0, workers=1)
    with pytest.raises(InputError, match="holds no shards"):
        make_shard_footage(
            ShardFootageConfig(folder=dataset / "nowhere"), num_frames=MOST, windows=(48,), rank=0,
            workers=1,
        )  # fmt: skip


def test_clips_have_the_states_voices_and_words_of_their_own_moment(footage: ShardFootage) -> None:
    for row, piece in enumerate(footage.pieces):
        first, count = piece.first_frame, piece.num_frames
        states_F = piece.sample.tracks()["states_F"]
        assert (footage.state_NF[row, :count] == states_F[first : first + count]).all()
        own_A, partner_A = piece.sample.voices(piece.facts.num_frames)
        begin, length = samples_at_frame(first), samples_at_frame(count)
        assert (footage.speak_NA[row, :length] == own_A[begin : begin + length]).all()
        assert (footage.listen_NA[row, :length] == partner_A[begin : begin + length]).all()
        assert not footage.speak_NA[row, length:].any()
    assert np.abs(footage.speak_NA).max() > 5000


def told_of(footage: ShardFootage, row: int, first_frame: int, length: int) -> tuple[str, bool]:
    column = footage.stretches.columns(length).start + first_frame // 12
    words = [footage.told.words[number] for number in footage.told.word_NKL[row, column] if number]
    return " ".join(words), bool(footage.told.acts_NK[row, column])


def test_a_window_is_told_what_happens_in_it(footage: ShardFootage) -> None:
    rows = {(piece.facts.identity, piece.first_frame): row for row, piece in enumerate(footage.pieces)}
    assert told_of(footage, rows["person0", 48], 0, 48)[1]  # the wave is at 2.5 to 3.0 s of 6.25
    assert not told_of(footage, rows["person0", 0], 0, 24)[1]
    assert told_of(footage, rows["person0", 0], 0, 24)[0].startswith("person 0 talking , with an extremely unhappy")
    # Of the second half of a unit that listens only what lasts is told, though a conversation is more than that.
    assert told_of(footage, rows["person2", 0], 60, 24) == ("person 2 listens .", False)
    assert told_of(footage, rows["person4", 0], 0, 48) == ("", False)  # it has ended


def test_mouth_and_eyes_are_where_the_landmarks_are(bank: ClipBank, footage: ShardFootage) -> None:
    cells = SIZE // 16
    assert bank.focus_NTHW.shape[1:] == (MOST // 4, cells, cells)
    for row, piece in enumerate(footage.pieces):
        there = bank.focus_NTHW[row, : piece.num_frames // 4]
        # Mouth at (64, 88), eyes from (44, 57) to (84, 62) of 128.
        assert (there[:, 2, 2] == 2).all()
        assert (there[:, 1, 1] == 1).all()
        assert (there[:, 0] == 0).all()
        assert not bank.focus_NTHW[row, piece.num_frames // 4 :].any()


def test_a_bank_holds_what_the_autoencoder_makes_of_pictures_stills_and_references(
    model: CharacterModel, bank: ClipBank, footage: ShardFootage
) -> None:
    traits = bank.traits
    assert bank.slots == SLOTS
    for row, piece in enumerate(footage.pieces):
        frames = piece.sample.frames(piece.first_frame, piece.num_frames)
        with torch.no_grad():
            whole = model.vae.encode(as_video(frames))[0].transpose(0, 1)
            still = model.vae.encode_still(as_video(frames[12:13])[:, :, 0])[0]
            picture = model.vae.encode_still(
                as_video(piece.sample.reference(piece.facts.references[0])[None])[:, :, 0]
            )[0]
        torch.testing.assert_close(bank.latents_NTCHW[row, : len(whole)], whole.bfloat16())
        assert not bank.latents_NTCHW[row, len(whole) :].any()
        torch.testing.assert_close(bank.firsts_NKCHW[row, 1], still.bfloat16())
        torch.testing.assert_close(bank.references_NJCHW[row, 0], picture.bfloat16())
        assert traits.frames_N[row] == len(whole)
        shown = [SLOTS[j].kind for j in np.flatnonzero(traits.shown_NJ[row])]
        assert shown == [ReferenceKind(each.kind) for each in piece.facts.references]


def test_latents_made_beforehand_are_taken_from_the_same_autoencoder_only(
    model: CharacterModel, bank: ClipBank, footage: ShardFootage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.save_to(tmp_path / "model", storage=Storage.FP32)
    before = read(shards_of(tmp_path, features=str(tmp_path / "model")))
    assert before.pieces[0].facts.made_by["vae"] == fingerprint(model.vae)
    decoded: list[str] = []
    frames = Sample.frames
    monkeypatch.setattr(Sample, "frames", lambda self, *rest: decoded.append(self.key) or frames(self, *rest))
    found = fill_shard_bank(model.vae, model.text, before, torch.device("cpu"))
    assert not decoded
    # float16 on the way to bfloat16, and a second at a time.
    for name in ("latents_NTCHW", "firsts_NKCHW", "references_NJCHW"):
        torch.testing.assert_close(getattr(found, name), getattr(bank, name), atol=0.02, rtol=0.02)
    other = replace(model.config, vae=nano.character().vae)
    assert fingerprint(CharacterModel(other).vae) != fingerprint(model.vae)
    with torch.no_grad():
        for parameter in (changed := CharacterModel(model.config)).vae.parameters():
            parameter.mul_(0.9)
    fill_shard_bank(changed.vae, model.text, before, torch.device("cpu"))
    assert len(decoded) == len(before)
    # What the encoders of speech made is as long as the unit: 24 and 6 tokens a second.
    arrays = before.pieces[0].sample.features("speak", fingerprint(model.speak))
    assert arrays is not None
    unit = before.pieces[0].facts.num_frames
    assert (len(arrays["speak_LD"]), len(arrays["listen_LD"])) == (unit, unit // 4)


# --- drawing


def drawn(
    bank: ClipBank, draw: WindowDraw = DRAW, steps: int = 60
) -> list[tuple[int, int, int, tuple[int, ...], bool]]:
    """Clip, start, length, references and whether motion is given, of every window of some steps."""
    source = WindowSource(bank, draw)
    found = []
    for step in range(steps):
        batch = source.batch(step, 0)
        found += [
            (clip, start, batch.layout.frames, batch.references, given)
            for clip, start, given in zip(
                batch.clips_B.tolist(), batch.starts_B.tolist(), batch.motion_BM.any(dim=1).tolist(), strict=True
            )
        ]
    return found


def test_windows_lie_in_their_clips_and_are_given_what_these_have(bank: ClipBank) -> None:
    traits, seen = bank.traits, set[int]()
    for clip, start, frames, references, motion in drawn(bank):
        assert start % STRIDE == 0
        assert start + frames <= traits.frames_N[clip]
        assert traits.shown_NJ[clip, list(references)].all()
        assert not motion
        seen.add(clip)
        assert len(references) in (1, 3)  # a layout has one size, or none of a kind
    assert seen == set(range(len(bank)))


def test_a_step_is_of_few_kinds_whatever_references_clips_have(bank: ClipBank) -> None:
    rng = np.random.default_rng(0)
    shown_NJ = rng.random((400, len(SLOTS))) < 0.6
    shown_NJ[:, 0] = True
    sets = ReferenceSets(SLOTS, replace(Traits.alike(400, 10, len(SLOTS)), shown_NJ=shown_NJ))
    for kind in (ReferenceKind.VIEW, ReferenceKind.EXPRESSION):
        given = [sets.of(clip, kind) for clip in range(400)]
        assert 2 <= len(set(given)) <= 5
        assert all(shown_NJ[clip, list(each)].all() for clip, each in enumerate(given))
    assert ReferenceSets(SLOTS, Traits.alike(4, 10, len(SLOTS))).of(2, ReferenceKind.VIEW) == (1, 2, 3, 4)


def test_windows_are_the_same_whenever_they_are_drawn(bank: ClipBank) -> None:
    assert drawn(bank, steps=8) == drawn(bank, steps=8)


def test_mixed_banks_draw_the_share_that_was_asked_for(
    model: CharacterModel, bank: ClipBank, chance_bank: Callable[..., ClipBank]
) -> None:
    synthetic = chance_bank(model, situations=(0, 1, 2, 3), frames=MOST // 4, cells=SIZE // 16)
    stretches = bank.text.stretches
    columns = [column for length in stretches.lengths for column in synthetic.text.stretches.columns(length)]
    text = replace(
        synthetic.text, stretches=stretches, word_NKL=synthetic.text.word_NKL[:, columns],
        acts_NK=synthetic.text.acts_NK[:, columns],
    )  # fmt: skip
    traits = replace(bank.traits, filmed_share=0.3)
    both = joined_banks(replace(synthetic, text=text), replace(bank, uneven=traits))
    assert len(both) == 4 + len(bank)
    windows = drawn(both, steps=200)
    share = np.mean([clip >= 4 for clip, *_ in windows])
    plain = np.mean([clip >= 4 for clip, *_, references, _ in windows if references == (0,)])
    assert share < 0.4
    assert plain == pytest.approx(0.3, abs=0.08)
    assert any(motion for clip, *_, motion in windows if clip < 4)
    ids = both.text.ids(torch.tensor([4]), torch.tensor([0]), 6)
    assert torch.equal(ids, bank.text.ids(torch.tensor([0]), torch.tensor([0]), 6))
    assert torch.equal(
        both.text.ids(torch.tensor([1]), torch.tensor([3]), 6), text.ids(torch.tensor([1]), torch.tensor([3]), 6)
    )


def test_base_learns_from_shards_and_reads_no_rig_that_nobody_knows(
    model: CharacterModel, bank: ClipBank, chance_bank: Callable[..., ClipBank]
) -> None:
    objective, _ = nano.base(60.0)
    config = replace(objective, windows=DRAW)
    learner = BaseObjective(model, bank, config)
    assert isinstance(learner.module, BaseLearner)
    assert learner.module.reader is None
    torch.manual_seed(0)
    loss, scalars = learner.loss(learner.batch(1, 0))
    assert torch.isfinite(loss)
    assert "misread" not in scalars


def test_rare_moods_and_liveliness_are_drawn_more_often_the_more_is_balanced() -> None:
    count = 100
    situation_N = np.full(count, SITUATIONS.index("listen"), np.int8)
    emotions = ["neutral"] * 90 + ["happy"] * 10
    energy_N = np.r_[np.full(85, 0.01), np.full(15, 1.0)]
    traits = replace(
        Traits.alike(count, 10, 1),
        filmed_N=np.ones(count, np.bool_),
        filmed_share=1.0,
        stratum_N=strata(emotions, energy_N),
    )
    able_N = np.ones(count, np.bool_)
    happy = [
        probabilities(ClipMix(balance=balance), situation_N, traits, able_N)[90:].sum() for balance in (0.0, 0.5, 1.0)
    ]
    assert happy[0] == pytest.approx(0.1)
    assert happy[1] == pytest.approx(10**0.5 / (85**0.5 + 5**0.5 + 10**0.5))
    assert happy[2] == pytest.approx(1 / 3)  # neutral and calm, neutral and lively, happy and lively
    with pytest.raises(ConfigError, match="balance=2"):
        ClipMix(balance=2)


def test_processes_take_clips_of_their_own_where_there_are_enough(dataset: Path, footage: ShardFootage) -> None:
    ranks = [read(dataset, rank=rank, num_clips=3) for rank in range(2)]
    taken = [{(piece.sample.key, piece.first_frame) for piece in each.pieces} for each in ranks]
    assert all(len(each) == 3 for each in taken)
    assert not taken[0] & taken[1]
    again = read(dataset, rank=1, num_clips=3)
    assert [piece.sample.key for piece in again.pieces] == [piece.sample.key for piece in ranks[1].pieces]
    assert len(read(dataset, rank=1)) == len(footage)


# --- pictures for the autoencoder


def test_moments_are_those_of_their_clips_and_the_same_whenever_they_are_drawn(footage: ShardFootage) -> None:
    focus = Focus(mouth=6.0, eyes=4.0)
    moments = FilmedMoments(footage, focus, torch.device("cpu"))
    steps = [moments.draw(step, 0, 2, 12) for step in range(4)]
    again = FilmedMoments(footage, focus, torch.device("cpu")).draw(3, 0, 2, 12)
    assert torch.equal(again.video_BCFHW, steps[3].video_BCFHW)
    assert torch.equal(again.weight_BFHW, steps[3].weight_BFHW)
    assert steps[0].video_BCFHW.shape == (2, 3, 12, SIZE, SIZE)
    assert steps[0].weight_BFHW.mean() == pytest.approx(1.0, abs=0.05)
    assert (steps[0].weight_BFHW[:, :, 44, 32] > steps[0].weight_BFHW[:, :, 2, 2]).all()  # a mouth counts
    all_frames = [as_video(piece.sample.frames())[0] for piece in footage.pieces]
    for clip in steps[1].video_BCFHW:
        assert any(
            torch.equal(clip, whole[:, first : first + 12])
            for whole in all_frames
            for first in range(whole.shape[1] - 11)
        )
    with pytest.raises(ConfigError, match="no clip of the shards is 400 frames long"):
        moments.draw(0, 0, 2, 400)


def test_a_share_of_the_moments_is_from_shards(footage: ShardFootage) -> None:
    filmed = FilmedMoments(footage, Focus(mouth=6.0, eyes=4.0), torch.device("cpu"))
    counts: list[int] = []

    class Counting:
        def draw(self, step: int, rank: int, clips: int, frames: int) -> object:
            counts.append(clips)
            return filmed.draw(step, rank, clips, frames)

    mixed = MixedMoments(Counting(), filmed, share=0.5)  # type: ignore[arg-type]
    made = [mixed.draw(step, 0, 4, 12) for step in range(12)]
    assert all(each.video_BCFHW.shape[0] == 4 for each in made)
    assert 12 < sum(counts) < 36
