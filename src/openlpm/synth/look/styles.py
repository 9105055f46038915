"""The styles a performer can be drawn in: numbers for one and the same brush."""

from openlpm.synth.look.identity import Identity
from openlpm.synth.look.palette import Colour, from_hex, mix, shade_of, shift

_PAPERS = ("fbf5e8", "f7f1e4", "f4f3ee", "f9efdf")
_INKS = ("2a2230", "33261f", "1f2a44", "2c2c2e")

_DIALS: dict[str, dict[str, float]] = {
    "soft": {
        "cel": 1.0, "cel_offset": 0.0, "soft": 1.0, "ink_width": 0.4, "ink_alpha": 0.0, "ink_vary": 0.0, "wobble": 0.0,
        "paper_share": 0.0, "wash": 0.0, "hatch": 0.0, "vignette": 0.0,
    },
    "anime": {
        "cel": 16.0, "cel_offset": -9.6, "soft": 0.0, "ink_width": 0.62, "ink_alpha": 0.92, "ink_vary": 0.25, "wobble": 0.0,
        "paper_share": 0.0, "wash": 0.0, "hatch": 0.0, "vignette": 0.0,
    },
    "ink": {
        "cel": 5.0, "cel_offset": -2.2, "soft": 0.25, "ink_width": 0.72, "ink_alpha": 0.95, "ink_vary": 0.6, "wobble": 0.005,
        "paper_share": 0.26, "wash": 0.5, "hatch": 0.62, "vignette": 1.0,
    },
    "watercolour": {
        "cel": 2.4, "cel_offset": -0.75, "soft": 0.6, "ink_width": 0.45, "ink_alpha": 0.55, "ink_vary": 0.5, "wobble": 0.007,
        "paper_share": 0.12, "wash": 1.0, "hatch": 0.0, "vignette": 0.95,
    },
}  # fmt: skip


def dials(who: Identity) -> dict[str, object]:
    """Shading, line, paper and their colours."""
    ink = from_hex(_INKS[who.seed % 4])
    if who.style == "watercolour":
        ink = mix(ink, (0.45, 0.3, 0.25), 0.5)
    return {**_DIALS[who.style], "ink": ink, "paper": from_hex(_PAPERS[who.seed // 4 % 4])}


def shadow_of(who: Identity, colour: Colour) -> Colour:
    """The shade of a colour; cel shading keeps it clearer and cooler."""
    if who.style != "anime":
        return shade_of(colour)
    return mix(shift(colour, saturation=1.15, value=0.76), (0.42, 0.3, 0.62), 0.16)


def drawn_face(who: Identity) -> dict[str, object]:
    """A human face as the style draws it: anime has large tall eyes, a small nose, a small mouth and a pointed chin."""
    if who.style != "anime" or who.species != "human":
        return {}
    old = {"elderly": 0.45, "middle-aged": 0.3, "adult": 0.12}.get(who.age, 0.0)
    fem = float(who.feminine)
    wide = 1.0 - old
    up, low, tilt = who.eye_shape[3], who.eye_shape[4], who.eye_shape[5]
    return {
        "eye_x": 0.355 + 0.012 * who.eye_shape[0], "eye_y": 0.16 + 0.012 * who.eye_shape[1], "eye_w": 0.2 + 0.022 * wide + 0.008 * fem,
        "eye_up": 0.16 + 0.045 * wide + 0.014 * up + 0.01 * fem, "eye_low": 0.1 + 0.02 * wide + 0.006 * low, "eye_tilt": 0.03 + 0.09 * tilt,
        "eye_round": 0.55, "cheeks_alpha": 0.5, "iris_r": 0.122 + 0.018 * wide, "iris_tall": 1.28, "lash": 0.023 + 0.006 * fem, "wing": 0.22 + 0.16 * fem, "crease": 0.35,
        "lid_shadow": 0.3, "catch": 1.25, "socket": 0.0, "pupil": 0.42, "brow_y": -0.16 + 0.015 * who.brow_shape[0],
        "brow_thick": 0.02 + 0.004 * who.brow_shape[2] + 0.012 * (1.0 - fem), "brow_w": 0.19,
        "nose_w": 0.05, "nose_shade": 0.55, "nose_y": 0.42, "nose_length": 0.16,
        "mouth_w": 0.19 + 0.014 * who.mouth_shape[1] + 0.02 * old, "mouth_y": 0.66, "lip_up": 0.03, "lip_low": 0.042, "lipstick": 0.2 + 0.5 * who.makeup, "seam": 1.15,
        "jaw_w": 0.6 + 0.02 * who.head_shape[1] + 0.03 * (1 - fem), "chin_w": 0.17 + 0.03 * who.head_shape[3] + 0.06 * (1.0 - fem), "chin_y": 0.95 + 0.02 * who.head_shape[4], "body_size": 0.9,
    }  # fmt: skip
