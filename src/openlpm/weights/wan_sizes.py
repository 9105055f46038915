"""Sizes of Wan2.1's transformers: those of the named releases, and those that a checkpoint shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from openlpm.core.errors import WeightsError
from openlpm.weights.wan import HEAD, PATCH, Layout, Meant, Reason, meaning, picture_names, their_name

Shape = tuple[int, ...]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class WanSizes:
    """A transformer of Wan2.1, whatever its weights."""

    width: int
    ffn_width: int
    num_layers: int
    num_heads: int
    in_channels: int
    """Those of the latents, then (picture to video) 4 of a mask and 16 of the first picture."""
    out_channels: int = 16
    text_width: int = 4096
    text_tokens: int = 512
    freq_width: int = 256
    eps: float = 1e-6
    patch: tuple[int, int, int] = (1, 2, 2)
    picture_width: int | None = None
    """Width of CLIP's tokens; None: text to video."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class NamedCheckpoint:
    """A release by its authors, and where it lies on the Hugging Face hub in both layouts."""

    name: str
    sizes: WanSizes
    original: str
    diffusers: str

    def repository(self, layout: Layout) -> str:
        """Where it lies on the hub."""
        return self.original if layout is Layout.ORIGINAL else self.diffusers


_SMALL = WanSizes(width=1536, ffn_width=8960, num_layers=30, num_heads=12, in_channels=16)
_LARGE = WanSizes(width=5120, ffn_width=13824, num_layers=40, num_heads=40, in_channels=16)
_LARGE_PICTURE = WanSizes(width=5120, ffn_width=13824, num_layers=40, num_heads=40, in_channels=36, picture_width=1280)


def named_checkpoints() -> tuple[NamedCheckpoint, ...]:
    """Every release that can be converted by name. The two sizes of pictures have tensors of the same shapes."""
    names = (
        ("t2v-1.3b", "T2V-1.3B", _SMALL),
        ("t2v-14b", "T2V-14B", _LARGE),
        ("i2v-14b-480p", "I2V-14B-480P", _LARGE_PICTURE),
        ("i2v-14b-720p", "I2V-14B-720P", _LARGE_PICTURE),
    )
    return tuple(
        NamedCheckpoint(
            name=f"wan2.1-{name}",
            sizes=sizes,
            original=f"Wan-AI/Wan2.1-{theirs}",
            diffusers=f"Wan-AI/Wan2.1-{theirs}-Diffusers",
        )
        for name, theirs, sizes in names
    )


def names_of(sizes: WanSizes) -> tuple[str, ...]:
    """The releases of these sizes."""
    return tuple(each.name for each in named_checkpoints() if each.sizes == sizes)


def kept_shapes(sizes: WanSizes) -> dict[str, Shape]:
    """Our names of all tensors that are kept, and their shapes in the checkpoint."""
    width, frequency = sizes.width, sizes.freq_width
    shapes: dict[str, Shape] = {
        PATCH: (width, sizes.in_channels, *sizes.patch),
        "patch_embedding.bias": (width,),
        **_linear("time_embedding.up", frequency, width),
        **_linear("time_embedding.down", width, width),
        **_linear("time_projection", width, 6 * width),
        **_linear("text_embedding.up", sizes.text_width, width),
        **_linear("text_embedding.down", width, width),
        **_linear("head", width, sizes.out_channels * sizes.patch[0] * sizes.patch[1] * sizes.patch[2]),
        "head_modulation": (1, 2, width),
    }
    for layer in range(sizes.num_layers):
        block = f"blocks.{layer}"
        shapes[f"{block}.modulation"] = (1, 6, width)
        for attention in ("self_attention", "cross_attention"):
            for part in "qkvo":
                shapes |= _linear(f"{block}.{attention}.{part}", width, width)
            shapes |= {f"{block}.{attention}.norm_{part}.norm.weight": (width,) for part in "qk"}
        shapes |= {f"{block}.cross_norm.{leaf}": (width,) for leaf in ("weight", "bias")}
        shapes |= _linear(f"{block}.ffn.up", width, sizes.ffn_width) | _linear(
            f"{block}.ffn.down", sizes.ffn_width, width
        )
    return shapes


