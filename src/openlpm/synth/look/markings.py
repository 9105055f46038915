"""What only animals and robots have: markings of the fur, a snout, a face panel, seams and the shine of metal."""

from torch import Tensor

from openlpm.synth.look.head import Fields
from openlpm.synth.look.layout import Look
from openlpm.synth.look.mouth import MouthShape
from openlpm.synth.look.pose import Pose
from openlpm.synth.look.shapes import LEAF_SIZE, coverage, ellipse, glow, leaves, over, rounded_box, smooth


def draw_inner_ears(canvas: Tensor, look: Look, pose: Pose, fields: Fields) -> Tensor:
    """The inside of ears that stand on top of the head."""
    x, y = fields.qx + 0.2 * pose.sin_yaw, fields.qy - 0.12 * pose.sin_pitch
    shape = leaves(x, y, look.table("inner_ears", LEAF_SIZE))
    return over(
        canvas, over(look["inner_ear"], look["hair_shade"], 0.5 * smooth(shape, -0.1, 0.02)), coverage(shape, 0.03)
    )


def draw_fur(canvas: Tensor, look: Look, fields: Fields, head: Tensor) -> Tensor:
    """Patches of light and dark fur, and stripes on forehead and cheeks; they turn with the face."""
    u, v = fields.u, fields.v
    inside = coverage(head, fields.edge)
    rough = 0.014 * ((u * 31.0).sin() * (v * 27.0 + 1.0).sin()) * look["soft"]
    soft = fields.edge + 0.035 * look["soft"]
    dark = leaves(u, v, look.table("dark_marks", LEAF_SIZE)).amin(1, keepdim=True) + rough
    light = leaves(u, v, look.table("light_marks", LEAF_SIZE)).amin(1, keepdim=True) + rough
    canvas = over(canvas, look["mark_dark"], coverage(dark, soft) * inside)
    canvas = over(canvas, look["mark_light"], coverage(light, soft) * inside)
    top = (u * look["stripes_freq"]).cos() - 0.35 - 1.2 * smooth(v, -0.62, -0.28) - 1.4 * smooth(u.abs(), 0.35, 0.6)
    side = (v * look["stripes_freq"] + 0.6).cos() - 0.45 - 2.0 * smooth(u.abs(), 0.78, 0.5)
    return over(canvas, look["mark_dark"], (top.maximum(side) * 4.0).clamp(0.0, 1.0) * look["stripes"] * inside)


def draw_snout(canvas: Tensor, look: Look, pose: Pose, fields: Fields, mouth: MouthShape) -> Tensor:
    """An animal's nose with the line down to its mouth."""
    u, v = fields.u - 0.12 * pose.sin_yaw, fields.v + 0.1 * pose.sin_pitch - look["nose_y"]
    alpha, width, height = look["snout"], look["snout_w"], look["snout_h"]
    bottom = mouth.line_y - mouth.rise - look["nose_y"]
    line = ((fields.u - 0.06 * pose.sin_yaw).abs() - 0.011).maximum(-v).maximum(v - bottom)
    canvas = over(canvas, look["snout_colour"] * 0.8, 0.9 * coverage(line, fields.edge) * alpha)
    shape = ellipse(u, v, width * (1.0 - 0.45 * (v / height)).clamp_min(0.3), height)
    canvas = over(canvas, look["snout_colour"], coverage(shape, fields.edge) * alpha)
    shine = glow(u - 0.25 * width * look["light"], v + 0.45 * height, 0.4 * width, 0.28 * height)
    return over(canvas, look["snout_colour"] * 0.4 + 0.6, 0.75 * shine * alpha)


def draw_machine(canvas: Tensor, look: Look, fields: Fields, head: Tensor) -> Tensor:
    """Shine, seams and rivets of a robot's head, and the panel that carries its eyes and mouth."""
    u, v, edge = fields.u, fields.v, fields.edge
    metal, inside = look["metal"], coverage(head, fields.edge)
    bands = smooth((fields.qx * look["light"] - 0.45 + 0.12 * fields.qy).abs(), 0.16, 0.0)
    canvas = over(canvas, look["skin_light"], 0.75 * metal * bands * inside)
    canvas = over(canvas, look["skin_shade"], 0.55 * metal * smooth(head, -0.14, 0.0) * inside)
    seam = ((v - look["panel_y"] - look["panel_h"] - 0.07).abs() - 0.008).minimum((u.abs() - 0.008).maximum(v + 0.62))
    rivet = ((u.abs() - 0.66).square() + (v.abs() - 0.55).square() + 1e-6).sqrt() - 0.03
    canvas = over(canvas, look["skin_shade"] * 0.7, look["seams"] * coverage(seam.minimum(rivet), edge) * inside)
    panel = rounded_box(u, v - look["panel_y"], look["panel_w"], look["panel_h"], look["panel_r"])
    frame = coverage(panel - 0.035, edge) * look["panel_alpha"]
    canvas = over(canvas, over(look["skin_shade"], look["skin_light"], smooth(v, 0.7, -0.7)), frame)
    glass = coverage(panel, edge) * look["panel_alpha"]
    canvas = over(canvas, look["panel"] * (1.1 - 0.35 * smooth(v, -0.5, 0.9)), glass)
    gleam = smooth((u * look["light"] + 0.55 * v - 0.1).abs(), 0.2, 0.17) * smooth(v, 0.25, -0.6)
    return over(canvas, look["skin_light"] * 0.3 + 0.7, 0.1 * gleam * glass)
