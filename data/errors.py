"""The one exception that means: your input is at fault, here is which and what to do."""


class InputError(ValueError):
    """Bad input from outside. The message names the file or value, what is wrong and the remedy."""
