"""The contract itself under test: every small mistake planted in a backward of core must be caught.

The survivors are listed here, each with the reason why it is no mistake at all: the mutant computes the same gradients.
A survivor that is not listed fails the test, and so does one that is listed and does not survive.
"""

import types

import pytest

from firsthand.exercise.check import complaint
from firsthand.exercise.specimens import SPECIMENS, Specimen, Specimens
from tests.core.mutants import CORE, Mutant, mutants, original, parse


def conv_with_columns(columns: types.ModuleType) -> list[Specimen]:
    """The specimens of conv, whose sums are carried out by a mutated `columns`, in blocks of two images."""
    columns.BLOCK_BYTES, columns.WORTH_COPYING = 3000, 10  # the first has blocks of two images and of one
    module = original("conv")
    for name in ("correlate", "kernel_gradient", "input_gradient", "sum_maps"):
        setattr(module, name, getattr(columns, name))
    return SPECIMENS["conv"](module)


MODULES: dict[str, tuple[tuple[str, ...], Specimens]] = {
    **{module: (("backward",), specimens) for module, specimens in SPECIMENS.items()},
    "columns": (("kernel_gradient", "input_gradient", "sum_maps"), conv_with_columns),
}

EQUIVALENT = {
    "embedding:Embedding.__call__.backward: -1  ->  1": "in `first`: word 0 is then summed with the repeated words",
    "nonlinearities:leaky_relu.backward: y > 0  ->  y >= 0": "at the kink, by a convention that has a test of its own",
    "nonlinearities:PReLU.__call__.backward: x > 0  ->  x >= 0": "likewise",
    "nonlinearities:elu.backward: y > 0  ->  y >= 0": "likewise",
    "batch_norm:MapNorm.scaled.backward: _sum_product(dy_maps, d)  ->  "
    "_sum_product(d, dy_maps)": "a product is symmetric",
    "activations:softmax.backward: np.vecdot(dy, y)  ->  np.vecdot(y, dy)": "likewise",
    "attention:attention.backward: np.vecdot(dy, y)  ->  np.vecdot(y, dy)": "likewise",
    "attention:attention.backward: P.swapaxes(-1, -2)  ->  P.swapaxes(-2, -1)": "swapping is symmetric",
    "attention:attention.backward: v[j].swapaxes(-1, -2)  ->  v[j].swapaxes(-2, -1)": "likewise",
    "attention:attention.backward: dS.swapaxes(-1, -2)  ->  dS.swapaxes(-2, -1)": "likewise",
    "columns:kernel_gradient: dy.reshape(N, O, Ho * Wo).swapaxes(1, 2)  ->  "
    "dy.reshape(N, O, Ho * Wo).swapaxes(2, 1)": "swapping is symmetric",
    "columns:input_gradient: if s == 1:  ->  pass": "for stride 1 the general way gives the same, with one more copy",
    "columns:input_gradient: return phases  ->  pass": "the same line",
}


def survives(mutant: Mutant, specimens: Specimens) -> bool:
    return all(complaint(specimen) is None for specimen in specimens(mutant.namespace()))


@pytest.mark.parametrize("module", MODULES)
def test_the_originals_pass(module: str) -> None:
    _, specimens = MODULES[module]
    assert survives(Mutant(module, "", "nothing", parse(module)), specimens)


@pytest.mark.parametrize("module", MODULES)
def test_every_mutant_is_caught(module: str) -> None:
    functions, specimens = MODULES[module]
    planted = list(mutants(module, functions))
    assert len(planted) >= 5
    alive = {mutant.title for mutant in planted if survives(mutant, specimens)}
    assert alive == {title for title in EQUIVALENT if title.startswith(f"{module}:")}


def test_every_module_with_a_backward_is_covered() -> None:
    with_backward = {path.stem for path in CORE.glob("*.py") if "def backward(" in path.read_text()}
    assert with_backward <= MODULES.keys()
