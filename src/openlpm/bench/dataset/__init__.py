"""The dataset pipeline against what is known: planted defects, cuts that were looked at, kills."""
