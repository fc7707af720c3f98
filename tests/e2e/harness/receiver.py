"""An HTTP server of a test's own to which webhooks post, and which may do anything but take what it gets."""

import hashlib
import hmac
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HANG = "says nothing until the other side gives up"
BREAK = "closes the connection without a word"


@dataclass
class Request:
    """What was posted."""

    path: str
    headers: Message  # by their names, small letters or not
    body: bytes

    @property
    def key(self) -> str:
        return self.headers["Idempotency-Key"]

    @property
    def json(self):
        return json.loads(self.body)

    def is_signed(self, key: bytes) -> bool:
        seconds, signature = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", self.headers["X-Tidemill-Signature"]).groups()
        return hmac.new(key, f"{seconds}.".encode() + self.body, hashlib.sha256).hexdigest() == signature


class Receiver:
    """A server at an address of this machine. `answer` says what is answered to a request: a status and a text, HANG or BREAK."""

    def __init__(self, answer: Callable[[Request], tuple[int, str] | str] = lambda request: (200, "thanks"), port: int = 0, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None):
        self.answer = answer
        self.asked: list[Request] = []
        self.taken: list[Request] = []  # those that were answered with 2xx
        self.gone = threading.Event()
        self.server = ThreadingHTTPServer((host, port), self._handler())
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = url_of(self.server.server_port, host, "https" if tls else "http")

    def put_away(self):
        self.gone.set()
        self.server.shutdown()
        self.server.server_close()

    def keys(self) -> set[str]:
        """What has been taken."""
        return {request.key for request in list(self.taken)}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(self.path, self.headers, body)
                receiver.asked.append(request)
                answer = receiver.answer(request)
                if answer == HANG:
                    receiver.gone.wait(30)
                if isinstance(answer, str):
                    self.close_connection = True
                    return
                status, text = answer
                if 200 <= status < 300:
                    receiver.taken.append(request)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        return Handler


def url_of(port: int, host: str = "127.0.0.1", scheme: str = "http") -> str:
    """The address at which a receiver is, or will be."""
    return f"{scheme}://{host}:{port}/hooks/T0"


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]
