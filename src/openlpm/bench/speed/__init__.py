"""How fast a size streams: weights of chance, since time does not depend on their values."""
