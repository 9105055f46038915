"""Shards become stored latents: every latent frame stands for its own pictures and hears its own moment."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from openlpm.cli.main import main
from openlpm.core.units import samples_at_frame
from openlpm.data.runner import Running, run_stage
from openlpm.data.shards.stage import ShardsConfig
from openlpm.recipes.programme.curriculum import Phase
from openlpm.recipes.speed import tiny
from openlpm.recipes.wide import wide_recipe
from openlpm.training.flow_windows import FlowSource
from openlpm.training.latent_making import WanEncoders, write_latents
from openlpm.training.latent_store import LatentStore, LatentWriter
from openlpm.training.shard_footage import Piece, ShardFootageConfig, pieces_of
from openlpm.vae.wan import WanAutoencoder
from support.filmed_units import dataset_of, make_units

pytestmark = pytest.mark.contract

CONFIG, CPU = tiny(), torch.device("cpu")


class Letters(torch.nn.Module):
    """Says how long a caption is, in every token."""

    def prepare(self, captions: Sequence[str]) -> Tensor:
        return torch.tensor([[len(caption)] * CONFIG.text_tokens for caption in captions])

    def forward(self, ids_PL: Tensor) -> Tensor:
        return ids_PL[..., None].float().expand(-1, -1, CONFIG.text_width)


class Loudness(torch.nn.Module):
    """How loud a voice is in the time of each token, and nothing around it."""

    def __init__(self, tokens_per_second: int, width: int) -> None:
        super().__init__()
        self.rate, self.width = tokens_per_second, width

    def samples_for(self, first_token: int, num_tokens: int) -> tuple[int, int]:
        return first_token * 16_000 // self.rate, num_tokens * 16_000 // self.rate

    def forward(self, audio_BA: Tensor, first_token: int, num_tokens: int) -> Tensor:
        ends = (torch.arange(1, num_tokens) * audio_BA.shape[1] / num_tokens).round().long().tolist()
        loud_BL = torch.stack([part.abs().mean(dim=1) for part in audio_BA.tensor_split(ends, dim=1)], dim=1)
        return loud_BL[..., None].expand(-1, -1, self.width)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def encoders() -> WanEncoders:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    torch.manual_seed(0)
    vae = WanAutoencoder(AutoencoderKLWan(base_dim=8, dim_mult=[1, 2, 2, 2], num_res_blocks=1).eval())
    assert CONFIG.speak is not None
    assert CONFIG.listen is not None
    voices = (Loudness(48, CONFIG.speak.width), Loudness(12, CONFIG.listen.width))
    return WanEncoders(vae, Letters(), voices, CONFIG, CPU)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    units, raw = make_units(folder / "raw", (150, 96))
    made = dataset_of(folder / "dataset", raw)
    config = ShardsConfig(size=64, crf=0, shard_samples=2)
    with made.alone():
        run_stage(made, "openlpm.data.shards.stage:SHARDS", config, lambda: units, Running(workers=1, memory_mib=0))
    return made.folder


@pytest.fixture(scope="module")
def pieces(dataset: Path) -> tuple[Piece, ...]:
    return pieces_of(ShardFootageConfig(folder=dataset), num_frames=120, shortest=48, rank=0)[0]


@pytest.fixture(scope="module")
def store(pieces: tuple[Piece, ...], encoders: WanEncoders, tmp_path_factory: pytest.TempPathFactory) -> LatentStore:
    folder = tmp_path_factory.mktemp("latents")
    write_latents(pieces, encoders, LatentWriter(folder))
    return LatentStore(folder)


def test_a_latent_frame_knows_its_own_four_pictures_and_none_that_come_later(encoders: WanEncoders) -> None:
    frames_FHWC = np.random.default_rng(0).integers(0, 255, (24, 32, 32, 3), dtype=np.uint8)
    before = encoders.clip(frames_FHWC)
    assert before.shape == (6, 16, 4, 4)
    for frame in (8, 11):
        changed_FHWC = frames_FHWC.copy()
        changed_FHWC[frame] = 255 - changed_FHWC[frame]
        differs_T = (encoders.clip(changed_FHWC) != before).flatten(1).any(dim=1).tolist()
        assert differs_T[:2] == [False, False]
        assert differs_T[2]


def test_clips_have_their_pictures_voices_and_references(pieces: tuple[Piece, ...], store: LatentStore) -> None:
    assert len(store) == len(pieces) >= 2
    for number, piece in enumerate(pieces):
        known, tensors = store.clips[number], store.read(number)
        frames = piece.num_frames // 4
        assert known.frames == frames
        assert len(known.slots) == len(piece.facts.references) == len(tensors.references_JCHW)
        assert CONFIG.speak is not None
        assert tensors.speak_LD.shape == (CONFIG.speak.num_tokens(frames), CONFIG.speak.width)
        own_A, _ = piece.sample.voices(piece.facts.num_frames)
        for frame in (0, frames // 2, frames - 1):
            start, end = (samples_at_frame(piece.first_frame + 4 * each) for each in (frame, frame + 1))
            loud = float(np.abs(own_A[start:end] / 32767).mean())
            told = tensors.speak_LD[CONFIG.speak.own(frames)].float()[8 * frame : 8 * frame + 8, 0].mean()
            assert float(told) == pytest.approx(loud, rel=0.05, abs=1e-3)  # kept in bfloat16
        margin = CONFIG.speak.past_frames * CONFIG.speak.tokens_per_frame
        assert tensors.speak_LD[:margin].abs().max() < 1e-4  # nothing is heard before a clip, but for a sample's share


def test_captions_tell_of_all_of_a_clip_and_windows_get_the_one_that_fits(store: LatentStore) -> None:
    longest = max(range(len(store)), key=lambda number: store.clips[number].frames)
    tensors, known = store.read(longest), store.clips[longest]
    spans = tensors.spans_P2.tolist()
    assert spans[0][0] == 0
    assert spans[-1][1] == known.frames
    assert all(after[0] <= before[1] for before, after in pairwise(spans))
    for number, (start, end) in enumerate(spans):
        told = tensors.condition(start, end - start, (), known.slots).text_BLD
        assert torch.equal(told[0], tensors.text_PLD[number].float())


def test_a_large_size_learns_from_what_was_filmed(store: LatentStore) -> None:
    recipe = wide_recipe("lpm-17b", Phase.CONTINUE, small=True)
    source = FlowSource(store, replace(recipe.flow.draw, lengths=(5, 12)), CONFIG, CPU)
    batch = source.batch(0, 0)
    assert batch.latents_BCTHW.shape[1:] == (16, 12, 8, 8)
    assert batch.condition.slots
    assert batch.latents_BCTHW.std() > 0.01


def test_what_is_missing_is_named(tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "latents", "--recipe", "lpm-17b", "--shards", str(dataset), "--out", str(tmp_path / "latents")]
    assert main(words) == 2
    assert "--wan: latents are made of shards" in " ".join(capsys.readouterr().err.split())
    assert main([*words, "--wan", str(tmp_path), "--speech", str(tmp_path)]) in (1, 2)
    assert "text_encoder" in " ".join(capsys.readouterr().err.split())
