"""The looks of animals and robots: what they have instead of a human's head, hair, skin and face."""

import numpy as np

from openlpm.core.seeds import generator
from openlpm.synth.look.hairstyles import NOWHERE, LeafRow, leaf, pair
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.layout import NUM_BACK_LEAVES, NUM_FRONT_LEAVES, NUM_MARKS
from openlpm.synth.look.palette import EYE_COLOURS, Colour, from_hex, mix, shift
from openlpm.synth.look.species import ANIMALS, GLOWS, SHELLS, coat_of
from openlpm.synth.look.styles import shadow_of

_NO_HAIR: dict[str, object] = {
    "cap_w": 0.1, "cap_h": 0.1, "cap_y": 60.0, "cap_alpha": 1.0, "hairline": -60.0, "beard_alpha": 0.0, "moustache": 0.0, "wrinkle": 0.0, "earring_size": 0.01,
    "eyeshadow": 0.0, "veil": 0.0, "curl_amp": 0.0, "curl_freq": 9.0, "sheen": 0.2, "strand_freq": 14.0, "long_sleeve": 1.0, "bare_arm": 0.0,
}  # fmt: skip


def creature_values(who: Identity) -> dict[str, object]:
    """What replaces a human's values; nothing for a human."""
    if who.species == "human":
        return {}
    return _robot(who) if who.species == "robot" else _animal(who)


def _filled(rows: tuple[LeafRow, ...], count: int) -> object:
    return np.asarray((*rows, *(NOWHERE for _ in range(count - len(rows)))), dtype=np.float32)


def _pelt(who: Identity, fur: Colour, light: Colour) -> dict[str, object]:
    shade, pale = shadow_of(who, fur), mix(fur, (1.0, 0.97, 0.9), 0.3)
    return {
        "skin": fur, "skin_shade": shade, "skin_light": pale, "blush": mix(fur, (0.95, 0.5, 0.5), 0.4), "flush": mix(light, (0.95, 0.3, 0.36), 0.7),
        "hand": fur, "hand_shade": shade, "brow": shift(shade, value=0.62),
    }  # fmt: skip


def _animal(who: Identity) -> dict[str, object]:
    kind, coat = ANIMALS[who.species], coat_of(who.species, who.coat)
    fur, light, dark = from_hex(coat.fur), from_hex(coat.light), from_hex(coat.dark)
    rng = generator(who.seed, "creature")
    a, b, c, d = np.clip(rng.normal(size=4), -1.8, 1.8).tolist()
    eye = EYE_COLOURS[("amber", "green", "blue", "brown", "hazel", "dark brown")[int(rng.integers(6))]]
    nose = from_hex(kind.nose)
    ear_colour, flap = (dark if kind.dark_ears else fur), (dark if kind.dark_flaps else fur)
    hair = flap if kind.flaps and kind.dark_flaps else ear_colour
    ink = shift(mix(dark, (0.15, 0.08, 0.1), 0.6), value=0.8)
    anime = float(who.style == "anime")
    return {
        **_NO_HAIR, **_pelt(who, fur, light),
        "hair": hair, "hair_shade": mix(hair, shadow_of(who, hair), 0.55), "hair_light": mix(hair, (1.0, 1.0, 1.0), 0.3), "curl_amp": kind.curl,
        "back_leaves": _filled(kind.ears, NUM_BACK_LEAVES), "front_leaves": _filled(kind.flaps, NUM_FRONT_LEAVES), "inner_ears": kind.inner_ear,
        "light_marks": _filled(kind.light_marks, NUM_MARKS), "dark_marks": _filled(kind.dark_marks, NUM_MARKS),
        "mark_light": light, "mark_dark": dark, "inner_ear": mix(mix(fur, light, 0.5), (0.93, 0.6, 0.6), 0.6), "snout_colour": nose,
        "cranium_w": kind.width + 0.02 * a, "cranium_h": 0.76, "jaw_w": kind.jaw + 0.025 * b, "jaw_h": 0.56, "chin_w": kind.chin + 0.03 * c, "chin_y": kind.chin_y,
        "ears_alpha": 0.0, "cheeks_alpha": 0.25, "nose_alpha": 0.0, "snout": 1.0, "snout_w": kind.snout[0] * (1.0 + 0.06 * d), "snout_h": kind.snout[1], "nose_y": kind.snout[2],
        "stripes": coat.stripes, "stripes_freq": 19.0 + 1.5 * a,
        "eye_x": 0.37 + 0.014 * b, "eye_y": 0.1 + 0.015 * c, "eye_w": 0.168 + 0.01 * d + 0.02 * anime, "eye_up": 0.155 + 0.012 * a + 0.03 * anime, "eye_low": 0.11 + 0.01 * anime, "eye_tilt": kind.tilt + 0.06 * b, "eye_skew": 0.05,
        "eye_round": 0.7, "iris_r": 0.128 + 0.004 * c + 0.012 * anime, "iris_tall": 1.05 + 0.12 * anime, "slit": kind.slit, "pupil": 0.6, "catch": 1.15, "lash": 0.018, "wing": 0.03, "crease": 0.2, "socket": 0.12, "lid_shadow": 0.25,
        "iris": shift(eye, value=0.8), "iris_light": mix(shift(eye, value=1.5), (1.0, 0.95, 0.75), 0.2), "lash_colour": ink, "brow_y": -0.2, "brow_w": 0.15, "brow_thick": 0.026 + 0.004 * a,
        "mouth_w": kind.mouth[0] + 0.012 * d, "mouth_y": kind.mouth[1], "cat": kind.mouth[2], "corner": -0.02, "bow": 0.2, "lip_up": 0.03, "lip_low": 0.045, "lipstick": 0.22, "seam": 1.2, "fang": kind.fang,
        "lips": mix(light, nose, 0.45), "lips_shade": mix(nose, dark, 0.4), "seam_colour": ink, "depth": (0.36, 0.1, 0.12),
        "body_size": 0.84 + 0.02 * a, "shoulder_y": 1.16, "neck_w": 0.42, "hand_size": 0.82, "finger_long": 0.42, "finger_wide": 0.125,
    }  # fmt: skip


