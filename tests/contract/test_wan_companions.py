"""Wan's autoencoder and the encoders of others, of chance and tiny, in the layout in which the real ones lie."""

import json
import warnings

import pytest
import torch
from typer.testing import CliRunner

from openlpm.cli.main import app
from openlpm.core.errors import ConfigError, WeightsError
from openlpm.encoders.pretrained_speech import PretrainedSpeechConfig, SpeechKind, load_speech
from openlpm.encoders.umt5 import load_umt5
from openlpm.recipes.hub import release, releases
from openlpm.vae.wan import WanAutoencoder, load_wan_autoencoder
from support import companions

pytestmark = pytest.mark.contract

SPEAK = PretrainedSpeechConfig(tokens_per_second=48, past_s=0.5, lookahead_s=0.1)


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """What these libraries warn of when they are imported or save is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def wan_vae():
    return companions.autoencoder()


def raw(autoencoder, latents):
    """Latents of the flow as the autoencoder itself takes them."""
    shape = (1, -1, 1, 1, 1)
    config = autoencoder.config
    return latents * torch.tensor(config.latents_std).view(shape) + torch.tensor(config.latents_mean).view(shape)


@pytest.mark.parametrize("pieces", [[7], [1, 1, 1, 1, 1, 1, 1], [3, 1, 3], [1, 6]])
def test_wans_decoder_in_chunks_equals_its_decoding_of_the_whole_clip(wan_vae, pieces):
    latents = torch.randn(2, 16, 7, 4, 6)
    whole = wan_vae.decode(raw(wan_vae, latents), return_dict=False)[0]
    ours, state, made, start = WanAutoencoder(wan_vae), None, [], 0
    for length in pieces:
        video, state = ours.decode(latents[:, :, start : start + length], state)
        made.append(video)
        start += length
    assert whole.std() > 0.05
    assert whole.shape[2] == 25
    torch.testing.assert_close(torch.cat(made, dim=2), whole, rtol=0, atol=1e-5)


def test_two_streams_of_wans_decoder_do_not_meet(wan_vae):
    ours = WanAutoencoder(wan_vae)
    one, two = torch.randn(1, 16, 4, 4, 4), torch.randn(1, 16, 4, 4, 4)
    first, state_one = ours.decode(one[:, :, :2])
    _, state_two = ours.decode(two[:, :, :2])
    ours.decode(two[:, :, 2:], state_two)
    rest, _ = ours.decode(one[:, :, 2:], state_one)
    torch.testing.assert_close(torch.cat([first, rest], dim=2), ours.decode(one)[0], rtol=0, atol=1e-5)


def test_wans_encoder_gives_latents_of_the_flow(wan_vae):
    ours = WanAutoencoder(wan_vae)
    video = torch.rand(1, 3, 9, 16, 24) * 2 - 1
    latents = ours.encode(video)
    assert latents.shape == (1, 16, 3, 2, 3)
    torch.testing.assert_close(raw(wan_vae, latents), wan_vae.encode(video).latent_dist.mode(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.encode_still(video[:, :, 0]), latents[:, :, 0], rtol=0, atol=1e-5)
    with pytest.raises(ConfigError, match="video is 8 frames"):
        ours.encode(video[:, :, :8])


def test_the_autoencoder_is_read_from_a_folder_of_diffusers(wan_vae, tmp_path):
    wan_vae.save_pretrained(tmp_path / "vae")
    latents = torch.randn(1, 16, 2, 2, 2)
    for folder in (tmp_path, tmp_path / "vae"):
        loaded = load_wan_autoencoder(folder)
        torch.testing.assert_close(loaded.decode(latents)[0], WanAutoencoder(wan_vae).decode(latents)[0])
    with pytest.raises(WeightsError, match="does not exist"):
        load_wan_autoencoder(tmp_path / "nothing.pth")
    with pytest.raises(WeightsError, match=r"config\.json is missing"):
        load_wan_autoencoder(tmp_path.parent)


def test_a_wrong_original_autoencoder_names_its_keys(tmp_path):
    torch.save({"encoder.conv1.weight": torch.zeros(2), "strange.weight": torch.zeros(2)}, tmp_path / "Wan2.1_VAE.pth")
    with pytest.raises(WeightsError, match=r"conv2|quant|decoder"):
        load_wan_autoencoder(tmp_path / "Wan2.1_VAE.pth")


@pytest.fixture(scope="module")
def text_folder(tmp_path_factory):
    """A text encoder and a tokenizer of chance, as they lie in a release."""
    return companions.save_umt5(tmp_path_factory.mktemp("release"))


def test_text_is_encoded_as_the_pipeline_of_diffusers_encodes_it(text_folder):
    from diffusers.pipelines.wan.pipeline_wan import WanPipeline

    ours = load_umt5(text_folder, num_tokens=32)
    texts = ["a  woman smiles,\n and nods.", "", "x" * 60]
    ids = ours.prepare(texts)
    with torch.no_grad():
        out = ours(ids)
    pipeline = WanPipeline(
        tokenizer=ours._tokenizer, text_encoder=ours.inner, transformer=None, vae=None, scheduler=None
    )
    with torch.no_grad():
        theirs = pipeline._get_t5_prompt_embeds(texts, max_sequence_length=32, device=torch.device("cpu"))
    assert out.shape == (3, 32, 16)
    assert out[0, -1].abs().max() == 0
    assert out[2].abs().sum(dim=-1).min() > 0
    torch.testing.assert_close(out, theirs, rtol=1e-5, atol=1e-6)
    with pytest.raises(WeightsError, match="text_encoder"):
        load_umt5(text_folder / "tokenizer")


@pytest.fixture(scope="module")
def speech_folders(tmp_path_factory):
    """Both networks of chance, as they lie in a release; Whisper's hears 2 s instead of 30."""
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    folder = tmp_path_factory.mktemp("speech")
    companions.save_wav2vec2(folder / "wav2vec2")
    whisper = WhisperConfig(
        vocab_size=60,
        num_mel_bins=80,
        d_model=16,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        max_source_positions=100,
        max_target_positions=20,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    WhisperModel(whisper).eval().save_pretrained(folder / "whisper")
    WhisperFeatureExtractor(feature_size=80, chunk_length=2).save_pretrained(folder / "whisper")
    return folder


@pytest.mark.parametrize("kind", list(SpeechKind))
def test_voices_of_a_stream_are_those_of_anybody_who_asks_for_the_same_piece(speech_folders, kind):
    encoder = load_speech(speech_folders / kind.value, kind, SPEAK)
    sound = torch.randn(1, 80_000) * 0.1
    made = {}
    for first in (60, 84, 60):
        start, count = encoder.samples_for(first, 24)
        with torch.no_grad():
            tokens = encoder(sound[:, start : start + count], first, 24)
        assert tokens.shape == (1, 24, 16)
        assert tokens.std(dim=1).min() > 0
        torch.testing.assert_close(made.setdefault(first, tokens), tokens)
    with pytest.raises(ConfigError, match="need"):
        encoder(sound, 60, 24)


@pytest.mark.parametrize("kind", list(SpeechKind))
def test_tokens_stand_between_the_features_of_the_network_around_their_middles(speech_folders, kind):
    encoder = load_speech(speech_folders / kind.value, kind, SPEAK)
    start, count = encoder.samples_for(60, 24)
    sound = torch.randn(1, count) * 0.1
    with torch.no_grad():
        tokens = encoder(sound, 60, 24)
        features = encoder._features(sound)
    reach = 400 if kind is SpeechKind.WAV2VEC2 else 320
    middles = (torch.arange(24) + 60.5) / 48 * 16_000 - start
    centres = torch.arange(features.shape[1]) * 320 + reach / 2
    for token in range(24):
        place = int((centres <= middles[token]).sum()) - 1
        share = ((middles[token] - centres[place]) / 320).item()
        after = min(place + 1, features.shape[1] - 1)
        wanted = (1 - share) * features[:, place] + share * features[:, after]
        torch.testing.assert_close(tokens[:, token], wanted, rtol=1e-4, atol=1e-4)


def test_nothing_is_fetched_unasked_and_every_release_says_what_it_would_take(monkeypatch, tmp_path):
    import huggingface_hub

    asked = []
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *args, **more: asked.append((args, more)) or tmp_path
    )
    run = CliRunner().invoke(app, ["weights", "fetch", "umt5-xxl", str(tmp_path / "t5"), "--dry-run"])
    assert run.exit_code == 0, run.output
    assert not asked
    for name, size in (("wan2.1-t2v-1.3b", 5.7), ("wan2.1-i2v-14b-480p", 65.6)):
        assert release(name, diffusers=False).size_gb == pytest.approx(size, rel=0.01)
    run = CliRunner().invoke(app, ["weights", "fetch", "wav2vec2-base", str(tmp_path / "w")])
    assert run.exit_code == 0, run.output
    [(given, more)] = asked
    assert given == ("facebook/wav2vec2-base-960h",)
    assert more["local_dir"] == tmp_path / "w"
    assert json.dumps([each.name for each in releases(diffusers=True)])
