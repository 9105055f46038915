"""From conditions to pictures: the assembled model and the chunk loop that drives it."""
