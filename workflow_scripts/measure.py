"""Measure one trained network on its pair's test images: GN, FPL, GPL, WP.

The checkpoint of its training is removed then, not before: a workflow that is killed in the instant
after a run ended does not know of it and starts that run again.
"""

import argparse
import sys
from pathlib import Path

from threadpoolctl import threadpool_limits

from smoothcore.datasets import load_pair
from smoothcore.errors import exits_readably
from smoothcore.files import schemas
from smoothcore.files.locking import only_writer
from smoothcore.files.records import read_run_table, read_weights, write_measures
from smoothcore.files.storage import remove
from smoothcore.measures import draw_evaluation_points, measure
from smoothcore.network.seeds import generator, stream
from smoothcore.study.run import Run
from smoothcore.workflow.command_line import add_run_arguments, run_from, say


@exits_readably
def main() -> None:
    """Parse the arguments, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--n-samples", required=True, type=int, help="N: points, and segments")
    parser.add_argument("--grid-points", required=True, type=int, help="n: points on a segment")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--weights", required=True, type=Path)
    parser.add_argument("--record", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--checkpoint", required=True, type=Path, help="removed at the end")
    arguments = parser.parse_args()
    run = run_from(arguments)

    with only_writer(arguments.checkpoint, say):
        _measure(run, arguments)
        remove(arguments.checkpoint)


def _measure(run: Run, arguments: argparse.Namespace) -> None:
    _, _, x_test, _ = load_pair(arguments.data, run.pair, 2, arguments.dataset)
    # one stream per pair: differences between the models of a pair are then not sampling noise
    rng = generator(stream("evaluation", dataset=arguments.dataset, pair=run.pair))
    evaluation = draw_evaluation_points(x_test, arguments.n_samples, rng)
    network = read_weights(arguments.weights, run)
    with threadpool_limits(limits=1):
        measurements = measure(network, evaluation, arguments.grid_points)
    interpolates = read_run_table(arguments.record, run, schemas.RUNS)["interpolates"][0].as_py()
    write_measures(arguments.output, run, measurements, interpolates=interpolates)


if __name__ == "__main__":
    sys.exit(main())
