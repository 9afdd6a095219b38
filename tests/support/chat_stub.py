"""A server of OpenAI's chat protocol on loopback that does as a test tells it, and remembers what it was sent.

    with ChatStub(lambda number, asked: Reply("r1c1 = 1")) as stub: ...   # number counts requests from 0

A plan answers a request with a Reply, Raw bytes, a Status, or DROP (the connection is cut).
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DROP = "drop"


@dataclass
class Reply:
    """A chat completion. usage: tokens of (prompt, reply), None for a server that does not count."""

    text: str | None
    finish: str = "stop"
    usage: tuple[int, int] | None = (10, 5)
    message: dict = field(default_factory=dict)
    seconds: float = 0.0

    def body(self):
        message = {"role": "assistant", "content": self.text, **self.message}
        about = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
        made = about | {"choices": [{"index": 0, "finish_reason": self.finish, "message": message}]}
        if self.usage is not None:
            prompt, reply = self.usage
            made["usage"] = {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply}
        return json.dumps(made, indent=1).encode()  # not as any client would write it again


@dataclass
class Raw:
    """These bytes with status 200."""

    body: bytes
    kind: str = "application/json"


@dataclass
class Status:
    """An error as servers tell it."""

    code: int
    message: str = "no"
    headers: dict = field(default_factory=dict)
    error: dict = field(default_factory=dict)


class ChatStub:
    """asked: the bodies that came; keys: their Authorization headers; most: requests that were under way at once."""

    def __init__(self, plan):
        self.plan, self.asked, self.keys, self.times, self.most, self.now = plan, [], [], [], 0, 0
        self.lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with stub.lock:
                    number = len(stub.asked)
                    stub.asked.append(asked)
                    stub.keys.append(self.headers.get("Authorization"))
                    stub.times.append(time.monotonic())
                    stub.now += 1
                    stub.most = max(stub.most, stub.now)
                try:
                    stub.answer(self, stub.plan(number, asked))
                finally:
                    with stub.lock:
                        stub.now -= 1

            def do_GET(self):
                self.send({"object": "list", "data": [{"id": "big-model"}, {"id": "small-model"}]}, 200)

            def send(self, about, status, headers=()):
                body = about if isinstance(about, bytes) else json.dumps(about).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **dict(headers)}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that was killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def answer(self, handler, said):
        """Send what the plan said."""
        if said == DROP:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
        elif isinstance(said, Status):
            handler.send({"error": {"message": said.message, **said.error}}, said.code, said.headers)
        elif isinstance(said, Raw):
            handler.send(said.body, 200, {"Content-Type": said.kind})
        else:
            time.sleep(said.seconds)
            handler.send(said.body(), 200)

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *fault):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
