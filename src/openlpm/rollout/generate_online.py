"""From requests to pictures by streaming: the same rows from beginning to end."""

from collections.abc import Callable, Iterator, Sequence

from jaxtyping import Float
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.rollout.assembly import CharacterModel
from openlpm.rollout.direction import directed
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
    end_s = num_frames / FRAME_RATE_HZ
    for row, request in enumerate(requests):
        stream.join(row, directed(request, end_s=end_s) if stream.is_planned(request) else request)
    return _chunks(stream, num_frames, progress or (lambda done, total: None))


def _chunks(
    stream: OnlineStream,
    num_frames: int,
    progress: Callable[[int, int], None],
) -> Iterator[Tensor]:
    done = 0
    while done < num_frames:
        frames_BFCHW = stream.next_chunk()[:, : num_frames - done]
        done += frames_BFCHW.shape[1]
        progress(done, num_frames)
        yield frames_BFCHW
