"""Reviews of designs: somebody else's answers to a rubric, a verdict, and questions that the author must answer."""

from firsthand.review.checks import check
from firsthand.review.document import Document, Question, Review, names, of_design, read, rubric

__all__ = ["Document", "Question", "Review", "check", "names", "of_design", "read", "rubric"]
