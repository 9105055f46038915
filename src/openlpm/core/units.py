"""Clocks of the house: time is integers, audio is the clock and video follows it."""

AUDIO_RATE_HZ = 16_000
FRAME_RATE_HZ = 24


def samples_at_frame(frame: int) -> int:
    """Audio sample at which video frame ``frame`` begins (16 kHz, 24 fps; exact, never drifts)."""
    return frame * AUDIO_RATE_HZ // FRAME_RATE_HZ


def frames_in_samples(num_samples: int) -> int:
    """Number of video frames needed to cover ``num_samples`` of audio (the last may be partly silent)."""
    return -(-num_samples * FRAME_RATE_HZ // AUDIO_RATE_HZ)
