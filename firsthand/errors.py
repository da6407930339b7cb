"""The one exception for problems that a user can act on."""


class FirsthandError(Exception):
    """A problem that the user can act on: one sentence that names the place and the remedy.

    The command line prints the sentence and exits with `exit_code`.
    """

    exit_code = 2
