"""What the pages load besides the theme: KaTeX, which draws the formulas, a shim for searching without a server, and
Pyodide with NumPy, which run the code of a page in the browser when the reader asks for it.

`python -m firsthand.pages.assets` installs the versions that package-lock.json pins into build/npm; the site gets
copies, the repository none. Where npm is missing, the pages load KaTeX and Pyodide from their public distributions,
and formulas and live runs need the network. `FIRSTHAND_NODE_MODULES` may name another folder that holds the packages.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from firsthand.data.download import NoMirror, download
from firsthand.data.formats import Damaged
from firsthand.project import Project

VERSION = "0.19.1"
PUBLIC = f"https://cdn.jsdelivr.net/npm/katex@{VERSION}/dist"
INTEGRITY = {
    "katex.min.css": "sha384-WwGtaC6ywCHxA5cstpj/3+xIZvTez8dq2IcBQaXRkenHZ7FVVq1ZROtURwfbtTlG",
    "katex.min.js": "sha384-a1WQdjRj162i159OYq041X6I4K8NenkrI09LlPmiHg0YOb7CR+wJOraXwK9abpnE",
}
NEEDS_NETWORK = (
    "KaTeX is not installed here: the pages will load it from its public distribution, so that reading "
    "their formulas needs the network. Install npm and build again to have it in the site."
)

PYODIDE_VERSION = "314.0.3"
PYODIDE_PUBLIC = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE_VERSION}/full/"
PYODIDE_LOCK = "pyodide-lock.json"  # names the wheels that belong to this version, with their hashes
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", PYODIDE_LOCK)
LIVE_NEEDS_NETWORK = (
    "Pyodide and its NumPy are not both installed here: a page on which a reader runs something will load them from "
    "their public distribution. Build again with npm and a network to have them in the site."
)


def files(root: Path) -> dict[str, Path]:
    """The files to copy, by path in the site: KaTeX and the shim, or nothing where they were not installed.

    Of the fonts only woff2: every browser that KaTeX supports reads it.
    """
    katex, shim = _modules(root) / "katex" / "dist", _modules(root) / "iframe-worker" / "shim" / "index.js"
    if not all((katex / name).is_file() for name in INTEGRITY):
        return {}
    chosen = [*(katex / name for name in INTEGRITY), *sorted((katex / "fonts").glob("*.woff2"))]
    found = {f"assets/katex/{path.relative_to(katex).as_posix()}": path for path in chosen}
    return found | ({"assets/iframe-worker.js": shim} if shim.is_file() else {})


def runtime(folder: Path) -> dict[str, Path]:
    """Pyodide and the wheel of NumPy in a folder, by path in the site; nothing where one of them is missing."""
    if not (folder / PYODIDE_LOCK).is_file():
        return {}
    chosen = [folder / name for name in (*PYODIDE, numpy_wheel(folder)["file_name"])]
    return {f"assets/pyodide/{path.name}": path for path in chosen} if all(path.is_file() for path in chosen) else {}


def pyodide(root: Path) -> Path:
    """Where Pyodide is, if it was installed."""
    return _modules(root) / "pyodide"


def runtime_address(local: bool) -> str:
    """The content of the file that tells a worker where Python is, seen from the root of the site."""
    return json.dumps({"runtime": "assets/pyodide/" if local else PYODIDE_PUBLIC})


def numpy_wheel(folder: Path) -> dict[str, Any]:
    """The entry of NumPy in Pyodide's lock file."""
    lock = json.loads((folder / PYODIDE_LOCK).read_text(encoding="utf-8"))
    return dict(lock["packages"]["numpy"])


def is_numpy(wheel: Path, folder: Path) -> None:
    """Damaged unless the file is the wheel that Pyodide's lock file asks for."""
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != numpy_wheel(folder)["sha256"]:
        raise Damaged("is not the wheel that Pyodide's lock file names")


def _modules(root: Path) -> Path:
    named = os.environ.get("FIRSTHAND_NODE_MODULES")
    return Path(named) if named else root / "build" / "npm" / "node_modules"


def tags(local: str | None) -> str:
    """For the head of a page with formulas; `local` is the address of KaTeX's copy, seen from that page."""

    def more(name: str) -> str:
        return "" if local else f' integrity="{INTEGRITY[name]}" crossorigin="anonymous"'

    base = local or PUBLIC
    return (
        f'<link rel="stylesheet" href="{base}/katex.min.css"{more("katex.min.css")}>'
        f'<script defer src="{base}/katex.min.js"{more("katex.min.js")}></script>'
    )


def install(root: Path) -> bool:
    """Install the packages into build/npm, unless they are there; False if that cannot be done here."""
    folder, npm = root / "build" / "npm", shutil.which("npm")
    wanted, installed = root / "package-lock.json", folder / "package-lock.json"
    if installed.is_file() and installed.read_bytes() == wanted.read_bytes() and files(root):
        return True
    if npm is None or "FIRSTHAND_NODE_MODULES" in os.environ:
        return bool(files(root))
    folder.mkdir(parents=True, exist_ok=True)
    for source in (root / "package.json", wanted):
        shutil.copy(source, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        installed.unlink(missing_ok=True)  # so that the next build tries again
        print(done.stderr, file=sys.stderr)
    return done.returncode == 0 and bool(files(root))


def install_numpy(root: Path) -> bool:
    """Put the wheel of NumPy beside Pyodide, from the public distribution; False if that cannot be done here."""
    folder = pyodide(root)
    if runtime(folder) or "FIRSTHAND_NODE_MODULES" in os.environ or not (folder / PYODIDE_LOCK).is_file():
        return bool(runtime(folder))
    name = numpy_wheel(folder)["file_name"]
    try:
        download([PYODIDE_PUBLIC + name], folder / name, 2**25, lambda part: is_numpy(part, folder))
    except (NoMirror, OSError) as error:
        print(f"No NumPy for live pages: {error}", file=sys.stderr)
    return bool(runtime(folder))


if __name__ == "__main__":  # if either fails, the build says what that means
    here = Project.find().root
    install(here)
    install_numpy(here)
