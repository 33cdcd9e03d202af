"""The one exception for what a user can mend: the command line prints its message and no traceback."""


class UserError(Exception):
    """A mistake in a file, a setting or a flag.

    The message is one line for a person: what is wrong, where (the file or the flag), and what to do.
    """


class Diverged(UserError):
    """A run diverges: its settings are legal, but its loss or its weights leave all bounds."""
