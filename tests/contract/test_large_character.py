"""A character of Wan's autoencoder, umT5 and a public speech encoder, tiny and of chance: it generates and streams."""

import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from openlpm.core.errors import ConfigError, WeightsError
from openlpm.dit.condition import ReferenceKind
from openlpm.dit.config import AudioBranch
from openlpm.encoders.pretrained_speech import PretrainedSpeechConfig, SpeechKind
from openlpm.nn.memory import MemoryConfig
from openlpm.parallel.narrow import relative_difference
from openlpm.recipes.models import lpm_1_3b, lpm_17b
from openlpm.recipes.nano import character
from openlpm.recipes.speed import tiny
from openlpm.rollout.assembly import CharacterConfig, CharacterModel, Released, WindowConfig, load_model
from openlpm.rollout.companions import ReleasedSpeech, Umt5Text, WanVideo
from openlpm.rollout.fit import Arithmetic, fit_to_gpu
from openlpm.rollout.generate import generate
from openlpm.rollout.online import OnlineConfig
from openlpm.rollout.request import GenerationRequest, Reference, StreamRequest
from openlpm.rollout.stream import OnlineStream
from openlpm.weights.store import Storage
from support import companions

pytestmark = pytest.mark.contract

ROWS, COLUMNS = 32, 48
SPEAK, LISTEN = (PretrainedSpeechConfig(tokens_per_second=rate, past_s=0.5) for rate in (48, 12))
CONFIG = CharacterConfig(
    name="large, but tiny",
    vae=WanVideo(wan_channels=16),
    dit=replace(
        tiny(),
        text_width=16,
        speak=AudioBranch(width=16, tokens_per_frame=8, past_frames=1, future_frames=1),
        listen=AudioBranch(width=16, tokens_per_frame=2, past_frames=3, future_frames=0),
    ),
    speak=ReleasedSpeech(kind=SpeechKind.WAV2VEC2, width=16, tokens=SPEAK),
    listen=ReleasedSpeech(kind=SpeechKind.WAV2VEC2, width=16, tokens=LISTEN),
    text=Umt5Text(umt5_width=16, num_tokens=8),
    window=WindowConfig(frames=6, context=2, context_noise=0.1),
    picture_size=ROWS,
    picture_width=COLUMNS,
    online=OnlineConfig(
        chunk_frames=2,
        memory=MemoryConfig(sink_frames=1, window_frames=3),
        backbone_times=(1.0, 0.6),
        refiner_time=0.3,
    ),
)


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """What these libraries warn of when they are imported or save is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A character's folder: the transformer as we write it, everything else as it is released."""
    made = tmp_path_factory.mktemp("character")
    companions.autoencoder().save_pretrained(made / "vae")
    companions.save_umt5(made / "text")
    companions.save_wav2vec2(made / "speak")
    shutil.copytree(made / "speak", made / "listen")
    torch.manual_seed(0)
    model = CharacterModel(CONFIG, released_parts(made))
    for parameter in model.dit.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    model.save_to(made, storage=Storage.FP32)
    return made


def released_parts(folder):
    from openlpm.rollout import companions as ours

    voices = {
        name: ours.load_voice(folder / name, getattr(CONFIG, name), torch.float32) for name in ("speak", "listen")
    }
    return Released(
        vae=ours.load_video(folder / "vae", CONFIG.vae, torch.float32),
        text=ours.load_text(folder / "text", CONFIG.text, torch.float32),
        **voices,
    )


def request(cls, **more):
    draw = np.random.default_rng(0)
    picture = draw.integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8)
    return cls(references=(Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture),), caption="she nods", **more)


def test_it_generates_pictures_of_its_own_shape_window_after_window(folder):
    model = load_model(folder)
    asked = request(GenerationRequest, num_frames=36, steps=2)
    made = torch.cat([block[0] for block in generate(model, [asked])])
    assert made.shape == (36, 3, ROWS, COLUMNS)
    assert made.std() > 0.05
    again = torch.cat([block[0] for block in generate(load_model(folder), [asked])])
    assert torch.equal(made, again)


