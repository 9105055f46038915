"""Small transformers of Wan2.1 from diffusers, the reference that we did not write, and their files."""

import warnings
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from openlpm.weights.wan import Layout, meaning, their_name

TEXT_TOKENS = 512
"""diffusers counts on as many where there are picture tokens before them."""
SIZES: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 24,
    "in_channels": 4,
    "out_channels": 4,
    "text_dim": 20,
    "freq_dim": 32,
    "ffn_dim": 80,
    "num_layers": 3,
    "cross_attn_norm": True,
    "qk_norm": "rms_norm_across_heads",
    "eps": 1e-6,
}
PICTURE: dict[str, Any] = {"in_channels": 12, "image_dim": 10, "added_kv_proj_dim": 48}


def transformer(*, picture: bool = False, **sizes: Any) -> Any:
    """A ``WanTransformer3DModel`` with weights of chance."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what diffusers warns of at import is not ours to mend
        from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
    torch.manual_seed(0)
    model = WanTransformer3DModel(**(SIZES | (PICTURE if picture else {}) | sizes))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def original_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state as the authors name it; ``test_whole_sizes`` checks the names against diffusers' own converter."""
    pictures = {"add_k_proj": "k_img", "add_v_proj": "v_img", "norm_added_k": "norm_k_img"}
    embedding = {"norm1": "0", "ff.net.0.proj": "1", "ff.net.2": "3", "norm2": "4"}
    renamed: dict[str, Tensor] = {}
    for key, tensor in state.items():
        meant = meaning(key, Layout.DIFFUSERS)
        assert meant is not None
        if meant.left_out is None:
            renamed[their_name(meant.key, Layout.ORIGINAL)] = tensor
        elif meant.layer is not None:
            _, module, leaf = meant.ours.split(".")
            renamed[f"blocks.{meant.layer}.cross_attn.{pictures[module]}.{leaf}"] = tensor
        else:
            module, _, leaf = meant.ours.removeprefix("condition_embedder.image_embedder.").rpartition(".")
            renamed[f"img_emb.proj.{embedding[module]}.{leaf}"] = tensor
    return renamed


def save_diffusers(model: Any, folder: Path, shard: str = "60KB") -> Path:
    """As diffusers itself saves, in several shards."""
    model.save_pretrained(folder, max_shard_size=shard)
    return folder


def save_original(model: Any, folder: Path) -> Path:
    """As the authors' releases lie: one file, and a config.json with their names of sizes."""
    import json

    folder.mkdir(parents=True)
    state = {key: tensor.contiguous() for key, tensor in original_names(model.state_dict()).items()}
    safetensors.torch.save_file(state, folder / "diffusion_pytorch_model.safetensors")
    told = {"_class_name": "WanModel", "num_heads": model.config.num_attention_heads, "eps": 1e-6, "text_len": 512}
    (folder / "config.json").write_text(json.dumps(told))
    return folder


def relative_error(value: Tensor, wanted: Tensor) -> float:
    """Largest difference over the largest value; a key bias has zero gradient in exact arithmetic, hence the floor."""
    return ((value - wanted).abs().max() / wanted.abs().max().clamp_min(1e-3)).item()
