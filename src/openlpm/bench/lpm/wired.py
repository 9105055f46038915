"""``--system ws://...``: cases over the wire of many characters (docs/live.md) in real time, and when frames came."""

import asyncio
import contextlib
import json
import os
import struct
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.running import begin
from openlpm.bench.lpm.streaming import ENTERS, Moment, write_moments
from openlpm.bench.lpm.submission import Manifest, Submission
from openlpm.bench.lpm.watching import LATEST_STREAMED_S, BrokenVideoError, lateness_s
from openlpm.core.errors import InputError, OpenLPMError
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ, samples_at_frame

KEY = "OPENLPM_SERVER_KEY"
_FROM_SERVER, _TO_SERVER = struct.Struct("<BBHIQHH"), struct.Struct("<BBHI")
_PICTURE, _SOUND = 1, 2
_HEARS, _SAYS = 1, 2
_PIECE_S = 0.04
_BUFFER_S = 0.1
"""What a viewer keeps ahead: a frame that comes later than that after it is due is missed."""
_SETTLES_S, _PATIENCE_S = 1.0, 20.0
_NEVER_S = 10.0
"""So late is a voice that does not come: the worst latency."""
_SOUND_RATE_HZ = 48_000
_NAME = "entry"


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """Where it is, as ``ws://`` or ``http://``, and its key."""

    address: str
    key: str

    @staticmethod
    def at(address: str) -> "Server":
        """With the key of the environment.

        Raises:
            InputError: there is no key.
        """
        key = os.environ.get(KEY, "")
        if not key:
            raise InputError(f"{KEY} is not set: a stream needs the key that the server printed when it started")
        plain = address.rstrip("/")
        return Server(address=f"http{plain[2:]}" if plain.startswith("ws") else plain, key=key)


@final
@dataclass(slots=True)
class _Seen:
    """What came of one case."""

    asked_s: float = 0.0
    """When the character was asked for."""
    shown_s: float | None = None
    """When its first picture came."""
    begun_s: float = 0.0
    """When the first sound was sent; 0 before that."""
    offset_s: float | None = None
    """Of this machine's clock over the server's."""
    pictures: dict[int, tuple[float, float, bytes]] = field(default_factory=dict[int, tuple[float, float, bytes]])
    """By frame number: when it came, when it is due, JPEG (empty: as before)."""
    sounds: dict[int, bytes] = field(default_factory=dict[int, bytes])


def run_wired(
    server: Server,
    bench: Bench,
    cases: Sequence[Case],
    out: Path,
    report: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    name: str | None = None,
) -> Submission:
    """Stream every case that the entry lacks, one after the other; ``name`` is what it is called in tables.

    Raises:
        InputError: the folder holds another entry.
        OpenLPMError: the server cannot be reached, or refuses.
    """
    place = server.address.partition("//")[2].replace(":", "-").replace("/", "-")
    called = name or f"stream-{place}"
    manifest = Manifest(name=called, version="live", causal=True, uses_text=True, uses_refs=True)
    submission = begin(out, manifest, bench)
    report(0, len(cases))
    for done, case in enumerate(cases, start=1):
        if not submission.video(case).is_file():
            seen = asyncio.run(_perform(server, bench, case))
            _write(bench, case, seen, submission)
        report(done, len(cases))
    return submission


async def _perform(server: Server, bench: Bench, case: Case) -> _Seen:
    seen = _Seen()
    async with _connected(server) as socket:
        character = await asyncio.to_thread(_uploaded, server, bench, case)
        wish = {"type": "join", "id": _NAME, "character": character, "prompt": str(case.prompt.get("text", ""))[:500]}
        seen.asked_s = time.monotonic()
        await socket.send(json.dumps(wish))
        stream = await _joined(socket)
        reader = asyncio.create_task(_read(socket, stream, seen))
        try:
            await asyncio.sleep(_SETTLES_S)
            await _speak(socket, stream, bench, case, seen)
            await asyncio.sleep(_SETTLES_S)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
    return seen


@contextlib.asynccontextmanager
async def _connected(server: Server) -> AsyncGenerator[Any]:
    import httpx
    import websockets

    headers = {"authorization": f"Bearer {server.key}"}
    try:
        answer = httpx.post(f"{server.address}/api/tokens", headers=headers, timeout=_PATIENCE_S)
        answer.raise_for_status()
        token = answer.json()["token"]
        address = f"{server.address.replace('http', 'ws', 1)}/api/npc"
        protocols = [websockets.Subprotocol(name) for name in ("openlpm.npc.1", f"token.{token}")]
        async with websockets.connect(address, subprotocols=protocols, max_size=2**22) as socket:
            yield socket
    except (OSError, httpx.HTTPError, websockets.WebSocketException) as error:
        raise OpenLPMError(f"{server.address} cannot be streamed from: {error}") from error


def _uploaded(server: Server, bench: Bench, case: Case) -> str:
    """The first reference picture as a character of the server."""
    import httpx

    path = bench.folder / "assets" / case.id / case.refs[0]
    headers = {"authorization": f"Bearer {server.key}"}
    files = {"picture": (path.name, path.read_bytes(), "image/png")}
    answer = httpx.post(f"{server.address}/api/characters", headers=headers, files=files, timeout=_PATIENCE_S)
    if answer.status_code >= 400:
        raise OpenLPMError(f"{server.address} takes no picture of {case.id}: {answer.text}")
    return str(answer.json()["id"])


async def _joined(socket: Any) -> int:
    async with asyncio.timeout(_PATIENCE_S):
        async for message in socket:
            if isinstance(message, str):
                told = json.loads(message)
                if told["type"] == "joined":
                    return int(told["stream"])
                if told["type"] == "error":
                    raise OpenLPMError(f"the server lets nobody in: {told['message']}")
    raise OpenLPMError("the server closed the connection")


