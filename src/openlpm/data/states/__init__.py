"""What each person does in each frame: speak, listen, idle, or nothing that may be kept."""
