"""WebRTC between two peers on this machine, and a port to listen on."""

import asyncio
import socket
import time
from typing import Any

from openlpm.cli.checks.finding import Finding, missing, ok, one_line, weak

PORT = 8080
_NEARBY = range(8081, 8100)
_CONNECT_S = 10.0
_LIVE = "pip install 'openlpm[live]'"
_WANTED = {"video/H264", "video/VP8", "audio/opus"}
_BY_SOCKET = "the page will use its socket instead: a little later, and heavier"


def port(wanted: int = PORT) -> Finding:
    """Whether ``openlpm serve`` can listen where it does without an option."""
    if _can_listen(wanted):
        return ok(f"port {wanted} is free")
    other = next((candidate for candidate in _NEARBY if _can_listen(candidate)), 0)
    return weak(f"port {wanted} is another program's", f"openlpm serve --port {other}")


def _can_listen(candidate: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", candidate))
            listener.listen(1)
        except OSError:
            return False
    return True


def webrtc_codecs() -> Finding:
    """What aiortc offers a browser."""
    try:
        from aiortc import RTCRtpSender
    except ImportError as error:
        return missing(f"{error.name} cannot be imported", _LIVE)
    offered = {codec.mimeType for kind in ("video", "audio") for codec in RTCRtpSender.getCapabilities(kind).codecs}
    names = ", ".join(sorted(name for name in offered if not name.endswith("/rtx")))
    absent = sorted(_WANTED - offered)
    if absent:
        return weak(f"{names}; no {', '.join(absent)}", f"{_LIVE}: {_BY_SOCKET}")
    return ok(names)


def webrtc(connect_s: float = _CONNECT_S) -> Finding:
    """Connect two peers by UDP through this machine's own addresses, until a picture and a sound have arrived."""
    try:
        import aiortc  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        return missing(f"{error.name} cannot be imported", _LIVE)
    if not _addresses():
        return weak("this machine has no network address but 127.0.0.1", f"connect it to a network; {_BY_SOCKET}")
    started_s = time.perf_counter()
    try:
        asyncio.run(_exchange(connect_s))
    except TimeoutError:
        return weak(f"two peers here did not connect by UDP within {connect_s:.0f} s", f"allow UDP; {_BY_SOCKET}")
    except OSError as error:
        return weak(one_line(f"no UDP: {error.strerror or error}"), f"allow UDP sockets; {_BY_SOCKET}")
    return ok(
        f"two peers connected by UDP, picture and sound came after {1e3 * (time.perf_counter() - started_s):.0f} ms"
    )


def _addresses() -> list[str]:
    from aioice.ice import get_host_addresses

    return get_host_addresses(use_ipv4=True, use_ipv6=True)


async def _exchange(connect_s: float) -> None:
    """Raises ``TimeoutError`` if nothing comes."""
    from aiortc import AudioStreamTrack, RTCPeerConnection, VideoStreamTrack

    sends, hears = RTCPeerConnection(), RTCPeerConnection()
    tracks: asyncio.Queue[Any] = asyncio.Queue(2)
    hears.on("track", tracks.put_nowait)
    try:
        async with asyncio.timeout(connect_s):
            sends.addTrack(VideoStreamTrack())
            sends.addTrack(AudioStreamTrack())
            await sends.setLocalDescription(await sends.createOffer())
            await hears.setRemoteDescription(sends.localDescription)
            await hears.setLocalDescription(await hears.createAnswer())
            await sends.setRemoteDescription(hears.localDescription)
            first, second = await tracks.get(), await tracks.get()
            await asyncio.gather(first.recv(), second.recv())
    finally:
        await sends.close()
        await hears.close()
