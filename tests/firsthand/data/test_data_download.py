"""Downloads: mirrors that fail in every way, races, and processes killed at the worst moment."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from tiny_data import DEAD, GOOD, IMAGES, LABELS, Server, send

from firsthand import data

LOAD = """
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from firsthand.data import load, registry
registry.PATH = Path(sys.argv[1])
print(load("tiny")["images"].sum())
"""


def files_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []


def test_a_mirror_fills_the_cache_and_is_asked_once(tiny: Callable[..., Path], server: Server, cached: Path) -> None:
    tiny(server.mirror("good"))
    assert data.status("tiny").state == "fetchable"
    first, second = data.load("tiny"), data.load("tiny")
    assert np.array_equal(first["images"], IMAGES) and np.array_equal(second["labels"], LABELS)
    assert server.requests == ["/good/images.gz", "/good/labels.gz"]
    assert files_in(cached) == ["images.gz", "labels.gz"]
    assert data.locate("tiny") == [cached / "images.gz", cached / "labels.gz"]
    assert data.status("tiny").state == "here"


def test_bad_mirrors_are_passed_over(tiny: Callable[..., Path], server: Server, cached: Path) -> None:
    bad = ["error_500", "wrong_body", "altered", "truncated", "truncated_in_silence", "endless", "bomb"]
    tiny(DEAD, *map(server.mirror, bad), server.mirror("good"))
    assert np.array_equal(data.load("tiny")["images"], IMAGES)
    assert server.requests[:8] == [f"/{name}/images.gz" for name in [*bad, "good"]]
    assert files_in(cached) == ["images.gz", "labels.gz"]


def test_when_every_mirror_fails_the_error_lists_them_and_nothing_is_left(
    tiny: Callable[..., Path], server: Server, cached: Path
) -> None:
    tiny(DEAD, *map(server.mirror, ["error_500", "wrong_body", "altered", "truncated", "endless", "bomb"]))
    with pytest.raises(data.DataError) as caught:
        data.load("tiny")
    lines = str(caught.value).splitlines()
    for url, reason in [
        (DEAD, "the connection failed"),
        (server.mirror("error_500"), "500"),
        (server.mirror("wrong_body"), "what came is not an IDX file"),
        (server.mirror("altered"), "what came has sha256"),
        (server.mirror("truncated"), "the transfer broke off"),
        (server.mirror("endless"), "what came is larger"),
        (server.mirror("bomb"), "what came holds more than"),
    ]:
        assert any(f"{url}images.gz: {reason}" in line for line in lines), "\n".join(lines)
    assert "`firsthand data fetch tiny`" in lines[-1] and "FIRSTHAND_DATA" in lines[-1]
    assert files_in(cached) == []


def test_a_failure_can_be_retried_and_keeps_what_was_fetched(
    tiny: Callable[..., Path], server: Server, cached: Path
) -> None:
    tiny(server.mirror("mirror"))
    server.answers["mirror"] = lambda handler, file: send(
        handler, GOOD[file][: 20 if file == "labels.gz" else None], length=len(GOOD[file])
    )
    with pytest.raises(data.DataError, match="broke off"):
        data.fetch("tiny")
    assert files_in(cached) == ["images.gz"]
    server.answers["mirror"] = server.answers["good"]
    assert data.fetch("tiny") == [cached / "images.gz", cached / "labels.gz"]
    assert server.requests == ["/mirror/images.gz", "/mirror/labels.gz", "/mirror/labels.gz"]


def test_a_server_that_unpacks_on_the_way_is_understood(tiny: Callable[..., Path], server: Server) -> None:
    tiny(server.mirror("encoded"))
    assert np.array_equal(data.load("tiny")["images"], IMAGES)


def test_eight_processes_may_fetch_at_once(tiny: Callable[..., Path], server: Server, cached: Path) -> None:
    registry_file = tiny(server.mirror("together"))
    barrier = threading.Barrier(8)

    def together(handler: BaseHTTPRequestHandler, file: str) -> None:
        if file == "images.gz":
            barrier.wait(timeout=30)  # nobody gets a byte before all eight have asked
        server.answers["good"](handler, file)

    server.answers["together"] = together
    command = [sys.executable, "-c", LOAD, str(registry_file)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)]
    for racer in racers:
        out, err = racer.communicate(timeout=60)
        assert (racer.returncode, out.strip(), err) == (0, str(IMAGES.sum()), "")
    assert server.requests.count("/together/images.gz") == 8
    assert files_in(cached) == ["images.gz", "labels.gz"]
    assert all((cached / name).read_bytes() == content for name, content in GOOD.items())


def test_a_killed_download_leaves_nothing_visible(tiny: Callable[..., Path], server: Server, cached: Path) -> None:
    registry_file = tiny(server.mirror("stalling"))
    half_sent, go_on = threading.Event(), threading.Event()

    def stalling(handler: BaseHTTPRequestHandler, file: str) -> None:
        send(handler, GOOD[file][:20], length=len(GOOD[file]))
        half_sent.set()
        go_on.wait(timeout=30)

    server.answers["stalling"] = stalling
    child = subprocess.Popen([sys.executable, "-c", LOAD, str(registry_file)])
    assert half_sent.wait(timeout=30)
    child.kill()
    child.wait()
    go_on.set()

    left_over = files_in(cached)
    assert all(name.startswith(".images.gz.") and name.endswith(".part") for name in left_over)
    assert data.status("tiny").missing == ("tiny/images.gz", "tiny/labels.gz")
    server.answers["stalling"] = server.answers["good"]
    assert np.array_equal(data.load("tiny")["images"], IMAGES)


def test_what_a_killed_process_left_is_cleared_but_not_what_another_is_writing(
    tiny: Callable[..., Path], server: Server, cached: Path
) -> None:
    tiny(server.mirror("good"))
    cached.mkdir(parents=True)
    for name, age in ((".images.gz.old.part", 7200), (".images.gz.new.part", 5)):
        (cached / name).write_bytes(b"half")
        os.utime(cached / name, (time.time() - age,) * 2)
    data.fetch("tiny")
    assert files_in(cached) == [".images.gz.new.part", "images.gz", "labels.gz"]


def test_offline_asks_nobody(tiny: Callable[..., Path], server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny(server.mirror("good"))
    monkeypatch.setenv("FIRSTHAND_OFFLINE", "1")
    assert data.status("tiny").state == "missing"
    with pytest.raises(data.DataError, match="the network: not tried, because FIRSTHAND_OFFLINE is set"):
        data.load("tiny")
    assert server.requests == []


def test_a_cache_that_cannot_be_written_is_named(tiny: Callable[..., Path], server: Server, tmp_path: Path) -> None:
    tiny(server.mirror("good"))
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(data.DataError, match=r"cache/data/tiny cannot be written .*FIRSTHAND_CACHE"):
        data.load("tiny")
