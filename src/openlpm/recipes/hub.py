"""What can be fetched from the Hugging Face hub by name, and how much of it is needed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from openlpm.core.errors import InputError
from openlpm.weights.room import require_disk
from openlpm.weights.wan import Layout
from openlpm.weights.wan_sizes import NamedCheckpoint, expected, named_checkpoints


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """Files of a repository on the hub."""

    name: str
    repository: str
    patterns: tuple[str, ...]
    size_gb: float
    """About; what is missing on the disk is said before anything is fetched."""


def releases(*, diffusers: bool) -> tuple[Release, ...]:
    """Everything that has a name."""
    return (*_transformers(diffusers=diffusers), *_OTHERS)


def release(name: str, *, diffusers: bool) -> Release:
    """A release by its name.

    Raises:
        InputError: there is none; the text lists those there are.
    """
    known = {each.name: each for each in releases(diffusers=diffusers)}
    if name not in known:
        raise InputError(f"there is nothing named {name!r} to fetch: there are {', '.join(known)}")
    return known[name]


def fetched(wanted: Release, out: Path, revision: str | None = None) -> Path:
    """Fetch a release into a folder; what is there already is kept. The only place that uses the network.

    Raises:
        InputError: the disk has too little room, or the hub cannot be reached or refuses.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    require_disk(out, int(1e9 * wanted.size_gb))
    try:
        return Path(
            snapshot_download(wanted.repository, revision=revision, allow_patterns=list(wanted.patterns), local_dir=out)
        )
    except (HfHubHTTPError, OSError) as error:
        raise InputError(f"{wanted.repository} could not be fetched: {error}") from error


def _transformers(*, diffusers: bool) -> Iterator[Release]:
    for named in named_checkpoints():
        layout = Layout.DIFFUSERS if diffusers else Layout.ORIGINAL
        yield Release(
            name=named.name,
            repository=named.repository(layout),
            patterns=("transformer/*",) if diffusers else ("diffusion_pytorch_model*", "config.json"),
            size_gb=_float32_gb(named),
        )


def _float32_gb(named: NamedCheckpoint) -> float:
    numbers = 0
    for shape in expected(named.sizes, Layout.ORIGINAL).values():
        count = 1
        for size in shape:
            count *= size
        numbers += count
    return round(4e-9 * numbers, 1)


_OTHERS = (
    Release(name="wan2.1-vae", repository="Wan-AI/Wan2.1-T2V-1.3B-Diffusers", patterns=("vae/*",), size_gb=0.6),
    Release(
        name="umt5-xxl",
        repository="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
        patterns=("text_encoder/*", "tokenizer/*"),
        size_gb=23.0,
    ),
    Release(
        name="whisper-large-v3",
        repository="openai/whisper-large-v3",
        patterns=("*.json", "model.safetensors", "merges.txt"),
        size_gb=3.1,
    ),
    Release(
        name="wav2vec2-base",
        repository="facebook/wav2vec2-base-960h",
        patterns=("*.json", "model.safetensors"),
        size_gb=0.4,
    ),
)
