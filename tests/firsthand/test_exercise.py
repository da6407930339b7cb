"""Exercises: a blank fails, the original passes, wrong answers get their hint, and the answer cannot be fetched."""

import ast
import re
from pathlib import Path

import msgspec
import pytest
from toy import Toy

from firsthand.errors import FirsthandError
from firsthand.exercise import check, grade, source, worker
from firsthand.exercise.catalogue import Exercise, catalogue, find
from firsthand.exercise.specimens import specimens_of
from firsthand.pages.exercises import exercises
from firsthand.pages.view import view
from firsthand.project import Project

PROJECT = Project.find(Path(__file__))
PROJECT.importable()
EXERCISES = catalogue(PROJECT)
MODULES = {exercise.module: exercise.path for exercise in EXERCISES.values()}

each = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def body_of(exercise: Exercise) -> ast.FunctionDef:
    text = exercise.path.read_text()
    node = source.find(source.parse(text, exercise.path), exercise.function)
    assert node is not None
    return node


def blank(exercise: Exercise) -> str:
    return source.blanked(exercise.path.read_text(), body_of(exercise))


def written(path: Path, name: str, *lines: str) -> Path:
    """A learner's file with these lines as the body."""
    grade.start(PROJECT, name, path)
    line = next(line for line in path.read_text().splitlines() if "raise NotImplementedError" in line)
    indent = line[: len(line) - len(line.lstrip())]
    path.write_text(path.read_text().replace(line, "\n".join(indent + each for each in lines)))
    return path


def words_for(name: str, old: str, new: str) -> tuple[bool, str]:
    """The judgement on the original with one place of the body changed, in this process."""
    exercise = EXERCISES[name]
    lines = exercise.path.read_text().splitlines(keepends=True)
    at = source.body_lines(exercise.path.read_text(), body_of(exercise))
    body = "".join(lines[at.start - 1 : at.stop - 1])
    assert old in body
    text = "".join([*lines[: at.start - 1], body.replace(old, new), *lines[at.stop - 1 :]])
    return worker.judge(worker.execute(text, exercise.module), "", exercise.path, exercise.function)


# -- which there are ---------------------------------------------------------------------------------------------------


def test_every_backward_is_an_exercise_with_a_name_of_its_own() -> None:
    folders = [PROJECT.root / "core", *(PROJECT.paper(slug) for slug in PROJECT.slugs())]
    count = sum(path.read_text().count("def backward(") for folder in folders for path in folder.glob("*.py"))
    assert len(EXERCISES) == count > 80
    assert {"linear", "conv2d", "conv2d_layer", "lstm_cell", "lstm", "attention", "prelu"} <= EXERCISES.keys()
    assert {"lstm_1997.memory_blocks", "transformer_2017.tied_embedding_scores"} <= EXERCISES.keys()
    assert all(name == name.lower() for name in EXERCISES)  # files that differ in case alone are one on some systems


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(FirsthandError, match=r"no exercise called 'lstm_cel'; did you mean lstm_cell\?"):
        find(PROJECT, "lstm_cel")


# -- blanks and originals ----------------------------------------------------------------------------------------------


@each
def test_the_blank_keeps_all_but_the_body(exercise: Exercise) -> None:
    text, made = exercise.path.read_text(), blank(exercise)
    lines, at = text.splitlines(), source.body_lines(text, body_of(exercise))
    assert made.splitlines()[: at.start - 1] == lines[: at.start - 1]
    assert made.splitlines()[at.start :] == lines[at.stop - 1 :]
    node = source.find(source.parse(made, exercise.path), exercise.function)
    assert node is not None and source.is_blank(node) and not source.is_blank(body_of(exercise))
    assert source.difference(ast.parse(made), ast.parse(text), exercise.function) is None


@each
def test_a_blank_fails(exercise: Exercise) -> None:
    module = worker.execute(blank(exercise), exercise.module)
    right, words = worker.judge(module, "", exercise.path, exercise.function)
    assert not right and "NotImplementedError" in words and "write this backward" in words


@pytest.mark.parametrize("module", MODULES)
def test_the_original_passes(module: str) -> None:
    for specimen in specimens_of(module)(worker.execute(MODULES[module].read_text(), module)):
        assert check.complaint(specimen) is None


