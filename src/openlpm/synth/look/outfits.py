"""What surrounds a performer's face: clothes, framing and the lights behind."""

from openlpm.core.seeds import generator
from openlpm.synth.look.palette import CLOTH_COLOURS, pick

CLOTHES = (
    "t-shirt",
    "sweater",
    "turtleneck",
    "v-neck",
    "tank top",
    "striped shirt",
    "hoodie",
    "blazer",
    "cardigan",
    "coat",
)
OUTER = ("hoodie", "blazer", "cardigan", "coat")
"""Clothes that open over something else."""


def draw_clothes(seed: int) -> tuple[str, str, str]:
    """Kind of clothes, colour of what is worn beneath or of the trim, and colour of the clothes."""
    rng = generator(seed, "clothes")
    kind = pick(rng, CLOTHES)
    first = pick(rng, tuple(CLOTH_COLOURS))
    if kind in OUTER:
        second = pick(
            rng, ("white", "cream", "charcoal", "sky blue", "mustard", "coral", "mint"), (4, 3, 1, 1, 1, 1, 1)
        )
    else:
        second = pick(rng, tuple(CLOTH_COLOURS))
    if second == first:
        second = "cream" if first != "cream" else "teal"
    return kind, second, first


SHOTS = ("close-up", "portrait", "half body")


def draw_shot(seed: int) -> str:
    """How much of the performer is seen."""
    return pick(generator(seed, "shot"), SHOTS, (0.18, 0.44, 0.38))


def draw_framing(seed: int, shot: str) -> tuple[float, float, float]:
    """Head centre x and y, and head half height, in units of half a picture."""
    rng = generator(seed, "framing")
    low, high = {"close-up": (0.62, 0.72), "portrait": (0.47, 0.6), "half body": (0.34, 0.41)}[shot]
    scale = float(rng.uniform(low, high))
    across, up = float(rng.normal(0.0, 0.035)), float(rng.uniform(-0.03, 0.03))
    return across, (-0.09 + 0.55 * (scale - 0.5) if shot != "half body" else -0.33 + 0.8 * (scale - 0.37)) + up, scale


def draw_spots(seed: int) -> tuple[tuple[float, float, float, float, float], ...]:
    """Lights of the background: x, y, radius, softness, opacity."""
    rng = generator(seed, "spots")
    rows: list[tuple[float, float, float, float, float]] = []
    for _ in range(6):
        x, y = rng.uniform(-1.05, 1.05), rng.uniform(-1.0, 0.7)
        rows.append(
            (
                float(x),
                float(y),
                float(rng.uniform(0.08, 0.3)),
                float(rng.uniform(0.02, 0.14)),
                float(rng.uniform(0.15, 0.45)),
            )
        )
    return tuple(rows)
