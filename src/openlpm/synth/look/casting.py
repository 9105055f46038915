"""From an identity's names and traits to the numbers that the renderer draws."""

import numpy as np
from numpy.typing import NDArray

from openlpm.synth.look.creatures import creature_values
from openlpm.synth.look.hairstyles import HAIR_SHAPES, NOWHERE, HairShape, LeafRow
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.layout import NUM_BACK_LEAVES, NUM_FRONT_LEAVES, pack
from openlpm.synth.look.palette import BACKDROPS, CLOTH_COLOURS, EYE_COLOURS, HAIR_COLOURS, mix, shift, skin_tones
from openlpm.synth.look.scenes import scene_values
from openlpm.synth.look.styles import dials, drawn_face, shadow_of

_YOUTH = {"child": 1.0, "young": 0.3, "adult": 0.0, "middle-aged": -0.1, "elderly": -0.2}
_WRINKLES = {"child": 0.0, "young": 0.0, "adult": 0.06, "middle-aged": 0.4, "elderly": 0.85}
_HUMAN: dict[str, object] = {
    "ears_alpha": 1.0, "cheeks_alpha": 1.0, "box": 0.0, "box_w": 0.8, "box_h": 0.95, "box_r": 0.25, "panel_alpha": 0.0, "panel_w": 0.6, "panel_h": 0.5,
    "panel_y": 0.2, "panel_r": 0.2, "metal": 0.0, "seams": 0.0, "nose_alpha": 1.0, "snout": 0.0, "snout_w": 0.1, "snout_h": 0.08, "stripes": 0.0, "stripes_freq": 20.0,
    "eye_round": 0.0, "iris_tall": 1.0, "pupil": 0.47, "slit": 1.0, "catch": 1.0, "lid_shadow": 0.35, "socket": 0.35, "seam": 1.0, "grille": 0.0, "cat": 0.0, "fang": 0.0,
    "inner_ears": NOWHERE, "light_marks": (NOWHERE, NOWHERE), "dark_marks": (NOWHERE, NOWHERE),
    "sclera": (0.965, 0.965, 0.965), "teeth_colour": (0.985, 0.965, 0.94), "tongue_colour": (0.86, 0.42, 0.43), "depth": (0.33, 0.07, 0.09),
    "mark_light": (1.0, 1.0, 1.0), "mark_dark": (0.3, 0.25, 0.25), "inner_ear": (0.95, 0.7, 0.7), "snout_colour": (0.2, 0.15, 0.16), "panel": (0.1, 0.12, 0.16),
    "body_size": 1.0, "hand_size": 0.86, "finger_long": 1.0, "finger_wide": 0.085,
}  # fmt: skip
_GOLD, _SILVER = (0.93, 0.74, 0.36), (0.86, 0.88, 0.93)


def parameters_of(identity: Identity) -> NDArray[np.float32]:
    """The packed look ``parameters_V`` of an identity (fields in ``layout.FIELDS``)."""
    head = _head(identity)
    values: dict[str, object] = {**head, **_face(identity), **_colours(identity)}
    values |= _hair(identity, head["cranium_w"], head["cranium_h"])
    values |= _beard(identity) | _glasses(identity) | _headwear(identity) | _clothes(identity) | _background(identity)
    values |= _HUMAN | dials(identity) | scene_values(identity.setting, identity.seed, moving=identity.moving)
    values |= drawn_face(identity) | creature_values(identity)
    room = 0.8 / (float(str(values["head_scale"])) * float(str(values["body_size"])))
    values["arm_pull"] = max(0.0, float(str(values["arm_x"])) + 0.24 - room)
    return pack(values)