# -- wrong answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "old", "new", "hint"),
    [
        ("linear", "rows(x).T", "-rows(x).T", "W.grad has the wrong sign"),
        ("linear", "dy_rows.sum(", "dy_rows.mean(", r"b.grad is 0.1 times .* a mean for a sum\?"),
        ("linear", "self.W.grad +=", "self.W.grad =", r"W.grad is overwritten, .* add to it, with \+="),
        ("linear", "product(dy, W.T)", "product(dy, W)", r"Is a transpose missing"),
        ("linear", "self.b.grad += dy_rows.sum(axis=0)", "pass", "b.grad is zero .* nothing is ever added to it"),
        (
            "linear",
            "self.b.grad += dy_rows.sum(axis=0)",
            "self.b.grad += dy_rows",
            "Is a sum over the batch .* missing",
        ),
        ("linear", "self.of_data", "False", "dx is ndarray, expected None"),
        ("conv2d_layer", "sum_maps(dy)", "sum_maps(dy[:1])", "b.grad counts the first example only"),
        ("conv2d", "kernel_gradient(x, dy,", "kernel_gradient(x, 2 * dy,", "W.grad is 2 times .* is it added twice"),
        ("rnn_cell", "dz @ W.T, dz @ U.T", "dz @ U.T, dz @ W.T", "dx is float64 .*, expected float64"),
        (
            "lstm_cell",
            "dz @ U.T, dc_new * f",
            "dc_new * f, dz @ U.T",
            "dh is the right answer for dc: are the two exch",
        ),
        ("tanh", "dy * (1 - y * y)", "dy", "dx is the gradient of output 0, unchanged"),
        ("tanh", "dy * (1 - y * y)", "1 - y * y", "dx is not proportional to the gradient that comes in"),
        ("residual", "dy + backward_f(dy)", "backward_f(dy)", "lacks the gradient of output 0 itself"),
        ("attention", "-= D[i]", "+= D[i]", r"attention: dq is wrong.* \(Tried on q \(2, 4, 6\), k"),
        ("dropout", "dy", "dy, dy", "backward returns 2 results, expected 1: dx"),
        ("lstm", "add(dh, dh_out, dh)", "pass", "is wrong"),
        ("lenet_1998.map_criterion", "+= 1 / len(y)", "+= 1.0", "dy is wrong in "),
        ("lstm_1997.squared", "error * y", "error * error", "dnet is wrong"),
        ("gcn_2017.graph_convolution", "S_k.T @ dY", "S_k @ dY", "wrong"),
        ("transformer_2017.add_norm", "dz, backward_dropped(dz)", "dz, dz", "df is the right answer for dx"),
    ],
)
def test_a_wrong_answer_gets_its_hint(name: str, old: str, new: str, hint: str) -> None:
    right, words = words_for(name, old, new)
    assert not right and re.search(hint, words), words


def test_another_way_to_the_same_gradient_is_right() -> None:
    assert words_for("softmax", "np.vecdot(dy, y)[..., None]", "(dy * y).sum(axis=-1, keepdims=True)") == (True, "1")
    assert words_for("linear", "rows(x).T @ dy_rows", "np.einsum('mi,mo->io', rows(x), dy_rows)") == (True, "3")


# -- the learner's file, in a process of its own -----------------------------------------------------------------------


