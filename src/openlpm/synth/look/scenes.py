"""The places behind the performers, each a setting of the same brush (``background``)."""

from dataclasses import dataclass, field
from typing import final

import numpy as np

from openlpm.core.seeds import generator
from openlpm.synth.look.palette import Colour, from_hex

_Ridge = tuple[float, float, float, float, float, float, float]
"""Height, amplitude, frequency, peaks, blocks, zigzag, opacity."""
_NONE: _Ridge = (3.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
_COLOURS = (
    "background_top", "background_bottom", "background_glow", "scene_far", "scene_mid", "scene_near",
    "accent", "accent_two", "accent_three", "cloud", "particle",
)  # fmt: skip
_RESTING: dict[str, float] = {
    "drift": 0.0, "clouds": 0.0, "cloud_y": -0.5, "cloud_band": 0.4, "cloud_base": 0.2, "cloud_freq": 1.7, "wall_stripes": 0.0, "wall_freq": 12.0,
    "beams": 0.0, "beam_x": 0.5, "ring": 0.0, "ring_x": 0.0, "shelves": 0.0, "shelf_edge": -2.0, "lights": 0.0, "lights_x": 3.0, "lights_y": 12.0,
    "particles": 0.0, "particle_freq": 6.0, "particle_size": 0.2, "particle_fall": 0.0, "particle_aspect": 1.0,
}  # fmt: skip


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A place: how a caption names it, its numbers, its ridges from far to near and its colours in some variants."""

    caption: str
    variants: tuple[str, ...]
    """Eleven colours each: top, bottom, glow, far, mid, near, three accents, cloud, particle."""
    ridges: tuple[_Ridge, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict[str, float])
    moves: bool = False
    """Something in it can move."""


SCENES: dict[str, Scene] = {
    "plain": Scene(caption="a plain backdrop", variants=()),
    "bokeh": Scene(caption="a backdrop of soft lights", variants=(), moves=True),
    "sun": Scene(caption="a big sun", variants=()),
    "window": Scene(caption="a window", variants=()),
    "hills": Scene(caption="a hill", variants=()),
    "room": Scene(
        caption="a room with shelves", numbers={"shelves": 1.0, "shelf_edge": 0.42, "wall_stripes": 0.14, "wall_freq": 26.0},
        variants=("f2e3cf e0c6a4 fff3d6 b08a66 7d5638 8a5f3e c6574f e2b04a 4d7f8c ffffff ffffff", "cfe0dc a9c5c0 fff5df 7f9a94 5a7069 6a5848 e07a5f f2cc8f 3d405b ffffff ffffff",
                  "d9cfe6 b7a7cf fff0e0 8b7ba6 5f5178 6d5a84 e8a0a8 7fb7b2 f3d27a ffffff ffffff", "3f4460 56506e ffd9a0 343450 6b5140 59443a d96c5a e6b357 6aa1a8 ffffff ffffff"),
        ridges=(_NONE, _NONE, (0.72, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)),
    ),
    "library": Scene(
        caption="a wall of books", numbers={"shelves": 1.0},
        variants=("8a6a4c 5f452f ffdca0 5a412d 8b6239 5d4027 a5483f c79a4b 4f6d63 ffffff ffffff", "5c6b73 40505a ffe7bd 36454f 6d7f86 4d5d66 c8745a d9b873 6d9aa0 ffffff ffffff",
                  "e9dcc8 d6c3a6 fff6e0 cbb491 efe3cf b99e78 d98f7a e8c27a 86a59c ffffff ffffff"),
    ),
    "city": Scene(
        caption="a city at night", numbers={"lights": 0.9, "particles": 0.55, "particle_freq": 9.0, "particle_size": 0.09},
        variants=("1c2450 574a86 ffd98a 3a3d74 272b57 181b3d ffd67a ff9a6b 8fd0ff ffffff e6ecff", "2b1f47 a4527c ffc48a 5b3a6b 3a2750 241a38 ffc86a ff8f8f 9fe0ff ffffff ffe9f2",
                  "0f2a3f 2f6f86 bfefff 1f4d66 16384f 0e2436 fff0a0 8ff0e0 ffb0a0 ffffff dff6ff"),
        ridges=((0.25, 0.42, 5.0, 0.0, 1.0, 0.0, 0.8), (0.42, 0.5, 3.4, 0.0, 1.0, 0.0, 1.0), (0.72, 0.45, 2.6, 0.0, 1.0, 0.0, 1.0)),
    ),
    "street": Scene(
        caption="a rainy city", numbers={"lights": 0.5, "clouds": 0.6, "cloud_y": -0.9, "particles": 0.45, "particle_freq": 9.0, "particle_size": 0.22, "particle_fall": 1.5, "particle_aspect": 0.22},
        variants=("9fb0c0 c9d2d8 fff2d0 9aa8b6 7b8b9b 5d6c7c ffe6a8 ffffff ffffff 8796a6 e8f1f8", "5a6480 8d93aa ffe0b0 5f6884 48506c 343b55 ffd98c ffffff ffffff 4b5570 cfdcf2"),
        ridges=((0.1, 0.45, 4.0, 0.0, 1.0, 0.0, 0.7), (0.35, 0.5, 3.0, 0.0, 1.0, 0.0, 0.9), (0.75, 0.3, 2.2, 0.0, 1.0, 0.0, 1.0)), moves=True,
    ),
    "forest": Scene(
        caption="a forest", numbers={"clouds": 0.95, "cloud_y": -1.2, "cloud_base": 0.95, "cloud_band": 0.75, "cloud_freq": 2.2, "beams": 0.7, "beam_x": 0.5, "particles": 0.5, "particle_freq": 4.0, "particle_size": 0.09, "particle_fall": 0.05},
        variants=("d8efc0 a5cf9a fffbd0 9cc48f 6fa36c 4a7d51 ffffff ffffff ffffff 5d9a58 fff9c8", "f7dca0 eab676 fff2c8 dba765 b97a45 8a5434 ffffff ffffff ffffff d98b45 fff0c0",
                  "2f5560 3f7a74 d8ffe0 2f6a66 22504f 173a3c ffffff ffffff ffffff 1f4a48 d6ffb8"),
        ridges=((0.35, 0.75, 2.6, 1.0, 0.0, 0.07, 0.7), (0.55, 0.75, 2.1, 1.0, 0.0, 0.07, 0.9), (0.95, 0.7, 1.7, 1.0, 0.0, 0.08, 1.0)), moves=True,
    ),
    "clouds": Scene(
        caption="a sky with clouds", numbers={"clouds": 0.92, "cloud_y": -0.15, "cloud_band": 0.75, "cloud_freq": 1.3},
        variants=("6fb7ee cfeafb ffffff a5d6a0 7fbf86 5fa56e ffffff ffffff ffffff ffffff ffffff", "f29a86 ffdcae fff2d0 c9788a a45c7d 7d456b ffffff ffffff ffffff ffe7d6 ffffff",
                  "5566b8 c7a8e0 fff0f5 8a7cc4 6c5fa8 544a8a ffffff ffffff ffffff efdcf6 ffffff"),
        ridges=(_NONE, _NONE, (0.82, 0.08, 1.8, 0.0, 0.0, 0.0, 1.0)), moves=True,
    ),
    "stage": Scene(
        caption="a stage with a curtain", numbers={"wall_stripes": 1.5, "wall_freq": 19.0, "beams": 0.9, "beam_x": 0.55},
        variants=("b3283a 6b1526 ffe9b8 8a1c2e 5a1220 3f2a22 ffffff ffffff ffffff ffffff ffffff", "3a3a8c 22224f cfe0ff 2c2c6c 1e1e4a 2a2334 ffffff ffffff ffffff ffffff ffffff", "1f7a6c 0f463f fff2c4 17594f 0e3a34 2d2620 ffffff ffffff ffffff ffffff ffffff"),
        ridges=(_NONE, _NONE, (0.8, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)), moves=False,
    ),
    "studio": Scene(
        caption="a studio with a ring of light", numbers={"ring": 0.95, "wall_stripes": 0.4, "wall_freq": 34.0},
        variants=("3a3350 231f36 ff8fd0 2c2742 221e34 191627 ffffff ffffff ffffff ffffff ffffff", "21404f 142833 7ff0ff 1b3441 152833 0f1d25 ffffff ffffff ffffff ffffff ffffff",
                  "efe6dc d9cabb fffdf4 cdbba9 b7a28e a08a76 ffffff ffffff ffffff ffffff ffffff", "4a3a2e 2e231b ffc878 3b2d23 2d221a 201812 ffffff ffffff ffffff ffffff ffffff"),
    ),
    "sea": Scene(
        caption="the sea", numbers={"clouds": 0.8, "cloud_y": -0.55, "cloud_band": 0.3, "cloud_freq": 1.5},
        variants=("8fd0f2 dff3fb ffffff 3f9cc4 5fb6d0 f0dcae ffffff ffffff ffffff ffffff ffffff", "f7a072 ffdf9f fff3c8 6a6fa8 8a86b8 d8a878 ffffff ffffff ffffff ffd8b8 ffffff", "7fc8c8 d9f2e6 fffbe6 2f8f96 4fb0ac f3e2bc ffffff ffffff ffffff f8fffb ffffff"),
        ridges=((0.18, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (0.5, 0.02, 7.0, 0.0, 0.0, 0.0, 0.8), (0.78, 0.06, 1.6, 0.0, 0.0, 0.0, 1.0)), moves=True,
    ),
    "mountains": Scene(
        caption="mountains", numbers={"clouds": 0.5, "cloud_y": -0.75, "cloud_band": 0.22, "cloud_freq": 1.8},
        variants=("a9d3ee e9f3f6 ffffff a9c0d6 7c9ab6 5b8a6a ffffff ffffff ffffff ffffff ffffff", "f6b58f fde3bd fff0d8 c79aae 9a769c 6b5580 ffffff ffffff ffffff fff0e4 ffffff", "39457a 8f86b8 ffe6c0 5b649a 434c80 2f3763 ffffff ffffff ffffff 6a6fa6 ffffff"),
        ridges=((0.25, 0.7, 1.1, 1.0, 0.0, 0.0, 1.0), (0.5, 0.6, 1.6, 1.0, 0.0, 0.0, 1.0), (0.75, 0.1, 2.4, 0.0, 0.0, 0.0, 1.0)), moves=True,
    ),
    "snow": Scene(
        caption="falling snow", numbers={"particles": 0.9, "particle_freq": 5.5, "particle_size": 0.17, "particle_fall": 0.22},
        variants=("a8c4e0 e3edf5 ffffff c7d6e6 8fb0b8 f4f8fb ffffff ffffff ffffff ffffff ffffff", "4f5f92 a49cc8 ffe9d0 7a84b4 556a86 dfe3f2 ffffff ffffff ffffff ffffff ffffff"),
        ridges=((0.45, 0.12, 1.6, 0.0, 0.0, 0.0, 1.0), (0.62, 0.6, 2.6, 1.0, 0.0, 0.07, 1.0), (0.75, 0.08, 1.9, 0.0, 0.0, 0.0, 1.0)), moves=True,
    ),
    "night sky": Scene(
        caption="a starry night", numbers={"particles": 0.95, "particle_freq": 8.0, "particle_size": 0.1},
        variants=("141a3f 3d4a8c fff3c8 2a3468 1d2550 121838 ffffff ffffff ffffff ffffff fff8de", "1d1238 6a3f86 ffe0f0 40285f 2c1a48 1c1030 ffffff ffffff ffffff ffffff ffeffc"),
        ridges=((0.4, 0.16, 1.5, 0.0, 0.0, 0.0, 1.0), (0.58, 0.14, 2.1, 0.0, 0.0, 0.0, 1.0), (0.78, 0.5, 2.4, 1.0, 0.0, 0.07, 1.0)),
    ),
    "blossom": Scene(
        caption="cherry blossom", numbers={"clouds": 0.95, "cloud_y": -1.2, "cloud_base": 0.95, "cloud_band": 0.8, "cloud_freq": 2.6, "particles": 0.85, "particle_freq": 4.5, "particle_size": 0.14, "particle_fall": 0.14},
        variants=("bfe3f5 fdeff0 ffffff d3e6c8 a9cfa0 8dbb86 ffffff ffffff ffffff f8b6cc ffd0de", "fbd9e2 fff3e8 ffffff e6c3cf cfa2b6 a97f9a ffffff ffffff ffffff ef93b4 ffe6ee"),
        ridges=((0.5, 0.1, 1.4, 0.0, 0.0, 0.0, 1.0), (0.65, 0.1, 2.0, 0.0, 0.0, 0.0, 1.0), _NONE), moves=True,
    ),
}  # fmt: skip

_SIMPLE = ("plain", "bokeh", "sun", "window", "hills")
SETTINGS = tuple(SCENES)


def draw_setting(seed: int) -> tuple[str, bool]:
    """Name of the scene, and whether it moves."""
    rng = generator(seed, "setting")
    detailed = tuple(name for name in SCENES if name not in _SIMPLE)
    names = detailed if rng.random() < 0.7 else _SIMPLE
    name = names[int(rng.integers(len(names)))]
    return name, bool(SCENES[name].moves and rng.random() < 0.75)


def scene_values(name: str, seed: int, *, moving: bool) -> dict[str, object]:
    """Numbers, ridges and (of a detailed scene) colours for the renderer."""
    scene, rng = SCENES[name], generator(seed, "scene")
    numbers = _RESTING | scene.numbers
    numbers["drift"] = float(rng.uniform(0.6, 1.2)) if moving else 0.0
    numbers["beam_x"] += float(rng.uniform(-0.1, 0.1))
    numbers["ring_x"] = float(rng.uniform(-0.15, 0.15))
    rows = [*scene.ridges, *(_NONE for _ in range(3 - len(scene.ridges)))]
    phases = rng.uniform(0.0, 40.0, 3)
    table = np.asarray([(*row[:3], phase, *row[3:]) for row, phase in zip(rows, phases, strict=True)], np.float32)
    table[:, 0] += rng.uniform(-0.08, 0.08)
    values: dict[str, object] = {**numbers, "ridges": table}
    if not scene.variants:
        white: Colour = (1.0, 1.0, 1.0)
        return values | dict.fromkeys(_COLOURS[3:], white)
    chosen = scene.variants[int(rng.integers(len(scene.variants)))].split()
    return values | {key: from_hex(code) for key, code in zip(_COLOURS, chosen, strict=True)}