def test_rows_of_its_stream_join_at_any_time_and_know_nothing_of_each_other(folder):
    model = load_model(folder)
    slots = (request(StreamRequest).references[0].slot,)

    def alone(seed, chunks):
        stream = OnlineStream(model, 1, slots)
        stream.join(0, request(StreamRequest, seed=seed))
        return [stream.next_chunk()[0] for _ in range(chunks)]

    both = OnlineStream(model, 2, slots)
    both.join(0, request(StreamRequest, seed=1))
    made = [both.next_chunk()[0]]
    both.join(1, request(StreamRequest, seed=2))
    later = []
    for _ in range(3):
        chunk = both.next_chunk()
        made.append(chunk[0])
        later.append(chunk[1])
    assert made[0].shape == (8, 3, ROWS, COLUMNS)
    # Sums of float32 in another order, through a decoder of chance.
    torch.testing.assert_close(torch.cat(made), torch.cat(alone(1, 4)), rtol=0, atol=1e-4)
    torch.testing.assert_close(torch.cat(later), torch.cat(alone(2, 3)), rtol=0, atol=1e-4)
    assert (made[1] - later[0]).abs().max() > 0.05


def test_what_is_heard_changes_what_is_seen(folder):
    from openlpm.core.audio import ArraySource

    model = load_model(folder)
    sound = ArraySource(np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32))
    stream = [OnlineStream(model, 1, (request(StreamRequest).references[0].slot,)) for _ in range(3)]
    for each, heard in zip(stream, ({}, {"speak": sound}, {"listen": sound}), strict=True):
        each.join(0, request(StreamRequest, **heard))
    quiet, speaking, listening = (each.next_chunk() for each in stream)
    assert (quiet - speaking).abs().max() > 1e-4
    assert (quiet - listening).abs().max() > 1e-4
    assert stream[0].samples_needed(0)[0] > 0


def test_finished_latents_keep_their_power_where_wan_decodes_them(folder):
    stream = OnlineStream(load_model(folder), 1, (request(StreamRequest).references[0].slot,))
    stream.join(0, request(StreamRequest))
    seen = []
    inner = stream.model.vae.decode
    stream.model.vae.decode = lambda latents, state=None: seen.append(latents) or inner(latents, state)
    stream.next_chunk()
    power = seen[0].square().mean(dim=1)
    assert power.std() > 0.01  # of unit power it would be nought
    assert not lpm_17b().unit_power
    assert not lpm_1_3b().unit_power
    assert character().dit.unit_power


def test_it_streams_nearly_the_same_in_8_bits_and_fast_blocks(folder):
    made = []
    for fitted in (False, True):
        model = load_model(folder)
        if fitted:
            assert fit_to_gpu(model).transformer is Arithmetic.FLOAT8
        stream = OnlineStream(model, 2, (request(StreamRequest).references[0].slot,))
        for row in range(2):
            stream.join(row, request(StreamRequest, seed=row))
        made.append(torch.cat([stream.next_chunk() for _ in range(3)], dim=1))
    assert 1e-5 < relative_difference(made[1], made[0]) < 0.15
    nano = CharacterModel(character())
    with pytest.raises(ConfigError, match="qk_norm=head"):
        fit_to_gpu(nano)


def test_parts_that_are_missing_or_others_are_named(folder, tmp_path):
    with pytest.raises(ConfigError, match=r"vae: others released it"):
        CharacterModel(CONFIG)
    with pytest.raises(ConfigError, match="models of our own"):
        load_model(folder).own_parts()
    with pytest.raises(ConfigError, match="unit_power"):
        replace(CONFIG, dit=replace(CONFIG.dit, unit_power=True))
    with pytest.raises(ConfigError, match="multiples of"):
        replace(CONFIG, picture_width=COLUMNS + 8)
    with pytest.raises(ConfigError, match="tokens_per_second=50"):
        replace(CONFIG, speak=replace(CONFIG.speak, tokens=PretrainedSpeechConfig(tokens_per_second=50)))
    broken = tmp_path / "character"
    shutil.copytree(folder, broken)
    config = (broken / "config.json").read_text()
    (broken / "config.json").write_text(
        config.replace('"umt5_width": 16', '"umt5_width": 20').replace('"text_width": 16', '"text_width": 20')
    )
    with pytest.raises(WeightsError, match=r"width 16; config\.json says 20"):
        load_model(broken)
    shutil.rmtree(broken / "vae")
    (broken / "config.json").write_text(config)
    with pytest.raises(WeightsError, match="vae"):
        load_model(broken)
