"""An isolated world for each test: none of the user's folders, a tiny data set, and its mirrors on 127.0.0.1."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_data import ANSWERS, IMAGES, LABELS, Server, entry

from firsthand.data import places, registry


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("FIRSTHAND_DATA", "FIRSTHAND_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("FIRSTHAND_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(places, "SYSTEM", tmp_path / "system")


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """The folder in the cache where the files of the tiny set belong."""
    return tmp_path / "cache" / "data" / "tiny"


@pytest.fixture
def use_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Make the given entries the registry, in a file of its own."""

    def use(**entries: Any) -> Path:
        path = tmp_path / f"registry-{len(list(tmp_path.glob('registry-*')))}.yml"
        path.write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")
        monkeypatch.setattr(registry, "PATH", path)
        return path

    return use


@pytest.fixture
def tiny(use_registry: Callable[..., Path]) -> Callable[..., Path]:
    """Make the registry hold one set, `tiny`, of two IDX files with the given mirrors."""

    def use(*mirrors: str) -> Path:
        files = {"tiny/images.gz": ["images"], "tiny/labels.gz": ["labels"]}
        return use_registry(
            tiny=entry(
                {"images": IMAGES, "labels": LABELS}, [{"format": "idx", "mirrors": list(mirrors), "files": files}]
            )
        )

    return use


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.requests.append(self.path)
            _, name, file = self.path.split("/")
            try:
                running.answers[name](self, file)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client had seen enough

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        running = Server(f"http://127.0.0.1:{http.server_address[1]}/", dict(ANSWERS))
        thread = threading.Thread(target=http.serve_forever, args=(0.05,))
        thread.start()
        yield running
        http.shutdown()
        thread.join()