def test_from_start_to_right(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    _, line = grade.start(PROJECT, "tanh", path)
    assert "NotImplementedError" in path.read_text().splitlines()[line - 1]
    result = grade.grade(PROJECT, path)
    assert not result.right and result.words.startswith(f"tanh: not written yet; line {line} of ")
    path.write_text(path.read_text().replace('raise NotImplementedError("write this backward")', "return dy * (1 + y)"))
    result = grade.grade(PROJECT, path)
    assert not result.right and result.words.startswith("tanh: not right yet. tanh: dx is wrong")
    path.write_text(path.read_text().replace("(1 + y)", "(1 - y * y)  # a comment\n\n        # is no change"))
    result = grade.grade(PROJECT, path)
    assert result.right and result.words.startswith("tanh: right. Tried on 1 specimen of")


def test_a_file_of_a_paper_stands_in_for_its_module(tmp_path: Path) -> None:
    answer = "dy = dnet = error * y * (1 - y)", "print('by the way')", "return dnet"
    result = grade.grade(PROJECT, written(tmp_path / "x", "lstm_1997.squared", *answer))
    assert result.right and "by the way" not in result.words


def test_an_error_is_shown_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.py", "tanh", "n = 0", "return dy / [n][1]")
    words = grade.grade(PROJECT, path).words
    line = path.read_text()[: path.read_text().index("return dy / [n]")].count("\n") + 1
    assert "IndexError" in words and f"(Line {line}: return dy / [n][1])" in words


@pytest.mark.parametrize(
    ("body", "seconds", "words"),
    [
        (["while True:", "    pass"], 2, "no end after 2 seconds"),
        (["raise SystemExit(0)"], 60, "ended the process"),
        (["return backward(dy)"], 60, "RecursionError"),
    ],
)
def test_a_body_that_does_not_return(tmp_path: Path, body: list[str], seconds: float, words: str) -> None:
    result = grade.grade(PROJECT, written(tmp_path / "mine.py", "tanh", *body), seconds)
    assert not result.right and words in result.words


@pytest.mark.parametrize(
    "line",
    [
        "from core.dense import Linear",
        "import core.dense as answer",
        "answer = __import__('core').Linear",
        "exec('import core')",
        "text = open('core/dense.py').read()",
    ],
)
def test_an_answer_that_is_fetched_is_refused(tmp_path: Path, line: str) -> None:
    path = written(tmp_path / "mine.py", "linear", "if dy.size:", f"    {line}", "return None")
    with pytest.raises(FirsthandError, match=r"mine\.py: line \d+: .* is refused"):
        grade.grade(PROJECT, path)


MODULES_OF_PYTHON = "type(np.__spec__).__init__.__globals__['sys'].modules"


@pytest.mark.parametrize(
    "place",
    [
        "next(c for c in Layer.__subclasses__() if c.__name__ == 'Linear' and c.__module__ == 'core.dense')",
        f"{MODULES_OF_PYTHON}['core.dense'].Linear",
        f"{MODULES_OF_PYTHON}['core'].Linear",
    ],
)
def test_there_is_no_original_to_lean_on(tmp_path: Path, place: str) -> None:
    """Wherever a learner looks for the class, what is there is the learner's own, which asks itself without end."""
    answer = f"Original = {place}", "twin = Original.__new__(Original)", "vars(twin).update(vars(self))"
    path = written(tmp_path / "mine.py", "linear", *answer, "return Original.__call__(twin, x)[1](dy)")
    result = grade.grade(PROJECT, path)
    assert not result.right and "RecursionError" in result.words


# -- what is no answer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\xff", "byte 0 is not UTF-8 text"),
        (b"", "is no exercise"),
        (b"import numpy\n", "is no exercise"),
        (b"# Exercise liner: write\n", "no exercise called 'liner'; did you mean linear"),
        (b"# Exercise linear: write\nx = \n", "line 2: invalid syntax; correct the syntax"),
        (b"# Exercise linear: write\n\0\n", "null"),
        (b"# Exercise linear: write\nx = 1\n", "has no Linear.__call__.backward any more"),
    ],
)
def test_no_answer(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(content)
    with pytest.raises(FirsthandError, match=re.escape(message)):
        grade.grade(PROJECT, path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("y = np.tanh(x)\n", "y = 0 * x\n", "has `y = 0 * x` where core/activations.py has `y = np.tanh(x)`"),
        ("import numpy as np\n", "import numpy as np, os\n", "has `import numpy as np, os` where"),
        ("    def backward(dy: Array)", "    def backward(dy)", "has `def backward(dy) -> Array:` where"),
        ("return y, backward\n", "return y, lambda dy: dy\n", "has `return (y, lambda dy: dy)` where"),
    ],
)
def test_changes_elsewhere_are_reported(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = written(tmp_path / "mine.py", "tanh", "return dy * (1 - y * y)")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(FirsthandError, match=re.escape(message)):
        grade.grade(PROJECT, path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "linear.py").write_text("mine")
    with pytest.raises(FirsthandError, match="exists already"):
        grade.start(PROJECT, "linear", tmp_path / "linear.py")
    with pytest.raises(FirsthandError, match="cannot be written"):
        grade.start(PROJECT, "linear", tmp_path / "nowhere" / "linear.py")
    assert (tmp_path / "linear.py").read_text() == "mine"


# -- the command and the page ------------------------------------------------------------------------------------------


def test_the_command(toy: Toy) -> None:
    rows = msgspec.json.decode(toy("exercise", "list", "--json").stdout)
    linear = {"name": "linear", "file": "core/dense.py", "function": "Linear.__call__.backward", "lines": 5}
    assert linear in rows
    started = toy("exercise", "start", "relu")
    assert started.returncode == 0 and "firsthand exercise grade relu.py" in started.stdout
    assert "not written yet" in (done := toy("exercise", "grade", "relu.py")).stdout and done.returncode == 1
    path = toy.root / "relu.py"
    path.write_text(path.read_text().replace('raise NotImplementedError("write this backward")', "return dy * (y > 0)"))
    assert "relu: right." in (done := toy("exercise", "grade", "relu.py")).stdout and done.returncode == 0
    assert "cannot be read" in toy.refused("exercise", "grade", "none.py")


def test_a_paper_without_specimens_says_where_they_belong(toy: Toy) -> None:
    model = "def f(x):\n    def backward(dy):\n        return dy\n\n    return x, backward\n"
    (toy.root / "papers" / toy.slug / "model.py").write_text(model)
    said = toy.refused("exercise", "start", "toy_2000.f")
    assert "papers/toy_2000/specimens.py: SPECIMENS has nothing to check model.py on" in said


@pytest.mark.parametrize(
    ("slug", "of_core", "not_of_core"),
    [("lenet_1998", {"conv2d", "conv2d_layer", "linear"}, {"lstm"}), ("elman_1990", set(), EXERCISES.keys())],
)
def test_the_page_of_a_paper_has_its_exercises(slug: str, of_core: set[str], not_of_core: set[str]) -> None:
    started = re.findall(r"firsthand exercise start (\S+)", exercises(view(PROJECT, slug)))
    own = {name for name in EXERCISES if name.startswith(f"{slug}.")}
    assert len(set(started)) == len(started) and own and of_core | own <= set(started) <= EXERCISES.keys()
    assert not (set(started) - own) & not_of_core
