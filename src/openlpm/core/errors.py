"""Errors that a user can act on."""


class OpenLPMError(Exception):
    """Base of every error that OpenLPM raises on purpose; its text is one sentence fit to show."""


class ConfigError(OpenLPMError, ValueError):
    """A configuration field holds a value that cannot work; the text says field, value and remedy."""


class InputError(OpenLPMError, ValueError):
    """Something the user gave (file, timeline, picture) cannot be used; the text says what to do."""


class WeightsError(OpenLPMError):
    """A checkpoint does not fit the model it is loaded into; the text names the keys."""


class AgentError(OpenLPMError):
    """An agent cannot be reached or refuses to work; the text names what to change."""


class PerformanceEnded(OpenLPMError):  # noqa: N818 (an end is not always an error)
    """A running character was closed, or failed; the text says which."""


class NoRoom(OpenLPMError):  # noqa: N818 (as above)
    """As many characters run as this machine can carry; the text says how many."""
