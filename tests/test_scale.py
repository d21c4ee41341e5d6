"""The simulation of benchmarks/scale.py and the table of benchmarks/resources.py, by hand."""

from benchmarks import resources, scale
from smoothcore.files.paths import Layout
from smoothcore.study.grid import all_runs


def test_makespan_of_jobs_taken_in_order():
    # cores A, B: A 3+2+2, B 3+2 — a core that is free takes the next
    assert scale.makespan([3, 3, 2, 2, 2], 2) == 7
    assert scale.makespan([2, 2, 2, 3, 3], 2) == 7
    assert scale.makespan([2, 2, 3, 3, 2], 2) == 7
    assert scale.makespan([1, 1, 1, 9], 2) == 10
    assert scale.makespan([9, 1, 1, 1], 2) == 9
    assert scale.makespan([4, 5], 1) == 9


def test_longest_first_is_never_below_the_ideal_and_best_where_cores_abound():
    expected = [1.0] * 40 + [60.0] * 6
    for cores in (1, 4, 8):
        hours = scale.simulate(expected, cores, repeats=5)
        assert hours["ideal"] <= hours["longest first"] <= hours["shortest first"]


def test_enlarged_study_has_as_many_times_the_cells():
    study = scale.published()
    assert len(all_runs(study)) == 1575
    assert len(all_runs(scale.enlarged(study, 10))) == 15750


def test_resources_are_read_from_the_benchmark_files(tmp_path):
    study = scale.published()
    run = next(run for run in all_runs(study) if run.size == 1024)
    path = Layout(tmp_path).benchmark("train", run)
    path.parent.mkdir(parents=True)
    path.write_text("s\th:m:s\tmax_rss\n12.4\t0:00:12\t260.7\n", encoding="utf-8")
    (row,) = resources.rows(study, tmp_path)
    used = dict(zip(resources.COLUMNS, row, strict=True))
    assert (used["size"], used["regularizer"], used["jobs"]) == (1024, "none", 1)
    assert (used["median s"], used["longest s"], used["used MB"]) == (12, 12, 261)
    assert used["asked MB"] > used["used MB"]
