"""CR, the crossings: how many units switch on the way from one image to another."""

from smoothcore.measures import EXACT, TEST, Measure, Measurement
from smoothcore.measures._seen import Seen

ABOUT = Measure(
    name="CR",
    long_name="crossings",
    rank=6,
    color="#004444",
    estimators=(EXACT,),
    main_estimator=EXACT,
    order="2",
    source="Novak et al. (2018), there along closed paths",
    images=TEST,
)


def measure(seen: Seen) -> list[Measurement]:
    """Return Σ_i 2 p_i (1 − p_i), the mean over all ordered pairs of images.

    A property of the network, not of f: a unit counts whatever its v_i, a copy counts again.
    """
    value = (2 * seen.shares * (1 - seen.shares)).sum()
    return [Measurement("CR", EXACT, float(value), 0.0, seen.n**2)]
