"""Where a unit may be cut: between two sentences, never within one."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.core.units import AUDIO_RATE_HZ, FRAME_RATE_HZ
from openlpm.data.captions.transcribing import Sentence
from openlpm.data.captions.wording import Stretch
from openlpm.data.pairing import part as pairing


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentConfig:
    """How long segments are."""

    least_s: float = 2.0
    """Shorter ones are joined."""
    most_s: float = 10.0
    """Of silence; a sentence is as long as it is."""

    def __post_init__(self) -> None:
        if not 0 < 2 * self.least_s <= self.most_s:
            raise ConfigError(f"least_s={self.least_s}, most_s={self.most_s}: the longest must hold two shortest")


def sentences_in(own: Sequence[pairing.Stretch]) -> tuple[Sentence, ...]:
    """What a person says without a pause, for want of a transcript."""
    return tuple(
        Sentence(start_s=max(each.first_sample, 0) / AUDIO_RATE_HZ, end_s=each.end_sample / AUDIO_RATE_HZ)
        for each in own
    )


def segments_of(sentences: Sequence[Sentence], num_frames: int, config: SegmentConfig) -> tuple[Stretch, ...]:
    """Segments without gaps from the first to the last frame."""
    held = [
        (max(round(each.start_s * FRAME_RATE_HZ), 0), min(round(each.end_s * FRAME_RATE_HZ), num_frames))
        for each in sorted(sentences, key=lambda each: each.start_s)
    ]
    least, most = round(config.least_s * FRAME_RATE_HZ), round(config.most_s * FRAME_RATE_HZ)
    cuts: list[int] = []
    silence = 0
    for first, end in [*held, (num_frames, num_frames)]:
        cuts += _inside(silence, first, most)
        if silence < first and silence > 0:
            cuts.append((silence + first) // 2 if first - silence < least else silence)
        if least <= first - silence and first < num_frames:
            cuts.append(first)
        silence = max(silence, end)
    allowed = [cut for cut in sorted(set(cuts)) if not any(first < cut < end for first, end in held)]
    edges = [0]
    for cut in allowed:
        if cut - edges[-1] >= least and num_frames - cut >= least:
            edges.append(cut)
    edges.append(num_frames)
    return tuple(Stretch(first_frame=first, end_frame=end) for first, end in pairwise(edges))


def _inside(first: int, end: int, most: int) -> list[int]:
    """Cuts of a long silence into equal parts."""
    count = -(-(end - first) // most)
    return [first + (end - first) * index // count for index in range(1, count)]
