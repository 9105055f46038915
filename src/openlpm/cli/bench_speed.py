"""``openlpm bench speed``: a large size against the clock, with weights of chance."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from openlpm.cli.bench_output import Device, JsonFile, publish, stages
from openlpm.cli.engine import pick_device
from openlpm.cli.output import require_writable
from openlpm.core.errors import InputError

if TYPE_CHECKING:
    import torch

    from openlpm.bench.speed.setting import Attention, SpeedSetting, Way


def speed(
    *,
    model: Annotated[str, typer.Option(help="lpm-17b, lpm-1.3b, or tiny (to try the command anywhere).")] = "lpm-17b",
    resolution: Annotated[str, typer.Option(help="Width and height, such as 832x480.")] = "832x480",
    gpus: Annotated[int, typer.Option(min=1, max=8, help="Devices.")] = 1,
    plan: Annotated[str, typer.Option(help="one, stages, columns, or auto (by the number of devices).")] = "auto",
    context: Annotated[str, typer.Option(help="short, narrow, or paper: how much is remembered.")] = "short",
    decoder: Annotated[str, typer.Option(help="tiny (taew2_1's sizes) or wan (needs extra [wan]).")] = "tiny",
    seconds: Annotated[float, typer.Option(min=1.0, max=3600.0, help="Seconds of video to sustain.")] = 60.0,
    fp8: Annotated[bool, typer.Option(help="Linear layers in 8-bit floating point.")] = True,
    attention: Annotated[
        str, typer.Option(help="cudnn, flash or fp8 (Hopper, extra [hopper]; fp8 has an error of its own), or auto.")
    ] = "auto",
    recorded: Annotated[bool, typer.Option(help="Launch a chunk as one CUDA graph.")] = False,
    way: Annotated[str, typer.Option(help="kernels, compiled or eager: what stands around attention.")] = "kernels",
    error: Annotated[bool, typer.Option(help="Compare 8 bits with bf16 over ten seconds of video.")] = True,
    json_path: JsonFile = None,
    device: Device = "auto",
) -> None:
    """Time a large size end to end, from sound to pictures on the host, with weights of chance.

    Time does not depend on the values of weights. Ceilings of products and attention are measured in the same run.
    """
    from openlpm.bench.speed.columns import measure_columns
    from openlpm.bench.speed.measure import Wishes, fp8_error, measure, release
    from openlpm.bench.speed.peers import PEERS
    from openlpm.bench.speed.reckoning import has_room
    from openlpm.bench.speed.rows import speed_rows
    from openlpm.bench.speed.setting import Plan, Way

    require_writable(json_path)
    place = pick_device(device)
    setting = _setting(model, resolution, gpus, plan, context, decoder, fp8=fp8)
    setting = replace(setting, attention=_attention(attention, place))
    if recorded and setting.plan is Plan.STAGES:
        raise InputError("--recorded: a recording is of one device; use --plan columns")
    devices, free = _devices(setting, place)
    on_gpu = place.type == "cuda"
    both = error and setting.plan is not Plan.COLUMNS and has_room(replace(setting, fp8=False), free)
    wishes = Wishes(seconds=seconds, way=_way(way) if on_gpu else Way.EAGER, recorded=recorded)
    with stages() as report:
        if setting.plan is Plan.COLUMNS:
            found = measure_columns(setting, place.type, wishes, report)
        else:
            found = measure(setting, devices, wishes, report)
            if both and setting.fp8:
                release(devices)
                found = replace(found, fp8_error=fp8_error(setting, devices, wishes, report))
    notes = [setting.told(), f"memory that it should take a device, reckoned: {_reckoned(setting)}", *PEERS]
    notes += ["no fp8_error: the same in bf16 does not fit"] if error and not both else []
    notes += [] if on_gpu else ["not on a GPU: this shows that the command works, and nothing of its speed"]
    publish("bench speed", speed_rows(setting, found, _short_name(place)), {}, place, notes, json_path)


def _way(word: str) -> "Way":
    from openlpm.bench.speed.setting import Way

    try:
        return Way(word)
    except ValueError as error:
        raise InputError(f"--way {word}: give one of {', '.join(Way)}") from error


def _attention(word: str, place: "torch.device") -> "Attention":
    """What was asked for, where it is there; ``auto`` is the fastest that computes what bfloat16 computes."""
    from openlpm.bench.speed.setting import Attention
    from openlpm.nn.narrow_attention import is_supported

    there = is_supported(place)
    if word == "auto":
        return Attention.FLASH if there else Attention.CUDNN
    try:
        asked = Attention(word)
    except ValueError as error:
        raise InputError(f"--attention {word}: give auto or one of {', '.join(Attention)}") from error
    if asked is not Attention.CUDNN and place.type == "cuda" and not there:
        raise InputError(f"--attention {word}: needs a Hopper GPU and pip install 'openlpm[hopper]'")
    return asked


def _setting(
    model: str, resolution: str, gpus: int, plan: str, context: str, decoder: str, *, fp8: bool
) -> "SpeedSetting":
    from openlpm.bench.speed.setting import Context, DecoderKind, Plan, SpeedSetting, plan_for
    from openlpm.recipes.speed import speed_size

    width, _, height = resolution.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise InputError(f"--resolution {resolution}: give width and height, such as 832x480")
    try:
        return SpeedSetting(
            name=model,
            dit=speed_size(model),
            picture=(int(width), int(height)),
            context=Context(context),
            devices=gpus,
            plan=plan_for(gpus) if plan == "auto" else Plan(plan),
            decoder=DecoderKind(decoder),
            fp8=fp8,
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def _devices(setting: "SpeedSetting", place: "torch.device") -> "tuple[tuple[torch.device, ...], tuple[int, ...]]":
    """Those that the setting asks for, if they have room for it, and how much."""
    import torch

    from openlpm.bench.speed.reckoning import require_room
    from openlpm.weights.room import free_memory

    count = setting.devices
    if place.type == "cuda":
        if torch.cuda.device_count() < count:
            raise InputError(f"--gpus {count}: this machine has {torch.cuda.device_count()}")
        free = tuple(torch.cuda.mem_get_info(number)[0] for number in range(count))
        devices = tuple(torch.device("cuda", number) for number in range(count))
    else:
        whole = free_memory()
        free = ((2**62 if whole is None else whole) // count,) * count
        devices = (place,) * count
    require_room(setting, free)
    return devices, free


def _reckoned(setting: "SpeedSetting") -> str:
    from openlpm.bench.speed.reckoning import reckon
    from openlpm.weights.room import gib

    return ", ".join(gib(each.total) for each in reckon(setting))


def _short_name(place: "torch.device") -> str:
    import torch

    if place.type != "cuda":
        return place.type
    return torch.cuda.get_device_name(place).removeprefix("NVIDIA ").replace(" ", "-")