def expected(sizes: WanSizes, layout: Layout) -> dict[str, Shape]:
    """Every tensor of a checkpoint of these sizes, by the names of a layout."""
    found = {their_name(key, layout): shape for key, shape in kept_shapes(sizes).items()}
    picture, width = sizes.picture_width, sizes.width
    if picture is None:
        return found
    inner: dict[str, dict[str, Shape]] = {
        "img_emb.proj.0": {"weight": (picture,), "bias": (picture,)},
        "img_emb.proj.1": {"weight": (picture, picture), "bias": (picture,)},
        "img_emb.proj.3": {"weight": (width, picture), "bias": (width,)},
        "img_emb.proj.4": {"weight": (width,), "bias": (width,)},
        "cross_attn.k_img": {"weight": (width, width), "bias": (width,)},
        "cross_attn.v_img": {"weight": (width, width), "bias": (width,)},
        "cross_attn.norm_k_img": {"weight": (width,)},
    }
    for name, kind in picture_names(sizes.num_layers, layout):
        found |= {f"{name}.{leaf}": shape for leaf, shape in inner[kind].items()}
    return found


def sizes_of(shapes: Mapping[str, Shape], layout: Layout, config: Mapping[str, Any] | None) -> WanSizes:
    """Sizes that the tensors of a checkpoint show; how many heads there are, only its config.json can say.

    Without one a head has 128 channels, as in every release.

    Raises:
        WeightsError: a tensor from which a size is read is missing or has too few dimensions.
    """
    by_ours = {meant.key: shape for key, shape in shapes.items() if (meant := meaning(key, layout)) is not None}
    told = config or {}

    def size(key: str, place: int) -> int:
        shape = by_ours.get(key)
        if shape is None or len(shape) <= place:
            raise WeightsError(f"{their_name(key, layout)} is missing or of shape {shape}: its size says what this is")
        return shape[place]

    width, patch_area = size(PATCH, 0), size(PATCH, 4) * size(PATCH, 3) * size(PATCH, 2)
    pictures = [shape for key, shape in shapes.items() if _is_picture_norm(meaning(key, layout), key)]
    layers = [meant.layer for key in shapes if (meant := meaning(key, layout)) and meant.layer is not None]
    heads = told.get("num_heads", told.get("num_attention_heads", None if width % 128 else width // 128))
    if not isinstance(heads, int) or heads < 1 or width % heads:
        raise WeightsError(
            f"num_heads={heads}: a width of {width} needs a config.json that says how many heads divide it"
        )
    return WanSizes(
        width=width,
        ffn_width=size("blocks.0.ffn.up.weight", 0),
        num_layers=1 + max(layers, default=-1),
        num_heads=heads,
        in_channels=size(PATCH, 1),
        out_channels=size(HEAD, 0) // patch_area,
        text_width=size("text_embedding.up.weight", 1),
        text_tokens=int(told.get("text_len", 512)),
        freq_width=size("time_embedding.up.weight", 1),
        eps=float(told.get("eps", 1e-6)),
        patch=(size(PATCH, 2), size(PATCH, 3), size(PATCH, 4)),
        picture_width=pictures[0][0] if pictures and pictures[0] else None,
    )


def _is_picture_norm(meant: Meant | None, key: str) -> bool:
    first = ("img_emb.proj.0.weight", "condition_embedder.image_embedder.norm1.weight")
    return meant is not None and meant.left_out is Reason.PICTURE_TOKENS and key in first


def _linear(name: str, width_in: int, width_out: int) -> dict[str, Shape]:
    return {f"{name}.weight": (width_out, width_in), f"{name}.bias": (width_out,)}
