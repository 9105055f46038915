"""A character transformer by itself on disk: ``transformer.json`` says its sizes, ``dit`` holds its weights."""

import json
from pathlib import Path
from typing import Any

import torch
from cattrs.errors import BaseValidationError
from cattrs.preconf.json import make_converter

from openlpm.core.errors import WeightsError
from openlpm.dit.config import DiTConfig
from openlpm.dit.model import CharacterTransformer
from openlpm.weights.store import load_onto

CONFIG, WEIGHTS, RECORD = "transformer.json", "dit", "conversion.json"


def write_transformer_config(folder: Path, config: DiTConfig) -> None:
    """Write the sizes alone."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(make_converter().dumps(config, indent=1) + "\n")


def read_transformer_config(folder: Path) -> DiTConfig:
    """The sizes of the transformer in a folder.

    Raises:
        WeightsError: there are none, or they are damaged.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise WeightsError(
            f"{folder} holds no transformer: {CONFIG} is missing; give what `openlpm weights` has written"
        )
    try:
        return make_converter(forbid_extra_keys=True).loads(path.read_text(), DiTConfig)
    except (BaseValidationError, ValueError) as error:
        raise WeightsError(f"{path} does not describe a transformer: convert the weights again") from error


def load_transformer(
    folder: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> CharacterTransformer:
    """The transformer of a folder in evaluation mode; memory holds one shard beside it.

    Raises:
        WeightsError: missing, unexpected or damaged weights (named).
    """
    with torch.device("meta"):
        model = CharacterTransformer(read_transformer_config(folder))
    load_onto(model, folder / WEIGHTS, device, dtype)
    return model.eval().requires_grad_(requires_grad=False)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write down where the weights came from."""
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n")


def read_record(folder: Path) -> dict[str, Any]:
    """Where the weights came from; empty where nobody wrote it down."""
    path = folder / RECORD
    return json.loads(path.read_bytes()) if path.is_file() else {}