def _robot(who: Identity) -> dict[str, object]:
    shell, glow = SHELLS[who.coat], GLOWS[who.glow]
    rng = generator(who.seed, "creature")
    a, b, c, d = rng.uniform(-1.0, 1.0, 4).tolist()
    boxy, panel, lens = rng.random() < 0.6, rng.random() < 0.65, rng.random() < 0.5
    dark = mix(shift(shell, value=0.2), (0.08, 0.1, 0.15), 0.6)
    glass = mix(dark, (0.05, 0.07, 0.12), 0.4)
    lit, rest = (glow, dark) if panel else (mix(glow, dark, 0.25), mix(shell, dark, 0.8))
    eye: dict[str, object] = {
        "sclera": mix(glow, (1.0, 1.0, 1.0), 0.1),
        "iris": shift(glow, value=0.3),
        "iris_light": shift(glow, value=0.5),
        "pupil": 0.55,
    }
    if lens:
        eye = {
            "sclera": mix(dark, shell, 0.25),
            "iris": shift(glow, value=0.75),
            "iris_light": mix(glow, (1.0, 1.0, 1.0), 0.4),
            "pupil": 0.4,
        }
    antenna = (
        (leaf(0.0, -1.15, 90, 0.32, 0.035),)
        if rng.random() < 0.5
        else (pair(leaf(0.5, -1.0, -66, 0.36, 0.04)), pair(leaf(0.63, -1.28, 0, 0.1, 0.1)))
    )
    single = float(len(antenna) == 1)
    return {
        **_NO_HAIR, **_pelt(who, shell, shell), **eye,
        "skin_light": mix(shell, (1.0, 1.0, 1.0), 0.55), "hair": mix(shell, dark, 0.45), "hair_shade": mix(shell, dark, 0.6), "hair_light": mix(shell, (1.0, 1.0, 1.0), 0.3),
        "back_leaves": _filled(antenna, NUM_BACK_LEAVES), "front_leaves": _filled((), NUM_FRONT_LEAVES),
        "hat_alpha": single, "hat_top": -9.0, "hat_pom": 0.13 + 0.03 * a, "hat_brim_w": 0.0001, "headwear": glow, "headwear_shade": shift(glow, value=0.7), "headwear_trim": mix(glow, (1.0, 1.0, 1.0), 0.3),
        "box": 1.0 if boxy else 0.35, "box_w": 0.8 + 0.06 * b, "box_h": 0.9 + 0.05 * c, "box_r": 0.3 + 0.12 * d, "cranium_w": 0.8, "cranium_h": 0.82, "jaw_w": 0.76, "jaw_h": 0.62, "chin_w": 0.45, "chin_y": 0.92 + 0.03 * a,
        "ears_alpha": 1.0, "ear_size": 1.15 + 0.15 * c, "ear_y": 0.1, "cheeks_alpha": 0.0, "flush": (1.0, 0.45, 0.6), "nose_alpha": 0.0, "nose_y": 0.4,
        "metal": 0.9, "seams": 0.75, "panel_alpha": float(panel), "panel_w": 0.64 + 0.04 * d, "panel_h": 0.57 + 0.03 * a, "panel_y": 0.28, "panel_r": 0.26 + 0.08 * b, "panel": glass,
        "eye_x": 0.32 + 0.02 * a, "eye_y": 0.1, "eye_w": 0.16 + 0.014 * b, "eye_up": 0.155 + 0.015 * c, "eye_low": 0.125, "eye_tilt": 0.03 * d, "eye_skew": 0.0, "eye_round": 1.0, "iris_r": 0.1 + 0.02 * float(lens),
        "lash": 0.014, "wing": 0.0, "crease": 0.0, "socket": 0.0, "lid_shadow": 0.2, "lash_colour": dark if not panel else shift(glow, value=0.55), "catch": 0.8,
        "brow": lit if panel else dark, "brow_y": -0.17, "brow_w": 0.17, "brow_thick": 0.026, "brow_arch": 0.02, "brow_tilt": 0.0,
        "mouth_w": 0.25 + 0.02 * c, "mouth_y": 0.62, "lip_up": 0.03, "lip_low": 0.034, "bow": 0.0, "corner": -0.015, "lipstick": 1.0, "seam": 1.2, "grille": float(rng.random() < 0.5),
        "lips": lit, "lips_shade": mix(lit, rest, 0.3), "seam_colour": rest if panel else shift(dark, value=0.8), "depth": mix(glass, glow, 0.12), "teeth_colour": mix(glow, (1.0, 1.0, 1.0), 0.6), "tongue_colour": mix(glow, (1.0, 0.35, 0.4), 0.65),
        "hand": mix(shell, dark, 0.25), "hand_shade": mix(shell, dark, 0.55), "body_size": 0.88, "shoulder_y": 1.2, "neck_w": 0.22, "hand_size": 0.84, "finger_long": 0.85, "finger_wide": 0.1,
    }  # fmt: skip
