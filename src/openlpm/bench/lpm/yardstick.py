"""What metrics need to know once: how the critic sees, what rehearsals taught the detectors, and a few thresholds.

A yardstick belongs to its judges, and to the true clips from which the critic's eyesight was taken. It is made by
``openlpm bench certify``, kept beside the certificates and never changed afterwards.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from openlpm.bench import metrics
from openlpm.bench.action_match import ActionMatcher
from openlpm.bench.emotions import EmotionReader
from openlpm.bench.lpm.files import write_arrays
from openlpm.bench.lpm.state_reader import StateReader
from openlpm.bench.metrics import QuietMouth
from openlpm.bench.progress import OnProgress, unheard
from openlpm.bench.reaction_detector import ReactionDetector
from openlpm.bench.rehearsal import Eyesight, Stage, training_voices
from openlpm.bench.signals import FloatTrack, Mask
from openlpm.bench.viseme_reader import VisemeReader
from openlpm.core.errors import InputError

VISEME_REHEARSALS = 600
"""Clips from which the reader of visemes is set up."""


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sighted:
    """A true clip and how it was read."""

    read_FR: FloatTrack
    true_FR: FloatTrack
    quiet_F: Mask
    identity_FD: NDArray[np.float32]
    character: str
    looks_WX: NDArray[np.float64]


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Yardstick:
    """Detectors and thresholds."""

    eyesight: Eyesight
    quiet: QuietMouth
    identity: float
    """Cosine that lets 1 % of other people's frames in."""
    looks_mean_X: NDArray[np.float64]
    looks_spread_X: NDArray[np.float64]
    reactions: ReactionDetector
    emotions: EmotionReader
    actions: ActionMatcher
    states: StateReader
    visemes: VisemeReader

    @staticmethod
    def made(
        seen: Sequence[Sighted],
        references: Mapping[str, NDArray[np.float32]],
        on_progress: OnProgress = unheard,
    ) -> "Yardstick":
        """From true clips and the embeddings of their characters' pictures.

        Raises:
            ConfigError: too few clips to set a threshold from, or the extra ``[tts]`` is not installed.
        """
        stage = Stage(
            Eyesight.of([(one.read_FR, one.true_FR) for one in seen]), training_voices(), on_progress=on_progress
        )
        strangers = [
            (one.identity_FD @ embedding_D).ravel()
            for one in seen
            for character, embedding_D in references.items()
            if character != one.character
        ]
        looks_WX = np.concatenate([one.looks_WX for one in seen])
        return Yardstick(
            eyesight=stage.eyesight,
            quiet=QuietMouth.calibrate([(one.read_FR, one.quiet_F) for one in seen]),
            identity=metrics.impostor_threshold(np.concatenate(strangers)),
            looks_mean_X=looks_WX.mean(axis=0),
            looks_spread_X=looks_WX.std(axis=0) + 1e-6,
            reactions=ReactionDetector.rehearsed(stage),
            emotions=EmotionReader.rehearsed(stage),
            actions=ActionMatcher.rehearsed(stage),
            states=StateReader.rehearsed(stage),
            visemes=VisemeReader.rehearsed(stage, VISEME_REHEARSALS),
        )

    def save(self, path: Path) -> None:
        """Write everything."""
        write_arrays(path, _arrays(self))

    @staticmethod
    def load(path: Path) -> "Yardstick":
        """Read what ``save`` wrote.

        Raises:
            InputError: it is missing or damaged.
        """
        if not path.is_file():
            raise InputError(f"{path} is missing: `openlpm bench certify` makes it")
        try:
            with np.load(path, allow_pickle=False) as kept:
                return _from_arrays({name: kept[name] for name in kept.files})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is damaged: make it again with `openlpm bench certify`") from error


def _arrays(stick: Yardstick) -> dict[str, NDArray[Any]]:
    eyes, react, act, states, says = stick.eyesight, stick.reactions, stick.actions, stick.states, stick.visemes
    arrays: dict[str, NDArray[Any]] = {
        "eyes": np.stack([eyes.middle_R, eyes.slope_R, eyes.bias_R, eyes.noise_R]),
        "thresholds": np.array([stick.quiet.jaw, stick.quiet.motion, stick.identity]),
        "looks": np.stack([stick.looks_mean_X, stick.looks_spread_X]),
        "reaction_names": np.array("\n".join(react.names)),
        "reaction_inputs": np.stack([react.mean_X, react.scale_X]),
        "reaction_weights": react.weight_XK,
        "reaction_levels": np.stack([react.offset_K, react.level_K]),
        "emotion_weights": stick.emotions.weight_XE,
        "emotion_offsets": stick.emotions.offset_E,
        "action_channels": np.stack([act.spread_R, act.slope_R]),
        "action_names": np.array("\n".join(act.levels)),
        "action_levels": np.array(list(act.levels.values()), dtype=np.float64),
        "state_inputs": np.stack([states.mean_X, states.scale_X]),
        "state_weights": states.weight_XK,
        "state_offsets": states.offset_K,
        "viseme_inputs": np.stack([says.mean_X.numpy(), says.spread_X.numpy()]),
    }
    for name, value in says.network.state_dict().items():
        arrays[f"viseme.{name}"] = value.cpu().numpy()
    return arrays


def _from_arrays(kept: Mapping[str, NDArray[Any]]) -> Yardstick:
    jaw, motion, identity = (float(value) for value in kept["thresholds"])
    names = tuple(name for name in str(kept["reaction_names"]).split("\n") if name)
    actions = [name for name in str(kept["action_names"]).split("\n") if name]
    return Yardstick(
        eyesight=Eyesight(**dict(zip(("middle_R", "slope_R", "bias_R", "noise_R"), kept["eyes"], strict=True))),
        quiet=QuietMouth(jaw=jaw, motion=motion),
        identity=identity,
        looks_mean_X=kept["looks"][0],
        looks_spread_X=kept["looks"][1],
        reactions=ReactionDetector(
            names=names,
            mean_X=kept["reaction_inputs"][0],
            scale_X=kept["reaction_inputs"][1],
            weight_XK=kept["reaction_weights"],
            offset_K=kept["reaction_levels"][0],
            level_K=kept["reaction_levels"][1],
        ),
        emotions=EmotionReader(kept["emotion_weights"], kept["emotion_offsets"]),
        actions=ActionMatcher(
            spread_R=kept["action_channels"][0],
            slope_R=kept["action_channels"][1],
            levels=dict(zip(actions, kept["action_levels"].tolist(), strict=True)),
        ),
        states=StateReader(
            kept["state_inputs"][0], kept["state_inputs"][1], kept["state_weights"], kept["state_offsets"]
        ),
        visemes=_viseme_reader(kept),
    )


def _viseme_reader(kept: Mapping[str, NDArray[Any]]) -> VisemeReader:
    weights = {
        name.removeprefix("viseme."): torch.from_numpy(value)
        for name, value in kept.items()
        if name.startswith("viseme.")
    }
    layers: list[nn.Module] = []
    for index in sorted({int(name.split(".")[0]) for name in weights}):
        outputs, inputs = weights[f"{index}.weight"].shape
        layers += [nn.Linear(inputs, outputs), nn.SiLU()]
    network = nn.Sequential(*layers[:-1])
    network.load_state_dict(weights)
    mean_X, spread_X = torch.from_numpy(kept["viseme_inputs"])
    return VisemeReader(mean_X=mean_X, spread_X=spread_X, network=network.eval().requires_grad_(requires_grad=False))
