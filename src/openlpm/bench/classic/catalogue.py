"""The classic metrics by name."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from openlpm.bench.classic import frechet, likeness, sync, vbench
from openlpm.bench.classic.metric import About, ClassicMetric
from openlpm.core.errors import ConfigError

Make = Callable[[Path], ClassicMetric]
CATALOGUE: Final[Mapping[str, tuple[About, Make]]] = {
    about.name: (about, make)
    for about, make in (
        (sync.LSE_C, partial(sync.Lse, about=sync.LSE_C)),
        (sync.LSE_D, partial(sync.Lse, about=sync.LSE_D)),
        (frechet.FID, frechet.Fid),
        (frechet.FVD, frechet.Fvd),
        (likeness.CSIM, likeness.Csim),
        (vbench.SUBJECT, partial(vbench.Consistency, about=vbench.SUBJECT)),
        (vbench.BACKGROUND, partial(vbench.Consistency, about=vbench.BACKGROUND)),
        (vbench.AESTHETIC, partial(vbench.PictureScore, about=vbench.AESTHETIC)),
        (vbench.IMAGING, partial(vbench.PictureScore, about=vbench.IMAGING)),
        (vbench.DYNAMIC, vbench.Flow),
        (vbench.SMOOTHNESS, vbench.Smoothness),
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
    return CATALOGUE[name][1](path)
