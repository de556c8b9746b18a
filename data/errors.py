"""Exceptions for errors that a retry cannot fix: invalid input, and training that cannot continue."""


class PermanentError(Exception):
    """Base class of errors that would occur again on a retry; code that retries after failures must not retry these."""


class InputError(PermanentError, ValueError):
    """Invalid input: a file or a value from outside. The message names it, what is wrong and what to do."""


class NotFiniteError(PermanentError, FloatingPointError):
    """A network produced NaN or infinite values. The message says which network and what to do."""
