"""Pictures that users send: known by their content, decoded elsewhere, kept only as clean pixels."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterable
from typing import final

import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from openlpm.serving.decoding import EXIT_REFUSED
from openlpm.serving.limits import read_body
from openlpm.serving.refusals import Code, Refusal

MOST_PIXELS = 16_000_000
_ENVELOPE_BYTES = 4_096
"""What multipart may add to the picture."""
_MOST_S = 15.0
_AT_ONCE = 2


async def read_upload(headers: Headers, stream: AsyncIterable[bytes], most_bytes: int, most_s: float) -> bytes:
    """The file called ``picture`` of a multipart body.

    Raises:
        Refusal: there is none, or too much, or it takes too long.
    """
    # Whole, and then parsed: a parser that is stopped in the middle leaves its files open.
    body = await read_body(headers, stream, most_bytes + _ENVELOPE_BYTES, most_s)
    try:
        form = await MultiPartParser(headers, _once(body), max_files=1, max_fields=0).parse()
    except (MultiPartException, KeyError, ValueError):  # a broken content type is a KeyError there
        raise Refusal(Code.BAD_REQUEST, "Send one file called picture, as multipart/form-data.") from None
    try:
        field = form.get("picture")
        if not isinstance(field, UploadFile):
            raise Refusal(Code.BAD_REQUEST, "Send one file called picture, as multipart/form-data.")
        data = await field.read()
    finally:
        await form.close()
    if len(data) > most_bytes:
        raise Refusal(Code.TOO_LARGE, f"The picture is larger than {most_bytes // 2**20} MiB.")
    return data


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


@final
class PictureDecoder:
    """Decodes pictures in processes with little memory and time, few at once."""

    def __init__(self, side: int, *, most_s: float = _MOST_S) -> None:
        self._side = side
        self._most_s = most_s
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def decode(self, data: bytes) -> NDArray[np.uint8]:
        """A picture of ``side`` x ``side`` pixels, cut in the middle.

        Raises:
            Refusal: it is no PNG, JPEG or WebP, is damaged, too large or too small, or takes too long.
        """
        if not _is_picture(data):
            raise Refusal(Code.UNSUPPORTED, "Send a PNG, JPEG or WebP picture.")
        async with self._room:
            code, out = await self._run(data)
        if code == EXIT_REFUSED:
            sentence = out.decode("utf-8", "replace")
            raise Refusal(Code.BAD_REQUEST, sentence[:1].upper() + sentence[1:] + ".")
        if code != 0 or len(out) != self._side * self._side * 3:
            raise Refusal(Code.BAD_REQUEST, "The picture cannot be decoded; save it again, smaller.")
        return np.frombuffer(out, np.uint8).reshape(self._side, self._side, 3)

    async def _run(self, data: bytes) -> tuple[int, bytes]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "openlpm.serving.decoding",
            str(self._side),
            str(MOST_PIXELS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # Of the server's environment nothing but where the packages are: no key is inherited.
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"},
        )
        try:
            async with asyncio.timeout(self._most_s):
                out, _ = await process.communicate(data)
        except TimeoutError:
            return -1, b""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode if process.returncode is not None else -1, out


def _is_picture(data: bytes) -> bool:
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (
        data.startswith(b"RIFF") and data[8:12] == b"WEBP"
    )
