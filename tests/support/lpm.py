"""Small stand-ins for what LPM-Bench otherwise makes from many clips."""

import numpy as np
import torch
from torch import nn

from openlpm.bench.action_match import ActionMatcher
from openlpm.bench.emotions import EmotionReader
from openlpm.bench.lpm.picture import Pictures
from openlpm.bench.lpm.state_reader import StateReader
from openlpm.bench.lpm.view import View
from openlpm.bench.lpm.yardstick import Yardstick
from openlpm.bench.metrics import QuietMouth
from openlpm.bench.reaction_detector import ReactionDetector
from openlpm.bench.reading import ClipReading
from openlpm.bench.rehearsal import Eyesight
from openlpm.bench.viseme_reader import VisemeReader
from openlpm.core.rig import NUM_RIG, VISEMES


def plain_yardstick(*, identity: float = 0.5) -> Yardstick:
    """Thresholds as they usually are, and detectors that know nothing."""
    looks = 33
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(30, 8), nn.SiLU(), nn.Linear(8, len(VISEMES))).requires_grad_(requires_grad=False)
    none = np.zeros(NUM_RIG)
    return Yardstick(
        eyesight=Eyesight(middle_R=none, slope_R=none + 1, bias_R=none, noise_R=none + 0.01),
        quiet=QuietMouth(jaw=0.08, motion=0.05),
        identity=identity,
        looks_mean_X=np.zeros(looks),
        looks_spread_X=np.ones(looks),
        reactions=ReactionDetector(
            names=("nod",),
            mean_X=np.zeros(481),
            scale_X=np.ones(481),
            weight_XK=np.zeros((481, 1)),
            offset_K=np.zeros(1),
            level_K=np.ones(1),
        ),
        emotions=EmotionReader(np.zeros((38, 16)), np.zeros(16)),
        actions=ActionMatcher(spread_R=none + 0.1, slope_R=none + 1, levels={"nod": 0.5}),
        states=StateReader(np.zeros(6), np.ones(6), np.zeros((6, 3)), np.zeros(3)),
        visemes=VisemeReader(mean_X=torch.zeros(30), spread_X=torch.ones(30), network=network),
    )


def view_of(rig_FR: np.ndarray, *, looks_WX: np.ndarray | None = None, seed: int = 0) -> View:
    """A clip that is read without an error."""
    rng, count = np.random.default_rng(seed), rig_FR.shape[0]
    identity = np.zeros((count, 8), np.float32)
    identity[:, 0] = 1.0
    windows = -(-(count - 1) // 8)
    return View(
        frame_F=np.arange(count),
        reading=ClipReading(rig_FR=rig_FR.astype(np.float32), viseme_F=np.zeros(count, np.int64), identity_FD=identity),
        pictures=Pictures(
            sharp_F=np.full(count, 0.05),
            change_F=np.full(count, 0.01),
            tremor_F=np.full(count, 0.002),
            looks_WX=rng.normal(size=(windows, 33)) if looks_WX is None else looks_WX,
        ),
        num_frames=count,
    )
