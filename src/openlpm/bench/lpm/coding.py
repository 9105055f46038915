"""Pictures through a video codec and back, in memory."""

import io
from fractions import Fraction
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.units import FRAME_RATE_HZ

_CRF = 28


def reencoded(frames_FCHW: Tensor, *, crf: int = _CRF, codec: str = "libx264") -> Tensor:
    """Eight-bit pictures (F, 3, H, W) encoded at a constant quality and decoded, as whoever copies a video does it."""
    import av

    buffer = io.BytesIO()
    pictures_FHWC: NDArray[np.uint8] = frames_FCHW.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    with av.open(buffer, mode="w", format="mp4") as container:
        stream = cast(
            "av.VideoStream", container.add_stream(codec, rate=FRAME_RATE_HZ, options={"crf": str(crf), "threads": "1"})
        )
        stream.height, stream.width = pictures_FHWC.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for index, picture_HWC in enumerate(pictures_FHWC):
            frame = av.VideoFrame.from_ndarray(picture_HWC, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FRAME_RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, mode="r") as copied:
        decoded = [cast("NDArray[np.uint8]", frame.to_ndarray(format="rgb24")) for frame in copied.decode(video=0)]
    return torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2)
