"""A stream of chunks over several processes, for the test that it is the stream of one."""

import os
from dataclasses import replace

import torch
import torch.distributed as dist
from torch import Tensor

from openlpm.dit import AudioBranch, CharacterTransformer, Condition, DiTConfig, ReferenceKind, ReferenceSlot
from openlpm.dit.cross_attention import AudioAttention
from openlpm.nn.attention import Attend
from openlpm.nn.memory import MemoryConfig
from openlpm.nn.ring import RingMemory, RingShape
from openlpm.nn.streaming import Referring
from openlpm.parallel.sequence import ColumnSplit
from openlpm.rollout.chunk import ChunkMaker, StreamMemories
from openlpm.rollout.online import OnlineConfig

CONFIG = DiTConfig(
    latent_channels=3,
    width=24,
    num_layers=3,
    num_heads=2,
    ffn_width=40,
    text_width=8,
    text_tokens=5,
    freq_width=16,
    speak=AudioBranch(width=10, tokens_per_frame=2, past_frames=1, future_frames=0),
    listen=AudioBranch(width=6, tokens_per_frame=1, past_frames=3, future_frames=0),
)
GRID, CHUNK, NUM_CHUNKS = (2, 4), 2, 5
SLOTS = (ReferenceSlot(kind=ReferenceKind.GLOBAL), ReferenceSlot(kind=ReferenceKind.VIEW, subtype=1))
ONLINE = OnlineConfig(
    chunk_frames=CHUNK,
    memory=MemoryConfig(sink_frames=1, window_frames=4),
    backbone_times=(1.0, 0.6),
    refiner_time=0.3,
)


def made_model() -> CharacterTransformer:
    """Weights of chance everywhere."""
    torch.manual_seed(0)
    model = CharacterTransformer(CONFIG).double().eval().requires_grad_(requires_grad=False)
    torch.nn.init.normal_(model.head.weight)
    for module in model.modules():
        if isinstance(module, AudioAttention):
            torch.nn.init.normal_(module.v.weight)
    return model


def stream(split: ColumnSplit | None) -> Tensor:
    """Latents of all chunks, whole, of one process or of one among several."""
    model = made_model()
    draw = torch.Generator().manual_seed(1)
    rows, columns = 2 * GRID[0], 2 * GRID[1]
    heads = CONFIG.num_heads if split is None else split.heads
    shape = RingShape(
        num_rows=1,
        num_layers=CONFIG.num_layers,
        num_heads=heads,
        head_width=CONFIG.head_width,
        grid=GRID,
        chunk_frames=CHUNK,
        num_references=len(SLOTS),
    )
    memories = StreamMemories(
        backbone=RingMemory(ONLINE.memory, shape, dtype=torch.float64),
        refiner=RingMemory(ONLINE.memory, shape, dtype=torch.float64),
    )

    def around(attend: Attend, positions_T: Tensor) -> Attend:
        return attend if split is None else split.around(attend, positions_T, CONFIG.head_width)

    def mine(whole: Tensor) -> Tensor:
        return whole if split is None else split.mine(whole)

    text = torch.randn(1, 5, 8, generator=draw, dtype=torch.float64)
    references = torch.randn(1, 3, len(SLOTS), rows, columns, generator=draw, dtype=torch.float64)
    for memory in memories.all():
        memory.show_references(None)
    places = model.reference_positions(SLOTS, references.device)
    model(
        mine(references),
        references.new_zeros(1, len(SLOTS)),
        Condition(text_BLD=text),
        attend=around(Referring(memories=memories.all()), places),
        positions_T=places,
    )
    maker = ChunkMaker(online=ONLINE, backbone=model, refiner=model, tells_once=True, around=around)
    made: list[Tensor] = []
    for _ in range(NUM_CHUNKS):
        noise = torch.randn(3, 1, 3, CHUNK, rows, columns, generator=draw, dtype=torch.float64)
        condition = Condition(
            text_BLD=text,
            speak_BLD=torch.randn(1, 6, 10, generator=draw, dtype=torch.float64),
            listen_BLD=torch.randn(1, 5, 6, generator=draw, dtype=torch.float64),
        )
        latents = maker.make(memories, mine(noise), condition).latents_BCTHW
        made.append(latents if split is None else split.joined(latents))
    return torch.cat(made, dim=2)


def work(rank: int, size: int, store: str, out: str) -> None:
    """One of the processes."""
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("gloo", store=dist.FileStore(store, size), rank=rank, world_size=size)
    try:
        split = ColumnSplit(rank=rank, size=size, num_heads=CONFIG.num_heads, grid=GRID)
        with torch.no_grad():
            latents = stream(replace(split))
        torch.save(latents, f"{out}-{rank}.pt")
    finally:
        dist.destroy_process_group()
