"""From raw videos to training shards: the dataset pipeline (LPM 1.0, section 1)."""
