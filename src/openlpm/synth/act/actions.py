"""The actions that a text can ask for: what moves, when, and the words for it. Left and right are the viewer's.

A motion is a list of knots ``(seconds, value)`` for a channel, joined by smooth moves, from 0 and back to 0. Phrases
are in the base form with the verb first; further verbs are marked with ``~``, and ``{their}`` stands for the pronoun.
Each action has phrases for training and others that only the validation and test splits use.
"""

from dataclasses import dataclass
from typing import final

from openlpm.core.rig import MOUTH_CHANNELS, Rig

Knots = tuple[tuple[float, float], ...]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One named action of about ``length_s``; the knots of ``GAZE_X`` and ``GAZE_Y`` are relative to the camera."""

    motion: dict[Rig, Knots]
    says: tuple[str, ...]
    """Phrases, the plainest first."""
    held_out: tuple[str, ...]
    """Phrases never used in the training split."""

    @property
    def length_s(self) -> float:
        """Seconds from the first movement to rest."""
        return max(knots[-1][0] for knots in self.motion.values())

    @property
    def uses_mouth(self) -> bool:
        """Whether it moves what speech moves."""
        return any(channel in MOUTH_CHANNELS for channel in self.motion)

    @property
    def uses_arms(self) -> bool:
        """Whether a hand comes up."""
        return Rig.ARM_LEFT in self.motion or Rig.ARM_RIGHT in self.motion


def _hold(value: float, *, rise: float = 0.3, hold: float = 0.9, fall: float = 0.4, at: float = 0.0) -> Knots:
    return ((at, 0.0), (at + rise, value), (at + rise + hold, value), (at + rise + hold + fall, 0.0))


def _swing(size: float, *, period: float, count: int, at: float = 0.0, decay: float = 1.0) -> Knots:
    """To ``size`` and back, ``count`` times."""
    knots = [(at, 0.0)]
    for index in range(count):
        knots += [(at + (index + 0.45) * period, size * decay**index), (at + (index + 1) * period, 0.0)]
    return tuple(knots)


def _shake(size: float, *, period: float, count: int, at: float = 0.0) -> Knots:
    """To either side in turn, ``count`` half swings."""
    sides = tuple((at + (index + 0.6) * period / 2, -size if index % 2 else size) for index in range(count))
    return ((at, 0.0), *sides, (at + (count + 0.6) * period / 2, 0.0))


def _look(x: float, y: float, *, yaw: float = 0.0, pitch: float = 0.0, hold: float = 1.0) -> dict[Rig, Knots]:
    eyes = {"rise": 0.1, "hold": hold + 0.15, "fall": 0.1, "at": 0.0}
    head = {"rise": 0.45, "hold": hold - 0.2, "fall": 0.5, "at": 0.06}
    return {
        Rig.GAZE_X: _hold(x, **eyes),
        Rig.GAZE_Y: _hold(y, **eyes),
        Rig.YAW: _hold(yaw, **head),
        Rig.PITCH: _hold(pitch, **head),
    }


def _both(left: Rig, right: Rig, knots: Knots) -> dict[Rig, Knots]:
    return {left: knots, right: knots}


def _eyes_shut(knots: Knots) -> dict[Rig, Knots]:
    return _both(Rig.BLINK_LEFT, Rig.BLINK_RIGHT, knots)


def _brows(knots: Knots) -> dict[Rig, Knots]:
    return _both(Rig.BROW_LEFT, Rig.BROW_RIGHT, knots)


def _arm(side: str, *, up: float, reach: float, hand: float, swing: Knots = (), hold: float = 1.2) -> dict[Rig, Knots]:
    """A hand that comes up, stays and goes down; ``hand`` is its shape throughout."""
    motion = {
        Rig[f"ARM_{side}"]: _hold(up, rise=0.45, hold=hold, fall=0.5),
        Rig[f"REACH_{side}"]: _hold(reach, rise=0.35, hold=hold + 0.15, fall=0.45),
        Rig[f"HAND_{side}"]: _hold(hand, rise=0.25, hold=hold + 0.35, fall=0.35),
    }
    return motion | ({Rig[f"SWING_{side}"]: swing} if swing else {})


_JOLT = {"rise": 0.12, "hold": 0.35, "fall": 0.6}

ACTIONS: dict[str, Action] = {
    # Head
    "nod": Action(
        motion={Rig.PITCH: _swing(-0.22, period=0.48, count=2, decay=0.8)},
        says=("nod", "nod {their} head", "give a nod", "nod in agreement", "say yes with a nod"),
        held_out=("dip {their} head in agreement", "answer with a nod"),
    ),
    "nod_slowly": Action(
        motion={Rig.PITCH: _swing(-0.24, period=1.0, count=2, decay=0.9)},
        says=("nod slowly", "give a slow nod", "nod {their} head slowly", "nod gravely"),
        held_out=("nod without haste", "nod in slow motion"),
    ),
    "shake_head": Action(
        motion={Rig.YAW: _shake(0.3, period=0.62, count=4)},
        says=("shake {their} head", "shake {their} head no", "say no with {their} head", "disagree with a head shake"),
        held_out=("refuse with a shake of the head", "wag {their} head from side to side"),
    ),
    "shake_head_slowly": Action(
        motion={Rig.YAW: _shake(0.3, period=1.25, count=3)},
        says=("shake {their} head slowly", "slowly ~shake {their} head", "give a slow shake of the head"),
        held_out=("shake {their} head in disbelief", "slowly ~move {their} head from side to side"),
    ),
    "tilt_left": Action(
        motion={Rig.ROLL: _hold(-0.3, rise=0.45, hold=1.0, fall=0.5)},
        says=("tilt {their} head to the left", "tilt {their} head left", "lean {their} head to the left"),
        held_out=("cock {their} head to the left", "tip {their} head toward the left shoulder"),
    ),
    "tilt_right": Action(
        motion={Rig.ROLL: _hold(0.3, rise=0.45, hold=1.0, fall=0.5)},
        says=("tilt {their} head to the right", "tilt {their} head right", "lean {their} head to the right"),
        held_out=("cock {their} head to the right", "tip {their} head toward the right shoulder"),
    ),
    "bow": Action(
        motion={
            Rig.PITCH: _hold(-0.4, rise=0.6, hold=0.5, fall=0.7),
            Rig.SHIFT_Y: _hold(-0.7, rise=0.6, hold=0.5, fall=0.7),
            Rig.LEAN: _hold(0.5, rise=0.6, hold=0.5, fall=0.7),
            Rig.GAZE_Y: _hold(-0.8, rise=0.4, hold=0.9, fall=0.5),
        },
        says=("bow", "take a bow", "bow {their} head", "make a bow"),
        held_out=("bow politely", "lower {their} head in a bow"),
    ),
    "turn_left_and_back": Action(
        motion=_look(-0.9, 0.0, yaw=-0.55, hold=0.7),
        says=(
            "turn {their} head to the left and ~look back",
            "turn left and ~turn back",
            "turn {their} face left and then back to the camera",
        ),
        held_out=("swivel {their} head to the left and ~return", "check {their} left side and ~face the camera again"),
    ),
    "turn_right_and_back": Action(
        motion=_look(0.9, 0.0, yaw=0.55, hold=0.7),
        says=(
            "turn {their} head to the right and ~look back",
            "turn right and ~turn back",
            "turn {their} face right and then back to the camera",
        ),
        held_out=(
            "swivel {their} head to the right and ~return",
            "check {their} right side and ~face the camera again",
        ),
    ),
    # Gaze
    "look_left": Action(
        motion=_look(-0.85, 0.0, yaw=-0.22),
        says=("look left", "look to the left", "glance left", "turn {their} eyes to the left"),
        held_out=("peek to the left", "direct {their} gaze leftward"),
    ),
    "look_right": Action(
        motion=_look(0.85, 0.0, yaw=0.22),
        says=("look right", "look to the right", "glance right", "turn {their} eyes to the right"),
        held_out=("peek to the right", "direct {their} gaze rightward"),
    ),
    "look_up": Action(
        motion=_look(0.0, 0.85, pitch=0.17),
        says=("look up", "glance up", "raise {their} eyes", "look upward"),
        held_out=("gaze at the ceiling", "lift {their} gaze"),
    ),
    "look_down": Action(
        motion=_look(0.0, -0.85, pitch=-0.2),
        says=("look down", "glance down", "lower {their} eyes", "look at the floor"),
        held_out=("drop {their} gaze", "stare at the ground"),
    ),
    "look_at_camera": Action(
        motion=_look(0.0, 0.0, hold=1.6),
        says=("look at the camera", "look straight into the camera", "look at the viewer", "face the camera"),
        held_out=("meet the viewer's eyes", "stare into the lens"),
    ),
    "look_away": Action(
        motion=_look(0.7, -0.4, yaw=0.2, pitch=-0.08),
        says=("look away", "avert {their} eyes", "glance away", "turn {their} gaze away"),
        held_out=("break eye contact", "shift {their} gaze elsewhere"),
    ),
    "look_around": Action(
        motion={
            Rig.GAZE_X: ((0, 0), (0.1, -0.8), (0.8, -0.8), (0.9, 0.8), (1.7, 0.8), (1.8, 0)),
            Rig.GAZE_Y: ((0, 0), (0.1, 0.1), (1.7, 0.1), (1.8, 0)),
            Rig.YAW: ((0, 0), (0.45, -0.3), (0.85, -0.3), (1.4, 0.3), (1.75, 0.3), (2.2, 0)),
        },
        says=("look around", "look from left to right", "look about"),
        held_out=("scan the room", "let {their} eyes wander around"),
    ),
    "roll_eyes": Action(
        motion={
            Rig.GAZE_X: ((0, 0), (0.2, -0.6), (0.5, 0.0), (0.8, 0.65), (1.1, 0)),
            Rig.GAZE_Y: ((0, 0), (0.2, 0.5), (0.5, 0.95), (0.8, 0.5), (1.1, 0)),
            Rig.BLINK_LEFT: ((0, 0), (0.2, 0.2), (0.9, 0.2), (1.1, 0)),
            Rig.BLINK_RIGHT: ((0, 0), (0.2, 0.2), (0.9, 0.2), (1.1, 0)),
            Rig.PITCH: _hold(0.08, rise=0.4, hold=0.3, fall=0.5),
        },
        says=("roll {their} eyes", "give an eye roll", "roll both eyes"),
        held_out=("do an eye roll", "turn {their} eyes to heaven"),
    ),
    # Lids and brows
    "wink_left": Action(
        motion={
            Rig.BLINK_LEFT: _hold(1.0, rise=0.13, hold=0.3, fall=0.2),
            Rig.BLINK_RIGHT: ((0, 0), (0.63, 0)),
            Rig.SMILE: _hold(0.35, rise=0.2, hold=0.4, fall=0.4),
            Rig.ROLL: _hold(-0.07, rise=0.25, hold=0.25, fall=0.4),
        },
        says=("wink with the left eye", "wink {their} left eye", "close the left eye in a wink"),
        held_out=("give a left-eyed wink", "drop a wink with the eye on the left"),
    ),
    "wink_right": Action(
        motion={
            Rig.BLINK_RIGHT: _hold(1.0, rise=0.13, hold=0.3, fall=0.2),
            Rig.BLINK_LEFT: ((0, 0), (0.63, 0)),
            Rig.SMILE: _hold(0.35, rise=0.2, hold=0.4, fall=0.4),
            Rig.ROLL: _hold(0.07, rise=0.25, hold=0.25, fall=0.4),
        },
        says=("wink with the right eye", "wink {their} right eye", "close the right eye in a wink"),
        held_out=("give a right-eyed wink", "drop a wink with the eye on the right"),
    ),
    "blink_slowly": Action(
        motion=_eyes_shut(_hold(1.0, rise=0.4, hold=0.35, fall=0.5)),
        says=("blink slowly", "give a slow blink", "slowly ~blink {their} eyes"),
        held_out=("let {their} eyelids fall and ~rise again", "blink in slow motion"),
    ),
    "blink_repeatedly": Action(
        motion=_eyes_shut(_swing(1.0, period=0.32, count=4)),
        says=("blink several times", "blink rapidly", "blink quickly a few times"),
        held_out=("flutter {their} eyelids", "bat {their} eyelashes"),
    ),
    "close_eyes": Action(
        motion=_eyes_shut(_hold(1.0, rise=0.25, hold=1.5, fall=0.35)),
        says=("close {their} eyes", "shut {their} eyes", "close both eyes for a moment", "keep {their} eyes closed"),
        held_out=("rest {their} eyes", "squeeze both eyes shut"),
    ),
    "squint": Action(
        motion={
            Rig.SQUINT: _hold(0.95, hold=1.2),
            Rig.FURROW: _hold(0.35, hold=1.2),
            **_eyes_shut(_hold(0.35, hold=1.2)),
        },
        says=("squint", "narrow {their} eyes", "squint {their} eyes"),
        held_out=("screw up {their} eyes", "peer through narrowed eyes"),
    ),
    "widen_eyes": Action(
        motion={Rig.WIDEN: _hold(1.0, rise=0.2, hold=1.1), **_brows(_hold(0.45, rise=0.2, hold=1.1))},
        says=("widen {their} eyes", "open {their} eyes wide", "make big eyes"),
        held_out=("stare with round eyes", "go wide-eyed"),
    ),
    "raise_brows": Action(
        motion={**_brows(_hold(0.95, rise=0.2, hold=0.8)), Rig.WIDEN: _hold(0.25, rise=0.2, hold=0.8)},
        says=("raise {their} eyebrows", "raise both brows", "lift {their} eyebrows", "raise {their} brows"),
        held_out=("arch both eyebrows", "shoot {their} eyebrows up"),
    ),
    "raise_left_brow": Action(
        motion={Rig.BROW_LEFT: _hold(1.0, rise=0.25), Rig.BROW_RIGHT: _hold(-0.25, rise=0.25)},
        says=("raise the left eyebrow", "raise {their} left brow", "lift the left eyebrow"),
        held_out=("arch the left eyebrow", "cock the brow on the left"),
    ),
    "raise_right_brow": Action(
        motion={Rig.BROW_RIGHT: _hold(1.0, rise=0.25), Rig.BROW_LEFT: _hold(-0.25, rise=0.25)},
        says=("raise the right eyebrow", "raise {their} right brow", "lift the right eyebrow"),
        held_out=("arch the right eyebrow", "cock the brow on the right"),
    ),
    "furrow_brow": Action(
        motion={Rig.FURROW: _hold(0.95), **_brows(_hold(-0.45))},
        says=("furrow {their} brow", "knit {their} brows", "draw {their} eyebrows together"),
        held_out=("wrinkle {their} forehead", "scowl with {their} brows"),
    ),
    # Mouth and cheeks
    "smile": Action(
        motion={Rig.SMILE: _hold(0.85, rise=0.4, hold=1.2, fall=0.6), Rig.SQUINT: _hold(0.4, rise=0.4, hold=1.2)},
        says=("smile", "give a smile", "smile warmly", "put on a smile", "break into a smile"),
        held_out=("beam", "flash a smile"),
    ),
    "grin": Action(
        motion={
            Rig.SMILE: _hold(1.0, rise=0.3, hold=1.1, fall=0.6),
            Rig.SQUINT: _hold(0.6, rise=0.3, hold=1.1, fall=0.6),
            Rig.JAW: _hold(0.16, rise=0.3, hold=1.1, fall=0.5),
            Rig.TEETH: _hold(0.9, rise=0.3, hold=1.1, fall=0.5),
            Rig.WIDTH: _hold(0.6, rise=0.3, hold=1.1, fall=0.5),
        },
        says=("grin", "give a big grin", "grin broadly", "grin and ~show {their} teeth"),
        held_out=("grin from ear to ear", "flash a toothy grin"),
    ),
    "frown": Action(
        motion={Rig.SMILE: _hold(-0.8), Rig.FURROW: _hold(0.6), **_brows(_hold(-0.4))},
        says=("frown", "give a frown", "turn {their} mouth down", "frown at the camera"),
        held_out=("scowl", "pull a long face"),
    ),
    "pout": Action(
        motion={
            Rig.ROUNDING: _hold(0.75), Rig.PRESS: _hold(0.6), Rig.SMILE: _hold(-0.6), Rig.FURROW: _hold(-0.4),
        },
        says=("pout", "pout {their} lips", "make a pout"),
        held_out=("stick out {their} lower lip", "sulk with pouting lips"),
    ),
    "purse_lips": Action(
        motion={Rig.ROUNDING: _hold(1.0), Rig.WIDTH: _hold(-0.8), Rig.PRESS: _hold(0.35)},
        says=("purse {their} lips", "pucker {their} lips", "press {their} lips together in a pucker"),
        held_out=("screw {their} lips into a circle", "tighten {their} lips"),
    ),
    "bite_lip": Action(
        motion={Rig.TEETH: _hold(1.0), Rig.JAW: _hold(0.1), Rig.FURROW: _hold(-0.35), Rig.WIDTH: _hold(0.15)},
        says=("bite {their} lip", "bite {their} lower lip", "bite {their} lip nervously"),
        held_out=("chew on {their} lip", "catch the lower lip between {their} teeth"),
    ),
    "blow_kiss": Action(
        motion={
            **_arm("RIGHT", up=0.95, reach=-0.9, hand=0.0, hold=0.6),
            Rig.REACH_RIGHT: ((0, 0), (0.35, -0.9), (0.9, -0.9), (1.3, 0.4), (1.7, 0)),
            Rig.ROUNDING: _hold(1.0, rise=0.3, hold=0.35, fall=0.4, at=0.25),
            Rig.WIDTH: _hold(-0.8, rise=0.3, hold=0.35, fall=0.4, at=0.25),
            Rig.SMILE: _hold(0.6, rise=0.3, hold=0.4, fall=0.4, at=1.0),
        },
        says=("blow a kiss", "blow the camera a kiss", "send a kiss"),
        held_out=("throw the viewer a kiss", "waft a kiss from {their} hand"),
    ),
    "laugh": Action(
        motion={
            Rig.JAW: ((0, 0), (0.2, 0.55), (0.4, 0.3), (0.6, 0.6), (0.8, 0.3), (1.0, 0.55), (1.25, 0.25), (1.7, 0)),
            Rig.TEETH: _hold(0.7, rise=0.2, hold=1.0, fall=0.5),
            Rig.WIDTH: _hold(0.5, rise=0.2, hold=1.0, fall=0.5),
            Rig.SMILE: _hold(1.0, rise=0.25, hold=1.2, fall=0.8),
            Rig.SQUINT: _hold(0.9, rise=0.25, hold=1.2, fall=0.6),
            Rig.SHOULDER: _swing(0.5, period=0.28, count=5),
            Rig.PITCH: _hold(0.16, rise=0.3, hold=0.7, fall=0.7),
        },
        says=("laugh", "burst out laughing", "laugh out loud", "have a good laugh"),
        held_out=("crack up", "roar with laughter"),
    ),
    "chuckle": Action(
        motion={
            Rig.JAW: _swing(0.2, period=0.32, count=3, decay=0.8),
            Rig.SMILE: _hold(0.8, rise=0.25, hold=0.8, fall=0.6),
            Rig.SQUINT: _hold(0.55, rise=0.25, hold=0.8, fall=0.5),
            Rig.SHOULDER: _swing(0.3, period=0.32, count=3, decay=0.8),
            Rig.PITCH: _hold(-0.07, rise=0.3, hold=0.6, fall=0.5),
        },
        says=("chuckle", "give a chuckle", "laugh quietly", "chuckle softly"),
        held_out=("snicker", "let a small laugh slip"),
    ),
    "sigh": Action(
        motion={
            Rig.BREATH: ((0, 0), (0.8, 1.0), (1.0, 1.0), (2.2, 0)),
            Rig.SHOULDER: ((0, 0), (0.8, 0.45), (1.0, 0.45), (1.9, 0)),
            Rig.PITCH: ((0, 0), (0.8, 0.08), (1.6, -0.12), (2.3, 0)),
            Rig.JAW: ((0.85, 0), (1.15, 0.2), (1.5, 0.15), (2.0, 0)),
            Rig.BLINK_LEFT: _hold(0.5, rise=0.4, hold=0.6, fall=0.4, at=0.8),
            Rig.BLINK_RIGHT: _hold(0.5, rise=0.4, hold=0.6, fall=0.4, at=0.8),
        },
        says=("sigh", "give a sigh", "let out a sigh", "sigh deeply"),
        held_out=("heave a sigh", "breathe out wearily"),
    ),
    "yawn": Action(
        motion={
            Rig.JAW: ((0, 0), (0.9, 0.95), (1.6, 0.9), (2.2, 0)),
            Rig.ROUNDING: ((0, 0), (0.9, 0.35), (1.6, 0.35), (2.2, 0)),
            Rig.BREATH: ((0, 0), (1.2, 1.0), (2.4, 0)),
            Rig.PITCH: ((0, 0), (1.0, 0.18), (1.6, 0.15), (2.4, 0)),
            **_eyes_shut(((0.2, 0), (0.8, 0.9), (1.7, 0.9), (2.2, 0))),
            Rig.SQUINT: ((0, 0), (0.8, 0.7), (1.7, 0.7), (2.2, 0)),
        },
        says=("yawn", "give a yawn", "yawn widely", "let out a big yawn"),
        held_out=("stifle nothing and ~yawn", "gape in a yawn"),
    ),
    "take_a_breath": Action(
        motion={
            Rig.BREATH: ((0, 0), (0.9, 1.0), (1.3, 1.0), (2.3, 0)),
            Rig.SHOULDER: ((0, 0), (0.9, 0.35), (1.3, 0.35), (2.2, 0)),
            Rig.SHIFT_Y: ((0, 0), (0.9, 0.25), (1.3, 0.25), (2.2, 0)),
        },
        says=("take a deep breath", "breathe in deeply", "breathe deeply"),
        held_out=("fill {their} lungs", "draw a long breath"),
    ),
    "blush": Action(
        motion={
            Rig.BLUSH: _hold(1.0, rise=0.7, hold=1.2, fall=1.0),
            Rig.GAZE_Y: _hold(-0.5, rise=0.15, hold=1.0, fall=0.15, at=0.4),
            Rig.SMILE: _hold(0.3, rise=0.5, hold=1.0, fall=0.6, at=0.3),
        },
        says=("blush", "go red in the face", "blush shyly", "turn red"),
        held_out=("redden", "feel the colour rise in {their} cheeks"),
    ),
    "startle": Action(
        motion={
            Rig.LEAN: _hold(-0.8, **_JOLT), Rig.PITCH: _hold(0.1, **_JOLT), Rig.SHOULDER: _hold(0.7, **_JOLT),
            Rig.WIDEN: _hold(1.0, rise=0.1, hold=0.6, fall=0.6), **_brows(_hold(0.9, rise=0.1, hold=0.6, fall=0.6)),
        },
        says=("startle", "jump in surprise", "flinch", "give a start"),
        held_out=("recoil with a jolt", "get a sudden fright"),
    ),
    # Body
    "lean_in": Action(
        motion={Rig.LEAN: _hold(1.0, rise=0.7, hold=1.2, fall=0.7), Rig.SHIFT_Y: _hold(-0.2, rise=0.7, hold=1.2)},
        says=("lean in", "lean forward", "move closer to the camera", "lean toward the camera"),
        held_out=("bend forward", "come closer"),
    ),
    "lean_back": Action(
        motion={Rig.LEAN: _hold(-1.0, rise=0.7, hold=1.2, fall=0.7), Rig.PITCH: _hold(0.06, rise=0.7, hold=1.2)},
        says=("lean back", "lean backward", "move away from the camera", "sit back"),
        held_out=("draw back", "settle back"),
    ),
    "sway": Action(
        motion={
            Rig.SWAY: _shake(0.85, period=1.3, count=4),
            Rig.ROLL: _shake(0.12, period=1.3, count=4),
        },
        says=("sway from side to side", "sway", "rock from side to side", "swing {their} body left and right"),
        held_out=("move to an unheard rhythm", "rock gently to and fro"),
    ),
    "shrug": Action(
        motion={
            Rig.SHOULDER: _hold(1.0, rise=0.25, hold=0.4, fall=0.4), Rig.ROLL: _hold(0.1, rise=0.3, hold=0.4),
            **_brows(_hold(0.5, rise=0.25, hold=0.4)), Rig.SMILE: _hold(-0.25, rise=0.25, hold=0.4),
        },
        says=("shrug", "shrug {their} shoulders", "give a shrug", "raise {their} shoulders"),
        held_out=("hunch {their} shoulders as if to say who knows", "lift both shoulders"),
    ),
    # Arms and hands
    "wave_left": Action(
        motion=_arm("LEFT", up=0.9, reach=0.35, hand=0.0, swing=_shake(0.8, period=0.55, count=5, at=0.4), hold=1.5),
        says=("wave with the left hand", "wave {their} left hand", "wave hello with the left hand"),
        held_out=("greet with the hand on the left", "flap {their} left hand in greeting"),
    ),
    "wave_right": Action(
        motion=_arm("RIGHT", up=0.9, reach=0.35, hand=0.0, swing=_shake(0.8, period=0.55, count=5, at=0.4), hold=1.5),
        says=("wave", "wave with the right hand", "wave {their} right hand", "wave hello", "wave at the camera"),
        held_out=("greet with the hand on the right", "flap {their} right hand in greeting"),
    ),
    "raise_left_hand": Action(
        motion=_arm("LEFT", up=1.0, reach=0.15, hand=0.0),
        says=("raise the left hand", "raise {their} left hand", "hold up the left hand", "put up {their} left hand"),
        held_out=("lift the open hand on the left", "show the palm of {their} left hand"),
    ),
    "raise_right_hand": Action(
        motion=_arm("RIGHT", up=1.0, reach=0.15, hand=0.0),
        says=("raise the right hand", "raise a hand", "hold up the right hand", "put up {their} right hand"),
        held_out=("lift the open hand on the right", "show the palm of {their} right hand"),
    ),
    "raise_both_hands": Action(
        motion=_arm("LEFT", up=1.0, reach=0.25, hand=0.0) | _arm("RIGHT", up=1.0, reach=0.25, hand=0.0),
        says=("raise both hands", "put {their} hands up", "hold up both hands", "throw up {their} hands"),
        held_out=("lift {their} two hands", "surrender with raised hands"),
    ),
    "open_arms": Action(
        motion=_arm("LEFT", up=0.95, reach=1.0, hand=0.0, swing=_hold(0.55, rise=0.45, hold=1.2, fall=0.5))
        | _arm("RIGHT", up=0.95, reach=1.0, hand=0.0, swing=_hold(0.55, rise=0.45, hold=1.2, fall=0.5)),
        says=("open {their} arms", "spread {their} arms", "open {their} arms wide"),
        held_out=("stretch both arms out", "welcome with wide arms"),
    ),
    "clap": Action(
        motion=(
            _arm("LEFT", up=0.65, reach=-0.6, hand=0.0, swing=_swing(-0.9, period=0.36, count=5, at=0.4), hold=1.6)
            | _arm("RIGHT", up=0.65, reach=-0.6, hand=0.0, swing=_swing(-0.9, period=0.36, count=5, at=0.4), hold=1.6)
        ),
        says=("clap", "clap {their} hands", "applaud", "clap a few times"),
        held_out=("give a round of applause", "put {their} hands together in applause"),
    ),
    "point_at_camera": Action(
        motion=_arm("RIGHT", up=0.7, reach=-0.35, hand=1.0) | {Rig.LEAN: _hold(0.35, rise=0.5, hold=1.1)},
        says=("point at the camera", "point at the viewer", "point a finger at the camera"),
        held_out=("aim a finger at the lens", "single out the viewer with a finger"),
    ),
    "point_up": Action(
        motion=_arm("RIGHT", up=1.0, reach=0.0, hand=1.0),
        says=("point up", "point upward", "raise a finger", "hold up one finger"),
        held_out=("aim a finger at the ceiling", "lift {their} index finger"),
    ),
    "point_left": Action(
        motion=_arm("LEFT", up=0.95, reach=1.0, hand=1.0, swing=_hold(0.55, rise=0.45, hold=1.2, fall=0.5)),
        says=("point left", "point to the left", "point a finger to the left"),
        held_out=("indicate something on the left with a finger", "aim a finger leftward"),
    ),
    "point_right": Action(
        motion=_arm("RIGHT", up=0.95, reach=1.0, hand=1.0, swing=_hold(0.55, rise=0.45, hold=1.2, fall=0.5)),
        says=("point right", "point to the right", "point a finger to the right"),
        held_out=("indicate something on the right with a finger", "aim a finger rightward"),
    ),
    "show_fist": Action(
        motion=_arm("RIGHT", up=0.85, reach=0.1, hand=0.5, swing=_shake(0.35, period=0.4, count=4, at=0.4)),
        says=("show a fist", "raise a fist", "shake {their} fist", "hold up a fist"),
        held_out=("brandish a fist", "pump {their} fist"),
    ),
    "hand_on_chest": Action(
        motion=_arm("RIGHT", up=0.78, reach=-0.95, hand=0.0, hold=1.4),
        says=("put a hand on {their} chest", "lay a hand on {their} heart", "touch {their} chest"),
        held_out=("place {their} palm over {their} heart", "clasp a hand to {their} breast"),
    ),
    "think": Action(
        motion=_arm("RIGHT", up=1.0, reach=-0.95, hand=0.5, swing=_hold(-0.2, rise=0.45, hold=1.8, fall=0.5), hold=1.8)
        | {
            Rig.GAZE_X: _hold(-0.45, rise=0.1, hold=1.8, fall=0.1, at=0.4),
            Rig.GAZE_Y: _hold(0.55, rise=0.1, hold=1.8, fall=0.1, at=0.4),
            Rig.FURROW: _hold(0.45, hold=1.8, at=0.2),
            Rig.ROLL: _hold(0.1, rise=0.5, hold=1.6, fall=0.5),
        },
        says=("think with a hand at {their} chin", "put a hand to {their} chin and ~think", "rub {their} chin"),
        held_out=("ponder with {their} chin in {their} hand", "stroke {their} chin in thought"),
    ),
    "cover_mouth": Action(
        motion=_arm("RIGHT", up=1.0, reach=-1.0, hand=0.0, swing=_hold(-0.3, rise=0.45, hold=1.3, fall=0.5), hold=1.3)
        | {
            Rig.PITCH: _hold(-0.25, rise=0.45, hold=1.3, fall=0.5),
            Rig.ROLL: _hold(0.12, rise=0.45, hold=1.3, fall=0.5),
            Rig.SHIFT_X: _hold(0.35, rise=0.45, hold=1.3, fall=0.5),
            Rig.SHIFT_Y: _hold(-0.3, rise=0.45, hold=1.3, fall=0.5),
            Rig.WIDEN: _hold(0.4, hold=1.4),
        },
        says=("cover {their} mouth", "put a hand over {their} mouth", "cover {their} mouth with a hand"),
        held_out=("clap a hand to {their} lips", "hide {their} mouth behind a hand"),
    ),
}  # fmt: skip
"""Every action by its name, which is what ``Event.kind`` says after ``action:``."""

ACTION_NAMES = tuple(ACTIONS)
