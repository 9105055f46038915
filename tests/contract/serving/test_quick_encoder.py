"""Pictures that are encoded with little work are as good, and no larger."""

import fractions
import time
from collections.abc import Callable

import av
import numpy as np
import pytest
from aiortc import RTCRtpCodecParameters
from aiortc.codecs import get_encoder, h264
from aiortc.jitterbuffer import JitterFrame
from numpy.typing import NDArray

from openlpm.serving.quick_encoder import QuickEncoder, encode_quickly
from openlpm.serving.webrtc import set_bitrates
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.references import reference_pictures

pytestmark = pytest.mark.contract

_FRAMES = 24


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    """A character who slowly moves from side to side, with the grain of what a model draws."""
    still_CHW = reference_pictures(Identity.from_seed(900024))[0].numpy()
    still_HWC = still_CHW.transpose(1, 2, 0) * 255
    rng = np.random.default_rng(0)
    moved = [np.roll(still_HWC, round(6 * np.sin(number / 5)), 1) for number in range(_FRAMES)]
    return np.clip(np.stack(moved) + rng.normal(0, 1.5, (_FRAMES, *still_HWC.shape)), 0, 255).round().astype(np.uint8)


def coded(make: Callable[[], h264.H264Encoder], pictures_FHWC: NDArray[np.uint8]) -> tuple[float, int, float]:
    """Quality in dB, bytes, and seconds of a core."""
    encoder, decoder = make(), h264.H264Decoder()
    size = 0
    noise: list[float] = []
    used_s = 0.0
    for number, picture_HWC in enumerate(pictures_FHWC):
        frame = av.VideoFrame.from_ndarray(picture_HWC, format="rgb24")
        frame.pts, frame.time_base = number * 3_750, fractions.Fraction(1, 90_000)
        begun_s = time.process_time()
        packets, stamp = encoder.encode(frame)
        used_s += time.process_time() - begun_s
        size += sum(map(len, packets))
        whole = b"".join(h264.h264_depayload(packet) for packet in packets)
        [seen] = decoder.decode(JitterFrame(whole, stamp))
        noise.append(float(np.mean((seen.to_ndarray(format="rgb24").astype(float) - picture_HWC) ** 2)))
    return 10 * float(np.log10(255**2 / np.mean(noise))), size, used_s


def test_pictures_are_as_good_for_half_the_work_or_less(pictures: NDArray[np.uint8]) -> None:
    set_bitrates()
    usual_db, usual_bytes, usual_s = coded(h264.H264Encoder, pictures)
    quick_db, quick_bytes, quick_s = coded(QuickEncoder, pictures)
    assert quick_db > usual_db - 0.5
    assert quick_bytes < 1.25 * usual_bytes
    assert quick_s < 0.5 * usual_s


def test_connections_encode_so_and_take_pictures_of_another_size(pictures: NDArray[np.uint8]) -> None:
    set_bitrates()
    encode_quickly()
    encoder = get_encoder(RTCRtpCodecParameters(mimeType="video/H264", clockRate=90_000, payloadType=97))
    assert isinstance(encoder, QuickEncoder)
    for size in (256, 256, 128):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pictures[0, :size, :size]), format="rgb24")
        frame.pts, frame.time_base = 0, fractions.Fraction(1, 90_000)
        packets, _ = encoder.encode(frame, force_keyframe=True)
        assert packets
        assert encoder.codec is not None
        assert (encoder.codec.width, encoder.codec.height) == (size, size)
