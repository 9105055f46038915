"""From requests to pictures by streaming: the same rows from beginning to end."""

from collections.abc import Callable, Iterator, Sequence

from jaxtyping import Float
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.online import OnlineConfig
from openlpm.rollout.request import StreamRequest
from openlpm.rollout.stream import OnlineStream, online_of


def generate_online(
    model: CharacterModel,
    requests: Sequence[StreamRequest],
    num_frames: int,
    *,
    online: OnlineConfig | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Float[Tensor, "B F 3 H W"]]:
    """Pictures in [0, 1] of the first ``num_frames`` frames of all requests side by side, a chunk at a time.

    Time and memory of a chunk do not depend on how many came before. ``online`` is another way to stream than the
    model's own.

    Raises:
        ConfigError: the model cannot stream, or there are no requests.
    """
    online_of(model)
    if not requests or num_frames < 1:
        raise ConfigError(f"requests={len(requests)}, num_frames={num_frames}: give at least one of each")
    slots = {reference.slot: None for request in requests for reference in request.references}
    stream = OnlineStream(model, len(requests), tuple(slots), online=online)
    for row, request in enumerate(requests):
        stream.join(row, request)
    told = sorted(
        (
            (prompt.at_s * FRAME_RATE_HZ, row, prompt.caption)
            for row, each in enumerate(requests)
            for prompt in each.prompts
        ),
        key=lambda one: one[0],
    )
    return _chunks(stream, num_frames, told, progress or (lambda done, total: None))


def _chunks(
    stream: OnlineStream,
    num_frames: int,
    told: list[tuple[float, int, str]],
    progress: Callable[[int, int], None],
) -> Iterator[Tensor]:
    """Chunk after chunk; ``told`` are frame, row and words of prompts, in order."""
    done = 0
    while done < num_frames:
        while told and told[0][0] <= done:
            _, row, caption = told.pop(0)
            stream.set_caption(row, caption)
        frames_BFCHW = stream.next_chunk()[:, : num_frames - done]
        done += frames_BFCHW.shape[1]
        progress(done, num_frames)
        yield frames_BFCHW
