"""The real server in a process of its own, as ``openlpm serve`` starts it."""

import contextlib
import os
import queue
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, final

from openlpm.core.errors import OpenLPMError

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
_STARTS_S = 180.0
_ENDS_S = 30.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and what opens it."""

    url: str
    key: str


@final
@dataclass(frozen=True, slots=True)
class Host(Address):
    """A server that is ready, in a process of this one's."""

    process: subprocess.Popen[str]

    def memory_bytes(self) -> int:
        """Resident memory of the server's own process."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        """Files and sockets that it holds."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def threads(self) -> int:
        """Threads that it runs."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/task").iterdir())

    def metric(self, name: str) -> float:
        """A number that it tells Prometheus.

        Raises:
            OpenLPMError: it tells no such number.
        """
        import httpx

        for line in httpx.get(f"{self.url}/metrics").text.splitlines():
            if line.split(" ")[0] == name:
                return float(line.split(" ")[1])
        raise OpenLPMError(f"the server tells no {name}: is it of this version?")


@contextlib.contextmanager
def hosted(options: Sequence[str], environment: Mapping[str, str] | None = None) -> Generator[Host]:
    """Start a server on a free port, wait until characters can come, and end it afterwards.

    Raises:
        OpenLPMError: it does not start; its last words are in the message.
    """
    key = secrets.token_urlsafe(24)
    command = [sys.executable, "-u", "-m", "openlpm.cli.main", "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OPENLPM_SERVER_KEY": key, **(environment or {})},
    )
    said: queue.Queue[str] = queue.Queue()
    words: list[str] = []
    assert process.stdout is not None
    listener = threading.Thread(target=_listen, args=(process.stdout, said, words), daemon=True)
    listener.start()
    try:
        url = _address(process, said, words)
        give_up_s = time.monotonic() + _STARTS_S
        while not _is_ready(url):
            if process.poll() is not None or time.monotonic() > give_up_s:
                raise OpenLPMError(f"the server is not ready: {' '.join(words[-3:])}")
            time.sleep(0.2)
        yield Host(url, key, process)
    finally:
        process.terminate()
        try:
            process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join()
        process.stdout.close()


def _is_ready(url: str) -> bool:
    import httpx

    try:
        return httpx.get(f"{url}/ready").status_code == 200
    except httpx.TimeoutException:  # a busy machine: it is asked again until it has had its time
        return False


def _listen(output: IO[str], said: "queue.Queue[str]", words: list[str]) -> None:
    for line in output:
        said.put(line)
        words.append(line.strip())
        del words[:-20]


def _address(process: "subprocess.Popen[str]", said: "queue.Queue[str]", words: list[str]) -> str:
    give_up_s = time.monotonic() + _STARTS_S
    while time.monotonic() < give_up_s and process.poll() is None:
        with contextlib.suppress(queue.Empty):
            found = _ADDRESS.search(said.get(timeout=0.5))
            if found:
                return found[0]
    raise OpenLPMError(f"the server did not start: {' '.join(words[-3:])}")
