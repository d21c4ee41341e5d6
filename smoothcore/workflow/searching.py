"""The search for the edge of interpolation: each start of Snakemake goes on from what is there."""

from smoothcore.errors import DamagedFileError
from smoothcore.files.paths import Layout
from smoothcore.study.config import Study
from smoothcore.study.grid import search_steps
from smoothcore.study.run import Run
from smoothcore.workflow.collecting import trained_with


def search_so_far(study: Study, layout: Layout) -> dict[str, int]:
    """Return how many λ beyond the grid are asked for, by regularizer, from the records there."""

    def interpolates(run: Run) -> bool | None:
        # a study without a search asks of no run, and starts without pyarrow
        from smoothcore.files import schemas
        from smoothcore.files.records import read_run_table

        try:
            # a run of other settings says nothing: it is trained again
            expected = trained_with(study, run)
            record = read_run_table(layout.record(run), run, schemas.RUNS, expected)
        except DamagedFileError:
            return None
        return record["interpolates"][0].as_py()

    return search_steps(study, interpolates)
