"""RN, the R-norm: least weights product of a network that computes f up to an affine function."""

from smoothcore.measures import EXACT, Measure, Measurement
from smoothcore.measures._seen import Seen

ABOUT = Measure(
    name="RN",
    long_name="R-norm",
    rank=8,
    color="#662288",
    estimators=(EXACT,),
    main_estimator=EXACT,
    order="2",
    source="Savarese et al. (2019), Ongie et al. (2020)",
    images="",
)


def measure(seen: Seen) -> list[Measurement]:
    """Return Σ ‖Σ_i v_i ‖w_i‖‖, the inner sum over the units that share a hyperplane.

    WP where no two units share one.
    """
    return [Measurement("RN", EXACT, float(seen.units.hyperplane_jumps.sum()), 0.0, 0)]
