import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from openlpm.core.errors import InputError
from openlpm.engine.card import read_card
from openlpm.engine.engine import Engine, Joining
from openlpm.serving.characters import Characters
from openlpm.serving.conversation import Conversation
from openlpm.serving.label import Label
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.publishing import open_channel, publish
from openlpm.serving.session import Wish

pytestmark = pytest.mark.contract

_LISTENER = """
import av, sys
shown = heard = 0
try:
    with av.open(sys.argv[1], "r", format="flv", options={"listen": "1"}, timeout=30) as stream:
        for frame in stream.decode():
            shown += isinstance(frame, av.VideoFrame)
            heard += frame.samples if isinstance(frame, av.AudioFrame) else 0
except OSError:
    pass  # the sender hung up
print(shown, heard)
"""


async def performing(engine: Engine, agent_type: type) -> Conversation:
    characters = Characters()
    wish = Wish(character=await characters.find("seed:900024"))
    performer = engine.join(Joining(references=await characters.references(wish.character)))
    conversation = Conversation(performer, agent_type(wish), tell=lambda _message: None, metrics=ServerMetrics())
    conversation.say("a tone")
    return conversation


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_label_is_drawn_and_the_rest_is_left_alone() -> None:
    picture_HWC = np.random.default_rng(1).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    label = Label(256)
    drawn_HWC = label.drawn(picture_HWC)
    rows, _ = label.place
    assert (rows.stop - rows.start) > 10
    assert (drawn_HWC[label.place].max(axis=2) == 255).any(), "white letters"
    changed = (drawn_HWC != picture_HWC).any(axis=2)
    changed[label.place] = False
    assert not changed.any()
    assert label.drawn(picture_HWC) is drawn_HWC


def test_a_file_holds_picture_and_sound_in_step(engine, run, agent_type, tmp_path: Path) -> None:
    target = tmp_path / "talk.mp4"

    async def record() -> None:
        conversation = await performing(engine, agent_type)
        done = asyncio.Event()
        asyncio.get_running_loop().call_later(3.0, done.set)
        await publish(conversation, open_channel(str(target), 256), done)

    run(record())
    with av.open(str(target)) as container:
        frames = [(frame.time, read_card(frame.to_ndarray(format="rgb24"))) for frame in container.decode(video=0)]
    with av.open(str(target)) as container:
        pieces = [(piece.time, piece.to_ndarray()[0]) for piece in container.decode(audio=0)]
    assert len(frames) > 40
    numbers = [card[0] for _, card in frames if card is not None]
    assert numbers == sorted(set(numbers))
    loud_cards = [time for time, card in frames if card is not None and card[1] > 0.5]
    loud_sound = [time for time, samples in pieces if np.abs(samples).max() > 0.2]
    assert abs(loud_cards[0] - loud_sound[0]) < 0.09, "the tone is heard when the card shows it"
    assert abs(loud_cards[-1] - loud_sound[-1]) < 0.09


def test_a_stream_arrives_by_rtmp(engine, run, agent_type) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/test"
    listener = subprocess.Popen([sys.executable, "-c", _LISTENER, url], stdout=subprocess.PIPE, text=True)

    async def send() -> None:
        await asyncio.sleep(1.5)  # FFmpeg's listener does not say when it listens
        conversation = await performing(engine, agent_type)
        done = asyncio.Event()
        asyncio.get_running_loop().call_later(3.0, done.set)
        await publish(conversation, open_channel(url, 256), done)

    try:
        run(send())
        out, _ = listener.communicate(timeout=30)
    finally:
        listener.kill()
        listener.wait()
    shown, heard = (int(each) for each in out.split())
    assert shown > 30
    assert heard > 48_000


def test_a_stream_that_nobody_takes_ends_with_a_sentence(engine, run, agent_type) -> None:
    async def send() -> None:
        conversation = await performing(engine, agent_type)
        url = f"rtmp://127.0.0.1:{free_port()}/live/test"
        with pytest.raises(InputError, match="broke off"):
            await publish(conversation, open_channel(url, 256), asyncio.Event())

    run(send())


@pytest.mark.parametrize("target", ["talk.avi", "rtsp://127.0.0.1/x", "whip:ftp://x", ""])
def test_targets_that_cannot_be_are_refused(target: str) -> None:
    with pytest.raises(InputError):
        open_channel(target, 256)


def test_a_stream_arrives_by_whip_and_is_taken_back(run, engine, agent_type) -> None:
    seen: list[int] = []
    asked: list[tuple[str, str]] = []
    peers: list[RTCPeerConnection] = []

    async def look(track) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            card = read_card(frame.to_ndarray(format="rgb24")) if track.kind == "video" else None
            seen.extend([card[0]] if card else [])

    async def offer(request: Request) -> Response:
        asked.append((request.method, request.headers.get("authorization", "")))
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peers.append(peer)
        tasks: list[asyncio.Task[None]] = []
        peer.on("track", lambda track: tasks.append(asyncio.create_task(look(track))))
        await peer.setRemoteDescription(RTCSessionDescription(sdp=(await request.body()).decode(), type="offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return Response(peer.localDescription.sdp, 201, {"location": "/whip/1"}, "application/sdp")

    async def end(request: Request) -> Response:
        asked.append((request.method, request.url.path))
        return Response(status_code=200)

    async def send() -> None:
        routes = [Route("/whip", offer, methods=["POST"]), Route("/whip/1", end, methods=["DELETE"])]
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=port, log_config=None))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            conversation = await performing(engine, agent_type)
            done = asyncio.Event()
            channel = open_channel(f"whip:http://127.0.0.1:{port}/whip", 256, whip_token="secret")
            publishing = asyncio.create_task(publish(conversation, channel, done))
            while len(seen) < 24:
                await asyncio.sleep(0.05)
            done.set()
            await publishing
            for peer in peers:
                await peer.close()
            lost = open_channel(f"whip:http://127.0.0.1:{port}/nothing", 256)
            with pytest.raises(InputError, match="404"):
                await publish(await performing(engine, agent_type), lost, asyncio.Event())
        finally:
            server.should_exit = True
            await serving

    run(send())
    assert asked == [("POST", "Bearer secret"), ("DELETE", "/whip/1")]
    assert seen == sorted(set(seen))
