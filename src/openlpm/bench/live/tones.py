"""A text-to-speech server that says every text as a tone of its own, so that a listener knows which text it hears."""

import contextlib
import re
import threading
import time
from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_RATE_HZ = 24_000
_LOWEST_HZ, _STEP_HZ, _COUNT = 300.0, 50.0, 48
_SECONDS = 6.0


def hertz_of(number: int) -> float:
    """The tone of the text ``tone NUMBER``; neighbours differ, and come again after 48."""
    return _LOWEST_HZ + _STEP_HZ * (number * 29 % _COUNT)


def tone(number: int, seconds: float = _SECONDS) -> NDArray[np.float32]:
    """A tone at 24 kHz."""
    times_A = np.arange(round(seconds * _RATE_HZ)) / _RATE_HZ
    return (0.3 * np.sin(2 * np.pi * hertz_of(number) * times_A)).astype(np.float32)


def bursts(seconds: float) -> NDArray[np.float32]:
    """Sound that is there and gone by turns, for moments of its own length, at 24 kHz."""
    times_A = np.arange(round(seconds * _RATE_HZ)) / _RATE_HZ
    on_A = (times_A % 1.37) < 0.6
    return (0.4 * on_A * np.sin(2 * np.pi * 600.0 * times_A)).astype(np.float32)


def number_heard(samples_A: NDArray[np.float32], rate_hz: int) -> int | None:
    """Whose tone sounds in a piece of at least 40 ms; None for silence."""
    if np.sqrt(np.mean(np.square(samples_A))) < 0.02:
        return None
    power = np.abs(np.fft.rfft(samples_A * np.hanning(samples_A.shape[0]), 8_192))
    hertz = float(np.argmax(power)) * rate_hz / 8_192
    return int(np.argmin([abs(hertz_of(number) - hertz) for number in range(_COUNT)]))


@contextlib.contextmanager
def tone_server() -> Generator[str]:
    """Serve ``/audio/speech`` on a free port of this machine; yields the base address."""
    import socket

    import uvicorn
    from fastapi import FastAPI, Request, Response

    app = FastAPI()

    async def speech(request: Request) -> Response:
        asked: dict[str, Any] = await request.json()
        found = re.search(r"(tone|bursts) (\d+)", str(asked["input"]))
        sound_A = np.zeros(_RATE_HZ // 10, np.float32)  # what the agent says of its own accord
        if found is not None:
            sound_A = tone(int(found[2])) if found[1] == "tone" else bursts(float(found[2]))
        return Response((sound_A * 32767).astype("<i2").tobytes(), media_type="audio/pcm")

    app.add_api_route("/audio/speech", speech, methods=["POST"], response_model=None)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def says_tones(address: str) -> dict[str, str]:
    """The environment of a server whose agent speaks through ``tone_server``."""
    return {
        "OPENLPM_AGENT": "chain",
        "OPENLPM_TTS_URL": address,
        "OPENLPM_TTS_KEY": "none",
        "OPENLPM_STT_URL": address,
        "OPENLPM_CHAT_URL": address,
    }
