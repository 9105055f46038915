"""Where the time of a chunk goes when nano streams on this machine, in milliseconds.

    python runs/stream_speed.py --threads 2 --chunks 180          # a minute of pictures
    python runs/stream_speed.py --threads 2 --type float32        # exact
    ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 ATEN_CPU_CAPABILITY=avx2 \
        python runs/stream_speed.py --threads 2 --laptop          # as on an older laptop

Speed does not depend on what the weights have learnt, so the bundled nano is streamed as if it had been distilled.
Printed are the median and the tenth and ninetieth percentile, after the memory is full, and the median of the processor
time: on a machine that is busy with other things, that with --threads 1 says more than the clock.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from openlpm.core.audio import ArraySource
from openlpm.dit.condition import ReferenceKind
from openlpm.nn.ring import RingMemory
from openlpm.recipes import online as recipe
from openlpm.rollout.assembly import CharacterModel, load_model
from openlpm.rollout.fit import fit_to_cpu
from openlpm.rollout.request import Reference, StreamRequest
from openlpm.rollout.stream import OnlineStream, online_of
from openlpm.weights import bundled


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--type", choices=["fitted", "float32", "bfloat16"], default="fitted", help="fitted: fit_to_cpu"
    )
    parser.add_argument("--chunks", type=int, default=40)
    parser.add_argument("--laptop", action="store_true", help="the preset of recipes.online")
    parser.add_argument("--chunk-frames", type=int, default=None)
    parser.add_argument("--window", type=int, default=None)
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def load(options: argparse.Namespace) -> tuple[CharacterModel, str]:
    """Nano as it shall stream, and what it computes in."""
    online = recipe.laptop() if options.laptop else recipe.online(refiner=True)
    if options.window is not None:
        online = replace(online, memory=replace(online.memory, window_frames=options.window))
    if options.chunk_frames is not None:
        online = replace(online, chunk_frames=options.chunk_frames)
    model = load_model(bundled.folder("nano"))
    model.config = replace(model.config, online=online)
    numbers = options.type
    if options.type == "fitted":
        numbers = str(fit_to_cpu(model))
    elif options.type == "bfloat16":
        model.dit.bfloat16()
        model.vae.bfloat16()
    if options.compile:
        for block in model.dit.blocks:
            block.compile()
        model.vae.decoder.compile()
    return model, numbers


def main() -> None:
    """Stream, and time the parts of every chunk."""
    options = read_options()
    torch.set_num_threads(options.threads)
    model, numbers = load(options)
    online = online_of(model)
    spent: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def timed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **keywords: Any) -> Any:
            started, worked = time.perf_counter(), time.process_time()
            result = call(*arguments, **keywords)
            spent[name].append((1e3 * (time.perf_counter() - started), 1e3 * (time.process_time() - worked)))
            return result

        return wrapped

    model.dit.forward = timed("transformer, one evaluation", model.dit.forward)
    model.dit.tell = timed("read the conditions", model.dit.tell)
    model.vae.decode = timed("decode", model.vae.decode)
    for name, encoder in (("own voice", model.speak), ("partner's voice", model.listen)):
        encoder.forward = timed(f"encode {name}", encoder.forward)
    RingMemory.open_chunk = timed("place one memory", RingMemory.open_chunk)
    RingMemory.commit = timed("commit one memory", RingMemory.commit)

    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (model.config.picture_size,) * 2 + (3,), dtype=np.uint8)
    voices = [ArraySource(rng.uniform(-0.3, 0.3, 16_000 * 600).astype(np.float32)) for _ in range(2)]
    reference = Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture)
    request = StreamRequest(references=(reference,), speak=voices[0], listen=voices[1])
    stream = OnlineStream(model, 1, (reference.slot,))
    stream.join(0, request)
    for _ in range(online.memory.num_frames // online.chunk_frames + 3):
        stream.next_chunk()
    spent.clear()
    whole = timed("whole chunk", stream.next_chunk)
    for _ in range(options.chunks):
        whole()
    print(f"{numbers}, {options.threads} threads, compile={options.compile}, {online}")
    for name, times in spent.items():
        low, middle, high = np.percentile([wall for wall, _ in times], [10, 50, 90])
        cpu = np.median([worked for _, worked in times])
        count = len(times) / options.chunks
        print(f"{name:30s} x {count:3.1f}: {middle:7.1f} ms ({low:.1f} to {high:.1f}), of processors {cpu:7.1f} ms")
    print(f"{1e3 * stream.frames_per_chunk / np.median([wall for wall, _ in spent['whole chunk']]):.1f} fps")


if __name__ == "__main__":
    main()
