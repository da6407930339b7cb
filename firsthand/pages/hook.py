"""What MkDocs calls (`hooks` in mkdocs.yml): it adds the generated pages, the menu, and KaTeX where it is needed."""

import logging
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from firsthand.pages import assets, generate, live, navigation
from firsthand.project import Project

log = logging.getLogger("mkdocs.hooks.firsthand")


def on_config(config: MkDocsConfig) -> None:
    project = _project(config)
    config.nav = navigation(project)
    copied = assets.files(project.root)
    # the plugin `offline` would load this shim from a public server
    config.extra["polyfills"] = [path for path in copied if "iframe-worker" in path]
    if not copied:
        log.info(assets.NEEDS_NETWORK)
    if not assets.runtime(assets.pyodide(project.root)):
        log.info(assets.LIVE_NEEDS_NETWORK)


def on_files(files: Files, config: MkDocsConfig) -> None:
    project = _project(config)
    for path, content in generate(project).items():
        by_hand = files.get_file_from_path(path)
        if by_hand is not None:
            files.remove(by_hand)
        files.append(File.generated(config, path, content=content))
    for path, source in assets.files(project.root).items():
        files.append(File.generated(config, path, abs_src_path=str(source)))
    python = assets.runtime(assets.pyodide(project.root))
    for path, source in python.items():
        files.append(File.generated(config, path, abs_src_path=str(source)))
    files.append(File.generated(config, live.WHERE, content=assets.runtime_address(bool(python))))


PLAIN = re.compile(r'<span class="(?:n|o|p|w)">([^<]*)</span>')  # names, operators, punctuation, blanks


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Code without marks for what has the colour of all code, a third of a page; KaTeX where there are formulas."""
    output = PLAIN.sub(r"\1", output)
    if 'class="arithmatex"' not in output:
        return output
    local = get_relative_url("assets/katex", page.url) if assets.files(_project(config).root) else None
    return output.replace("</head>", f"{assets.tags(local)}</head>", 1)


def _project(config: MkDocsConfig) -> Project:
    return Project(Path(config.config_file_path).resolve().parent)
