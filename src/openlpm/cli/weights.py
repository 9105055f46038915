"""``openlpm weights``: weights of Wan2.1 and adapters of it, into a folder of ours."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from openlpm.cli.output import require_writable
from openlpm.cli.progress import counted_progress, told
from openlpm.cli.weights_fetch import fetch
from openlpm.core.errors import InputError

if TYPE_CHECKING:
    from openlpm.weights.convert import Choices, GivenAdapter, Written

HELP = """Bring weights of Wan2.1 in: look at them, convert them, merge adapters into them."""

INSPECT_HELP = """Say what a checkpoint is, and what a conversion would keep, leave out and add; nothing is written.

Examples:

  openlpm weights inspect Wan2.1-I2V-14B-480P

  openlpm weights inspect wan2.1-i2v-14b-480p --layout diffusers     a release by name: its sizes, without its weights

Only the headers of files are read.
"""

CONVERT_HELP = """Convert a transformer of Wan2.1 (original or diffusers layout) into a folder of ours.

Examples:

  openlpm weights convert Wan2.1-T2V-1.3B lpm-1.3b

  openlpm weights convert Wan2.1-I2V-14B-480P lpm-17b --lora style.safetensors:0.8

The picture branch (CLIP) and the input channels of the first picture are left out; branches for both voices are added,
which say nothing yet. Memory holds a shard at a time. A command that was stopped goes on where it was. OUT holds
transformer.json, the shards in dit, and conversion.json, which lists every tensor that was left out and why.
"""

MERGE_HELP = """Merge adapters (LoRA) into converted weights, and write these to another folder.

Examples:

  openlpm weights merge lpm-17b motion.safetensors --out lpm-17b-motion

  openlpm weights merge lpm-17b style.safetensors:0.6 sharp.safetensors --out lpm-17b-both

Read are the layouts of PEFT, diffusers, kohya and ComfyUI. A number after a colon is the adapter's strength.
"""

app = typer.Typer(no_args_is_help=True, help=HELP, rich_markup_mode=None)
app.command("fetch")(fetch)

JsonFile = Annotated[Path | None, typer.Option("--json", help="Also write what is found to this file.")]
Storage = Annotated[str | None, typer.Option(help="bf16 (matrices of blocks; the rest in float32) or fp32.")]
ShardMib = Annotated[int, typer.Option(min=1, max=2**15, help="Size of a shard in MiB; memory holds two of them.")]
AnySize = Annotated[bool, typer.Option("--any-size", help="Allow sizes that no release has.")]


@app.command("inspect", help=INSPECT_HELP)
def inspect(
    checkpoint: Annotated[str, typer.Argument(help="A folder, a .safetensors file, or the name of a release.")],
    *,
    layout: Annotated[str, typer.Option(help="Layout of a release by name: original or diffusers.")] = "original",
    keys: Annotated[bool, typer.Option("--keys", help="List every tensor that is left out or added.")] = False,
    json_path: JsonFile = None,
) -> None:
    """Say what a checkpoint is."""
    from openlpm.cli.weights_report import found_at, lines_of

    require_writable(json_path)
    found = found_at(checkpoint, layout)
    console = Console(highlight=False, soft_wrap=True)
    for line in lines_of(found, every_key=keys):
        console.print(line, markup=False)
    if json_path is not None:
        json_path.write_text(json.dumps(found.as_dict(), indent=1) + "\n")


@app.command("convert", help=CONVERT_HELP)
def convert(
    checkpoint: Annotated[Path, typer.Argument(help="A folder or a .safetensors file.")],
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    *,
    lora: Annotated[list[str] | None, typer.Option(help="An adapter to merge, FILE or FILE:STRENGTH.")] = None,
    storage: Storage = "bf16",
    shard_mib: ShardMib = 1024,
    seed: Annotated[int, typer.Option(min=0, help="Of the new branches.")] = 0,
    any_size: AnySize = False,
) -> None:
    """Convert a transformer of Wan2.1."""
    from openlpm.recipes.wan import character_of
    from openlpm.weights import convert as work
    from openlpm.weights.checkpoint import open_checkpoint
    from openlpm.weights.conversion import read_sizes

    parent = open_checkpoint(checkpoint)
    _, sizes = read_sizes(parent.shapes, parent.config)
    choices = _choices(storage or "bf16", shard_mib, lora or [], seed)
    target = character_of(sizes, any_size=any_size)
    with counted_progress("converting", 0, "tensors") as progress:
        written = work.convert(parent, target, out, choices, progress=progress)
    assert written.plan is not None
    plan = written.plan
    told(
        f"{len(plan.made)} tensors in {len(written.shards)} shards in {out}, {len(plan.new)} of them new; "
        f"{len(plan.left_out)} left out (conversion.json lists them)"
    )
    _tell_adapters(written)


@app.command("merge", help=MERGE_HELP)
def merge(
    model: Annotated[Path, typer.Argument(help="A folder that convert or merge has written.")],
    adapters: Annotated[list[str], typer.Argument(help="Adapters, FILE or FILE:STRENGTH.")],
    *,
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    storage: Storage = None,
    shard_mib: ShardMib = 1024,
) -> None:
    """Merge adapters into converted weights."""
    from openlpm.weights import convert as work
    from openlpm.weights.store import plain_shards
    from openlpm.weights.transformer_folder import WEIGHTS

    kept = plain_shards(model / WEIGHTS)[0].value
    choices = _choices(storage or kept, shard_mib, adapters, 0)
    with counted_progress("merging", 0, "tensors") as progress:
        written = work.merge(model, out, choices, progress=progress)
    told(f"{len(written.shards)} shards in {out}")
    _tell_adapters(written)


def _choices(storage: str, shard_mib: int, adapters: list[str], seed: int) -> "Choices":
    from openlpm.weights.convert import Choices
    from openlpm.weights.store import Storage as Stored

    kinds = {kind.value: kind for kind in (Stored.BF16, Stored.FP32)}
    if storage not in kinds:
        raise InputError(f"--storage {storage}: give one of {', '.join(kinds)}")
    given = tuple(_adapter(text) for text in adapters)
    return Choices(storage=kinds[storage], max_shard_bytes=shard_mib * 2**20, seed=seed, adapters=given)


def _adapter(text: str) -> "GivenAdapter":
    """``FILE`` or ``FILE:STRENGTH``."""
    from openlpm.weights.convert import GivenAdapter

    path, colon, strength = text.rpartition(":")
    if colon and not Path(text).exists():
        try:
            return GivenAdapter(Path(path), float(strength))
        except ValueError:
            raise InputError(f"{text}: after the colon stands a strength, such as {path}:0.8") from None
    return GivenAdapter(Path(text))


def _tell_adapters(written: "Written") -> None:
    for adapter in written.adapters:
        told(f"{adapter.path.name}: {len(adapter.changes)} tensors changed, {len(adapter.left_out)} modules left out")
