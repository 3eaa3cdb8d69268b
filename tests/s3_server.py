"""An S3 server on this machine (moto), behind a door that fails as networks and servers do."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HERE = "127.0.0.1"


IMPATIENT = {"config_kwargs": {"retries": {"max_attempts": 0}, "read_timeout": 0.5}}
"""Settings of s3fs (`fsspec.config.conf["s3"]`) that do not wait long for an answer."""


@dataclass
class Fault:
    """What goes wrong with requests.

    Attributes:
        kind: "500"; "cut": half of the answer, then the connection ends; "silent": no answer for a while;
            "slow": the answer comes in small pieces.
        method: of the requests.
        part: of their path.
        times: how many of them; the next ones are answered well.
    """

    kind: str
    method: str = "GET"
    part: str = ""
    times: int = 1


@dataclass
class Door:
    """Passes requests on to the server.

    Attributes:
        url: where it listens.
        faults: what is to go wrong.
        seen: number of requests by method, faulty ones too.
        hit: how often each kind of fault happened.
    """

    server: int
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_of(self, method: str, path: str) -> str:
        with self.lock:
            self.seen[method] += 1
            for fault in self.faults:
                if fault.times and fault.method == method and fault.part in path:
                    fault.times -= 1
                    self.hit[fault.kind] += 1
                    return fault.kind
        return ""


def _handler(door: Door) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self._body()
            kind = door.fault_of(self.command, self.path)
            if kind == "silent":
                time.sleep(1.5)
                self.close_connection = True
                return
            if kind == "500":
                self.send_response(500)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            link = http.client.HTTPConnection(HERE, door.server)
            link.request(self.command, self.path, body, dict(self.headers))
            answer = link.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                    self.send_header(name, value)
            if answer.getheader("Content-Length") is None:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            link.close()
            self._answer(data, kind)

        def _answer(self, data: bytes, kind: str) -> None:
            if kind == "cut":
                self.wfile.write(data[: len(data) // 2])
                self.close_connection = True
                return
            if kind == "slow":
                for start in range(0, len(data), max(1, len(data) // 20)):
                    self.wfile.write(data[start : start + max(1, len(data) // 20)])
                    time.sleep(0.02)
                return
            if self.command != "HEAD":
                self.wfile.write(data)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            del self.headers["Transfer-Encoding"]
            return b"".join(parts)

        def log_message(self, *_: Any) -> None:
            pass

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815 - the library's names

    return Handler


@contextmanager
def s3_server() -> Iterator[Door]:
    """A server with no bucket in it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(HERE, 0, verbose=False)
    server.start()
    door = Door(server.get_host_and_port()[1])
    front = ThreadingHTTPServer((HERE, 0), _handler(door))
    front.daemon_threads = True
    door.url = f"http://{HERE}:{front.server_address[1]}"
    thread = threading.Thread(target=front.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield door
    finally:
        front.shutdown()
        front.server_close()
        server.stop()
