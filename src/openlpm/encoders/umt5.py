"""Text through umT5 (transformers, extra ``[wan]``), as Wan2.1 was trained with it."""

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from openlpm.core.errors import WeightsError

_SPACE = re.compile(r"\s+")


@final
class Umt5TextEncoder(nn.Module):
    """Captions to ``num_tokens`` tokens; where there is no word the token is zero."""

    def __init__(self, model: nn.Module, tokenizer: Any, *, num_tokens: int = 512) -> None:
        """Take a loaded ``UMT5EncoderModel`` and its tokenizer."""
        super().__init__()
        self.inner: Any = model
        self._tokenizer = tokenizer
        self.num_tokens = num_tokens
        self.width = int(self.inner.config.d_model)

    def prepare(self, texts: Sequence[str]) -> Int[Tensor, "B L"]:
        """Token ids of the texts, padded and cut, on the CPU."""
        found = self._tokenizer(
            [_clean(text) for text in texts],
            padding="max_length",
            max_length=self.num_tokens,
            truncation=True,
            add_special_tokens=True,
            return_tensors="pt",
        )
        return found.input_ids

    def forward(self, ids_BL: Int[Tensor, "B L"]) -> Float[Tensor, "B L D"]:
        """Tokens of prepared texts."""
        there_BL = ids_BL != self.inner.config.pad_token_id
        out_BLD = self.inner(ids_BL, there_BL.to(torch.int64)).last_hidden_state
        return out_BLD * there_BL[..., None].to(out_BLD.dtype)


def load_umt5(folder: Path, *, num_tokens: int = 512, dtype: torch.dtype = torch.float32) -> Umt5TextEncoder:
    """The text encoder of a folder that holds ``text_encoder`` and ``tokenizer``; never from the network.

    Raises:
        WeightsError: one of the two is missing.
    """
    from transformers import AutoTokenizer, UMT5EncoderModel

    for name in ("text_encoder", "tokenizer"):
        if not (folder / name).is_dir():
            raise WeightsError(f"{folder} has no {name}: fetch it with `openlpm weights fetch umt5-xxl`")
    model = UMT5EncoderModel.from_pretrained(folder / "text_encoder", local_files_only=True, dtype=dtype)
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    return Umt5TextEncoder(model.eval(), tokenizer, num_tokens=num_tokens)


def _clean(text: str) -> str:
    return _SPACE.sub(" ", html.unescape(html.unescape(text))).strip()
