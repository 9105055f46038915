"""One character for viewers elsewhere: a conversation whose pictures go to a file or a stream."""

import asyncio
import contextlib
from typing import Protocol, final

from openlpm.core.errors import InputError
from openlpm.engine.performer import Frame
from openlpm.serving.broadcast import Broadcast
from openlpm.serving.conversation import Conversation
from openlpm.serving.label import Labelled
from openlpm.serving.whip import PREFIX, Whip

_LOOK_S = 0.25


class Channel(Protocol):
    """Where pictures go, opened and closed."""

    def show(self, frame: Frame) -> None: ...

    @property
    def waiting(self) -> int: ...

    @property
    def error(self) -> str | None:
        """Why it broke off; None while it has not."""
        ...

    async def start(self) -> None:
        """Open it."""
        ...

    async def close(self) -> None:
        """Finish it."""
        ...


@final
class _File:
    """``Broadcast`` as a ``Channel``."""

    def __init__(self, target: str, size: int) -> None:
        self._broadcast = Broadcast(target, size)

    def show(self, frame: Frame) -> None:
        self._broadcast.show(frame)

    @property
    def waiting(self) -> int:
        return self._broadcast.waiting

    @property
    def error(self) -> str | None:
        return self._broadcast.error

    async def start(self) -> None:
        self._broadcast.start()

    async def close(self) -> None:
        await asyncio.to_thread(self._broadcast.close)


def open_channel(target: str, size: int, *, whip_token: str = "") -> Channel:
    """What ``target`` names: ``whip:URL``, ``rtmp://...`` or a file.

    Raises:
        InputError: it names nothing that is known.
    """
    if target.startswith(PREFIX):
        return Whip(target.removeprefix(PREFIX), token=whip_token)
    return _File(target, size)


async def publish(conversation: Conversation, channel: Channel, done: asyncio.Event) -> None:
    """Run a conversation and show it to a channel until ``done`` is set; both are closed at the end.

    Raises:
        InputError: the channel cannot be opened, or broke off.
        PerformanceEnded: the character ended by itself.
    """
    talk = asyncio.create_task(conversation.run(), name="conversation")
    try:
        await channel.start()
        conversation.attach(Labelled(channel, conversation.performer.size))
        while not (done.is_set() or talk.done() or channel.error):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await done.wait()
    finally:
        await channel.close()
        talk.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await talk
    if channel.error:
        raise InputError(channel.error)
