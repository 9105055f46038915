"""What others publish of themselves. Nothing here was measured by us, and settings differ."""

from typing import Final

PEERS: Final = (
    "published by others, not measured here: LiveAvatar 45.2 fps on 5 H800 (14 B, 720x400, 4 evaluations), 1.21 s",
    "published by others: SoulX-FlashTalk 32 fps on 8 H800 (14 B, 720x416, 4 evaluations), 0.87 s",
    "published by others: SoulX-LiveAct 20 fps on 2 H100 or H200 (18 B, 720x416, 3 evaluations), 0.94 s",
)