def _head(who: Identity) -> dict[str, float]:
    width, jaw, jaw_h, chin, chin_y, _ = who.head_shape
    youth, fem = _YOUTH[who.age], float(who.feminine)
    ears, ear_y = who.ear_shape
    drop = {"none": (0.0, 0.0), "studs": (0.032, -0.02), "hoops": (0.062, 0.035), "drops": (0.045, 0.06)}[who.earrings]
    return {
        "head_x": who.framing[0], "head_y": who.framing[1], "head_scale": who.framing[2] * (1.0 - 0.04 * youth), "light": who.light,
        "cranium_w": 0.76 + 0.022 * width, "cranium_h": 0.79,
        "jaw_w": 0.655 + 0.028 * jaw + 0.03 * (1.0 - fem) + 0.05 * max(youth, 0.0), "jaw_h": 0.6 + 0.02 * jaw_h,
        "chin_w": 0.3 + 0.035 * chin + 0.075 * (1.0 - fem) * (1.0 - max(youth, 0.0)), "chin_y": 0.97 + 0.025 * chin_y - 0.08 * max(youth, 0.0),
        "wrinkle": _WRINKLES[who.age],
        "ear_size": 1.0 + 0.1 * ears, "ear_y": 0.16 + 0.03 * ear_y, "earring_size": max(drop[0], 0.01), "earring_drop": drop[1],
    }  # fmt: skip


def _face(who: Identity) -> dict[str, object]:
    ex, ey, ew, up, low, tilt, skew = who.eye_shape
    by, bw, thick, arch, btilt = who.brow_shape
    nw, ny, length, strength = who.nose_shape
    my, mw, upper, lower, bow, corner = who.mouth_shape
    youth, fem = max(_YOUTH[who.age], 0.0), float(who.feminine)
    old = _WRINKLES[who.age]
    return {
        "eye_x": 0.325 + 0.012 * ex, "eye_y": 0.07 + 0.015 * ey + 0.04 * youth, "eye_w": 0.182 + 0.009 * ew + 0.014 * youth + 0.008 * fem,
        "eye_up": 0.124 + 0.014 * up + 0.02 * youth + 0.012 * fem - 0.018 * old, "eye_low": 0.078 + 0.009 * low + 0.008 * youth,
        "eye_tilt": 0.07 + 0.1 * tilt, "eye_skew": 0.1 + 0.08 * skew, "iris_r": 0.104 + 0.004 * low + 0.014 * youth + 0.004 * fem,
        "lash": 0.013 + 0.006 * fem + 0.004 * who.makeup, "wing": 0.05 + 0.22 * who.makeup * fem, "crease": 0.55 - 0.15 * youth, "eyeshadow": 0.35 * who.makeup,
        "brow_y": -0.175 + 0.018 * by - 0.01 * fem, "brow_w": 0.195 + 0.012 * bw, "brow_thick": 0.033 + 0.007 * thick - 0.007 * fem - 0.004 * youth,
        "brow_arch": 0.045 + 0.018 * arch + 0.012 * fem, "brow_tilt": 0.012 * btilt - 0.012,
        "nose_w": 0.115 + 0.014 * nw + 0.014 * (1.0 - fem) + 0.025 * who.skin_tone - 0.015 * youth, "nose_y": 0.375 + 0.02 * ny - 0.01 * youth,
        "nose_length": 0.3 + 0.03 * length - 0.08 * youth, "nose_shade": 0.85 + 0.12 * strength - 0.3 * youth,
        "mouth_y": 0.645 + 0.014 * my - 0.03 * youth, "mouth_w": 0.235 + 0.018 * mw - 0.03 * youth,
        "lip_up": 0.05 + 0.009 * upper + 0.008 * fem + 0.012 * who.skin_tone - 0.008 * old, "lip_low": 0.066 + 0.01 * lower + 0.008 * fem + 0.012 * who.skin_tone - 0.01 * old,
        "bow": 0.28 + 0.1 * bow, "corner": -0.032 + 0.01 * corner, "lipstick": 0.72 + 0.28 * max(fem, who.makeup),
    }  # fmt: skip


