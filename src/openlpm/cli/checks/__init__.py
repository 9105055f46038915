"""What ``openlpm doctor`` looks at: every check is a function that returns a ``Finding``."""
