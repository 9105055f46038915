"""Our own models as systems: Base window by window, Online chunk by chunk."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.submission import Manifest
from openlpm.bench.lpm.view import only_seen
from openlpm.bench.origin import describe_commit, describe_machine
from openlpm.core.audio import ArraySource
from openlpm.core.errors import ConfigError
from openlpm.core.fields import changed
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.dit.condition import ReferenceKind
from openlpm.rollout.assembly import load_model
from openlpm.rollout.generate import generate
from openlpm.rollout.generate_online import generate_online
from openlpm.rollout.request import GenerationRequest, Reference, StreamRequest
from openlpm.weights import bundled
from openlpm.weights.fingerprint import folder_sha256

_LATENT_FRAMES = 4
_OVERLAP = "trained on the cast's training identities and voices; the benchmark has its test ones"


@final
class Modelled:
    """A character model; ``streams`` or not."""

    def __init__(
        self, folder: Path | None, device: torch.device, *, streams: bool, settings: Sequence[str] = ()
    ) -> None:
        """``settings`` are ``field=value`` of how it streams.

        Raises:
            WeightsError: there is no model.
            ConfigError: it cannot stream, or a setting is unknown.
        """
        self._folder = folder or bundled.folder("nano")
        self._device, self._streams, self._settings = device, streams, tuple(settings)
        self._model = load_model(self._folder, device)
        online = self._model.config.online
        if streams and online is None:
            raise ConfigError(f"{self._folder.name} was never taught to stream: give --system base")
        if settings and not streams:
            raise ConfigError("--set says how to stream: give --system online, or leave it out")
        self._online = changed(online, self._settings) if online is not None and settings else online

    @property
    def manifest(self) -> Manifest:
        kind = "online" if self._streams else "base"
        known = Manifest(
            name=f"{self._model.config.name}-{kind}" + "".join(f"+{each}" for each in self._settings),
            version=describe_commit(),
            weights_sha=folder_sha256(self._folder),
            params=sum(parameter.numel() for parameter in self._model.parameters()),
            hw=describe_machine(self._device),
            precision="float32",
            causal=self._streams,
            uses_text=True,
            uses_refs=True,
            training_overlap_statement=_OVERLAP,
            settings=" ".join(self._settings),
        )
        if self._online is None or not self._streams:
            return known
        return replace(
            known,
            lookahead_ms=2000 / FRAME_RATE_HZ,
            chunk_ms=1000 * _LATENT_FRAMES * self._online.chunk_frames / FRAME_RATE_HZ,
        )

    def perform(self, bench: Bench, case: Case, seed: int) -> Iterator[Tensor]:
        for frames_BFCHW in self._side_by_side(bench, [case], seed):
            yield frames_BFCHW[0]

    def perform_all(
        self, bench: Bench, cases: Sequence[Case], seed: int, frame_F: NDArray[np.int64]
    ) -> Iterator[Tensor]:
        """Several cases side by side, as long and with the same kinds of pictures; rows are independent."""
        yield from only_seen(self._side_by_side(bench, cases, seed), frame_F)

    def _side_by_side(self, bench: Bench, cases: Sequence[Case], seed: int) -> Iterator[Tensor]:
        num_frames = cases[0].num_frames
        if self._streams:
            told = [_told(bench, case, seed) for case in cases]
            return generate_online(self._model, told, num_frames, online=self._online)
        asked = [
            GenerationRequest(
                references=one.references,
                speak=one.speak,
                listen=one.listen,
                num_frames=num_frames,
                caption=one.caption,
                prompts=one.prompts,
                seed=one.seed,
            )
            for one in (_told(bench, case, seed) for case in cases)
        ]
        return generate(self._model, asked)


def _told(bench: Bench, case: Case, seed: int) -> StreamRequest:
    """What a model is told of a case."""
    speak, listen = (ArraySource(bench.sound(case, which)) for which in ("speak", "listen"))
    return StreamRequest(
        references=_references(bench, case),
        speak=speak,
        listen=listen,
        caption=str(case.prompt.get("text", "")),
        prompts=case.prompts,
        seed=case.seed_base + seed,
    )


def _references(bench: Bench, case: Case) -> tuple[Reference, ...]:
    found: list[Reference] = []
    for name, picture_HWC in zip(case.ref_kinds, bench.references(case), strict=True):
        kind, _, subtype = name.partition("/")
        found.append(Reference(kind=ReferenceKind(kind), subtype=int(subtype or 0), picture_HWC=picture_HWC))
    return tuple(found)