def _colours(who: Identity) -> dict[str, object]:
    tones = skin_tones(who.skin_tone, who.skin_warmth)
    hair, iris = HAIR_COLOURS[who.hair_colour], EYE_COLOURS[who.eye_colour]
    lips = mix(tones.lips, ((0.8, 0.16, 0.24), (0.72, 0.22, 0.4), (0.88, 0.36, 0.33))[who.seed % 3], 0.5 * who.makeup)
    brow = mix(mix(hair, (0.2, 0.12, 0.1), 0.45), tones.shade, 0.12)
    cloth, second = CLOTH_COLOURS[who.clothes_colour], CLOTH_COLOURS[who.second_colour]
    layered = who.clothes in ("hoodie", "blazer", "cardigan", "coat")
    inner = second if layered else cloth
    trim = shift(cloth, value=0.86) if who.clothes in ("hoodie", "sweater", "t-shirt", "turtleneck") else second
    hat = CLOTH_COLOURS[who.headwear_colour]
    back = BACKDROPS[who.backdrop]
    warm = 0.02 * who.warmth
    return {
        "skin": tones.skin, "skin_shade": tones.shade, "skin_light": tones.light, "blush": tones.blush, "lips": lips, "lips_shade": shift(lips, hue=-0.015, saturation=1.1, value=0.68),
        "flush": mix(tones.skin, (0.92, 0.16, 0.2), 0.62), "lash_colour": mix(brow, (0.0, 0.0, 0.0), 0.58), "seam_colour": shift(lips, hue=-0.015, saturation=1.1, value=0.36),
        "hand": tones.skin, "hand_shade": tones.shade, "sleeve": cloth, "sleeve_shade": shadow_of(who, cloth),
        "hair": hair, "hair_shade": shadow_of(who, hair), "hair_light": mix(shift(hair, value=1.25), (1.0, 0.93, 0.82), 0.42), "brow": brow,
        "iris": shift(iris, value=0.62), "iris_light": mix(shift(iris, saturation=0.95, value=1.4), (1.0, 0.95, 0.8), 0.15),
        "inner": inner, "inner_shade": shadow_of(who, inner), "trim": trim, "outer": cloth, "outer_shade": shadow_of(who, cloth),
        "glasses": CLOTH_COLOURS[who.glasses_colour], "headwear": hat, "headwear_shade": shadow_of(who, hat), "headwear_trim": mix(hat, (1.0, 0.97, 0.92), 0.5),
        "earring": _GOLD if who.seed % 2 else _SILVER,
        "background_top": back.top, "background_bottom": back.bottom, "background_glow": back.glow, "background_hill": back.hill,
        "tint": (1.0 + warm, 1.0, 1.0 - warm),
    }  # fmt: skip


def _rows(rows: tuple[LeafRow, ...], count: int, side: float) -> NDArray[np.float32]:
    table = np.asarray((*rows, *(NOWHERE for _ in range(count - len(rows)))), dtype=np.float32)
    if side < 0.0:
        flipped = table * np.asarray((-1, 1, -1, 1, 1, 1, -1, 1, 1), dtype=np.float32)
        table = np.where(table[:, -1:] > 0.0, table, flipped)
    return table


def _hair(who: Identity, cranium_w: float, cranium_h: float) -> dict[str, object]:
    shape: HairShape = HAIR_SHAPES[who.hair]
    more = 1.0 + 0.12 * who.hair_volume
    hatted = who.headwear in ("beanie", "bobble hat", "cap", "sun hat")
    volume, height = shape.volume * more, shape.height * more
    if hatted:
        volume, height = min(volume, 0.05), min(height, 0.02)
    left, right = (shape.left, shape.right) if who.hair_side > 0 else (shape.right, shape.left)
    bare = who.headwear == "headscarf"
    front = () if bare else shape.front
    if hatted:
        front = tuple(row for row in front if row[1] > 0.0)
    return {
        "cap_w": cranium_w + volume, "cap_h": cranium_h + 0.5 * (volume + height), "cap_y": -0.2 - 0.5 * (height - volume), "cap_bottom": shape.bottom,
        "cap_alpha": 0.0 if bare else shape.alpha, "curl_amp": shape.curl * more, "curl_freq": shape.curl_freq, "part": shape.part * who.hair_side, "hairline": shape.hairline + 0.015 * who.head_shape[5],
        "left_drop": left[0], "left_power": left[1], "right_drop": right[0], "right_power": right[1], "scallop_amp": shape.scallop[0], "scallop_freq": shape.scallop[1],
        "strand_freq": 9.0, "sheen": shape.sheen,
        "back_leaves": _rows(() if bare else shape.back, NUM_BACK_LEAVES, who.hair_side), "front_leaves": _rows(front, NUM_FRONT_LEAVES, who.hair_side),
    }  # fmt: skip


