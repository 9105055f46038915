"""The assembled character model: autoencoder, encoders and transformer, their sizes, and their folder on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, final

import numpy as np
import torch
from cattrs import transform_error
from cattrs.errors import BaseValidationError
from cattrs.preconf.json import make_converter
from cattrs.v import format_exception
from numpy.typing import NDArray
from torch import nn

from openlpm.core.errors import ConfigError, WeightsError
from openlpm.core.motion import MOTION_NAMES, NUM_MOTION, NUM_POSE, MotionTrack
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.encoders.pretrained_speech import PretrainedSpeech
from openlpm.encoders.speech import SpeechConfig, SpeechEncoder
from openlpm.encoders.text import TextConfig, TextEncoder
from openlpm.encoders.umt5 import Umt5TextEncoder
from openlpm.rollout.choreographer import Choreographer, ChoreographerConfig
from openlpm.rollout.companions import ReleasedSpeech, Umt5Text, WanVideo, load_text, load_video, load_voice
from openlpm.rollout.online import OnlineConfig, OnlineNetwork
from openlpm.vae.autoencoder import VideoAutoencoder
from openlpm.vae.config import AutoencoderConfig
from openlpm.vae.wan import WanAutoencoder
from openlpm.weights.store import Storage, load_into, load_onto, save

_CONFIG_FILE = "config.json"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class WindowConfig:
    """How Base walks through a long clip, in latent frames."""

    frames: int
    """Frames denoised together."""
    context: int
    """Frames of the window before that are given, lightly noised, to go on from."""
    context_noise: float
    """Flow time at which the context is shown."""
    time_shift: float = 2.5
    """How much more densely sampling visits the noisy times (``flow.schedule.shifted``); as in training."""

    def __post_init__(self) -> None:
        if not 0 < self.context < self.frames:
            raise ConfigError(f"context={self.context}: must lie between 1 and frames-1={self.frames - 1}")
        if not 0 <= self.context_noise < 1:
            raise ConfigError(f"context_noise={self.context_noise}: a flow time from 0 to below 1")

    def joins(self, num_frames: int) -> range:
        """Of ``num_frames`` latent frames, those with which a window goes on from the one before."""
        return range(self.frames, num_frames, self.frames - self.context)


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class CharacterConfig:
    """All sizes of a character model; the parts are checked against each other."""

    name: str
    vae: AutoencoderConfig | WanVideo
    dit: DiTConfig
    speak: SpeechConfig | ReleasedSpeech
    listen: SpeechConfig | ReleasedSpeech
    text: TextConfig | Umt5Text
    window: WindowConfig
    picture_size: int = 256
    """Rows of pixels."""
    picture_width: int | None = None
    """Columns; None: as many."""
    online: OnlineConfig | None = None
    """How it streams; None for a model that was never taught to."""
    online_networks: tuple[OnlineNetwork, ...] = ()
    """Transformers that it has for streaming alone, of the sizes of ``dit``; without a refiner's time in ``online`` a
    refiner is not asked."""
    choreographer: ChoreographerConfig | None = None
    """Decides what is done where no track says it; None: the transformers decide that too."""

    def __post_init__(self) -> None:
        if self.online_networks and self.online is None:
            named = ", ".join(self.online_networks)
            raise ConfigError(f"online_networks={named}: say in `online` how they stream, or give none")
        if isinstance(self.vae, WanVideo) and self.dit.unit_power:
            raise ConfigError("dit.unit_power=True: latents of Wan's autoencoder are of any power; say False")
        cells = (self.vae.spatial_factor * self.dit.patch[1], self.vae.spatial_factor * self.dit.patch[2])
        if any(size % cell for size, cell in zip(self.picture, cells, strict=True)):
            raise ConfigError(f"picture of {self.picture} rows and columns: give multiples of {cells}")
        if self.vae.latent_channels != self.dit.latent_channels:
            raise ConfigError(
                f"vae.latent_channels={self.vae.latent_channels}, dit.latent_channels={self.dit.latent_channels}: "
                "make them equal"
            )
        if self.text.width != self.dit.text_width or self.text.num_tokens > self.dit.text_tokens:
            raise ConfigError(
                f"text encoder gives {self.text.num_tokens} x {self.text.width}, "
                f"the transformer takes {self.dit.text_tokens} x {self.dit.text_width}"
            )
        group = self.vae.frames_per_latent
        if self.dit.motion not in (0, group * NUM_POSE, group * NUM_MOTION):
            raise ConfigError(
                f"dit.motion={self.dit.motion}: {group} frames of {NUM_MOTION} channels make {group * NUM_MOTION}; "
                f"give that, {group * NUM_POSE} for head, gaze, lids and brows alone, or 0"
            )
        if self.choreographer is not None:
            self._check_choreographer(self.choreographer)
        for name, speech, branch in (("speak", self.speak, self.dit.speak), ("listen", self.listen, self.dit.listen)):
            tokens = speech.tokens_per_latent(self.vae.frames_per_latent)
            if branch is None or branch.width != speech.width or branch.tokens_per_frame != tokens:
                raise ConfigError(
                    f"dit.{name} does not fit the {name} encoder: "
                    f"it gives {tokens} tokens of width {speech.width} a latent frame"
                )

    def _check_choreographer(self, planned: ChoreographerConfig) -> None:
        if self.dit.motion != planned.dit.latent_channels:
            raise ConfigError(
                f"choreographer.dit.latent_channels={planned.dit.latent_channels}: dit.motion={self.dit.motion} "
                "is what its motion is told to; make them equal"
            )
        if self.online is not None and self.online.chunk_frames != planned.chunk_frames:
            raise ConfigError(
                f"choreographer.chunk_frames={planned.chunk_frames}: online.chunk_frames={self.online.chunk_frames}; "
                "make them equal"
            )
        for name in ("num_tokens", "buckets"):
            if isinstance(self.text, TextConfig) and getattr(planned.text, name) != getattr(self.text, name):
                raise ConfigError(
                    f"choreographer.text.{name}={getattr(planned.text, name)}: it reads the words that text reads; "
                    f"give {getattr(self.text, name)}"
                )

    @property
    def motion_channels(self) -> int:
        """How many channels of a motion track the transformers know, from its first on."""
        return self.dit.motion // self.vae.frames_per_latent

    @property
    def picture(self) -> tuple[int, int]:
        """Rows and columns of pixels."""
        return self.picture_size, self.picture_size if self.picture_width is None else self.picture_width

    @property
    def latents(self) -> tuple[int, int]:
        """Rows and columns of a latent frame."""
        rows, columns = self.picture
        return rows // self.vae.spatial_factor, columns // self.vae.spatial_factor

    def joins(self, num_pictures: int) -> tuple[int, ...]:
        """Of ``num_pictures`` at 24 fps, those with which a window goes on from the one before."""
        group = self.vae.frames_per_latent
        return tuple(group * frame for frame in self.window.joins(-(-num_pictures // group)))


_Part = TypeVar("_Part")


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class OwnParts:
    """Parts of a character that are all ours, for what is made for these alone."""

    vae: VideoAutoencoder
    speak: SpeechEncoder
    listen: SpeechEncoder
    text: TextEncoder


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Released:
    """Parts that others released, loaded."""

    vae: WanAutoencoder | None = None
    speak: PretrainedSpeech | None = None
    listen: PretrainedSpeech | None = None
    text: Umt5TextEncoder | None = None


def _given(part: _Part | None, name: str) -> _Part:
    if part is None:
        raise ConfigError(f"{name}: others released it; load the character with `load_model`, or give it in `released`")
    return part


def wrong_size(picture_HWC: NDArray[np.uint8], config: CharacterConfig) -> str:
    """What to say about a picture that is not as large as the model's."""
    (rows, columns), (wanted_rows, wanted_columns) = picture_HWC.shape[:2], config.picture
    return (
        f"a reference picture is {columns} pixels wide and {rows} high: "
        f"resize it to the {wanted_columns} by {wanted_rows} that {config.name} works at"
    )


