"""Which clips are measured, and human voices."""

from pathlib import Path

import numpy as np
import pytest
import torch

from openlpm.bench import human_voices, truth
from openlpm.bench.actions import in_time, waiting
from openlpm.bench.cases import MIX, CaseConfig, cases_from, identity_seeds
from openlpm.bench.groups import Group, case_config, style_of
from openlpm.core.errors import ConfigError, InputError
from openlpm.core.seeds import Split, split_of
from openlpm.synth.act.enact import is_held_out
from openlpm.synth.sound import speech_bank

pytestmark = pytest.mark.unit


def test_cases_are_test_people_in_a_fixed_mix_and_follow_their_seed() -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    bank = speech_bank.build(Split.TEST, 8, seed=0)
    config = CaseConfig(count=10, num_frames=48)
    cases, again = cases_from(bank, config), cases_from(bank, config)
    assert [case.kind for case in cases] == [MIX[index % len(MIX)] for index in range(10)]
    assert {split_of(case.identity.seed) for case in cases} == {Split.TEST}
    assert len({case.identity.seed for case in cases}) == 10
    for case, same in zip(cases, again, strict=True):
        assert np.array_equal(case.true_rig, same.true_rig)
        assert np.array_equal(case.record.speak_A, same.record.speak_A)


def test_texts_are_in_the_words_that_a_group_is_about() -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    bank = speech_bank.build(Split.TEST, 8, seed=0)
    for group, held_out in ((Group.ACTIONS, False), (Group.HELD_OUT, True)):
        config = case_config(group, 24, Split.TEST)
        cases = cases_from(bank, config, style_of(group))
        seeds = [int(case.record.clip_id.rsplit("-", 1)[1]) for case in cases]
        assert len(set(seeds)) == len(seeds)
        assert {is_held_out(Split.TEST, seed) for seed in seeds} == {held_out}
    with pytest.raises(ConfigError, match="held_out=True"):
        cases_from(bank, CaseConfig(count=2, split=Split.TRAIN, held_out=True))


def test_an_action_is_told_when_it_begins_and_two_seconds_long() -> None:
    pytest.importorskip("espeakng_loader", reason="the extra [tts] makes the voices")
    bank = speech_bank.build(Split.TEST, 8, seed=0)
    (case, *_) = cases_from(bank, case_config(Group.SEQUENCES, 2, Split.TEST), style_of(Group.SEQUENCES))
    assert case.record.truth is not None
    begins = [event.start_frame / 24 for event in case.record.truth.events if event.kind.startswith("action:")]
    prompts, idle = in_time(case.record), waiting(case.record)
    asked = [prompt for prompt in prompts if prompt.caption != idle]
    assert [prompt.at_s for prompt in asked] == begins
    assert len({prompt.caption for prompt in asked}) == 3
    rests = [prompt.at_s for prompt in prompts if prompt.caption == idle]
    assert rests == [begin + 2 for begin, after in zip(begins, [*begins[1:], np.inf], strict=True) if begin + 2 < after]


def test_validation_people_are_others_and_purposes_do_not_share_people() -> None:
    assert not set(identity_seeds(Split.VALIDATION, 50, 0)) & set(identity_seeds(Split.TEST, 50, 0))
    assert identity_seeds(Split.TEST, 50, 0) != identity_seeds(Split.TEST, 50, 0, "strangers")


@pytest.mark.parametrize(("count", "frames"), [(1, 144), (4, 24), (4, 50)])
def test_clips_too_few_or_too_short_are_refused(count: int, frames: int) -> None:
    with pytest.raises(ConfigError):
        CaseConfig(count=count, num_frames=frames)


def test_the_mask_of_a_box_holds_its_pixels() -> None:
    mask_FHW = truth.box_mask(torch.tensor([[2.0, 1.0, 5.0, 3.0]]), torch.zeros(1, 8, 8))
    assert mask_FHW.sum() == 6
    assert mask_FHW[0, 1:3, 2:5].all()


def test_voices_survive_their_archive_and_wrong_archives_are_named(tmp_path: Path) -> None:
    voices = human_voices.HumanVoices(names=("a", "b"), voices_KA=np.full((2, 9), 0.5, np.float32))
    voices.save(tmp_path / "voices.npz")
    read = human_voices.find_voices(tmp_path / "voices.npz", limit=5)
    assert read is not None
    assert read.names == ("a", "b")
    assert np.allclose(read.voices_KA, 0.5, atol=1e-4)
    np.savez(tmp_path / "other.npz", x=np.zeros(1))
    with pytest.raises(InputError, match="no archive of voices"):
        human_voices.find_voices(tmp_path / "other.npz", limit=5)
    with pytest.raises(InputError, match="no sound files"):
        human_voices.find_voices(tmp_path, limit=5)


def test_recordings_are_of_a_split_by_their_speaker() -> None:
    names = ("26-495-0000.opus", "19-1-0000.opus", "87-1-0000.flac", "jfk.flac")
    voices = human_voices.HumanVoices(names=names, voices_KA=np.arange(4, dtype=np.float32)[:, None])
    kept = human_voices.of_split(voices, Split.TEST)
    assert kept.names == (names[0], names[2])  # as training splits them; who jfk is to it, the name does not say
    np.testing.assert_array_equal(kept.voices_KA, [[0], [2]])
    assert human_voices.of_split(kept, Split.TRAIN).names == ()


def test_nobody_performs_to_a_voice_that_training_may_have_heard(tmp_path: Path) -> None:
    names = ("19-1-0000.opus", "322-1-0000.opus", "26-495-0000.opus", "jfk.flac", "LJ001-0001.wav")
    splits = [human_voices.split_of(name) for name in names]
    assert splits[:4] == [Split.TRAIN, Split.TEST, Split.TEST, None]
    human_voices.HumanVoices(names=names, voices_KA=np.zeros((5, 9), np.float32)).save(tmp_path / "voices.npz")
    kept = human_voices.load_voices(tmp_path / "voices.npz", limit=2)
    assert kept.names == names[1:3]
    assert kept.voices_KA.shape == (2, 9)


def test_recorded_voices_are_one_a_speaker(shared_data: Path) -> None:
    pytest.importorskip("av", reason="decoding needs PyAV")
    voices = human_voices.decode_folder(shared_data / "speech", limit=4)
    assert voices is not None
    assert voices.voices_KA.shape == (4, 128_000)
    assert len({name.split("-")[0] for name in voices.names}) == 4
