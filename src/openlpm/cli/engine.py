"""The one place where the commands meet the model."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError

if TYPE_CHECKING:
    import torch

    from openlpm.rollout.assembly import CharacterModel
    from openlpm.rollout.online import OnlineConfig
    from openlpm.rollout.request import GenerationRequest

Progress = Callable[[int, int], None]
"""``progress(frames_done, frames_total)``."""


class Engine(Protocol):
    """A character model that is ready to perform."""

    @property
    def device(self) -> str:
        """Where it runs."""
        ...

    @property
    def folder(self) -> Path:
        """Where its weights lie."""
        ...

    @property
    def has_choreographer(self) -> bool:
        """Whether what is done is decided before it is drawn."""
        ...

    def frames(self, request: "GenerationRequest", progress: Progress) -> Iterator[NDArray[np.float32]]:
        """Successive blocks ``frames_FCHW`` in [0, 1], ``request.num_frames`` together."""
        ...

    def stream(self, request: "GenerationRequest", progress: Progress) -> Iterator[NDArray[np.float32]]:
        """The same made chunk by chunk, by a model that can; its steps are its own, those of the request do not count.

        Raises:
            ConfigError: the model cannot stream.
        """
        ...


@final
class ModelEngine:
    """Our own model."""

    def __init__(self, model: "CharacterModel", folder: Path, online: "OnlineConfig | None" = None) -> None:
        """``online``: how to stream, if not as the model was taught."""
        self._model, self._online = model, online
        self._fitted = model.device.type != "cpu"
        self.folder, self.has_choreographer = folder, model.choreographer is not None

    @property
    def device(self) -> str:
        return str(self._model.device)

    def frames(self, request: "GenerationRequest", progress: Progress) -> Iterator[NDArray[np.float32]]:
        from openlpm.rollout.generate import generate

        for frames_BFCHW in generate(self._model, [request], progress=progress):
            yield frames_BFCHW[0].float().cpu().numpy()

    def stream(self, request: "GenerationRequest", progress: Progress) -> Iterator[NDArray[np.float32]]:
        from openlpm.rollout.fit import fit_to_cpu
        from openlpm.rollout.generate_online import generate_online
        from openlpm.rollout.request import StreamRequest

        if not self._fitted:
            fit_to_cpu(self._model)
            self._fitted = True
        asked = StreamRequest(
            references=request.references,
            speak=request.speak,
            listen=request.listen,
            motion=request.motion,
            planned=request.planned,
            caption=request.caption,
            prompts=request.prompts,
            seed=request.seed,
        )
        way = self._online
        for frames_BFCHW in generate_online(self._model, [asked], request.num_frames, online=way, progress=progress):
            yield frames_BFCHW[0].float().cpu().numpy()


def load_engine(folder: Path | None, device: str, stream: Sequence[str] = ()) -> Engine:
    """The model of ``folder`` (None: the bundled nano) on ``device`` (``auto``: a CUDA device where there is one).

    ``stream`` are ``field=value`` of ``OnlineConfig``, for streaming otherwise than the model was taught.

    Raises:
        InputError: no such device.
        ConfigError: no such field or value, or a model that cannot stream is to stream otherwise.
        WeightsError: no weights there, or damaged ones.
    """
    from openlpm.rollout.assembly import load_model
    from openlpm.weights import bundled

    place = pick_device(device)
    chosen = bundled.folder("nano") if folder is None else folder
    model = load_model(chosen, place)
    if not stream:
        return ModelEngine(model, chosen)
    from openlpm.core.fields import changed
    from openlpm.rollout.stream import online_of

    return ModelEngine(model, chosen, changed(online_of(model), stream))


def pick_device(name: str) -> "torch.device":
    """The device of ``--device``; ``auto`` is a CUDA device where there is one.

    Raises:
        InputError: this machine has no such device.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(name)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"this machine has no device {name!r}; give --device cpu, or leave it out") from error
    return place