def check_motion(motion: MotionTrack | None, config: CharacterConfig) -> None:
    """Refuse a motion track that the transformers cannot be told.

    Raises:
        ConfigError: they know no track, or not all of its channels.
    """
    if motion is None:
        return
    if not config.dit.motion:
        raise ConfigError(f"motion: {config.name} was made without a motion track; leave it out")
    unknown = [name for name, given in zip(MOTION_NAMES, motion.given_M, strict=True) if given]
    unknown = [name for name in unknown if MOTION_NAMES.index(name) >= config.motion_channels]
    if unknown:
        known = ", ".join(MOTION_NAMES[: config.motion_channels])
        raise ConfigError(f"motion: {config.name} cannot be told {', '.join(unknown)}; give some of {known}")


@final
class CharacterModel(nn.Module):
    """Everything needed to make a character perform; ``rollout.generate`` drives it."""

    def __init__(self, config: CharacterConfig, released: Released | None = None) -> None:
        """Fresh parts, but for those that others ``released``.

        Raises:
            ConfigError: the configuration names a released part that is not given.
        """
        super().__init__()
        released = released or Released()
        self.config = config
        self.vae = (
            VideoAutoencoder(config.vae) if isinstance(config.vae, AutoencoderConfig) else _given(released.vae, "vae")
        )
        self.dit = CharacterTransformer(config.dit)
        self.speak = (
            SpeechEncoder(config.speak) if isinstance(config.speak, SpeechConfig) else _given(released.speak, "speak")
        )
        self.listen = (
            SpeechEncoder(config.listen)
            if isinstance(config.listen, SpeechConfig)
            else _given(released.listen, "listen")
        )
        self.text = TextEncoder(config.text) if isinstance(config.text, TextConfig) else _given(released.text, "text")
        networks = config.online_networks
        self.backbone = CharacterTransformer(config.dit) if OnlineNetwork.BACKBONE in networks else None
        self.refiner = CharacterTransformer(config.dit) if OnlineNetwork.REFINER in networks else None
        planned = config.choreographer
        self.choreographer = None if planned is None else Choreographer(planned)

    @property
    def streaming(self) -> CharacterTransformer:
        """The transformer that makes chunks: its own, or the one that makes windows too."""
        return self.dit if self.backbone is None else self.backbone

    def streaming_networks(self) -> list[CharacterTransformer]:
        """The one that makes chunks, and the one that refines them if it is another."""
        return [self.streaming, *([] if self.refiner is None else [self.refiner])]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.dit.head.weight.device

    def own_parts(self) -> OwnParts:
        """Autoencoder and encoders.

        Raises:
            ConfigError: others released some of them.
        """
        vae, speak, listen, text = self.vae, self.speak, self.listen, self.text
        if (
            isinstance(vae, WanAutoencoder)
            or isinstance(speak, PretrainedSpeech)
            or isinstance(listen, PretrainedSpeech)
            or isinstance(text, Umt5TextEncoder)
        ):
            raise ConfigError(f"{self.config.name} has parts that others released: this is made for models of our own")
        return OwnParts(vae=vae, speak=speak, listen=listen, text=text)

    def parts(self) -> dict[str, nn.Module]:
        """The modules of ours that are stored apart, by folder name; those of others lie as they were released."""
        others = (WanAutoencoder, Umt5TextEncoder, PretrainedSpeech)
        return {name: part for name, part in self.named_children() if not isinstance(part, others)}

    def write_config(self, folder: Path) -> None:
        """Write the sizes alone."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _CONFIG_FILE).write_text(make_converter().dumps(self.config, indent=1) + "\n")

    def save_to(self, folder: Path, *, storage: Storage) -> None:
        """Write config and weights, a folder a part."""
        self.write_config(folder)
        for name, part in self.parts().items():
            save(part.state_dict(), folder / name, storage=storage)


def read_config(folder: Path) -> CharacterConfig:
    """The configuration in a model folder.

    Raises:
        WeightsError: no such file, or it has wrong or unknown fields (named).
    """
    path = folder / _CONFIG_FILE
    if not path.is_file():
        raise WeightsError(
            f"{folder} holds no model: {_CONFIG_FILE} is missing; give a folder written by training, or none"
        )
    try:
        return make_converter(forbid_extra_keys=True).loads(path.read_text(), CharacterConfig)
    except (BaseValidationError, ValueError) as error:
        raise WeightsError(f"{path} does not describe a character model: {_faults(error)}") from error


def _faults(error: Exception) -> str:
    """What is wrong and where, such as ``required field missing @ $.vae.latent_channels``."""

    def worded(fault: BaseException, kind: type | None) -> str:
        return str(fault) if isinstance(fault, ConfigError) else format_exception(fault, kind)

    return (
        "; ".join(transform_error(error, format_exception=worded))
        if isinstance(error, BaseValidationError)
        else str(error)
    )


def load_model(folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> CharacterModel:
    """The model of a folder in evaluation mode, weights of ``dtype``, on ``device``; loading is strict.

    A model with released parts is filled shard by shard where it is to run.

    Raises:
        WeightsError: missing, unexpected or damaged weights (named).
    """
    config = read_config(folder)
    released = _released(folder, config, dtype)
    if released is None:
        model = CharacterModel(config)
        for name, part in model.parts().items():
            load_into(part, folder / name)
        return model.to(device, dtype).eval().requires_grad_(requires_grad=False)
    with torch.device("meta"):
        model = CharacterModel(config, released)
    for name, part in model.parts().items():
        load_onto(part, folder / name, device, dtype)
    return model.to(device).eval().requires_grad_(requires_grad=False)


def _released(folder: Path, config: CharacterConfig, dtype: torch.dtype) -> Released | None:
    """Parts that others released; None: there are none."""
    voices = {
        name: load_voice(folder / name, part, dtype)
        for name, part in (("speak", config.speak), ("listen", config.listen))
        if isinstance(part, ReleasedSpeech)
    }
    vae = load_video(folder / "vae", config.vae, dtype) if isinstance(config.vae, WanVideo) else None
    text = load_text(folder / "text", config.text, dtype) if isinstance(config.text, Umt5Text) else None
    if vae is None and text is None and not voices:
        return None
    return Released(vae=vae, speak=voices.get("speak"), listen=voices.get("listen"), text=text)
