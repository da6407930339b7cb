"""Fixtures around the toy project."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy import Toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


@pytest.fixture
def bend(toy: Toy) -> Callable[..., None]:
    """`bend("claims", 0, "kind", to="nonsense")` changes one place of the toy's manifest; without `to`, removes it."""

    def change(*place: str | int, **value: Any) -> None:
        at: Any = toy.manifest
        for key in place[:-1]:
            at = at[key]
        if "to" in value:
            at[place[-1]] = value["to"]
        else:
            del at[place[-1]]
        toy.save()

    return change