async def _read(socket: Any, stream: int, seen: _Seen) -> None:
    async for message in socket:
        if isinstance(message, str):
            continue
        kind, _, _, frame, due_us, number, _ = _FROM_SERVER.unpack_from(message)
        if number != stream:
            continue
        now_s, due_s, payload = time.monotonic(), due_us / 1e6, bytes(message[_FROM_SERVER.size :])
        # Nothing comes before it is due by much, so the earliest arrival tells how the clocks differ.
        seen.offset_s = now_s - due_s if seen.offset_s is None else min(seen.offset_s, now_s - due_s)
        if kind == _PICTURE:
            seen.shown_s = now_s if seen.shown_s is None else seen.shown_s
            seen.pictures[frame] = (now_s, due_s, payload)
        elif kind == _SOUND:
            seen.sounds[frame] = payload


async def _speak(socket: Any, stream: int, bench: Bench, case: Case, seen: _Seen) -> None:
    """Both voices and later words, each when it is its time."""
    voices = [(kind, bench.sound(case, which)) for kind, which in ((_HEARS, "listen"), (_SAYS, "speak"))]
    voices = [(kind, voice_A) for kind, voice_A in voices if np.any(voice_A)]
    told = list(case.prompts)
    piece = round(_PIECE_S * AUDIO_RATE_HZ)
    total = samples_at_frame(case.num_frames)
    seen.begun_s = time.monotonic()
    for start in range(0, total, piece):
        await asyncio.sleep(max(seen.begun_s + start / AUDIO_RATE_HZ - time.monotonic(), 0.0))
        while told and told[0].at_s <= start / AUDIO_RATE_HZ:
            prompt = told.pop(0)
            await socket.send(json.dumps({"type": "prompt", "id": _NAME, "text": prompt.caption[:500]}))
        for kind, voice_A in voices:
            last = kind == _SAYS and start + piece >= total
            head = _TO_SERVER.pack(kind, int(last), stream, AUDIO_RATE_HZ)
            samples = np.rint(voice_A[start : start + piece].clip(-1, 1) * 32767).astype("<i2")
            await socket.send(head + samples.tobytes())


def _write(bench: Bench, case: Case, seen: _Seen, submission: Submission) -> None:
    """The clip as somebody saw it who began to watch when the first sound was sent; and when each frame came."""
    from openlpm.media.mix import mix_voices
    from openlpm.media.video import VideoWriter

    if not seen.pictures or seen.offset_s is None:
        raise OpenLPMError(f"{case.id}: not one picture came from the server")
    offset_s = seen.offset_s
    ordered = sorted(seen.pictures)
    first = next((n for n in ordered if seen.pictures[n][1] + offset_s >= seen.begun_s), ordered[-1])
    before = [n for n in ordered if n < first and seen.pictures[n][2]]
    picture_HWC = _decoded(seen.pictures[before[-1]][2]) if before else np.zeros((256, 256, 3), np.uint8)
    own_A = _sound(seen.sounds.get(first + i, b"") for i in range(case.num_frames))
    shown_A = mix_voices(own_A, bench.sound(case, "listen"))
    late_s = _voice_late_s(own_A, bench.sound(case, "speak"))
    entered_s = (seen.shown_s or seen.begun_s) - seen.begun_s
    moments = [Moment(i=ENTERS, t_in_audio=seen.asked_s - seen.begun_s, t_ready=entered_s, t_present=entered_s)]
    with VideoWriter(submission.video(case), size=256) as writer:
        for i in range(case.num_frames):
            came_s, due_s, coded = seen.pictures.get(first + i, (0.0, 0.0, b""))
            fresh = bool(coded)
            picture_HWC = _decoded(coded) if coded else picture_HWC
            writer.write(picture_HWC[None], shown_A[samples_at_frame(i) : samples_at_frame(i + 1)])
            moments.append(
                Moment(
                    i=i,
                    t_in_audio=None if late_s is None else i / FRAME_RATE_HZ - late_s,
                    t_ready=came_s - seen.begun_s if fresh else 0.0,
                    t_present=due_s + offset_s + _BUFFER_S - seen.begun_s if fresh else 0.0,
                    dropped=not fresh,
                )
            )
    write_moments(submission.stream(case), moments)


def _voice_late_s(own_A: NDArray[np.float32], speak_A: NDArray[np.float32]) -> float | None:
    """How much later the own voice is heard than it was sent; None where it has none."""
    if not np.any(speak_A):
        return None
    try:
        return max(lateness_s(own_A, speak_A, LATEST_STREAMED_S), 0.0)
    except BrokenVideoError:
        return _NEVER_S


def _decoded(coded: bytes) -> NDArray[np.uint8]:
    from PIL import Image

    with Image.open(BytesIO(coded)) as picture:
        return np.asarray(picture.convert("RGB").resize((256, 256)))


def _sound(payloads: Iterable[bytes]) -> NDArray[np.float32]:
    """Frame after frame at 48 kHz, silent where nothing came, to 16 kHz: the mean of three."""
    size = _SOUND_RATE_HZ // FRAME_RATE_HZ
    heard: list[NDArray[np.float32]] = []
    for payload in payloads:
        samples_A = np.frombuffer(payload, "<i2").astype(np.float32)[:size] / np.float32(32768)
        heard.append(np.pad(samples_A, (0, size - samples_A.size)))
    step = _SOUND_RATE_HZ // AUDIO_RATE_HZ
    heard_A = np.concatenate(heard)
    return heard_A[: heard_A.size // step * step].reshape(-1, step).mean(axis=1, dtype=np.float32)
