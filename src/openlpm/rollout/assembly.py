"""The assembled character model: autoencoder, encoders and transformer, their sizes, and their folder on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from cattrs import transform_error
from cattrs.errors import BaseValidationError
from cattrs.preconf.json import make_converter
from cattrs.v import format_exception
from torch import nn

from openlpm.core.errors import ConfigError, WeightsError
from openlpm.core.motion import NUM_MOTION
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.encoders.speech import SpeechConfig, SpeechEncoder
from openlpm.encoders.text import TextConfig, TextEncoder
from openlpm.rollout.online import OnlineConfig, OnlineNetwork
from openlpm.vae.autoencoder import VideoAutoencoder
from openlpm.vae.config import AutoencoderConfig
from openlpm.weights.store import Storage, load_into, save

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
    vae: AutoencoderConfig
    dit: DiTConfig
    speak: SpeechConfig
    listen: SpeechConfig
    text: TextConfig
    window: WindowConfig
    picture_size: int = 256
    online: OnlineConfig | None = None
    """How it streams; None for a model that was never taught to."""
    online_networks: tuple[OnlineNetwork, ...] = ()
    """Transformers that it has for streaming alone, of the sizes of ``dit``; without a refiner's time in ``online`` a
    refiner is not asked."""

    def __post_init__(self) -> None:
        if self.online_networks and self.online is None:
            named = ", ".join(self.online_networks)
            raise ConfigError(f"online_networks={named}: say in `online` how they stream, or give none")
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
        if self.dit.motion not in (0, self.vae.frames_per_latent * NUM_MOTION):
            raise ConfigError(
                f"dit.motion={self.dit.motion}: {self.vae.frames_per_latent} frames of {NUM_MOTION} channels make "
                f"{self.vae.frames_per_latent * NUM_MOTION}; give that or 0"
            )
        for name, speech, branch in (("speak", self.speak, self.dit.speak), ("listen", self.listen, self.dit.listen)):
            tokens = self.vae.frames_per_latent // speech.frames_per_token
            whole = self.vae.frames_per_latent == tokens * speech.frames_per_token
            if branch is None or branch.width != speech.width or branch.tokens_per_frame != tokens or not whole:
                raise ConfigError(
                    f"dit.{name} does not fit the {name} encoder: "
                    f"it gives {tokens} tokens of width {speech.width} a latent frame"
                )

    def joins(self, num_pictures: int) -> tuple[int, ...]:
        """Of ``num_pictures`` at 24 fps, those with which a window goes on from the one before."""
        group = self.vae.frames_per_latent
        return tuple(group * frame for frame in self.window.joins(-(-num_pictures // group)))


@final
class CharacterModel(nn.Module):
    """Everything needed to make a character perform; ``rollout.generate`` drives it."""

    def __init__(self, config: CharacterConfig) -> None:
        super().__init__()
        self.config = config
        self.vae = VideoAutoencoder(config.vae)
        self.dit = CharacterTransformer(config.dit)
        self.speak = SpeechEncoder(config.speak)
        self.listen = SpeechEncoder(config.listen)
        self.text = TextEncoder(config.text)
        networks = config.online_networks
        self.backbone = CharacterTransformer(config.dit) if OnlineNetwork.BACKBONE in networks else None
        self.refiner = CharacterTransformer(config.dit) if OnlineNetwork.REFINER in networks else None

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

    def parts(self) -> dict[str, nn.Module]:
        """The modules that are stored apart, by folder name."""
        return dict(self.named_children())

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


def load_model(folder: Path, device: torch.device | str = "cpu") -> CharacterModel:
    """The model of a folder in evaluation mode, float32 weights, on ``device``; loading is strict.

    Raises:
        WeightsError: missing, unexpected or damaged weights (named).
    """
    model = CharacterModel(read_config(folder))
    for name, part in model.parts().items():
        load_into(part, folder / name)
    return model.to(device).eval().requires_grad_(requires_grad=False)
