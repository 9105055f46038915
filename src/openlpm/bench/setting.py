"""Cases with all that does not depend on who performs them: made once, for one performer or for several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from openlpm.bench.cases import Case, CaseConfig, identity_seeds
from openlpm.bench.evidence import Evidence
from openlpm.bench.performer import Part, part_of
from openlpm.bench.progress import Count, OnProgress, phase, unheard
from openlpm.bench.reading import ClipReading, Judges
from openlpm.bench.threads import spread
from openlpm.bench.truth import Codec, TruthReading, gallery, pictures_of, read_truth, reference_embedding
from openlpm.synth.look.identity import Identity


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Setting:
    """K cases, their truth as it is read, and the faces that performances are compared with."""

    cases: Sequence[Case]
    references: Sequence[Tensor]
    """Pictures (J, 3, 256, 256) of each case's character."""
    truth: Sequence[TruthReading]
    references_KD: NDArray[np.float32]
    strangers_GD: NDArray[np.float32]

    def parts(self) -> list[Part]:
        """What a performer is asked for."""
        return [
            part_of(case, pictures_JCHW, seed=index)
            for index, (case, pictures_JCHW) in enumerate(zip(self.cases, self.references, strict=True))
        ]

    def evidence(self, generated: Sequence[ClipReading]) -> Evidence:
        """With what somebody performed."""
        return Evidence(
            records=[case.record for case in self.cases],
            truth=self.truth,
            generated=generated,
            references_KD=self.references_KD,
            strangers_GD=self.strangers_GD,
        )


def set_up(
    judges: Judges,
    cases: Sequence[Case],
    config: CaseConfig,
    *,
    strangers: int,
    codec_of: Callable[[], Codec | None],
    on_progress: OnProgress = unheard,
) -> Setting:
    """Render and read the truth of all cases; ``strangers`` other people set the threshold of identity.

    ``codec_of`` gives a stream of its own for every clip: several are read at the same time.
    """
    with phase(on_progress, "references"):
        references = pictures_of([case.identity for case in cases], judges.device)
        references_KD = np.stack(
            spread(lambda pictures_JCHW: reference_embedding(judges, pictures_JCHW), references, judges.device)
        )
    count = Count(len(cases), lambda done, total: on_progress("truth", done, total))

    def read(case: Case) -> TruthReading:
        reading = read_truth(case, judges, codec_of())
        count.add(1)
        return reading

    truth = spread(read, cases, judges.device)
    return Setting(
        cases=cases,
        references=references,
        truth=truth,
        references_KD=references_KD,
        strangers_GD=_strangers(
            judges, cases, config, Count(strangers, lambda done, total: on_progress("strangers", done, total))
        ),
    )


def _strangers(judges: Judges, cases: Sequence[Case], config: CaseConfig, count: Count) -> NDArray[np.float32]:
    """Test identities outside the cases, each in a pose out of the cases' own performances."""
    known = {case.identity.seed for case in cases}
    seeds = identity_seeds(config.split, count.total + len(known), config.seed, "strangers")
    people = [Identity.from_seed(seed) for seed in seeds if seed not in known][: count.total]
    poses_FR = np.concatenate([case.true_rig[:: config.num_frames // 4] for case in cases])
    return gallery(people, judges, poses=poses_FR, on_person=count.add)
