"""GPL-pairs: the mean total variation of ∇f over the segments between all pairs of images.

Definition 4 without sampling. A segment between two images crosses the hyperplane of a unit exactly
if the unit is on at one of them only, which is so for the share 2 p (1 − p) of all ordered pairs
where p is the share of the images at which the unit is on. So the value is at most WP / 2.
"""

from smoothcore.measures import EXACT, TEST, Measure, Measurement
from smoothcore.measures._seen import Seen

ABOUT = Measure(
    name="GPL-pairs",
    long_name="gradient path length, all pairs",
    rank=5,
    color="#006644",
    estimators=(EXACT,),
    main_estimator=EXACT,
    order="2",
    source="closed form of Definition 4 of Volhejn & Lampert (2020)",
    images=TEST,
)


def measure(seen: Seen) -> list[Measurement]:
    """Return Σ_i ‖v_i w_i‖ 2 p_i (1 − p_i).

    Units that are on in one half-space are added before the norm. Those that are on in opposite
    half-spaces of a hyperplane are not: so it is in `gradient_path_lengths_exact`, whose mean over
    all pairs, an image with itself included, this is. Units that coincide on some segments only are
    not looked for.
    """
    value = seen.units.half_space_jumps @ (2 * seen.shares * (1 - seen.shares))
    return [Measurement("GPL-pairs", EXACT, float(value), 0.0, seen.n**2)]
