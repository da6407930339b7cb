"""Design documents: designs/<name>.md, whose front matter says what was decided and because of what."""

from firsthand.design.checks import check
from firsthand.design.document import Document, Grounds, names, read, written
from firsthand.design.readings import agrees, reading
from firsthand.design.schema import Alternative, Decision, Design, Quantity

__all__ = [
    "Alternative",
    "Decision",
    "Design",
    "Document",
    "Grounds",
    "Quantity",
    "agrees",
    "check",
    "names",
    "read",
    "reading",
    "written",
]
