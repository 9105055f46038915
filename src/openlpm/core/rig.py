"""The rig: the named controls that move a performer, and so the ground truth of every synthetic frame.

A track is a float32 array ``rig_FR``: F frames at 24 fps by R channels in the order of ``Rig``.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

RigTrack = NDArray[np.float32]


class Rig(IntEnum):
    """Channels of the rig; left and right are the viewer's."""

    JAW = 0
    """0 closed, 1 wide open."""
    WIDTH = 1
    """-1 narrow, 0 rest, 1 spread (as in "ee")."""
    ROUNDING = 2
    """0 none, 1 pursed (as in "oo")."""
    PRESS = 3
    """0 none, 1 lips pressed together (as in "p", "b", "m")."""
    TEETH = 4
    """0 hidden, 1 upper teeth shown on the lower lip or in the gap ("f", "s")."""
    TONGUE = 5
    """0 low, 1 tongue tip seen ("th", "l")."""
    SMILE = 6
    """-1 corners down, 0 rest, 1 broad smile."""
    BLINK_LEFT = 7
    """0 open, 1 closed."""
    BLINK_RIGHT = 8
    SQUINT = 9
    """0 none, 1 lower lids raised (as in a true smile)."""
    WIDEN = 10
    """0 none, 1 eyes wide (surprise)."""
    GAZE_X = 11
    """How the eyes stand in the head: -1 picture left, 0 straight ahead (into the camera only if the head is frontal),
    1 picture right."""
    GAZE_Y = 12
    """The same: -1 down, 0 straight ahead, 1 up."""
    BROW_LEFT = 13
    """-1 lowered, 0 rest, 1 raised."""
    BROW_RIGHT = 14
    FURROW = 15
    """-1 inner ends up (worry), 0 rest, 1 inner ends down and together (anger, effort)."""
    YAW = 16
    """Nominal radians about the vertical, +-0.6 (``synth`` draws about 0.6 of it); positive turns the face to picture
    right."""
    PITCH = 17
    """The same, +-0.4; positive looks up."""
    ROLL = 18
    """Radians, +-0.35; positive tips the head to picture right."""
    SHIFT_X = 19
    """Head displacement, +-1 = a tenth of the picture; positive to the right."""
    SHIFT_Y = 20
    """Same; positive is up."""
    LEAN = 21
    """-1 leans back, 1 leans in (scale 0.92 to 1.08)."""
    SHOULDER = 22
    """0 rest, 1 shrugged."""
    BREATH = 23
    """0 breathed out, 1 breathed in."""
    SWAY = 24
    """Torso leans sideways, -1 to picture left, 1 to picture right."""
    BLUSH = 25
    """0 none, 1 red cheeks."""
    ARM_LEFT = 26
    """0 hangs down (no hand in the picture), 1 hand raised to the height of the chin."""
    ARM_RIGHT = 27
    REACH_LEFT = 28
    """Where a raised hand is: -1 before the chest or chin, 0 beside the shoulder, 1 stretched outward."""
    REACH_RIGHT = 29
    SWING_LEFT = 30
    """The forearm turns about the elbow, -1 inward, 1 outward: a wave swings it."""
    SWING_RIGHT = 31
    HAND_LEFT = 32
    """Shape of the hand: 0 open palm, 0.5 relaxed fist, 1 pointing finger."""
    HAND_RIGHT = 33
    TIME = 34
    """Seconds of the background: drives drifting clouds, lights, snow and rain of those that move."""


NUM_RIG = len(Rig)

_LOW = dict.fromkeys(Rig, 0.0) | {
    Rig.WIDTH: -1.0, Rig.SMILE: -1.0, Rig.GAZE_X: -1.0, Rig.GAZE_Y: -1.0, Rig.BROW_LEFT: -1.0, Rig.BROW_RIGHT: -1.0,
    Rig.FURROW: -1.0, Rig.YAW: -0.6, Rig.PITCH: -0.4, Rig.ROLL: -0.35, Rig.SHIFT_X: -1.0, Rig.SHIFT_Y: -1.0,
    Rig.LEAN: -1.0, Rig.SWAY: -1.0, Rig.REACH_LEFT: -1.0, Rig.REACH_RIGHT: -1.0, Rig.SWING_LEFT: -1.0,
    Rig.SWING_RIGHT: -1.0,
}  # fmt: skip
_HIGH = dict.fromkeys(Rig, 1.0) | {Rig.YAW: 0.6, Rig.PITCH: 0.4, Rig.ROLL: 0.35, Rig.TIME: 3600.0}
RIG_LOW_R: NDArray[np.float32] = np.array([_LOW[channel] for channel in Rig], dtype=np.float32)
"""The least value of each channel of the rig."""
RIG_HIGH_R: NDArray[np.float32] = np.array([_HIGH[channel] for channel in Rig], dtype=np.float32)
"""The greatest value of each channel of the rig."""

MOUTH_CHANNELS = (Rig.JAW, Rig.WIDTH, Rig.ROUNDING, Rig.PRESS, Rig.TEETH, Rig.TONGUE)
"""The six channels that speech moves."""


class State(IntEnum):
    """What a character is doing in a frame (LPM 1.0, section 1; BOTH is speech over speech)."""

    IDLE = 0
    LISTEN = 1
    SPEAK = 2
    BOTH = 3


VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou")
"""The fifteen visemes of the MPEG-4 / Oculus set, by their usual names."""