def _beard(who: Identity) -> dict[str, object]:
    alpha, volume, line, side, power = {
        "stubble": (0.32, 0.0, 0.56, 0.42, 2.0), "goatee": (0.95, 0.03, 0.72, -0.9, 2.0), "short beard": (0.92, 0.03, 0.62, 0.5, 2.4), "full beard": (0.98, 0.14, 0.6, 0.55, 2.2),
    }.get(who.beard, (0.0, 0.0, 0.6, 0.4, 2.0))  # fmt: skip
    moustache = {"moustache": 1.0, "goatee": 0.95, "short beard": 0.9, "full beard": 1.0, "stubble": 0.3}.get(
        who.beard, 0.0
    )
    return {
        "beard_alpha": alpha, "beard_y": line, "beard_side": side, "beard_volume": volume, "beard_power": power,
        "moustache": moustache, "moustache_w": 0.25 + 0.02 * who.mouth_shape[1], "moustache_droop": 0.06 if who.beard != "moustache" else 0.02,
    }  # fmt: skip


def _glasses(who: Identity) -> dict[str, object]:
    width, height, power, thick = {
        "round": (0.225, 0.215, 2.0, 0.013), "rectangular": (0.235, 0.155, 4.0, 0.016), "oval": (0.235, 0.17, 2.2, 0.011),
        "cat-eye": (0.24, 0.18, 2.7, 0.018), "large square": (0.25, 0.215, 3.6, 0.018),
    }.get(who.glasses, (0.22, 0.2, 2.0, 0.012))  # fmt: skip
    return {
        "glasses_alpha": float(who.glasses != "none"), "glasses_w": width, "glasses_h": height, "glasses_power": power, "glasses_thick": thick, "lens": 0.14,
    }  # fmt: skip


def _headwear(who: Identity) -> dict[str, object]:
    # width, height, centre y, line, curve, top, trim, brim height, brim width, bobble
    rows = {
        "beanie": (0.88, 0.97, -0.3, -0.46, 0.34, 9.0, 0.2, 0.0001, 0.0001, 0.0001),
        "bobble hat": (0.88, 0.97, -0.3, -0.44, 0.34, 9.0, 0.22, 0.0001, 0.0001, 0.21),
        "cap": (0.87, 0.92, -0.26, -0.5, 0.2, 9.0, 0.03, 0.15, 0.7, 0.0001),
        "sun hat": (0.86, 0.98, -0.34, -0.52, 0.12, 9.0, 0.14, 0.2, 1.42, 0.0001),
        "headband": (0.89, 0.95, -0.22, -0.52, 0.3, 0.17, 0.0, 0.0001, 0.0001, 0.0001),
    }
    row = rows.get(who.headwear, (0.88, 0.97, -0.3, -0.46, 0.34, 9.0, 0.2, 0.0001, 0.0001, 0.0001))
    names = (
        "hat_w",
        "hat_h",
        "hat_y",
        "hat_line",
        "hat_curve",
        "hat_top",
        "hat_trim",
        "hat_brim",
        "hat_brim_w",
        "hat_pom",
    )
    shape = HAIR_SHAPES[who.hair]
    over_hair = who.headwear == "headband" and who.species == "human"
    grow = shape.volume * (1.0 + 0.12 * who.hair_volume) if over_hair else 0.0
    values: dict[str, object] = dict(zip(names, row, strict=True))
    values["hat_w"] = row[0] + max(0.0, grow - 0.08)
    return values | {
        "hat_alpha": float(who.headwear in rows),
        "veil": float(who.headwear == "headscarf"),
    }


