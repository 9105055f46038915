"""Floating-point operations of a character transformer, operation by operation, from its sizes alone.

A multiplication and an addition are two. Only products count (linear layers, and attention as two products), as
``torch.utils.flop_counter`` counts them; norms, rotations and activations are bound by memory and left out.
"""

from dataclasses import dataclass
from typing import final

from openlpm.core.errors import ConfigError
from openlpm.dit.config import DiTConfig


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class SequenceShape:
    """One row of what a transformer is shown."""

    frames: int
    """Latent frames."""
    frame_tokens: int
    """Tokens of one latent frame, or of one reference."""
    references: int = 0

    def __post_init__(self) -> None:
        if self.frames < 1 or self.frame_tokens < 1 or self.references < 0:
            raise ConfigError(f"{self}: give at least one frame and one token, and 0 or more references")

    @property
    def video_tokens(self) -> int:
        """Those that are denoised."""
        return self.frames * self.frame_tokens

    @property
    def tokens(self) -> int:
        """Those that look at each other: video, then references."""
        return (self.frames + self.references) * self.frame_tokens


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class PassWork:
    """Operations of one forward pass of one row."""

    gemm: int
    """Of linear layers."""
    attention: int
    """Of self-attention, and of cross-attention to text and voices."""
    inputs: int
    """Of those linear layers whose input learns nothing: their backward pass is one product, not two."""

    @property
    def forward(self) -> int:
        """All of it."""
        return self.gemm + self.attention

    @property
    def training(self) -> int:
        """Forward and backward: two products for each one forward. Whatever is computed twice counts once."""
        return 3 * self.forward - self.inputs


def pass_work(config: DiTConfig, shape: SequenceShape) -> PassWork:
    """Operations of a row with text and both voices, every latent frame at a time of its own."""
    width, whole, video = config.width, shape.tokens, shape.video_tokens
    groups, text = shape.frames + shape.references, config.text_tokens
    inputs = 2 * whole * config.patch_channels * width + 2 * groups * config.freq_width * width
    inputs += 2 * text * config.text_width * width
    # What is behind the first layers of text and time, and the head.
    gemm = 2 * groups * 7 * width * width + 2 * text * width * width + 2 * video * width * config.patch_channels
    if config.motion:
        inputs += 2 * shape.frames * 2 * config.motion * width
        gemm += 2 * shape.frames * width * width
    for branch in (config.speak, config.listen):
        if branch is not None:
            heard = branch.num_tokens(shape.frames)
            inputs += 2 * heard * branch.width * width
            gemm += 2 * heard * width * width
            inputs += 2 * shape.frames * branch.tokens_per_frame * branch.width * width if branch.added else 0
    attention = 0
    for layer in range(config.num_layers):
        # Six matrices meet every token (q, k, v, o; q and o of the text), two the text; then the feed-forward.
        gemm += 12 * whole * width * width + 4 * text * width * width + 4 * whole * width * config.ffn_width
        attention += 4 * whole * whole * width + 4 * whole * text * width
        branch = config.audio_of(layer)
        if branch is not None:
            gemm += 4 * branch.num_tokens(shape.frames) * width * width + 2 * video * width * width
            attention += 4 * video * branch.window_tokens * width
    return PassWork(gemm=gemm + inputs, attention=attention, inputs=inputs)


def num_parameters(config: DiTConfig) -> int:
    """Parameters of the transformer, reckoned; ``block_parameters`` of every block among them."""
    width = config.width
    outside = (config.patch_channels + 1) * width + (config.freq_width + 1) * width + (width + 1) * width
    outside += (width + 1) * 6 * width + _mlp(config.text_width, width, width)
    outside += sum(_mlp(each.width, width, width) for each in (config.speak, config.listen) if each is not None)
    outside += sum(
        (each.tokens_per_frame * each.width + 1) * width
        for each in (config.speak, config.listen)
        if each is not None and each.added
    )
    outside += _mlp(2 * config.motion, width, width) if config.motion else 0
    outside += 2 * width + (width + 1) * config.patch_channels
    return outside + sum(block_parameters(config, layer) for layer in range(config.num_layers))


def block_parameters(config: DiTConfig, layer: int) -> int:
    """Parameters of one block."""
    width = config.width
    norm = width if config.qk_norm.value == "width" else config.head_width
    count = 6 * width + 8 * (width + 1) * width + 4 * norm + _mlp(width, config.ffn_width, width)
    count += 2 * width if config.cross_norm else 0
    branch = config.audio_of(layer)
    if branch is not None:
        count += 3 * (width + 1) * width + norm + branch.window_tokens * width
    return count


def _mlp(width_in: int, hidden: int, width_out: int) -> int:
    return (width_in + 1) * hidden + (hidden + 1) * width_out
