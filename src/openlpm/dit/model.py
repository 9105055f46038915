"""The character transformer: latents, time and conditions in, a prediction out."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from openlpm.core.errors import ConfigError
from openlpm.dit.block import Block, ReadText, Told
from openlpm.dit.condition import Condition, ReferenceSlot
from openlpm.dit.config import AudioBranch, DiTConfig
from openlpm.dit.cross_attention import AudioAttention, AudioTokens
from openlpm.nn.attention import Attend
from openlpm.nn.mlp import Mlp
from openlpm.nn.modulation import modulated_norm
from openlpm.nn.precision import widened
from openlpm.nn.rope import Rotation, grid_positions, rotation_at
from openlpm.nn.time import TimeEmbedding

Watch = Callable[[int, Tensor], None]
"""Receives the number of a block and the tokens behind it."""


@final
class CharacterTransformer(nn.Module):
    """One class for every size, for Base and Online: how tokens see each other is the ``attend`` of the call."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.patch_embedding = nn.Linear(config.patch_channels, width)
        self.time_embedding = TimeEmbedding(config.freq_width, width)
        self.time_projection = nn.Linear(width, 6 * width)
        self.text_embedding = Mlp(config.text_width, width, width)
        self.speak_embedding = None if config.speak is None else Mlp(config.speak.width, width, width)
        self.listen_embedding = None if config.listen is None else Mlp(config.listen.width, width, width)
        self.speak_added, self.listen_added = _added_layer(config.speak, width), _added_layer(config.listen, width)
        self.motion_embedding = Mlp(2 * config.motion, width, width) if config.motion else None
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.num_layers))
        self.head_modulation = nn.Parameter(torch.empty(1, 2, width))
        self.head = nn.Linear(width, config.patch_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initial values as in Wan; a fresh model predicts zero, hears nothing and follows no motion track."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for embedding in (self.text_embedding, self.time_embedding):
            nn.init.normal_(embedding.up.weight, std=0.02)
            nn.init.normal_(embedding.down.weight, std=0.02)
        nn.init.zeros_(self.head.weight)
        if self.motion_embedding is not None:
            nn.init.zeros_(self.motion_embedding.down.weight)
        for added in (self.speak_added, self.listen_added):
            if added is not None:
                nn.init.zeros_(added.weight)
        nn.init.normal_(self.head_modulation, std=self.config.width**-0.5)
        for module in self.modules():
            if isinstance(module, Block):
                nn.init.normal_(module.modulation, std=self.config.width**-0.5)
            if isinstance(module, AudioAttention):
                module.reset_parameters()

    def forward(
        self,
        latents_BCTHW: Float[Tensor, "B C T H W"],
        time: Float[Tensor, "B *frames"],
        condition: Condition | Told,
        *,
        attend: Attend,
        positions_T: Float[Tensor, "*rows T"] | None = None,
        watch: Watch | None = None,
    ) -> Float[Tensor, "B C T H W"]:
        """Prediction (``config.prediction``) for every latent frame.

        ``time`` is in [0, 1], t = 1 is noise: one for each row, or one for each latent frame (B, T). ``positions_T``
        places the latent frames on the time axis (0, 1, 2, ... by default), for all rows or for each. Whoever calls
        again and again with one condition gives what ``tell`` made of it instead. ``watch`` is shown the video tokens
        (B, T, S, D) behind every block.

        Raises:
            ConfigError: a condition has the wrong number of tokens, or a voice that the model cannot hear.
        """
        grid = self._grid(latents_BCTHW.shape)
        told = condition if isinstance(condition, Told) else self._told(condition, grid)
        x_BSD = self._embed(latents_BCTHW)
        if told.added_BTD is not None:
            x_BSD = x_BSD + told.added_BTD.repeat_interleave(grid[1] * grid[2], dim=1)
        if told.references_BSD is not None:
            x_BSD = torch.cat([x_BSD, told.references_BSD], dim=1)

        embedded_BGD = self.time_embedding(self._group_times(time, told.num_frames, len(told.slots)))
        modulation_BG6D = self.time_projection(F.silu(embedded_BGD)).unflatten(-1, (6, -1))
        rotation = self._rotation(positions_T, grid, told.slots, latents_BCTHW.device)
        for layer, block in enumerate(self.blocks):
            x_BSD = block(x_BSD, modulation_BG6D, rotation, told, attend=attend, layer=layer)
            if watch is not None:
                watch(layer, x_BSD[:, : told.num_video_tokens].unflatten(1, (told.num_frames, -1)))

        head_BG2D = widened(self.head_modulation) + widened(embedded_BGD)[:, :, None]
        if head_BG2D.shape[1] > 1:
            head_BG2D = head_BG2D[:, : told.num_frames]
        shift_BGD, scale_BGD = head_BG2D.unbind(2)
        out_BSD = modulated_norm(x_BSD[:, : told.num_video_tokens], shift_BGD, scale_BGD, eps=self.config.eps)
        return self._unpatch(self.head(out_BSD), *grid).to(latents_BCTHW.dtype)

    def compile_around_attention(self) -> None:
        """``Block.compile_around_attention`` for all blocks."""
        for block in self.blocks:
            cast("Block", block).compile_around_attention()

    def read_text(self, text_BLD: Float[Tensor, "B text text_width"]) -> ReadText:
        """What every block reads in a text, for ``tell``; not for a model whose blocks are sharded."""
        wide_BLD = self._text(text_BLD)
        blocks = [cast("Block", block) for block in self.blocks]
        return ReadText(text_BLD=wide_BLD, keys=tuple(block.cross_attention.read_text(wide_BLD) for block in blocks))

    def tell(self, condition: Condition, latent_shape: Sequence[int], text: ReadText | None = None) -> Told:
        """A condition for latents of ``latent_shape`` (B, C, T, H, W), read by every block, for ``forward``.

        The prediction is the same as with the condition itself. Not for a model whose blocks are sharded: only their
        ``forward`` gathers weights. ``text`` is what was read in the condition's text (None: it is read now).
        """
        text = self.read_text(condition.text_BLD) if text is None else text
        told = self._told(condition, self._grid(latent_shape), text.text_BLD)
        blocks = zip(self.blocks, text.keys, strict=True)
        return replace(told, keys=tuple(cast("Block", block).read(told, words) for block, words in blocks))

    def _told(
        self, condition: Condition, grid: tuple[int, int, int], text_BLD: Float[Tensor, "B L D"] | None = None
    ) -> Told:
        num_frames, rows, columns = grid
        references, voices = condition.references_BJCHW, self.config
        return Told(
            text_BLD=self._text(condition.text_BLD, condition.prompt_BT) if text_BLD is None else text_BLD,
            text_seen_BSL=self._seen(condition, num_frames, rows * columns),
            speak=_embed_audio(
                condition.speak_BLD, condition.speak_on_B, voices.speak, self.speak_embedding, num_frames
            ),
            listen=_embed_audio(
                condition.listen_BLD, condition.listen_on_B, voices.listen, self.listen_embedding, num_frames
            ),
            added_BTD=_summed(
                self._motion(condition.motion_BTM, condition.motion_given_BTM, num_frames),
                _added(condition.speak_BLD, condition.speak_on_B, voices.speak, self.speak_added, num_frames),
                _added(condition.listen_BLD, condition.listen_on_B, voices.listen, self.listen_added, num_frames),
            ),
            references_BSD=None if references is None else self._embed(references.transpose(1, 2)),
            slots=condition.slots,
            num_frames=num_frames,
            num_video_tokens=num_frames * rows * columns,
        )

    def _seen(self, condition: Condition, num_frames: int, frame_tokens: int) -> Bool[Tensor, "B whole L"] | None:
        """Which words the tokens of frames and references see, where there are several prompts."""
        prompt_BT = condition.prompt_BT
        if prompt_BT is None:
            return None
        if prompt_BT.shape[1] != num_frames:
            raise ConfigError(f"prompt_BT has {prompt_BT.shape[1]} columns: {num_frames} latent frames need as many")
        told_BG = torch.cat([prompt_BT, prompt_BT[:, :1].expand(-1, len(condition.slots))], dim=1)
        words_L = torch.arange(condition.text_BLD.shape[1], device=prompt_BT.device) // self.config.text_tokens
        return (told_BG[:, :, None] == words_L).repeat_interleave(frame_tokens, dim=1)

    def _grid(self, latent_shape: Sequence[int]) -> tuple[int, int, int]:
        """Latent frames, and rows and columns of tokens."""
        frames, rows, columns = (size // patch for size, patch in zip(latent_shape[2:], self.config.patch, strict=True))
        return frames, rows, columns

    def _motion(
        self, motion_BTM: Float[Tensor, "B T M"] | None, given_BTM: Bool[Tensor, "B T M"] | None, num_frames: int
    ) -> Float[Tensor, "B T D"] | None:
        """What is added to the tokens of every latent frame; exactly nothing where nothing of it is given."""
        if motion_BTM is None:
            return None
        if self.motion_embedding is None:
            raise ConfigError("a motion track was given to a model without one: pass None")
        if motion_BTM.shape[1:] != (num_frames, self.config.motion):
            raise ConfigError(
                f"motion_BTM has shape {tuple(motion_BTM.shape)}: {num_frames} latent frames of {self.config.motion} "
                "numbers are needed"
            )
        given = torch.ones_like(motion_BTM) if given_BTM is None else given_BTM.to(motion_BTM)
        told_BTI = torch.cat([motion_BTM * given, given], dim=-1).to(self.motion_embedding.up.weight.dtype)
        return self.motion_embedding(told_BTI) * given.amax(dim=-1, keepdim=True).to(told_BTI)

    def _embed(self, latents_BCTHW: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B S D"]:
        """Tokens frame by frame, row by row."""
        _, patch_rows, patch_columns = self.config.patch
        grid = latents_BCTHW.unflatten(4, (-1, patch_columns)).unflatten(3, (-1, patch_rows))  # B C T h p w q
        patches_BSI = grid.permute(0, 2, 3, 5, 1, 4, 6).flatten(4).flatten(1, 3)
        return self.patch_embedding(patches_BSI.to(self.patch_embedding.weight.dtype))

    def _unpatch(
        self, patches_BSI: Float[Tensor, "B S I"], num_frames: int, rows: int, columns: int
    ) -> Float[Tensor, "B C T H W"]:
        """Tokens back to latents; unlike the input, the head orders a patch as row, column, channel (as Wan does)."""
        _, patch_rows, patch_columns = self.config.patch
        grid = patches_BSI.unflatten(2, (patch_rows, patch_columns, -1)).unflatten(1, (num_frames, rows, columns))
        return grid.permute(0, 6, 1, 2, 4, 3, 5).flatten(5, 6).flatten(3, 4)

    def _group_times(
        self, time: Float[Tensor, "B *frames"], num_frames: int, num_references: int
    ) -> Float[Tensor, "B G"]:
        """One time for each group of the sequence; references are clean, so theirs is 0."""
        if time.ndim == 1:
            time = time[:, None]
            if num_references == 0:
                return time
            time = time.expand(-1, num_frames)
        if time.shape[1] != num_frames:
            raise ConfigError(
                f"time has {time.shape[1]} columns: give one time a row, or one for each of {num_frames} frames"
            )
        return F.pad(time, (0, num_references))

    def _rotation(
        self,
        positions_T: Float[Tensor, "*rows T"] | None,
        grid: tuple[int, int, int],
        slots: Sequence[ReferenceSlot],
        device: torch.device,
    ) -> Rotation:
        num_frames, rows, columns = grid
        if positions_T is None:
            positions_T = torch.arange(num_frames, dtype=torch.float32, device=device)
        offsets_J = self.reference_positions(slots, device)
        times_G = torch.cat([positions_T.float(), offsets_J.expand(*positions_T.shape[:-1], -1)], dim=-1)
        return rotation_at(grid_positions(times_G, rows, columns), self.config.head_width)

    def reference_positions(self, slots: Sequence[ReferenceSlot], device: torch.device) -> Float[Tensor, " J"]:
        """Where references stand on the time axis; written by the device itself, so that CUDA graphs can record it."""
        offsets_J = torch.zeros(len(slots), device=device)
        for index, slot in enumerate(slots):
            offsets_J[index].fill_(float(self.config.reference_offsets.position(slot)))
        return offsets_J

    def _text(
        self, text_BLD: Float[Tensor, "B given width"], prompt_BT: Int[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "B L D"]:
        _check_width("text", text_BLD, self.config.text_width)
        missing = self.config.text_tokens - text_BLD.shape[1]
        if prompt_BT is not None:
            if text_BLD.shape[1] % self.config.text_tokens:
                raise ConfigError(
                    f"text has {text_BLD.shape[1]} tokens: every prompt needs text_tokens={self.config.text_tokens}"
                )
            missing = 0
        if missing < 0:
            raise ConfigError(
                f"text has {text_BLD.shape[1]} tokens: give at most text_tokens={self.config.text_tokens}, "
                "or say with prompt_BT which frame is told which prompt"
            )
        padded_BLD = F.pad(text_BLD, (0, 0, 0, missing))
        return self.text_embedding(padded_BLD.to(self.text_embedding.up.weight.dtype))


def _embed_audio(
    tokens_BLD: Float[Tensor, "B L D"] | None,
    on_B: Bool[Tensor, " B"] | None,
    branch: AudioBranch | None,
    embedding: Mlp | None,
    num_frames: int,
) -> AudioTokens | None:
    if tokens_BLD is None:
        return None
    if branch is None or embedding is None:
        raise ConfigError("a voice was given to a model without that branch: pass None")
    _check_width("a voice", tokens_BLD, branch.width)
    if tokens_BLD.shape[1] != branch.num_tokens(num_frames):
        raise ConfigError(
            f"a voice has {tokens_BLD.shape[1]} tokens: {num_frames} latent frames and their margins need "
            f"{branch.num_tokens(num_frames)}"
        )
    return AudioTokens(tokens_BLD=embedding(tokens_BLD.to(embedding.up.weight.dtype)), on_B=on_B)


def _added_layer(branch: AudioBranch | None, width: int) -> nn.Linear | None:
    if branch is None or not branch.added:
        return None
    return nn.Linear(branch.tokens_per_frame * branch.width, width)


def _added(
    tokens_BLD: Float[Tensor, "B L given"] | None,
    on_B: Bool[Tensor, " B"] | None,
    branch: AudioBranch | None,
    layer: nn.Linear | None,
    num_frames: int,
) -> Float[Tensor, "B T D"] | None:
    """What a voice adds to the tokens of every latent frame; exactly nothing in rows where it is off."""
    if tokens_BLD is None or branch is None or layer is None:
        return None
    own_BTI = tokens_BLD[:, branch.own(num_frames)].unflatten(1, (num_frames, -1)).flatten(2)
    added_BTD = layer(own_BTI.to(layer.weight.dtype))
    return added_BTD if on_B is None else added_BTD * on_B[:, None, None].to(added_BTD.dtype)


def _summed(*parts_BTD: Float[Tensor, "B T D"] | None) -> Float[Tensor, "B T D"] | None:
    there = [part_BTD for part_BTD in parts_BTD if part_BTD is not None]
    return functools.reduce(torch.add, there) if there else None


def _check_width(what: str, tokens_BLD: Float[Tensor, "B L D"], width: int) -> None:
    if tokens_BLD.shape[2] != width:
        raise ConfigError(f"{what} has tokens of width {tokens_BLD.shape[2]}: this model was made for width {width}")
