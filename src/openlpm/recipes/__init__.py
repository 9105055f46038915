"""Complete, named configurations: a function each."""
