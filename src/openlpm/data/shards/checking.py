"""Whether shards are whole: every byte, every sample once, every member as long as it should be."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from openlpm.core.errors import InputError
from openlpm.data.dataset import Dataset, kept
from openlpm.data.shards.index import sha256_of
from openlpm.data.shards.part import Sample as SamplePart
from openlpm.data.shards.reading import STAGE, Sample, ShardSet, folder_of


def faults_of(
    dataset: Path, *, deep: bool, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[str]:
    """What is wrong with the shards of a dataset, a sentence each; ``deep`` decodes every member too.

    Raises:
        InputError: there are no shards, or one is missing.
    """
    found = ShardSet.opened(dataset)
    keys = Counter[str]()
    for number, entry in enumerate(found.index.shards):
        if sha256_of(found.folder / entry.name) != entry.sha256:
            yield f"{entry.name}: its bytes are not those that were written"
        on_progress(number + 1, len(found.index.shards))
    seconds = 0.0
    for sample in found.samples():
        keys[sample.key] += 1
        try:
            seconds += sample.facts().seconds
            yield from _faults_of(sample) if deep else ()
        except InputError as error:
            yield str(error)
    if sum(keys.values()) != found.index.num_samples or abs(seconds - found.index.seconds) > 0.01 * len(keys) + 1e-3:
        yield (
            f"there are {sum(keys.values())} samples of {seconds:.1f} s, "
            f"the index says {found.index.num_samples} of {found.index.seconds:.1f} s"
        )
    yield from _against_manifest(dataset, keys)


def _against_manifest(dataset: Path, keys: Counter[str]) -> Iterator[str]:
    if folder_of(dataset) == dataset:  # shards that were brought here without their dataset
        wanted = Counter(dict.fromkeys(keys, 1))
    else:
        wanted = Counter(each.part(SamplePart).key for each in kept(Dataset(folder=dataset).current(STAGE)))
    for key in sorted(wanted - keys):
        yield f"sample {key} is in the manifest and in no shard"
    for key in sorted(keys - wanted):
        yield f"sample {key} is in the shards more often than in the manifest"


def _faults_of(sample: Sample) -> Iterator[str]:
    facts = sample.facts()
    frames = sample.frames()
    if frames.shape != (facts.num_frames, facts.size, facts.size, 3):
        yield f"sample {sample.key}: pictures of shape {frames.shape} instead of {facts.num_frames} of {facts.size}"
    sample.voices(facts.num_frames)
    tracks = sample.tracks()
    short = [name for name, values in tracks.items() if len(values) != facts.num_frames]
    if short:
        yield f"sample {sample.key}: tracks {', '.join(short)} are not {facts.num_frames} frames long"
    for reference in facts.references:
        if sample.reference(reference).shape != (facts.size, facts.size, 3):
            yield f"sample {sample.key}: {reference.member} is no picture of {facts.size}"
    if facts.key != sample.key:
        yield f"sample {sample.key} says that it is {facts.key}"
    if not np.isfinite(facts.motion):
        yield f"sample {sample.key}: motion is no number"
