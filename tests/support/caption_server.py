"""A real HTTP server of this machine that speaks as much of the interface of OpenAI as captions need."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Backend(ThreadingHTTPServer):
    """Keeps what it was asked; answers what the test has put there."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, bytes]] = []
        self.description: str = json.dumps(
            {
                "appearance": "A woman with a red scarf, wearing a coat",
                "personality": "warm",
                "relationship": "She sits with a friend. She smiles at him.",
                "caption": "A woman with a red scarf talks to a friend.",
            }
        )
        self.transcript: dict[str, Any] = {
            "text": "One. Two and three.",
            "segments": [
                {"start": 0.4, "end": 1.6, "text": " One."},
                {"start": 2.2, "end": 3.1, "text": " Two and"},
                {"start": 3.1, "end": 4.0, "text": " three."},
            ],
        }
        self.failures: list[int] = []
        """Status codes of the next answers."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Backend

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers.get("Authorization", ""), body))
        if self.server.failures:
            self.send_error(self.server.failures.pop(0))
            return
        if self.path == "/v1/chat/completions":
            answer: Any = {"choices": [{"message": {"content": self.server.description}}]}
        elif self.path == "/v1/audio/transcriptions":
            answer = self.server.transcript
        else:
            self.send_error(404)
            return
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def backend() -> Iterator[Backend]:
    """The server, ended with the block."""
    served = Backend()
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.shutdown()
        served.server_close()
        thread.join()
