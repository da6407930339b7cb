"""A toy project in a temporary folder, with one paper whose every part a test can bend."""

import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from firsthand.project import Project

SLUG = "toy_2000"

EXPERIMENTS = '''
"""A toy whose result is known: value + seed."""
import time
import numpy as np
from core.layer import Param
from firsthand import Result, Run


def work(run: Run, *, value: float, pause: float, loss: float) -> Result:
    for step in range(5):
        time.sleep(pause)
        run.progress(step + 1, 5, loss)
    return Result({"number": value + run.seed, "chance": 0.0}, {"curve": np.arange(3) / 3})
'''

MANIFEST: dict[str, Any] = {
    "title": "A toy",
    "authors": ["Nobody"],
    "year": 2000,
    "venue": "none",
    "summary": "A toy.",
    "structure": "none",
    "topics": ["toys"],
    "experiments": {
        "work": {
            "what": "Adds.",
            "function": "work",
            "measures": {"number": "a number", "chance": "nothing"},
            "settings": {"value": 5.0, "pause": 0.0, "loss": 1.0},
            "fingerprint": {"pause": 0.0},
            "tiers": {"quick": {"seeds": [1, 2, 3], "budget": 5}},
        }
    },
    "claims": [
        {
            "id": "C1",
            "statement": "It adds.",
            "where": "nowhere",
            "kind": "exact",
            "paper": {"value": 7, "known": "derived", "source": "arithmetic"},
            "reads": {"experiment": "work", "tier": "quick", "measurement": "number"},
            "accept": {"low": 6.5, "high": 7.5, "because": "2 is the mean of the seeds"},
            "baseline": {"what": "nothing", "measurement": "chance"},
            "control": {"what": "another value", "settings": {"value": 50.0}},
            "axes": {"data": "generated", "size": "original", "algorithm": "original", "metric": "original"},
        }
    ],
    "ledger": {"read": [], "not_stated": [], "assumed": []},
}


class Toy:
    """The toy project: its files, and the command line run inside it."""

    def __init__(self, root: Path) -> None:
        self.root, self.slug = root, SLUG
        self.manifest = deepcopy(MANIFEST)
        for folder in (f"papers/{SLUG}", "designs", "tests/papers"):
            (root / folder).mkdir(parents=True)
        self.experiments = root / "papers" / SLUG / "experiments.py"
        self.experiments.write_text(EXPERIMENTS)
        self.save()

    @property
    def project(self) -> Project:
        return Project(self.root)

    @property
    def path(self) -> Path:
        return self.root / "papers" / SLUG / "paper.yml"

    def save(self) -> None:
        self.path.write_text(yaml.safe_dump(self.manifest, sort_keys=False))

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "firsthand.cli", *words]

    def __call__(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | environment,
            check=False,
        )

    def refused(self, *words: str, **environment: str) -> str:
        """What the command says when it refuses: exit code 2, no traceback, one line (or a list of places tried)."""
        done = self(*words, **environment)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr and done.stderr.startswith("firsthand: "), done.stderr
        assert done.stderr.count("\n") == 1 or "Tried:" in done.stderr, done.stderr
        return done.stderr
