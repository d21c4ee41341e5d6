"""What the penalties `GN` and sampled `GPL` share: both are means of ‖W (v ⊙ q)‖ over rows q.

q is a mask for GN, a difference of masks for GPL. With the unit vectors û = W (v ⊙ q) / ‖·‖ and
U = Σ û ⊗ q, (D, H), the gradient is U ⊙ v with respect to W and Σ_p W_p ⊙ U_p with respect to v.
U is made and used for some rows of W at a time, while those are in cache. In the buffers of both,
U is those rows of U, product is Σ_p W_p ⊙ U_p, and factor is what U is to be multiplied by.
"""

import numpy as np

from smoothcore.engines.sparse.kernels import add_column_products, fast
from smoothcore.engines.sparse.vectors import WIDTH, add_product_and_rows


@fast
def prepare_factor(parameters, work, scale):
    """Set factor = scale · v and product = 0."""
    v = parameters.v
    for j in range(v.shape[0]):
        work.penalty.factor[0, j] = scale * v[j]
        work.penalty.product[j] = np.float32(0.0)


@fast
def move_rows(parameters, work, p0, p1):
    """Move the rows p0 … p1 − 1 of W by U and by the moves of z; add to Σ_p W_p ⊙ U_p first."""
    W, U = parameters.W, work.penalty.U
    add_column_products(W, p0, U, 0, p1 - p0, work.penalty.product)
    for j in range(0, W.shape[1], WIDTH):
        for p in range(p0, p1):
            add_product_and_rows(
                W, p, j, work.penalty.factor, U, p - p0, work.move_z, j,
                work.sample, work.value, work.first[p], work.first[p + 1],
            )  # fmt: skip
