"""A benchmark as one small file, for a machine without a network, PyAV or espeak-ng, and what it saw on the way back.

There: cases, truth, sounds (without loss) and the idle seconds of every character. Reference pictures are drawn again
there; on another processor a few of their values may differ by one step of 255. Back: views in narrow types.
"""

import io
import lzma
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from openlpm.bench.lpm.case import Case
from openlpm.bench.lpm.files import write_arrays, write_picture, write_sound
from openlpm.bench.lpm.folder import Bench
from openlpm.bench.lpm.systems import idle_seconds
from openlpm.bench.lpm.truth import read_performance, write_truth
from openlpm.bench.lpm.view import View, seen_frames
from openlpm.core.errors import InputError
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.references import reference_pictures_of, reference_rigs

PACKED = "bench.tar.xz"
_LISTS = ("VERSION", "cases.jsonl")
_TOLD = ("rig", "viseme", "emotion", "state", "events", "identity")
"""Of the truth; everything else in its file follows from the rig."""
_SOUNDS = ("speak", "listen")
_FULL_SCALE = 32767
_PEOPLE_AT_ONCE = 8


def pack(bench: Bench, cases: Sequence[Case], out: Path, *, silent: Collection[str] = ()) -> int:
    """Write ``out/bench.tar.xz`` with the cases of a benchmark; returns its size in bytes.

    Of long cases the truth of frames that are not looked at stays here; of cases whose names are in ``silent`` the
    sounds too: truth and controls can be seen, entries not made.

    Raises:
        ConfigError: espeak-ng, which speaks the idle seconds, is not installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / PACKED
    with tarfile.open(path, "w:xz", preset=6) as tar:
        for name, content in _packed(bench, cases, silent):
            _add(tar, name, content)
    return path.stat().st_size


def _packed(bench: Bench, cases: Sequence[Case], silent: Collection[str]) -> Iterator[tuple[str, bytes]]:
    for name in _LISTS:
        yield name, (bench.folder / name).read_bytes()
    for path in sorted((bench.folder / "splits").glob("*.txt")):
        yield f"splits/{path.name}", path.read_bytes()
    people: dict[str, Case] = {}
    for case in cases:
        people.setdefault(case.char, case)
        if case.has_truth:
            with np.load(bench.folder / "gt" / f"{case.id}.npz", allow_pickle=False) as stored:
                told = {name: stored[name] for name in _TOLD}
            unseen_F = np.ones(case.num_frames, np.bool_)
            unseen_F[seen_frames(case.num_frames)] = False
            told["rig"][unseen_F] = 0.0
            yield f"gt/{case.id}.npz", _plain(told)
        for which in _SOUNDS:
            if getattr(case, which) is not None and case.id not in silent:
                yield f"sound/{case.id}/{which}", _steps(bench.sound(case, which))
    for char, case in people.items():
        content = io.BytesIO()
        np.save(content, idle_seconds(case))
        yield f"loops/{char}.npy", content.getvalue()


def unpack(folders: Sequence[Path], out: Path, device: torch.device) -> Bench:
    """A benchmark as it was, in ``out``, from parts of it; cases whose sound stayed behind lack it (``can_perform``).

    Raises:
        InputError: a file is missing or damaged.
    """
    (out / "splits").mkdir(parents=True, exist_ok=True)
    (out / "gt").mkdir(exist_ok=True)
    (out / "loops").mkdir(exist_ok=True)
    for packed in (folder / PACKED for folder in folders):
        try:
            with tarfile.open(packed, "r:xz") as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    if file is not None:
                        _unpack_one(out, member.name, file.read())
        except (OSError, EOFError, tarfile.TarError, lzma.LZMAError, ValueError) as error:
            raise InputError(f"{packed} is no benchmark that was packed, or damaged: pack it again") from error
    bench = Bench.open(out)
    carried = [case for case in bench.cases if (out / "gt" / f"{case.id}.npz").is_file() or can_perform(bench, case)]
    for first in range(0, len(carried), _PEOPLE_AT_ONCE):
        _draw_references(out, carried[first : first + _PEOPLE_AT_ONCE], device)
    return bench


def can_perform(bench: Bench, case: Case) -> bool:
    """Whether all its sounds are there; and where it has none, its truth."""
    names = [name for name in (case.speak, case.listen) if name is not None]
    if not names:
        return (bench.folder / "gt" / f"{case.id}.npz").is_file()
    return all((bench.folder / "assets" / case.id / name).is_file() for name in names)


def _unpack_one(out: Path, name: str, content: bytes) -> None:
    room, _, rest = name.partition("/")
    if room == "sound":
        case, _, which = rest.partition("/")
        folder = out / "assets" / case
        folder.mkdir(parents=True, exist_ok=True)
        write_sound(folder / f"{which}.wav", _from_steps(content))
    elif room == "gt":
        path = out / "gt" / rest
        path.write_bytes(content)
        truth, state_F = read_performance(path)
        write_truth(path, truth, state_F)
    else:
        (out / name).write_bytes(content)


def _draw_references(out: Path, cases: Sequence[Case], device: torch.device) -> None:
    """The pictures of some cases, as ``making`` draws them."""
    with torch.inference_mode():
        drawn = reference_pictures_of([Identity.from_seed(int(case.char[1:])) for case in cases], device=device)
    number = {f"{key.kind}/{key.subtype}": place for place, key in enumerate(reference_rigs())}
    for case, pictures_JCHW in zip(cases, drawn, strict=True):
        folder = out / "assets" / case.id
        folder.mkdir(parents=True, exist_ok=True)
        shown_JHWC = (pictures_JCHW.permute(0, 2, 3, 1) * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        for name, kind in zip(case.refs, case.ref_kinds, strict=True):
            write_picture(folder / name, shown_JHWC[number[kind]])


def _steps(sound_A: NDArray[np.float32]) -> bytes:
    """Differences of differences, low bytes before high ones: what a general packer makes small."""
    whole_A = np.rint(sound_A * _FULL_SCALE).astype(np.int16)
    for _ in range(2):
        whole_A = np.diff(whole_A, prepend=np.int16(0))
    return whole_A.astype("<i2").view(np.uint8).reshape(-1, 2).T.tobytes()


def _from_steps(content: bytes) -> NDArray[np.float32]:
    low_high = np.frombuffer(content, np.uint8).reshape(2, -1).T
    whole_A = np.ascontiguousarray(low_high).view("<i2").ravel()
    for _ in range(2):
        whole_A = np.cumsum(whole_A, dtype=np.int16)
    return whole_A.astype(np.float32) / np.float32(_FULL_SCALE)


def pack_views(files: Iterable[tuple[str, Path]], out: Path) -> int:
    """Views and other files under the given names in one packed file, views in narrow types; its size in bytes.

    Readings are kept in half precision: what that changes is a hundredth of the critic's own error.
    """
    draft = out.with_name(f".{out.name}.part")
    with tarfile.open(draft, "w:xz", preset=1) as tar:
        for name, path in files:
            content = _plain(_narrow(View.load(path).arrays())) if path.suffix == ".npz" else path.read_bytes()
            _add(tar, name, content)
    draft.replace(out)
    return out.stat().st_size


def unpack_views(packed: Path, out: Path) -> int:
    """Put what ``pack_views`` packed under ``out``; returns how many files.

    Raises:
        InputError: it is damaged.
    """
    count = 0
    try:
        with tarfile.open(packed, "r:xz") as tar:
            for member in tar:
                file = tar.extractfile(member)
                path = (out / member.name).resolve()
                if file is None or not path.is_relative_to(out.resolve()):
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.suffix == ".npz":
                    with np.load(io.BytesIO(file.read()), allow_pickle=False) as kept:
                        write_arrays(path, {name: kept[name] for name in kept.files})
                else:
                    path.write_bytes(file.read())
                count += 1
    except (OSError, EOFError, tarfile.TarError, lzma.LZMAError, ValueError) as error:
        raise InputError(f"{packed} holds no views, or is damaged") from error
    return count


def _narrow(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    types = {"rig": np.float16, "identity": np.float16, "viseme": np.uint8, "frame": np.int32}
    types |= dict.fromkeys(("sharp", "change", "tremor", "looks"), np.float32)
    return {name: value.astype(types.get(name, value.dtype)) for name, value in arrays.items()}


def _plain(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Not compressed: the tar is, and finds what is in several files."""
    content = io.BytesIO()
    # numpy's types leave keyword arrays and `allow_pickle` in one place.
    np.savez(content, **arrays)  # pyright: ignore[reportArgumentType]
    return content.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
