"""Errors that a second attempt would meet again: bad input, and trainings that cannot go on."""


class PermanentError(Exception):
    """An error that lasts: whoever retries on failure need not."""


class InputError(PermanentError, ValueError):
    """Bad input from outside. The message names the file or value, what is wrong and the remedy."""


class NotFiniteError(PermanentError, FloatingPointError):
    """A network made NaN or infinite values. The message says which network and what to do."""
