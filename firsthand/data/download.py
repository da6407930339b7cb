"""Fetching a file over HTTP: from the first mirror whose copy is good, and visible only once it has been verified."""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from firsthand.data.formats import Damaged

_ABANDONED = 3600  # seconds after which a partial download that nobody writes to was left by a killed process
_TIMEOUT = (10, 30)  # seconds to wait for a connection, and for the next bytes


class NoMirror(Exception):
    """No mirror had the file; `reasons` says for each URL what was wrong."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def download(urls: Sequence[str], target: Path, most_bytes: int, verify: Callable[[Path], object]) -> None:
    """Put the first good copy at `target`; `verify` raises Damaged for a bad one, which is thrown away.

    Each call writes a temporary file of its own beside the target and renames it at the end. So a reader sees the whole
    file or none, a killed download leaves nothing that is ever read, and of several processes the last one wins, with
    the same content. Raises NoMirror if every URL fails, OSError if the folder cannot be written.
    """
    import requests  # comes with pooch; imported here because only a download needs it

    target.parent.mkdir(parents=True, exist_ok=True)
    _clear_abandoned(target)
    reasons = []
    for url in urls:
        try:
            with _temporary(target) as part:
                _transfer(url, part, most_bytes)
                verify(part)
                os.replace(part, target)
            return
        except requests.HTTPError as error:
            reasons.append(f"{url}: {str(error).partition(' for url')[0]}")
        except requests.Timeout:
            reasons.append(f"{url}: no answer in time")
        except requests.exceptions.ChunkedEncodingError:
            reasons.append(f"{url}: the transfer broke off")
        except requests.RequestException as error:
            reasons.append(f"{url}: the connection failed ({type(error).__name__})")
        except Damaged as damage:
            reasons.append(f"{url}: what came {damage}")
    raise NoMirror(reasons)


def _transfer(url: str, part: Path, most_bytes: int) -> None:
    import pooch

    fetch = pooch.HTTPDownloader(chunk_size=1 << 16, timeout=_TIMEOUT, headers={"Accept-Encoding": "identity"})
    with open(part, "wb") as file:
        fetch(url, _Bounded(file, most_bytes), None)
        os.fsync(file.fileno())


class _Bounded:
    """The part of a file that pooch writes to, with a limit: a server cannot fill the disk."""

    def __init__(self, file: IO[bytes], most_bytes: int) -> None:
        self._file = file
        self._left = most_bytes

    def write(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        if self._left < 0:
            raise Damaged("is larger than this data can be")
        self._file.write(chunk)

    def flush(self) -> None:
        self._file.flush()


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A new file beside the target, gone at the end unless it was renamed."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(descriptor)
    os.chmod(name, 0o644)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _clear_abandoned(target: Path) -> None:
    for part in target.parent.glob(f".{target.name}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _ABANDONED:
                part.unlink()
