"""The settings of the config that a job depends on, beside the recipe of its run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MeasuringSettings:
    """The settings that the measures of a run depend on.

    Attributes:
        n_samples: N, points of GN and segments of FPL and GPL.
        grid_points: n, grid points on a segment.
    """

    n_samples: int
    grid_points: int


@dataclass(frozen=True)
class DataSettings:
    """The settings that the images depend on.

    Attributes:
        name: of the dataset.
        mnist_dir: folder with the original files; None to find or download them.
    """

    name: str
    mnist_dir: str | None = None
