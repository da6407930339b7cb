"""A tiny data set, and the ways in which a server can answer when it is asked for one of its files."""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np

DEAD = "http://127.0.0.1:9/"  # the discard port, where nothing listens

IMAGES = (np.arange(60, dtype=np.uint8) * 4).reshape(5, 3, 4)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


def idx(array: np.ndarray) -> bytes:
    """An array of bytes as an IDX file."""
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def described(array: np.ndarray) -> dict[str, Any]:
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "meaning": "made for a test",
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
    }


GOOD = {"images.gz": gzip.compress(idx(IMAGES)), "labels.gz": gzip.compress(idx(LABELS))}


def entry(arrays: dict[str, np.ndarray], editions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": "Made for a test",
        "kind": "images",
        "licence": {"name": "CC0", "redistribution": True},
        "source": "these tests",
        "citation": "none",
        "arrays": {name: described(array) for name, array in arrays.items()},
        "editions": editions,
    }


Answer = Callable[[BaseHTTPRequestHandler, str], None]


@dataclass
class Server:
    """An HTTP server on 127.0.0.1. The first part of a path names the answer, the last the file."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def mirror(self, name: str) -> str:
        return f"{self.url}{name}/"


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int | None = None) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def good(handler: BaseHTTPRequestHandler, file: str) -> None:
    send(handler, GOOD[file])


def error_500(handler: BaseHTTPRequestHandler, file: str) -> None:
    send(handler, b"out of order", status=500)


def wrong_body(handler: BaseHTTPRequestHandler, file: str) -> None:
    send(handler, b"<html>Please sign in to this hotel's network</html>")


def altered(handler: BaseHTTPRequestHandler, file: str) -> None:
    send(handler, gzip.compress(gzip.decompress(GOOD[file])[:-1] + b"\xff"))


def truncated(handler: BaseHTTPRequestHandler, file: str) -> None:
    send(handler, GOOD[file][:20], length=len(GOOD[file]))


def truncated_in_silence(handler: BaseHTTPRequestHandler, file: str) -> None:
    send(handler, GOOD[file][:20])


def endless(handler: BaseHTTPRequestHandler, file: str) -> None:
    send(handler, bytes(1 << 20))


def bomb(handler: BaseHTTPRequestHandler, file: str) -> None:
    send(handler, gzip.compress(bytes(1 << 20)))


def encoded(handler: BaseHTTPRequestHandler, file: str) -> None:
    """The file under Content-Encoding, which the client takes off, so that it arrives unpacked."""
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(GOOD[file])


ANSWERS: dict[str, Answer] = {
    answer.__name__: answer
    for answer in (good, error_500, wrong_body, altered, truncated, truncated_in_silence, endless, bomb, encoded)
}
