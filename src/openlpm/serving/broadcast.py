"""A running character as a file or as an RTMP stream: H.264 and AAC, in step by frame numbers."""

import contextlib
import logging
import threading
from collections import deque
from fractions import Fraction
from typing import final

import av
import numpy as np

from openlpm.core.errors import InputError
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.engine.performer import SAMPLES_A_FRAME, SOUND_RATE_HZ, Frame

_log = logging.getLogger(__name__)
_SUFFIXES = {".mp4": "mp4", ".mkv": "matroska", ".flv": "flv"}
_STREAMED = ("rtmp://", "rtmps://")
_MOST_FRAMES = 2 * FRAME_RATE_HZ
_MOST_PICTURES = FRAME_RATE_HZ
_KEY_FRAMES = 2 * FRAME_RATE_HZ
_SOUND_BITS, _PICTURE_BITS = 128_000, 2_500_000
_CONNECT_S = 10.0


def format_of(target: str) -> str:
    """The container that a target asks for.

    Raises:
        InputError: it is neither ``rtmp://`` nor a file that ends in ``.mp4``, ``.mkv`` or ``.flv``.
    """
    if target.startswith(_STREAMED):
        return "flv"
    for suffix, name in _SUFFIXES.items():
        if target.lower().endswith(suffix):
            return name
    raise InputError(f"{target}: give rtmp://..., whip:https://..., or a file that ends in {', '.join(_SUFFIXES)}")


@final
class Broadcast:
    """An ``Output`` with a thread that encodes; two seconds may wait, pictures are dropped before sound."""

    def __init__(self, target: str, size: int) -> None:
        """Connects when ``start`` is called; ``size`` is the side of a picture.

        Raises:
            InputError: a target that cannot be.
        """
        self._target, self._size, self._format = target, size, format_of(target)
        self._frames: deque[Frame] = deque()
        self._with_picture: set[int] = set()
        self._news = threading.Condition()
        self._ending = False
        self._first: int | None = None
        self.dropped_pictures = self.dropped_sound = 0
        self.error: str | None = None
        """Why it ended before it was asked to."""
        self._thread = threading.Thread(target=self._run, name="broadcast")

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        return len(self._frames)

    def show(self, frame: Frame) -> None:
        with self._news:
            if self._ending or self.error is not None:
                return
            self._frames.append(frame)
            self._with_picture.add(frame.number)
            if len(self._with_picture) > _MOST_PICTURES:
                self._with_picture.remove(min(self._with_picture))
                self.dropped_pictures += 1
            if len(self._frames) > _MOST_FRAMES:
                self._frames.popleft()
                self.dropped_sound += 1
            self._news.notify()

    def close(self) -> None:
        """Write what waits and finish; waits for it."""
        with self._news:
            self._ending = True
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join(_CONNECT_S)

    def _next(self) -> tuple[Frame, bool] | None:
        with self._news:
            while not self._frames and not self._ending:
                self._news.wait()
            if not self._frames:
                return None
            frame = self._frames.popleft()
            shown = frame.number in self._with_picture
            self._with_picture.discard(frame.number)
            return frame, shown

    def _run(self) -> None:
        try:
            self._write()
        except OSError as error:
            self.error = f"the stream broke off: {error.strerror or error}"
            _log.warning("a broadcast ended", extra={"reason": self.error})
        except Exception:  # noqa: BLE001 (the thread's boundary: the conversation goes on without its viewers)
            self.error = "the stream failed"
            _log.exception("a broadcast failed")

    def _write(self) -> None:
        # A fragmented file can be played however it ends.
        options = {"movflags": "+frag_keyframe+empty_moov+default_base_moof"} if self._format == "mp4" else {}
        container = av.open(self._target, "w", format=self._format, container_options=options, timeout=_CONNECT_S)
        with contextlib.ExitStack() as leaving:
            leaving.callback(container.close)
            picture = container.add_stream(
                "libx264",
                rate=FRAME_RATE_HZ,
                options={"preset": "veryfast", "tune": "zerolatency", "g": str(_KEY_FRAMES)},
            )
            picture.width = picture.height = self._size
            picture.pix_fmt, picture.bit_rate = "yuv420p", _PICTURE_BITS
            sound = container.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono")
            sound.bit_rate = _SOUND_BITS
            while (item := self._next()) is not None:
                frame, shown = item
                if self._first is None:
                    self._first = frame.number
                number = frame.number - self._first
                if shown:
                    image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.picture_HWC), format="rgb24")
                    image.pts, image.time_base = number, Fraction(1, FRAME_RATE_HZ)
                    container.mux(picture.encode(image))
                voice = frame.sound_A.astype(np.float32)[None] / np.float32(32_768)
                piece = av.AudioFrame.from_ndarray(voice, format="fltp", layout="mono")
                piece.sample_rate, piece.time_base = SOUND_RATE_HZ, Fraction(1, SOUND_RATE_HZ)
                piece.pts = number * SAMPLES_A_FRAME
                container.mux(sound.encode(piece))
            container.mux(picture.encode(None))
            container.mux(sound.encode(None))
