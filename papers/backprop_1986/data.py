"""What the paper teaches: symmetry of six bits, and two families, written out in full."""

import numpy as np

from core.layer import Array

BITS = 6
PATTERNS: Array = np.array([[number >> bit & 1 for bit in range(BITS)] for number in range(2**BITS)], float)  # (64, 6)
MIRRORED = [(bit, BITS - 1 - bit) for bit in range(BITS // 2)]

TASKS = {
    "mirror": MIRRORED,  # the paper's: which patterns read the same from both ends
    "repeat": [(bit, bit + BITS // 2) for bit in range(BITS // 2)],  # whose second half repeats the first
    "outer": MIRRORED[:2],  # the mirrored pair in the middle does not count
}


def labels(task: str) -> Array:
    """1 for the patterns in which all pairs of the task are equal, (64, 1); task "first" is the first bit itself."""
    if task == "first":
        return PATTERNS[:, :1]
    equal = np.all([PATTERNS[:, i] == PATTERNS[:, j] for i, j in TASKS[task]], axis=0)
    return np.asarray(equal[:, None], float)


PEOPLE = (
    "Christopher Penelope Andrew Christine Margaret Arthur Victoria James Jennifer Charles Colin Charlotte".split()
)  # the English; the number of a person is that of the place in the tree, for Italians plus 12
TREE = len(PEOPLE)
MEN = {0, 2, 5, 7, 9, 10}
COUPLES = [(0, 1), (2, 3), (5, 4), (7, 6), (9, 8)]
CHILDREN = {(0, 1): (5, 6), (2, 3): (7, 8), (7, 6): (10, 11)}
GENERATION = (1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3)
BRANCH = (1, 1, -1, -1, 1, 1, 1, -1, -1, -1, 0, 0)  # of Christopher and Penelope, or of Andrew and Christine
RELATIONS = "father mother husband wife son daughter uncle aunt brother sister nephew niece".split()

PROPERTIES: dict[str, Array] = {  # of each of the 24 people
    "nationality": np.repeat([1.0, -1.0], TREE),
    "generation": np.tile(np.array(GENERATION, float), 2),
    "branch": np.tile(np.array(BRANCH, float), 2),
    "sex": np.array([1.0 if place in MEN else -1.0 for place in range(TREE)] * 2),
}

Triple = tuple[int, int, int]  # person, relation, person


def triples(in_law: bool = True) -> list[Triple]:
    """All that is true of one tree. Without `in_law`, no uncle, aunt, nephew or niece is one by marriage."""
    spouse = {a: b for couple in COUPLES for a, b in (couple, couple[::-1])}
    parents = {child: couple for couple, children in CHILDREN.items() for child in children}
    found: set[Triple] = set()

    def siblings(person: int) -> list[int]:
        return [child for child in CHILDREN.get(parents.get(person, (-1, -1)), ()) if child != person]

    def children(person: int) -> list[int]:
        return [child for couple in CHILDREN if person in couple for child in CHILDREN[couple]]

    def married(people: list[int]) -> list[int]:
        return [spouse[person] for person in people if person in spouse and in_law]

    def add(person: int, man: str, woman: str, others: list[int]) -> None:
        found.update((person, RELATIONS.index(man if other in MEN else woman), other) for other in others)

    for person in range(TREE):
        add(person, "father", "mother", [*parents.get(person, ())])
        add(person, "husband", "wife", [spouse[person]] if person in spouse else [])
        add(person, "son", "daughter", children(person))
        add(person, "brother", "sister", siblings(person))
        for parent in parents.get(person, ()):
            add(person, "uncle", "aunt", siblings(parent) + married(siblings(parent)))
        for sibling in siblings(person) + [s for other in married([person]) for s in siblings(other)]:
            add(person, "nephew", "niece", children(sibling))
    return sorted(found)


def questions(italian: Array | None = None, in_law: bool = True) -> tuple[Array, Array, Array]:
    """Of both trees: person (N, 24), relation (N, 12) and answers (N, 24), ones for who or what it is.

    `italian`, a permutation, gives the number that each relation has in Italian, if it is another.
    """
    answers: dict[tuple[int, int], set[int]] = {}
    for person, relation, other in triples(in_law):
        answers.setdefault((person, relation), set()).add(other)
        there = relation if italian is None else int(italian[relation])
        answers.setdefault((person + TREE, there), set()).add(other + TREE)
    asked = sorted(answers)
    target = np.zeros((len(asked), 2 * TREE))
    for row, question in enumerate(asked):
        target[row, list(answers[question])] = 1
    persons, relations = np.array(asked).T
    return np.eye(2 * TREE)[persons], np.eye(len(RELATIONS))[relations], target
