"""Names of systems with their setting ("Latent diffusion, 1 step"), the same wherever a report names a system.

The setting is that of the report that is being written. It holds for the functions that are called inside
`settings_of_systems`, as a precision set by `numpy.printoptions` does, so that no table can forget it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_SETTINGS: ContextVar[Mapping[str, str]] = ContextVar("settings")


@contextmanager
def settings_of_systems(settings: Mapping[str, str]) -> Iterator[None]:
    """Context manager: inside it, `with_setting` adds the setting of each system to its name.

    Args:
        settings: setting by system, such as {"diffusion": "1 step"}; systems without one have none, or "".

    Example:
        >>> with settings_of_systems({"diffusion": "1 step"}):
        ...     with_setting("diffusion", "Latent diffusion")
        'Latent diffusion, 1 step'
    """
    token = _SETTINGS.set(settings)
    try:
        yield
    finally:
        _SETTINGS.reset(token)


def with_setting(system: str, name: str) -> str:
    """Return the display name of a system followed by its setting in this report, if it has one."""
    setting = _SETTINGS.get({}).get(system, "")
    return f"{name}, {setting}" if setting else name
