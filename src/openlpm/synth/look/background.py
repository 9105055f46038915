"""What is behind the performer: sky or wall, clouds, ridges (hills, trees, houses), shelves, lights and weather."""

import torch
from torch import Tensor

from openlpm.core.rig import Rig
from openlpm.synth.look.layout import RIDGE_SIZE, SPOT_SIZE, Look
from openlpm.synth.look.pose import Controls
from openlpm.synth.look.shapes import coverage, fraction, over, smooth

_GOLDEN = 0.6180339


def draw_background(look: Look, controls: Controls, x: Tensor, y: Tensor) -> Tensor:
    """The opaque background ``(N, 3, H, W)``."""
    seconds = controls[Rig.TIME] * look["drift"]
    top, glow_colour = look["background_top"], look["background_glow"]
    canvas = over(top, look["background_bottom"], smooth(y + 0.25 * x, -1.1, 1.2))
    folds = (x * look["wall_freq"]).sin() + 0.45 * (x * look["wall_freq"] * 2.3 + 1.0).sin()
    canvas = canvas * (1.0 + look["wall_stripes"] * 0.13 * folds)
    canvas = _draw_clouds(canvas, look, x, y, seconds)
    canvas = _draw_shelves(canvas, look, x, y)
    wx, wy = x - look["window_x"], y + 0.25
    frame = (wx.abs() - 0.42).maximum(wy.abs() - 0.62)
    bars = (wx.abs() - 0.025).minimum((wy + 0.08).abs() - 0.025)
    pane = coverage(frame.maximum(-bars), 0.016) * look["window"]
    canvas = over(canvas, glow_colour, pane * (0.75 - 0.3 * wy))
    spot_x, spot_y, radius, softness, opacity = look.table("spots", SPOT_SIZE)[:, :, :, None, None].unbind(2)
    sway = 0.07 * (0.5 * seconds + 9.0 * spot_x).sin()
    lift = 0.05 * (0.37 * seconds + 7.0 * spot_y).sin()
    distance = ((x - spot_x - sway).square() + (y - spot_y - lift).square() + 1e-6).sqrt() - radius
    lit = (coverage(distance, softness) * opacity).sum(1, keepdim=True).clamp_max(1.0)
    ring_d = ((x - look["ring_x"]).square() + (y + 0.2).square() + 1e-6).sqrt() - 0.72
    tube = (smooth(ring_d.abs(), 0.2, 0.0) * 0.4 + smooth(ring_d.abs(), 0.035, 0.015)).clamp_max(1.0)
    canvas = over(canvas, glow_colour, torch.maximum(lit, tube * look["ring"]))
    canvas = _draw_ridges(canvas, look, x, y)
    ridge = y - look["hill"] - look["hill_slope"] * x + 0.14 * (1.0 - x.square())
    canvas = over(canvas, look["background_hill"], coverage(-ridge, 0.02) * 0.85)
    return _draw_air(canvas, look, x, y, seconds)


def _draw_clouds(canvas: Tensor, look: Look, x: Tensor, y: Tensor, seconds: Tensor) -> Tensor:
    """Clouds, or leaves overhead: a field of warped waves above a level that rises away from their band."""
    freq = look["cloud_freq"]
    cx, cy = (x - 0.05 * seconds) * freq, y * freq * 1.7
    field = (1.3 * cx + 0.7 * (1.7 * cy + 0.4).sin()).sin() + 0.6 * (2.9 * cx + 0.6 * (1.9 * cy).sin() + 1.0).sin()
    puffs = 0.45 * (6.3 * cx + 0.7 * (3.7 * cy).sin()).sin() * (5.6 * cy + 0.8 * (4.9 * cx).sin()).sin()
    level = field * 0.5 + puffs - ((y - look["cloud_y"]) / look["cloud_band"]).square() * 1.4 + look["cloud_base"]
    cover = smooth(level, 0.0, 0.35) * look["clouds"]
    return over(canvas, look["cloud"] * (0.87 + 0.17 * smooth(level + 0.4 * puffs, 0.1, 1.0)), cover)


