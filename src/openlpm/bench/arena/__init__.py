"""The rating arena: blind comparisons of two clips by people, what is kept of them, and what they say of systems."""
