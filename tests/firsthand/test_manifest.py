"""Every mistake in a manifest is one sentence that names the file, the place and the remedy."""

from collections.abc import Callable
from typing import Any

import pytest
from toy import Toy

from firsthand.errors import FirsthandError
from firsthand.manifest import Region, read

MISTAKES: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("colour",), "red", "top level: Object contains unknown field `colour`; remove that key"),
    (("claims", 0, "colour"), "red", "claims[0]: Object contains unknown field `colour`; remove that key"),
    (("claims", 0, "kind"), "nonsense", "claims[0].kind: Invalid enum value 'nonsense'"),
    (("year",), "soon", "year: Expected `int`, got `str`"),
    (("claims", 0, "reads", "measurement"), "weight", "no experiment makes the measurement 'weight'"),
    (("claims", 0, "reads", "experiment"), "play", "'play' is not declared (declared: work)"),
    (("claims", 0, "reads", "tier"), "full", "has no tier 'full'"),
    (("claims", 0, "baseline", "value"), 3, "give either a value or a measurement"),
    (("claims", 0, "baseline", "measurement"), "luck", "no experiment makes the measurement 'luck'"),
    (("claims", 0, "control", "settings"), {}, "the control is the claim itself"),
    (("claims", 0, "control", "settings"), {"valu": 1}, "control.settings: 'work' has no setting 'valu'; it has value"),
    (("claims", 0, "reads", "over"), {"pauses": 1}, "reads.over: 'work' has no setting 'pauses'"),
    (("claims", 0, "accept"), {"because": "any"}, "every number would do"),
    (("claims", 0, "accept"), {"because": "none", "low": 2, "high": 1}, "low is above high"),
    (("claims", 0, "accept"), {"because": "both", "low": 2, "equals": 1}, "give equals, or low and high"),
    (("claims", 0, "kind"), "audit", "audits, and only audits, say"),
    (("claims", 0, "axes", "size"), "scaled", "an axis is not as published; say in a sentence"),
    (("experiments", "work", "data"), ["mnist"], "'mnist' is not in the paper's data list"),
    (("experiments", "work", "tiers", "quick", "seeds"), [1, 1], "non-empty list without repetition"),
    (("experiments", "work", "tiers"), {}, "give at least one of quick and full"),
]


@pytest.mark.parametrize(("place", "value", "message"), MISTAKES)
def test_a_wrong_value_is_named(
    toy: Toy, bend: Callable[..., None], place: tuple[str | int, ...], value: Any, message: str
) -> None:
    bend(*place, to=value)
    with pytest.raises(FirsthandError) as caught:
        read(toy.path)
    assert str(toy.path) in str(caught.value) and message in str(caught.value)


@pytest.mark.parametrize(
    "place",
    [
        ("claims", 0, "baseline"),
        ("claims", 0, "control"),
        ("claims", 0, "accept"),
        ("title",),
        ("experiments", "work", "measures"),
    ],
)
def test_a_missing_part_is_named(toy: Toy, bend: Callable[..., None], place: tuple[str | int, ...]) -> None:
    bend(*place)
    with pytest.raises(FirsthandError, match=f"missing required field `{place[-1]}`; add it"):
        read(toy.path)


def test_an_id_used_twice(toy: Toy) -> None:
    toy.manifest["claims"].append(toy.manifest["claims"][0])
    toy.save()
    with pytest.raises(FirsthandError, match="the id is used twice"):
        read(toy.path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: [unclosed", "line 1, column"),
        ("title: a\ntitle: b\n", "line 2, column 1: this is not valid YAML (the key 'title' is given twice)"),
        ("", "Expected `object`, got `null`"),
        ("title: !!python/object:os.system {}", "not valid YAML"),
    ],
)
def test_malformed_yaml(toy: Toy, text: str, message: str) -> None:
    toy.path.write_text(text)
    assert message in toy.refused("verify", toy.slug)


def test_text_that_is_not_utf8(toy: Toy) -> None:
    toy.path.write_bytes(b"title: caf\xe9\n")
    assert "byte 10 is not UTF-8" in toy.refused("verify", toy.slug)


@pytest.mark.parametrize(
    ("region", "inside", "outside"),
    [
        (Region(because="", equals=3), [3.0], [2.9999, 4.0]),
        (Region(because="", low=1, high=2), [1.0, 1.5, 2.0], [0.999, 2.001]),
        (Region(because="", low=1), [1.0, 1e9], [0.999]),
        (Region(because="", high=1), [1.0, -1e9], [1.001]),
    ],
)
def test_regions_are_closed(region: Region, inside: list[float], outside: list[float]) -> None:
    assert all(region.contains(value) for value in inside)
    assert not any(region.contains(value) for value in outside)
    assert not region.contains(float("nan"))
