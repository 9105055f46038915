"""Train the active speaker network on synthetic conversations: true landmarks of the rig, seen through a poor detector.

    python runs/train_active_speaker.py --tracks TRACKS --minutes 8

TRACKS holds train.npz and validation.npz of ``runs/speaker_tracks.py``. The seed is fixed; how many steps fit into the
minutes is the machine's matter and is printed. Weights go to the package as int8 rows.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn import functional

from openlpm.core.rig import State
from openlpm.core.seeds import generator
from openlpm.core.units import AUDIO_RATE_HZ, samples_at_frame
from openlpm.data.people.faces import POINT
from openlpm.data.states.hearing import mel_features
from openlpm.data.states.motion import motion_features
from openlpm.data.states.network import MOST_OFFSET, SpeakerNetwork
from openlpm.data.states.scorer import WEIGHTS
from openlpm.media.mix import soft_limit
from openlpm.weights.store import Storage, load_into, save

_BATCH, _RATE = 16, 2e-3
_LENGTHS = (72, 120, 198, 300)
"""Frames of a batch's tracks: a shot may be as short as three seconds. Multiples of three are whole samples."""
_BELOW = [POINT[name] for name in ("gap_bottom", "lip_bottom", "chin")]
_PARTS = {"gap_bottom": 1.0, "lip_bottom": 0.95, "chin": 0.6}


class Tracks:
    """Both sides of conversations: landmarks, turns, states and voices."""

    def __init__(self, path: Path) -> None:
        stored = np.load(path)
        self.points_KFP2, self.turns_KF3 = stored["points"], stored["turns"]
        self.states_KF, self.voices_KA = stored["states"], stored["voices"]

    def piece(self, track: int, first: int, count: int) -> NDArray[np.float32]:
        """What side ``track`` says in some frames."""
        begin, end = samples_at_frame(first), samples_at_frame(first + count)
        return self.voices_KA[track, begin:end].astype(np.float32) / 32768


def observed(
    rng: np.random.Generator, points_FP2: NDArray[np.float32], turns_F3: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Landmarks as a detector may report them: shaking, drifting, smoothed, with mouths that open less, and gaps."""
    points, num_frames = points_FP2.astype(np.float64), points_FP2.shape[0]
    size = np.linalg.norm(points[:, POINT["eye_right_outer"]] - points[:, POINT["eye_left_outer"]], axis=1).mean()
    gap_F2 = points[:, POINT["gap_bottom"]] - points[:, POINT["gap_top"]]
    opens_F2 = gap_F2 * (float(np.exp(rng.normal(-0.15, 0.35))) - 1)
    if rng.random() < 0.35:  # mouths that move without speech: chewing, swallowing, a breath
        for _ in range(int(rng.integers(1, 5))):
            middle, length = rng.uniform(0, num_frames), rng.uniform(3, 30)
            bump_F = np.exp(-(((np.arange(num_frames) - middle) / length) ** 2)) * rng.uniform(0.02, 0.12) * size
            opens_F2 = opens_F2 + bump_F[:, None] * np.array([0.0, 1.0])
    for name, share in _PARTS.items():
        points[:, POINT[name]] += share * opens_F2
    if rng.random() < 0.6:
        points = gaussian_filter1d(points, float(rng.uniform(0.3, 1.3)), axis=0)
    shake = float(np.exp(rng.uniform(np.log(0.003), np.log(0.03)))) * size
    together = rng.normal(0, 0.5 * shake, (num_frames, 1, 2))
    drift = gaussian_filter1d(rng.normal(0, 1, points.shape), float(rng.uniform(4, 20)), axis=0)
    drift *= rng.uniform(0, 0.03) * size / max(drift.std(), 1e-9)
    points = points + rng.normal(0, shake, points.shape) + together + drift
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.3 else 0):
        first = int(rng.integers(num_frames))
        points[first : first + int(rng.integers(1, 20))] = np.nan
    turned = turns_F3 * rng.uniform(0.6, 1.4) + rng.normal(0, 0.03, 3) + rng.normal(0, 0.01, turns_F3.shape)
    turned = np.where(np.isnan(points[:, :1, 0]), np.nan, turned)
    if np.isnan(points).all():
        return observed(rng, points_FP2, turns_F3)
    return points.astype(np.float32), turned.astype(np.float32)


def recorded(rng: np.random.Generator, sound_A: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sound through a cheap microphone in a room; echoes wrap around, which nobody hears."""
    size = sound_A.shape[0]
    spectrum_Q = rfft(sound_A)
    hertz_Q = np.fft.rfftfreq(size, 1 / AUDIO_RATE_HZ).astype(np.float32)
    if rng.random() < 0.35:
        echo = np.zeros(size, np.float32)
        length = int(rng.uniform(800, 5000))
        echo[:length] = rng.standard_normal(length) * np.exp(-np.arange(length) / rng.uniform(300, 1500))
        echo[0] = rng.uniform(3, 12)
        spectrum_Q = spectrum_Q * rfft(echo / np.sqrt((echo**2).sum()))
    if rng.random() < 0.7:
        noise_Q = rfft(rng.standard_normal(size, np.float32)) * np.maximum(hertz_Q, 50) ** -rng.uniform(0, 1.2)
        level = 10 ** (-rng.uniform(8, 45) / 20) * np.linalg.norm(spectrum_Q) / np.linalg.norm(noise_Q)
        spectrum_Q = spectrum_Q + level * noise_Q
    if rng.random() < 0.4:
        tilt_Q = (np.maximum(hertz_Q, 50) / 1000) ** rng.normal(0, 0.4)
        spectrum_Q = spectrum_Q * tilt_Q / (1 + (hertz_Q / rng.uniform(3000, 12000)) ** 8)
    return soft_limit((irfft(spectrum_Q, size) * rng.uniform(0.2, 1.3)).astype(np.float32))


def example(
    rng: np.random.Generator, tracks: Tracks, count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], bool]:
    """Motion, mel, whether it speaks and whether it articulates in each frame; last, if sound and picture belong."""
    num_tracks, length = tracks.states_KF.shape
    track = int(rng.integers(num_tracks))
    first = int(rng.integers(0, length - count + 1))
    frames = slice(first, first + count)
    articulates_F = np.isin(tracks.states_KF[track, frames], (State.SPEAK, State.BOTH)).astype(np.float32)
    points, turns = observed(rng, tracks.points_KFP2[track, frames], tracks.turns_KF3[track, frames])
    own_A, partner_A = tracks.piece(track, first, count), tracks.piece(track ^ 1, first, count)
    kind, fits = rng.random(), False
    if kind < 0.6:
        fits, sound_A = True, own_A + partner_A
    elif kind < 0.72:  # late or early
        late = int(rng.integers(4, 40)) * int(rng.choice((-1, 1)))
        moved = int(np.clip(first + late, 0, length - count))
        sound_A = tracks.piece(track, moved, count) + partner_A
        if abs(moved - first) < 4:
            fits, sound_A = True, own_A + partner_A
    elif kind < 0.85:  # dubbed
        other = int(rng.integers(num_tracks))
        other = other if other // 2 != track // 2 else (other + 2) % num_tracks
        sound_A = tracks.piece(other, first, count) + partner_A * float(rng.random() < 0.5)
    else:  # one's own voice is not heard
        sound_A = partner_A
    mel_FY = mel_features(recorded(rng, sound_A.astype(np.float32)), count)
    speaks_F = articulates_F if fits else np.zeros_like(articulates_F)
    return motion_features(points, turns), mel_FY, speaks_F, articulates_F, fits


