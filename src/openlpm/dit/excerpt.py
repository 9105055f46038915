"""A stretch of a clip's conditions, as the same stretch would be conditioned by itself."""

from dataclasses import replace

import torch
from torch import Tensor

from openlpm.dit.condition import Condition
from openlpm.dit.config import AudioBranch, DiTConfig


def excerpt(
    condition: Condition, config: DiTConfig, first_frame: int, num_frames: int, *, references: bool = True
) -> Condition:
    """The conditions of latent frames ``first_frame ... first_frame + num_frames - 1`` of a clip, margins included.

    Without ``references`` for a stream, which has them in its memory.
    """
    inside = slice(first_frame, first_frame + num_frames)
    return replace(
        condition,
        prompt_BT=None if condition.prompt_BT is None else condition.prompt_BT[:, inside],
        speak_BLD=_heard(condition.speak_BLD, config.speak, first_frame, num_frames),
        listen_BLD=_heard(condition.listen_BLD, config.listen, first_frame, num_frames),
        motion_BTM=None if condition.motion_BTM is None else condition.motion_BTM[:, inside],
        motion_given_BTM=None if condition.motion_given_BTM is None else condition.motion_given_BTM[:, inside],
        references_BJCHW=condition.references_BJCHW if references else None,
        slots=condition.slots if references else (),
    )


def first_prompt(condition: Condition, config: DiTConfig) -> Tensor:
    """What the first frame of a clip is told, (B, L, D): what its references are told, too."""
    text_BLD, prompt_BT = condition.text_BLD, condition.prompt_BT
    if prompt_BT is None:
        return text_BLD
    prompts_BPLD = text_BLD.unflatten(1, (-1, config.text_tokens))
    return prompts_BPLD[torch.arange(len(prompts_BPLD), device=text_BLD.device), prompt_BT[:, 0]]


def _heard(tokens_BLD: Tensor | None, branch: AudioBranch | None, first_frame: int, num_frames: int) -> Tensor | None:
    if tokens_BLD is None or branch is None:
        return tokens_BLD
    first = first_frame * branch.tokens_per_frame
    return tokens_BLD[:, first : first + branch.num_tokens(num_frames)]