def _draw_shelves(canvas: Tensor, look: Look, x: Tensor, y: Tensor) -> Tensor:
    """A wall of shelves with books of many heights and colours; a book hides where its neighbour begins."""
    row_at = (y + 1.1) * 1.9
    row = row_at.floor()
    up = 1.0 - (row_at - row)
    book_at = x * 11.0 + 3.7 * row + 0.35 * (x * 9.0 + row).sin()
    book = book_at.floor()
    across = book_at - book
    chance = fraction(book * _GOLDEN + row * 0.377)
    other = fraction(book * 0.7548777 + row * 0.5698403)
    height = 0.42 + 0.4 * other
    body = smooth((across - 0.5).abs(), 0.5, 0.4) * smooth(up - height, 0.02, -0.02) * smooth(chance, 0.1, 0.16)
    body = body * smooth(up, 0.07, 0.11)
    colour = over(look["accent"], look["accent_two"], smooth(chance, 0.4, 0.45))
    colour = over(colour, look["accent_three"], smooth(chance, 0.7, 0.75))
    band = smooth((up - 0.3 * height - 0.1).abs(), 0.05, 0.035) * smooth(other, 0.5, 0.55)
    colour = colour * (0.72 + 0.3 * other - 0.25 * (across - 0.4).square() + 0.25 * band)
    board = smooth((up - 0.04).abs(), 0.06, 0.045)
    case = over(look["scene_far"] * (0.8 + 0.25 * (1.0 - up)), look["scene_mid"], board)
    seen = smooth(x.abs() - look["shelf_edge"], -0.012, 0.012) * look["shelves"]
    return over(canvas, over(case, colour, body), seen)


def _draw_ridges(canvas: Tensor, look: Look, x: Tensor, y: Tensor) -> Tensor:
    """Three layers, far to near: waves, peaks or blocks, the last two with lights in their windows."""
    table = look.table("ridges", RIDGE_SIZE)[:, :, :, None, None]
    height, size, freq, phase, peaks, blocks, zigzag, alpha = table.unbind(2)
    at = x * freq + phase
    cell = at.floor()
    chance = fraction(cell * _GOLDEN + phase)
    waves = 0.6 * at.sin() + 0.4 * (2.3 * at + phase).sin()
    peak = (1.0 - (2.0 * (at - cell) - 1.0).abs()) * (0.6 + 0.6 * chance)
    profile = waves + (peak - waves) * peaks
    profile = profile + (chance * 1.4 - profile) * blocks
    teeth = zigzag * (fraction(y * 13.0 + chance) - 0.6)
    depth = (y - height + size * profile - teeth) * (1.0 - 0.6 * peaks)
    cover = coverage(-depth, 0.02) * alpha
    canvas = over(canvas, look["scene_far"], cover[:, 0:1])
    wide = fraction(at[:, 1:] * look["lights_x"]) - 0.5
    tall = fraction(y * look["lights_y"]) - 0.5
    window = (at[:, 1:] * look["lights_x"]).floor()
    on = smooth(fraction(window * _GOLDEN + (y * look["lights_y"]).floor() * 0.7548777 + chance[:, 1:]), 0.52, 0.56)
    pane = smooth(wide.abs(), 0.34, 0.24) * smooth(tall.abs(), 0.34, 0.24) * on * smooth(depth[:, 1:], 0.02, 0.05)
    pane = pane * look["lights"]
    for layer, name in ((1, "scene_mid"), (2, "scene_near")):
        colour = over(look[name] * (1.0 - 0.12 * smooth(y, 0.2, 1.0)), look["accent"], pane[:, layer - 1 : layer])
        canvas = over(canvas, colour, cover[:, layer : layer + 1])
    return canvas


def _draw_air(canvas: Tensor, look: Look, x: Tensor, y: Tensor, seconds: Tensor) -> Tensor:
    """Beams of light from above; snow, rain, petals or stars in a grid whose cells fall."""
    beam_x = x.abs() - look["beam_x"] + 0.32 * (y + 1.0)
    beam = smooth((beam_x.abs() - 0.07) / (1.2 + y), 0.14, 0.02) * smooth(y, 1.1, -0.9)
    canvas = over(canvas, look["background_glow"], 0.42 * beam * look["beams"])
    freq = look["particle_freq"]
    column_at = x * freq + 0.2
    column = column_at.floor()
    drop_at = (
        (y - look["particle_fall"] * seconds * (0.75 + 0.5 * fraction(column * _GOLDEN)))
        * freq
        * look["particle_aspect"]
    )
    drop_at = drop_at + 5.0 * fraction(column * 0.7548777)
    row = drop_at.floor()
    chance = fraction(column * 0.3819 + row * _GOLDEN + 0.1)
    dx = column_at - column - 0.3 - 0.4 * chance
    dy = drop_at - row - 0.3 - 0.4 * fraction(chance * 5.0)
    away = (dx.square() + dy.square() + 1e-6).sqrt()
    size = look["particle_size"] * (0.55 + 0.6 * chance)
    flake = ((size - away) * 9.0).clamp(0.0, 1.0) * smooth(chance, 0.3, 0.35)
    return over(canvas, look["particle"], flake * look["particles"])
