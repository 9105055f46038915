"""The truth in pictures, and the controls that need pictures of their own: all seen in one pass over each case."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.coding import reencoded
from openlpm.bench.lpm.drawing import Drawing
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.measures import Control
from openlpm.bench.lpm.picture import WINDOW_FRAMES, look_at
from openlpm.bench.lpm.view import View, seen_frames, watch
from openlpm.bench.reading import ClipReading, Judges, read_frames
from openlpm.bench.truth import Codec
from openlpm.core.rig import RIG_HIGH_R, RIG_LOW_R
from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.core.units import FRAME_RATE_HZ
from openlpm.synth.look.identity import Identity

TRUTH = "truth"
DRAWN_VIEWS = tuple(
    map(str, (TRUTH, Control.JITTER, Control.BLUR, Control.CODEC, Control.NOISE, Control.MORPH, Control.REENCODE))
)
"""The truth first: noise and morph are made beside it."""
_MORPH_TO, _MORPH_EVERY = 0.3, 12
_JITTER_PIXELS = (1, 3)
_BLUR_TIMES = 4


@final
class Showing:
    """Shows cases to judges."""

    def __init__(self, bench: Bench, judges: Judges, drawing: Drawing, codec: Codec) -> None:
        """``codec`` is the autoencoder of the model that is published with the benchmark."""
        self._bench, self._judges, self._drawing, self._codec = bench, judges, drawing, codec

    def views(
        self, case: Case, wanted: Collection[str] = DRAWN_VIEWS, known: Mapping[str, View] | None = None
    ) -> dict[str, View]:
        """The truth of a case and its controls as they are seen: those of ``DRAWN_VIEWS`` that are wanted.

        Noise and morph need the view of the truth, among the wanted ones or the known ones.
        """
        truth = self._bench.truth(case)
        frame_F = seen_frames(case.num_frames)
        rig_FR = truth.rig_FR[frame_F]
        person = self._drawing.parameters(Identity.from_seed(truth.seed))
        found = dict(known or {})
        shown_FCHW = torch.empty(0)
        if set(wanted) - {Control.NOISE, Control.MORPH}:
            shown_FCHW = torch.cat([_eight_bits(part) for part in self._drawing.frames(person, rig_FR)])
        seen: dict[str, Callable[[], Iterator[Tensor]]] = {
            TRUTH: lambda: _parts(shown_FCHW),
            Control.JITTER: lambda: _gathered(_shaken(shown_FCHW, case.seed_base)),
            Control.BLUR: lambda: map(_out_of_focus, _parts(shown_FCHW)),
            Control.CODEC: lambda: self._coded(shown_FCHW, found[TRUTH]),
            Control.REENCODE: lambda: _parts(reencoded(shown_FCHW)),
        }
        for name in (each for each in DRAWN_VIEWS if each in wanted):
            if name in seen:
                found[name] = watch(seen[name](), frame_F, self._judges, num_frames=case.num_frames)
            else:
                make = self._noise if name == Control.NOISE else self._morph
                found[name] = make(case, found[TRUTH], person, rig_FR)
        return {name: found[name] for name in wanted}

    def _coded(self, shown_FCHW: Tensor, truth: View) -> Iterator[Tensor]:
        """Through the autoencoder, excerpt by excerpt, as it streams."""
        for span in truth.excerpts:
            self._codec.reset()
            for part_FCHW in _parts(shown_FCHW[span]):
                missing = -part_FCHW.shape[0] % 4
                whole_FCHW = torch.cat([part_FCHW, part_FCHW[-1:].expand(missing, -1, -1, -1)])
                yield _eight_bits(self._codec(whole_FCHW))[: part_FCHW.shape[0]].float() / 255

    def _noise(self, case: Case, truth: View, person: Tensor, rig_FR: NDArray[np.float32]) -> View:
        """Every channel of every frame drawn anew, with its mean and spread of the clip.

        Pictures are drawn where they are described, two successive ones each.
        """
        rng = generator("lpm", "noise", case.id)
        noise_FR = rig_FR.mean(axis=0) + rig_FR.std(axis=0) * rng.standard_normal(rig_FR.shape)
        noise_FR = np.clip(noise_FR, RIG_LOW_R, RIG_HIGH_R).astype(np.float32)
        places: list[int] = []
        for span in truth.excerpts:
            for first in range(span.start, span.stop - 1, WINDOW_FRAMES):
                places += [first, first + 1]
        drawn = [_eight_bits(part) for part in self._drawing.frames(person, noise_FR[places])]
        pairs_FCHW = torch.cat(drawn).float() / 255
        seen = [look_at(pairs_FCHW[index : index + 2]) for index in range(0, len(places), 2)]
        read = read_frames(self._judges.critic, pairs_FCHW)
        # Frames that are not drawn are read as wrongly as those that are.
        rig_read_FR = (noise_FR + np.resize(read.rig_FR - noise_FR[places], rig_FR.shape)).astype(np.float32)
        rig_read_FR[places] = read.rig_FR
        count = rig_FR.shape[0]
        return replace(
            truth,
            reading=ClipReading(
                rig_FR=rig_read_FR,
                viseme_F=np.resize(read.viseme_F, count),
                identity_FD=np.resize(read.identity_FD, (count, read.identity_FD.shape[1])),
            ),
            pictures=replace(
                truth.pictures,
                sharp_F=np.resize(np.concatenate([each.sharp_F for each in seen]), count),
                change_F=np.full(count, float(np.mean([each.change_F[1] for each in seen]))),
                tremor_F=np.full(count, float(np.mean([each.change_F[1] for each in seen]))),
                looks_WX=np.concatenate([each.looks_WX for each in seen]),
            ),
        )

    def _morph(self, case: Case, truth: View, person: Tensor, rig_FR: NDArray[np.float32]) -> View:
        """Somebody who becomes a third of somebody else; drawn twice a second, and read in between as between."""
        everyone = seeds_of(Split.TEST)
        other = everyone[int(generator("lpm", "morph", case.id).integers(len(everyone)))]
        aim = self._drawing.parameters(Identity.from_seed(other))
        count = rig_FR.shape[0]
        places = np.unique([*range(0, count, _MORPH_EVERY), count - 1])
        part_K = torch.from_numpy(_MORPH_TO * places / max(count - 1, 1)).float().to(person)
        looks_KV = person + part_K[:, None] * (aim - person)
        drawn = torch.cat([_eight_bits(part) for part in self._drawing.frames(looks_KV, rig_FR[places])])
        read_KD = read_frames(self._judges.critic, drawn.float() / 255).identity_FD
        frames = np.arange(count)
        identity_FD = np.stack([np.interp(frames, places, column) for column in read_KD.T], axis=1)
        identity_FD /= np.linalg.norm(identity_FD, axis=1, keepdims=True)
        return truth.with_reading(replace(truth.reading, identity_FD=identity_FD.astype(np.float32)))


def load_views(folder: Path, case: Case) -> dict[str, View]:
    """Views that were kept."""
    paths = {name: folder / name / f"{case.id}.npz" for name in DRAWN_VIEWS}
    return {name: View.load(path) for name, path in paths.items() if path.is_file()}


def keep_views(folder: Path, case: Case, views: Mapping[str, View]) -> None:
    """Keep views."""
    for name, view in views.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        view.save(folder / name / f"{case.id}.npz")


def _eight_bits(frames_FCHW: Tensor) -> Tensor:
    return (frames_FCHW.float() * 255).round().clamp(0, 255).to(torch.uint8)


def _parts(frames_FCHW: Tensor) -> Iterator[Tensor]:
    """In [0, 1], a second at a time."""
    for part_FCHW in frames_FCHW.split(FRAME_RATE_HZ):
        yield part_FCHW.float() / 255 if part_FCHW.dtype == torch.uint8 else part_FCHW


def _gathered(pictures: Iterator[Tensor]) -> Iterator[Tensor]:
    """A second at a time."""
    held: list[Tensor] = []
    for picture_FCHW in pictures:
        held.append(picture_FCHW)
        if len(held) == FRAME_RATE_HZ:
            yield torch.cat(held)
            held = []
    if held:
        yield torch.cat(held)


def _shaken(shown_FCHW: Tensor, seed: int) -> Iterator[Tensor]:
    """Every picture one to three pixels off, anywhere; one at a time, since they are padded as floats."""
    rng = np.random.default_rng(seed)
    least, most = _JITTER_PIXELS
    rows = shown_FCHW.shape[2]
    for picture_CHW in shown_FCHW:
        down, across = (most + rng.integers(least, most + 1, 2) * rng.choice((-1, 1), 2)).tolist()
        padded_CHW = functional.pad(picture_CHW[None].float() / 255, (most,) * 4, mode="replicate")[0]
        yield padded_CHW[None, :, down : down + rows, across : across + rows]


def _out_of_focus(part_FCHW: Tensor) -> Tensor:
    """A quarter of the size, and back."""
    small_FCHW = functional.avg_pool2d(part_FCHW, _BLUR_TIMES)
    wide_FCHW = functional.interpolate(small_FCHW, scale_factor=float(_BLUR_TIMES), mode="bilinear")
    return _eight_bits(wide_FCHW).float() / 255
