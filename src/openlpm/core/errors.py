"""Errors that a user can act on."""


class OpenLPMError(Exception):
    """Base of every error that OpenLPM raises on purpose; its text is one sentence fit to show."""


class ConfigError(OpenLPMError, ValueError):
    """A configuration field holds a value that cannot work; the text says field, value and remedy."""


class InputError(OpenLPMError, ValueError):
    """Something the user gave (file, timeline, picture) cannot be used; the text says what to do."""


class WeightsError(OpenLPMError):
    """A checkpoint does not fit the model it is loaded into; the text names the keys."""
