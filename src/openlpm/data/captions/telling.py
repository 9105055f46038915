"""From readings to tags: how likely each one is in each frame, and stretches with a beginning and an end."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.core.errors import ConfigError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.data.captions.features import features_of
from openlpm.data.captions.networks import Teller
from openlpm.data.captions.part import Tag
from openlpm.data.captions.reading import WEIGHTS, Readings
from openlpm.data.captions.tags import TAGS, Group, TagKind
from openlpm.data.states.rule import runs_of
from openlpm.weights.store import load_into

_LEAST_S: Final = {
    Group.EMOTION: 0.5, Group.EXPRESSION: 0.2, Group.GAZE: 0.2, Group.HEAD: 0.25, Group.BODY: 0.25, Group.ACTION: 0.25,
}  # fmt: skip
_BLINK_S = 0.08
_GAP_S: Final = 0.17
"""A shorter interruption is none."""


@cache
def thresholds(weights: Path = WEIGHTS) -> dict[TagKind, float]:
    """From what likelihood on each tag is told; tags that are not in it are not told at all.

    Raises:
        ConfigError: there is no such file, or it tells of what is no tag.
    """
    try:
        found = json.loads((weights / "thresholds.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{weights} has no thresholds.json: install the package again") from error
    known = {f"{tag.group}/{tag.name}": tag for tag in TAGS}
    if unknown := found.keys() - known.keys():
        raise ConfigError(f"{weights}/thresholds.json tells of {min(unknown)}, which is no tag; tune it again")
    return {known[name]: float(each["threshold"]) for name, each in found.items() if each["threshold"] is not None}


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class TellingConfig:
    """When a tag is worth telling."""

    stays: float = 0.75
    """Share of its threshold that a tag may fall to before it ends."""

    def __post_init__(self) -> None:
        if not 0 < self.stays <= 1:
            raise ConfigError(f"stays={self.stays}: give a share of the threshold, above 0 and at most 1")


@final
class NetworkTeller:
    """The teller with the weights of the package.

    Raises:
        WeightsError: the weights are missing or damaged.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._teller = Teller().eval()
        load_into(self._teller, weights / "teller")

    @torch.no_grad()
    def likely(self, readings: Readings, state_F: NDArray[np.int8]) -> NDArray[np.float32]:
        """How likely each tag is in each frame, (F, tags); of emotions: how strong."""
        features_FX = features_of(readings.face_FR, readings.box_F4, state_F)
        logit_NTF = self._teller(torch.from_numpy(features_FX).T[None])
        return torch.sigmoid(logit_NTF)[0].T.numpy()


def tags_in(
    likely_FT: NDArray[np.float32],
    config: TellingConfig | None = None,
    *,
    told: Mapping[TagKind, float] | None = None,
) -> tuple[Tag, ...]:
    """Stretches in which tags are told, by beginning; ``told`` are other thresholds than those of the package."""
    config, told = config or TellingConfig(), thresholds() if told is None else told
    found: list[Tag] = []
    for index, kind in enumerate(TAGS):
        if kind not in told:
            continue
        begins = told[kind]
        least_s = _BLINK_S if kind.name == "blink" else _LEAST_S[kind.group]
        for first, end in _stretches(likely_FT[:, index], begins, config.stays * begins):
            if (end - first) / FRAME_RATE_HZ >= least_s:
                certainty = float(likely_FT[first:end, index].mean())
                found.append(tag_of(kind, first, end, certainty))
    return tuple(sorted(found, key=lambda tag: (tag.start_s, tag.group, tag.name)))


def tag_of(kind: TagKind, first_frame: int, end_frame: int, certainty: float) -> Tag:
    """A tag of some frames."""
    return Tag(
        group=kind.group,
        name=kind.name,
        start_s=round(first_frame / FRAME_RATE_HZ, 3),
        end_s=round(end_frame / FRAME_RATE_HZ, 3),
        certainty=round(min(certainty, 1.0), 3),
    )


def _stretches(value_F: NDArray[np.float32], begins: float, stays: float) -> list[tuple[int, int]]:
    """Stretches above ``stays`` that somewhere reach ``begins``, with short interruptions closed."""
    gap = round(_GAP_S * FRAME_RATE_HZ)
    joined: list[tuple[int, int]] = []
    for first, end in runs_of(value_F > stays):
        if value_F[first:end].max() <= begins:
            continue
        if joined and first - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    return joined
