"""What the pages load besides the theme: KaTeX, which draws the formulas, and a shim for searching without a server.

`python -m firsthand.pages.assets` installs the versions that package-lock.json pins into build/npm; the site gets
copies, the repository none. Where npm is missing, the pages load KaTeX from its public distribution, checked by hash,
and formulas need the network. `FIRSTHAND_NODE_MODULES` may name another folder that holds the packages.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

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


def files(root: Path) -> dict[str, Path]:
    """The files to copy, by path in the site: KaTeX and the shim, or nothing where they were not installed.

    Of the fonts only woff2: every browser that KaTeX supports reads it.
    """
    named = os.environ.get("FIRSTHAND_NODE_MODULES")
    modules = Path(named) if named else root / "build" / "npm" / "node_modules"
    katex, shim = modules / "katex" / "dist", modules / "iframe-worker" / "shim" / "index.js"
    if not all((katex / name).is_file() for name in INTEGRITY):
        return {}
    chosen = [*(katex / name for name in INTEGRITY), *sorted((katex / "fonts").glob("*.woff2"))]
    found = {f"assets/katex/{path.relative_to(katex).as_posix()}": path for path in chosen}
    return found | ({"assets/iframe-worker.js": shim} if shim.is_file() else {})


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


if __name__ == "__main__":
    install(Project.find().root)  # if it fails, the build says what that means
