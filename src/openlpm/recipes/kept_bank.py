"""A bank of clips in a file, for trainings that follow one another on a machine: made once, read by all processes."""

import hashlib
import pickle
from pathlib import Path

import torch
from torch import nn

from openlpm.core.errors import ConfigError, InputError
from openlpm.training.clip_bank import ClipBank

_BANK, _MAKER = "bank", "autoencoder"


def keep_bank(bank: ClipBank, path: Path, vae: nn.Module) -> None:
    """Write a bank and by which autoencoder it was made; the file appears whole or not at all."""
    draft = path.with_name(f"{path.name}.part")
    draft.parent.mkdir(parents=True, exist_ok=True)
    torch.save({_BANK: bank, _MAKER: _fingerprint(vae)}, draft)
    draft.replace(path)


def kept_bank(path: Path, vae: nn.Module, device: torch.device) -> ClipBank:
    """Read a bank that ``keep_bank`` wrote; give only files of your own, they are pickles.

    Raises:
        InputError: it is no such file.
        ConfigError: it was made by another autoencoder.
    """
    try:
        kept = torch.load(path, map_location=device, weights_only=False)
        bank, maker = kept[_BANK], kept[_MAKER]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(f"--bank {path}: is no bank of clips ({error}); remove it, and it is made anew") from error
    if maker != _fingerprint(vae):
        raise ConfigError(f"--bank {path}: was made by another autoencoder than this model's; give another file")
    return bank


def _fingerprint(vae: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in vae.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
