"""Events of a clip from times in seconds."""

import numpy as np

from openlpm.core.record import Event
from openlpm.core.units import FRAME_RATE_HZ


def happening(kind: str, start_s: float, end_s: float) -> Event:
    """An event of at least one frame."""
    start = int(np.floor(start_s * FRAME_RATE_HZ))
    return Event(kind=kind, start_frame=start, end_frame=max(int(np.ceil(end_s * FRAME_RATE_HZ)), start + 1))


def in_clip(events: list[Event], num_frames: int) -> tuple[Event, ...]:
    """Events that begin inside the clip, cut at its end, in order."""
    kept = [
        event
        if event.end_frame <= num_frames
        else Event(kind=event.kind, start_frame=event.start_frame, end_frame=num_frames)
        for event in events
        if 0 <= event.start_frame < num_frames
    ]
    return tuple(sorted(kept, key=lambda event: (event.start_frame, event.kind)))
