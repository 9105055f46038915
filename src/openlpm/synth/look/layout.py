"""The packed look of a performer: which numbers stand where in ``parameters_NV``."""

from collections.abc import Mapping
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.synth.look.shapes import LEAF_SIZE

NUM_BACK_LEAVES = 3
NUM_FRONT_LEAVES = 4
NUM_SPOTS = 6
SPOT_SIZE = 5
"""Numbers of a background spot: x, y, radius, softness, opacity."""
NUM_RIDGES = 3
RIDGE_SIZE = 8
"""Numbers of a ridge of the background: height, amplitude, frequency, phase, peaks, blocks, zigzag, opacity."""
NUM_MARKS = 2

_COLOURS = (
    "skin skin_shade skin_light blush lips lips_shade hair hair_shade hair_light brow iris iris_light "
    "inner inner_shade trim outer outer_shade glasses headwear headwear_shade headwear_trim earring "
    "background_top background_bottom background_glow background_hill tint "
    "ink paper sclera teeth_colour tongue_colour depth lash_colour flush "
    "seam_colour mark_light mark_dark inner_ear snout_colour panel hand hand_shade sleeve sleeve_shade "
    "scene_far scene_mid scene_near accent accent_two accent_three cloud particle"
).split()

_SCALARS = (
    "head_x head_y head_scale light "
    # style
    "cel cel_offset soft ink_width ink_alpha ink_vary wobble paper_share wash hatch vignette "
    # head
    "cranium_w cranium_h jaw_w jaw_h chin_w chin_y wrinkle "
    "ear_size ear_y earring_size earring_drop ears_alpha cheeks_alpha "
    "box box_w box_h box_r panel_alpha panel_w panel_h panel_y panel_r metal seams "
    "nose_alpha snout snout_w snout_h stripes stripes_freq "
    # eyes
    "eye_x eye_y eye_w eye_up eye_low eye_tilt eye_skew iris_r lash wing crease eyeshadow "
    "eye_round iris_tall pupil slit catch lid_shadow socket "
    "brow_y brow_w brow_thick brow_arch brow_tilt "
    # nose and mouth
    "nose_w nose_y nose_length nose_shade "
    "mouth_y mouth_w lip_up lip_low bow corner lipstick seam grille cat fang "
    # hair
    "cap_w cap_h cap_y cap_bottom cap_alpha curl_amp curl_freq part hairline left_drop left_power right_drop "
    "right_power scallop_amp scallop_freq strand_freq sheen "
    "beard_alpha beard_y beard_side beard_volume beard_power moustache moustache_w moustache_droop "
    # things worn
    "glasses_alpha glasses_w glasses_h glasses_power glasses_thick lens "
    "hat_alpha hat_w hat_h hat_y hat_line hat_curve hat_top hat_trim hat_brim hat_brim_w hat_pom veil "
    # body
    "neck_w shoulder_y shoulder_w shoulder_slope "
    "inner_neck inner_depth inner_power inner_band inner_high stripe stripe_freq "
    "outer_alpha outer_neck outer_depth collar "
    "body_size torso_side torso_flare "
    "arm_x arm_pull arm_w bare_arm long_sleeve hand_size finger_long finger_wide emblem buttons "
    # background
    "hill hill_slope window window_x drift clouds cloud_y cloud_band cloud_base cloud_freq wall_stripes wall_freq "
    "beams beam_x "
    "ring ring_x shelves shelf_edge lights lights_x lights_y "
    "particles particle_freq particle_size particle_fall particle_aspect"
).split()

_TABLES = {
    "back_leaves": NUM_BACK_LEAVES * LEAF_SIZE,
    "front_leaves": NUM_FRONT_LEAVES * LEAF_SIZE,
    "spots": NUM_SPOTS * SPOT_SIZE,
    "ridges": NUM_RIDGES * RIDGE_SIZE,
    "inner_ears": LEAF_SIZE,
    "light_marks": NUM_MARKS * LEAF_SIZE,
    "dark_marks": NUM_MARKS * LEAF_SIZE,
}

FIELDS: dict[str, int] = {**dict.fromkeys(_COLOURS, 3), **dict.fromkeys(_SCALARS, 1), **_TABLES}
"""Name and size of every part of the packed vector, in order."""


NUM_PARAMETERS = sum(FIELDS.values())


def pack(values: Mapping[str, object]) -> NDArray[np.float32]:
    """The vector ``parameters_V`` of one performer from a value for every field.

    Raises ``ConfigError`` when a field is missing, unknown or has the wrong size.
    """
    if values.keys() != FIELDS.keys():
        raise ConfigError(f"look: missing {FIELDS.keys() - values.keys()}, unknown {values.keys() - FIELDS.keys()}")
    parts: list[NDArray[np.float32]] = []
    for name, size in FIELDS.items():
        part = np.asarray(values[name], dtype=np.float32).reshape(-1)
        if part.size != size:
            raise ConfigError(f"look: {name} has {part.size} numbers, not {size}")
        parts.append(part)
    return np.concatenate(parts)


@final
class Look:
    """Named views ``(N, size, 1, 1)`` into ``parameters_NV``."""

    def __init__(self, parameters_NV: Tensor) -> None:
        parts = parameters_NV[:, :, None, None].split(list(FIELDS.values()), dim=1)
        self._parts = dict(zip(FIELDS, parts, strict=True))

    def __getitem__(self, name: str) -> Tensor:
        return self._parts[name]

    def table(self, name: str, width: int) -> Tensor:
        """A table ``(N, rows, width)``."""
        flat = self[name]
        return flat.reshape(flat.shape[0], -1, width)
