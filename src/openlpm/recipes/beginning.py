"""With what weights a training begins: those of its own earlier stages, of another model, or of chance."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from openlpm.bench.audio_mouth import MouthPredictor
from openlpm.bench.critic import Critic
from openlpm.bench.reading import CRITIC_FOLDER, MOUTH_FOLDER
from openlpm.core.errors import ConfigError
from openlpm.core.motion import NUM_MOTION, NUM_POSE
from openlpm.rollout.assembly import CharacterConfig, CharacterModel
from openlpm.weights import bundled
from openlpm.weights.store import INDEX, load, load_into

Say = Callable[[str], None]
_LATER_PARTS = ("choreographer",)
"""Parts that a model may lack."""
_MOTION_KEY = "motion_embedding.up.weight"


def sizes_of(config: CharacterConfig) -> CharacterConfig:
    """What of a configuration says which weights fit: nothing of streaming, nor of what was measured afterwards."""
    return replace(config, online=None, online_networks=(), vae=replace(config.vae, activations=None))


def load_parts(model: CharacterModel, folder: Path) -> set[str]:
    """Load the parts that the folder already holds; returns their names."""
    found = {name for name in model.parts() if is_stored(folder / name)}
    for name in found:
        load_into(model.parts()[name], folder / name)
    return found


def start_from(model: CharacterModel, folder: Path, say: Say) -> None:
    """Begin with the weights of an earlier model.

    What it did not have yet keeps its initial values. A layer that has become wider does on its old channels what it
    did, and its new ones begin afresh, unheard. Both are said.
    """
    for name, part in model.parts().items():
        if is_stored(folder / name) or name not in _LATER_PARTS:
            _begin(part, folder / name, say)
        else:
            say(f"{name}: begins afresh, {folder} has none")


def start_judges_from(critic: Critic, mouth: MouthPredictor, folder: Path, say: Say) -> None:
    """Begin with earlier judges, as a model begins with an earlier one; both have to be in the folder.

    The bundled judges may have been made for another rig: where they do not fit, judges begin afresh, and that is said.
    """
    parts = {CRITIC_FOLDER: critic, MOUTH_FOLDER: mouth}
    for name, part in parts.items():
        if folder != bundled.root() or _fits(part, folder / name):
            _begin(part, folder / name, say)
            say(f"{name}: goes on from {folder / name}")
        else:
            say(f"{name}: the bundled weights do not fit, it begins afresh")


def _fits(part: nn.Module, folder: Path) -> bool:
    """Whether the stored weights are those of such a module, shape by shape."""
    wanted = {key: tensor.shape for key, tensor in part.state_dict().items()}
    return is_stored(folder) and wanted == {key: tensor.shape for key, tensor in load(folder).items()}


def _begin(part: nn.Module, folder: Path, say: Say) -> None:
    name, known = folder.name, load(folder)
    for key, fresh in part.state_dict().items():
        if key in known and known[key].shape != fresh.shape:
            name_of = f"{folder}: {key}"
            known[key] = (
                _more_motion(name_of, known[key], fresh) if key == _MOTION_KEY else _grown(name_of, known[key], fresh)
            )
            say(f"{name}: {key} has grown to {tuple(fresh.shape)}")
    missing, unknown = part.load_state_dict(known, strict=False)
    if unknown:
        raise ConfigError(f"{folder}: has {', '.join(unknown[:3])}, which this model lacks; start from another")
    if missing:
        say(f"{name}: {len(missing)} new tensors begin afresh, such as {missing[0]}")


def _grown(name: str, old: Tensor, fresh: Tensor) -> Tensor:
    """A wider layer: old outputs read nothing of new inputs yet, new outputs are as initialised."""
    smaller = any(was > now for was, now in zip(old.shape, fresh.shape, strict=False))
    if old.ndim != fresh.ndim or smaller or old.shape[2:] != fresh.shape[2:]:
        raise ConfigError(f"{name}: has shape {tuple(old.shape)}, this model needs {tuple(fresh.shape)}")
    grown = fresh.clone()
    if old.ndim > 1:
        grown[: old.shape[0], old.shape[1] :] = 0
    grown[tuple(slice(size) for size in old.shape)] = old
    return grown


def _more_motion(name: str, old: Tensor, fresh: Tensor) -> Tensor:
    """What reads a motion track of the first channels alone, for all of them: those that are new are unheard."""
    group, rest = divmod(fresh.shape[1], 2 * NUM_MOTION)
    if rest or old.shape != (len(fresh), 2 * group * NUM_POSE):
        raise ConfigError(f"{name}: has shape {tuple(old.shape)}, this model needs {tuple(fresh.shape)}")
    grown = torch.zeros_like(fresh).view(len(fresh), 2 * group, NUM_MOTION)
    grown[:, :, :NUM_POSE] = old.view(len(fresh), 2 * group, NUM_POSE)
    return grown.flatten(1)


def is_stored(folder: Path) -> bool:
    """Whether a part was written to its end: a folder alone may be left of an export that was killed."""
    return (folder / INDEX).is_file()
