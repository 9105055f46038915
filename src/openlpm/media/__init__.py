"""Files and streams of picture and sound, through PyAV; nothing of it is imported where models run."""
