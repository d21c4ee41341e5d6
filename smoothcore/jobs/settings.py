"""The settings of the config that a job depends on, beside the recipe of its run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smoothcore.study.config import Study


@dataclass(frozen=True)
class MeasuringSettings:
    """The settings that the measures of a run depend on.

    Attributes:
        n_samples: N, points of GN and segments of FPL and GPL.
        grid_points: n, grid points on a segment.
    """

    n_samples: int
    grid_points: int


def measuring_of(study: "Study") -> MeasuringSettings:
    """Return the measuring settings of a study."""
    return MeasuringSettings(study.measures.n_samples, study.measures.grid_points)


@dataclass(frozen=True)
class DataSettings:
    """The settings that the images depend on.

    Attributes:
        name: of the dataset.
        mnist_dir: folder with the original files; None to find or download them.
    """

    name: str
    mnist_dir: str | None = None