def _clothes(who: Identity) -> dict[str, object]:
    fem, child = float(who.feminine), float(who.age == "child")
    # half width of the neckline, depth, power, band, how high it climbs the neck
    neck = {
        "t-shirt": (0.5, 0.2, 2.2, 0.022, 0.0), "sweater": (0.47, 0.14, 2.4, 0.035, 0.0), "turtleneck": (0.5, 0.1, 2.0, 0.03, 0.75), "v-neck": (0.5, 0.55, 1.0, 0.02, 0.0),
        "tank top": (0.78, 0.42, 2.4, 0.0, 0.0), "striped shirt": (0.55, 0.2, 2.4, 0.0, 0.0), "hoodie": (0.45, 0.16, 2.2, 0.0, 0.0), "blazer": (0.42, 0.34, 1.2, 0.0, 0.0),
        "cardigan": (0.48, 0.2, 2.4, 0.0, 0.0), "coat": (0.5, 0.1, 2.0, 0.0, 0.75),
    }[who.clothes]  # fmt: skip
    outer = {
        "hoodie": (0.62, 1.0, 0.2),
        "blazer": (0.56, 1.5, 0.24),
        "cardigan": (0.6, 2.4, 0.07),
        "coat": (0.66, 1.4, 0.3),
    }.get(who.clothes, (0.6, 1.0, 0.0))
    return {
        "neck_w": 0.3 + 0.06 * (1.0 - fem) * (1.0 - child) - 0.03 * child, "shoulder_y": 1.26, "shoulder_w": 1.62 + 0.24 * (1.0 - fem) - 0.25 * child, "shoulder_slope": 0.34,
        "inner_neck": neck[0], "inner_depth": neck[1], "inner_power": neck[2], "inner_band": neck[3], "inner_high": neck[4],
        "torso_side": 0.7, "torso_flare": 0.075, "arm_x": (1.62 + 0.24 * (1.0 - fem) - 0.25 * child) * 0.8, "arm_w": 0.29 + 0.04 * (1.0 - fem) - 0.03 * child,
        "bare_arm": float(who.clothes == "tank top"), "long_sleeve": float(who.clothes not in ("t-shirt", "tank top", "v-neck")),
        "emblem": float(who.clothes == "t-shirt" and who.seed % 2 == 0), "buttons": float(who.clothes in ("cardigan", "blazer")),
        "stripe": float(who.clothes == "striped shirt"), "stripe_freq": 26.0,
        "outer_alpha": float(who.clothes in ("hoodie", "blazer", "cardigan", "coat")), "outer_neck": outer[0], "outer_depth": outer[1], "collar": outer[2],
    }  # fmt: skip


def _background(who: Identity) -> dict[str, object]:
    spots = np.asarray(who.spots, dtype=np.float32)
    if who.setting == "sun":
        spots[:, 4] *= 0.0
        spots[0] = (0.5 * who.light, -0.45, 0.46, 0.02, 0.75)
        spots[1] = (0.5 * who.light, -0.45, 0.66, 0.02, 0.25)
    elif who.setting == "bokeh":
        spots[:, 3] = 0.03
    elif who.setting == "plain":
        spots[:, 4] *= 0.0
        spots[0] = (0.0, -0.15, 0.45, 1.0, 0.75)
    else:
        spots[:, 4] *= 0.0
    hill = 0.35 if who.setting == "hills" else 9.0
    return {
        "spots": spots, "hill": hill, "hill_slope": 0.25 * who.light, "window": 0.8 * float(who.setting == "window"), "window_x": 0.42 * who.light,
    }  # fmt: skip
