"""A visitor in a process of its own, to be killed in mid-picture: ``python -m openlpm.bench.live.doomed``."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator
from typing import Any

from openlpm.bench.live.host import Address
from openlpm.bench.live.visitor import visiting

_COMES_S = 60.0
_HERE = b"here"


@contextlib.asynccontextmanager
async def doomed(host: Address) -> AsyncGenerator[Any]:
    """A process that watches a character; it is killed at the end, and its side of everything with it.

    Raises:
        TimeoutError: it saw no picture.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "openlpm.bench.live.doomed",
        host.url,
        env={**os.environ, "OPENLPM_SERVER_KEY": host.key},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        said = await asyncio.wait_for(process.stdout.readline(), _COMES_S)
        if said.strip() != _HERE:
            raise TimeoutError("a visitor in a process of its own saw no picture")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _watch(url: str) -> None:
    async with visiting(Address(url, os.environ["OPENLPM_SERVER_KEY"])):
        sys.stdout.write(_HERE.decode() + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_watch(sys.argv[1]))
