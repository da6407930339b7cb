"""The Python of a page, block by block; line numbers in errors are those of the page."""

import contextlib
import io
import warnings
from typing import Any

from firsthand.errors import FirsthandError


def execute(block: str, place: str, line: int, namespace: dict[str, Any]) -> str:
    """What a block prints. It begins at `line` of `place`, and works on the names that the blocks before it left."""
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(compile("\n" * (line - 1) + block, place, "exec"), namespace)
    except Exception as error:
        trace, at = error.__traceback__, line
        while trace is not None:
            at = trace.tb_lineno if trace.tb_frame.f_code.co_filename == place else at
            trace = trace.tb_next
        raise FirsthandError(f"{place}: line {at}: {type(error).__name__}: {error}; correct the lesson.") from error
    return out.getvalue()
