"""The classic metrics by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from openlpm.bench.classic import frechet, likeness, sync, vbench
from openlpm.bench.classic.metric import About, ClassicMetric
from openlpm.bench.classic.network import Network
from openlpm.bench.classic.networked import Measure, NetworkMetric, each
from openlpm.core.errors import ConfigError

CATALOGUE: Final[Mapping[str, tuple[About, Measure]]] = {
    about.name: (about, measure)
    for about, measure in (
        (sync.LSE_C, each(sync.lse_c)),
        (sync.LSE_D, each(sync.lse_d)),
        (frechet.FID, frechet.fid),
        (frechet.FVD, frechet.fvd),
        (likeness.CSIM, each(likeness.csim)),
        (vbench.SUBJECT, each(vbench.consistency)),
        (vbench.BACKGROUND, each(vbench.consistency)),
        (vbench.AESTHETIC, each(vbench.picture_score)),
        (vbench.IMAGING, each(vbench.picture_score)),
        (vbench.DYNAMIC, each(vbench.flow)),
        (vbench.SMOOTHNESS, each(vbench.smoothness)),
    )
}


def load_metric(name: str, path: Path) -> ClassicMetric:
    """A metric on the user's weights.

    Raises:
        ConfigError: there is none of this name.
        InputError: the file cannot be used.
    """
    if name not in CATALOGUE:
        raise ConfigError(f"{name}: no classic metric has this name; there are {', '.join(CATALOGUE)}")
    about, measure = CATALOGUE[name]
    return NetworkMetric(about, Network(path, about.weights), measure)