def batch_of(name: str, index: int, tracks: Tracks) -> tuple[Tensor, ...]:
    """A batch; the same name and number always give the same one."""
    rng = generator("active speaker", name, index)
    count = int(rng.choice(_LENGTHS))
    rows = [example(rng, tracks, count) for _ in range(_BATCH)]
    motion, mel, speaks, articulates, fits = (np.stack([np.asarray(row[k]) for row in rows]) for k in range(5))
    return (
        torch.from_numpy(motion).transpose(1, 2), torch.from_numpy(mel).transpose(1, 2), torch.from_numpy(speaks),
        torch.from_numpy(articulates), torch.from_numpy(fits),
    )  # fmt: skip


def losses(network: SpeakerNetwork, batch: tuple[Tensor, ...]) -> tuple[Tensor, tuple[float, float, float]]:
    """The loss; and accuracy of speaking, of articulation, and of the offset zero where people speak in step."""
    motion, mel, speaks, articulates, fits = batch
    judged = network(motion, mel)
    loss = functional.binary_cross_entropy_with_logits(judged.speaks_NT, speaks)
    loss = loss + functional.binary_cross_entropy_with_logits(judged.articulates_NT, articulates)
    agreement = judged.agreement_NKT.transpose(1, 2)[(speaks > 0.5) & fits[:, None]]
    loss = loss + 0.3 * functional.cross_entropy(agreement, torch.full((agreement.shape[0],), MOST_OFFSET))
    right = [
        float(((logit > 0) == (truth > 0.5)).float().mean())
        for logit, truth in ((judged.speaks_NT, speaks), (judged.articulates_NT, articulates))
    ]
    near = float(((agreement.argmax(-1) - MOST_OFFSET).abs() <= 1).float().mean())
    return loss, (right[0], right[1], near)


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--go-on", action="store_true", help="begin with the weights that are there, at half the rate")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(6)
    network = SpeakerNetwork()
    if options.go_on:
        load_into(network, options.out)
    rate, name = (_RATE / 2, "again") if options.go_on else (_RATE, "train")
    train, validation = Tracks(options.tracks / "train.npz"), Tracks(options.tracks / "validation.npz")
    held = [batch_of("validation", index, validation) for index in range(12)]
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-2)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99)
    )
    begun, step, said = time.monotonic(), 0, 0.0
    while (share := (time.monotonic() - begun) / (60 * options.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 50, 2.0 * (1 - share) + 1e-3)
        loss, _ = losses(network, batch_of(name, step, train))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        average.update_parameters(network)
        step += 1
        if share - said > 0.1:
            said = share
            with torch.no_grad():
                seen = [losses(average.module, batch) for batch in held]
            speaks, articulates, offset = np.mean([right for _, right in seen], axis=0)
            print(
                f"{share:.0%} step {step}: train {float(loss.detach()):.3f}, "
                f"validation {np.mean([float(value) for value, _ in seen]):.3f}, "
                f"speaks {speaks:.3f}, articulates {articulates:.3f}, offset {offset:.3f}",
                flush=True,
            )
    files = save(average.module.state_dict(), options.out, storage=Storage.INT8_ROWS)
    print(f"{step} steps, {sum(file.stat().st_size for file in files) / 2**10:.0f} KiB in {options.out}")


if __name__ == "__main__":
    main()
