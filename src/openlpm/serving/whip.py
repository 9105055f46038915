"""A running character published by WHIP (RFC 9725): one POST with an offer, one DELETE at the end."""

from typing import final
from urllib.parse import urljoin

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from openlpm.core.errors import InputError
from openlpm.engine.performer import Frame
from openlpm.serving.metrics import ServerMetrics
from openlpm.serving.quick_encoder import encode_quickly
from openlpm.serving.tracks import PictureTrack, SoundTrack
from openlpm.serving.webrtc import set_bitrates

PREFIX = "whip:"
_ANSWER_S = 10.0
_CREATED = 201


@final
class Whip:
    """An ``Output`` that sends to a WHIP endpoint."""

    def __init__(self, url: str, *, token: str = "", metrics: ServerMetrics | None = None) -> None:
        """``token``: what the endpoint wants as ``Authorization: Bearer``.

        Raises:
            InputError: the address is none.
        """
        if not url.startswith(("http://", "https://")):
            raise InputError(f"{PREFIX}{url}: give {PREFIX}https://HOST/PATH")
        set_bitrates()
        encode_quickly()
        metrics = metrics or ServerMetrics()
        self._url, self._headers = url, {"authorization": f"Bearer {token}"} if token else {}
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._pictures, self._sound = PictureTrack(metrics, lambda: None), SoundTrack(metrics)
        self._resource: str | None = None

    @property
    def waiting(self) -> int:
        return self._pictures.waiting

    def show(self, frame: Frame) -> None:
        if self._connection.connectionState == "connected":
            self._pictures.show(frame)
            self._sound.show(frame)

    @property
    def error(self) -> str | None:
        """Why it broke off; None while it has not."""
        failed = self._connection.connectionState == "failed"
        return f"{PREFIX}{self._url} cannot be reached any more" if failed else None

    async def start(self) -> None:
        """Offer and connect.

        Raises:
            InputError: the endpoint cannot be reached, or refuses.
        """
        for track in (self._sound, self._pictures):
            self._connection.addTransceiver(track, direction="sendonly")
        await self._connection.setLocalDescription(await self._connection.createOffer())
        headers = self._headers | {"content-type": "application/sdp"}
        try:
            async with httpx.AsyncClient(timeout=_ANSWER_S) as client:
                answer = await client.post(self._url, content=self._connection.localDescription.sdp, headers=headers)
        except httpx.HTTPError as error:
            raise InputError(f"{PREFIX}{self._url} cannot be reached ({type(error).__name__})") from error
        if answer.status_code != _CREATED:
            raise InputError(f"{PREFIX}{self._url} refuses: it answers {answer.status_code} instead of {_CREATED}")
        if "location" in answer.headers:
            self._resource = urljoin(self._url, answer.headers["location"])
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp=answer.text, type="answer"))
        except ValueError as error:
            raise InputError(f"{PREFIX}{self._url} answers with what is no SDP answer") from error

    async def close(self) -> None:
        """Take it back; a second call does nothing."""
        self._pictures.stop()
        self._sound.stop()
        await self._connection.close()
        resource, self._resource = self._resource, None
        if resource is not None:
            try:
                async with httpx.AsyncClient(timeout=_ANSWER_S) as client:
                    await client.delete(resource, headers=self._headers)
            except httpx.HTTPError:
                return  # the endpoint notices by itself
