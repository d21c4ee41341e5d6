import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smoothcore.engines import DIVERGED_ABOVE
from smoothcore.engines.sparse import images
from smoothcore.network.two_layer import TwoLayerNetwork
from smoothcore.study.run import Run
from smoothcore.training.recipe import Recipe
from smoothcore.workflow.command_line import to_settings
from tests.engine_cases import (
    OBJECTIVES,
    bits,
    create,
    digits_problem,
    distance,
    objective,
    random_problem,
    run_engine,
    run_reference,
)

ROOT = Path(__file__).resolve().parents[1]
PENALTIES = [name for name in OBJECTIVES if name != "none"]


def tolerance(problem, batch_size):
    """What float32 may differ from float64 by, relatively.

    Every step rounds a parameter by up to eps/2 of its size (eps = 2⁻²³) and its move by a few eps
    of the much smaller move. Errors of different steps have no common sign, so T steps leave about
    sqrt(T) eps/2. Eight times that leaves room for what the dynamics of training amplify.
    """
    steps = len(problem.permutations) * -(-len(problem.x) // batch_size)
    return 8 * np.sqrt(steps) * np.finfo(np.float32).eps / 2


def zero_images(problem):
    x = problem.x.copy()
    x[::3] = 0
    return replace(problem, x=x)


def zero_layer(problem):
    network = problem.network
    return replace(
        problem, network=TwoLayerNetwork(0 * network.W, network.beta, network.v, network.c)
    )


CASES = {
    "batch larger than the training set": (random_problem(), 64),
    "odd batch, short last batch": (random_problem(), 7),
    "last batch of one": (random_problem(n=49), 16),
    "batches of one": (random_problem(n=11), 1),
    "zero images": (zero_images(random_problem()), 16),
    "nothing but zero images": (replace(random_problem(), x=np.zeros((48, 12), np.float32)), 16),
    "W = 0": (zero_layer(random_problem()), 16),
    "one pixel, one unit": (random_problem(d=1, h=1), 16),
    # of a size at which c does not end near 0: the tolerance is relative to where it ends
    "more units and pixels than a vector": (random_problem(n=44, d=250, h=150, alpha=0.1), 16),
    "real digits": (digits_problem(), 64),
}


@pytest.mark.parametrize("regularizer", OBJECTIVES)
@pytest.mark.parametrize("case", CASES)
def test_follows_the_definitions(case, regularizer):
    problem, batch_size = CASES[case]
    goal = objective(regularizer, batch_size=batch_size)
    network, losses = run_engine(create("sparse", problem.x, problem.y, goal), problem)
    expected, expected_losses = run_reference(problem, goal)
    allowed = tolerance(problem, batch_size)
    assert distance(network, expected) <= allowed
    np.testing.assert_allclose(losses, expected_losses, atol=allowed, rtol=allowed)
    assert losses.dtype == np.float64
    for name in ("W", "beta", "v", "c"):
        assert getattr(network, name).dtype == np.float32
        assert getattr(network, name).shape == getattr(problem.network, name).shape


def test_images_are_packed_in_parts(monkeypatch):
    """Only those of the last part have values that need the finest scale."""
    monkeypatch.setattr(images, "_CHUNK", 7)
    problem = digits_problem(n=40, epochs=2)
    x = problem.x.round()
    x[35:] = problem.x[35:]
    problem, goal = replace(problem, x=x), objective("none", batch_size=16)
    network, _ = run_engine(create("sparse", x, problem.y, goal), problem)
    expected, _ = run_reference(problem, goal)
    assert distance(network, expected) <= tolerance(problem, goal.batch_size)


@pytest.mark.parametrize("grid_points", [1, 2, 25])
@pytest.mark.parametrize("regularizer", ["FPL", "GPL"])
def test_any_grid(regularizer, grid_points):
    problem = random_problem()
    goal = objective(regularizer, batch_size=16, grid_points=grid_points)
    network, _ = run_engine(create("sparse", problem.x, problem.y, goal), problem)
    expected, _ = run_reference(problem, goal)
    assert distance(network, expected) <= tolerance(problem, goal.batch_size)


@pytest.mark.parametrize("regularizer", PENALTIES)
def test_the_comparison_sees_a_wrong_penalty(regularizer):
    problem = digits_problem()
    goal = objective(regularizer)
    network, _ = run_engine(create("sparse", problem.x, problem.y, goal), problem)
    wrong = [replace(goal, lambda_=2 * goal.lambda_), replace(goal, lambda_=0.99 * goal.lambda_)]
    if regularizer in ("FPL", "GPL"):
        wrong.append(replace(goal, grid_points=goal.grid_points - 1))
    if regularizer == "GPL":
        wrong.append(replace(goal, regularizer="GPL-exact"))
    for other in wrong:
        expected, _ = run_reference(problem, other)
        assert distance(network, expected) > tolerance(problem, goal.batch_size)


@pytest.mark.parametrize("regularizer", OBJECTIVES)
def test_the_division_into_calls_changes_no_bit(regularizer):
    problem = digits_problem(n=150, epochs=9)
    goal = objective(regularizer)
    whole, losses = run_engine(create("sparse", problem.x, problem.y, goal), problem)
    network, parts = problem.network, []
    for start, stop in ((0, 2), (2, 3), (3, 9)):
        engine = create("sparse", problem.x, problem.y, goal)
        network, part = engine.run_epochs(network, problem.permutations, start, stop, 0.0)
        parts.append(part)
    assert np.concatenate(parts).tobytes() == losses.tobytes()
    assert bits(network) == bits(whole)


def test_the_arguments_are_not_modified():
    problem = random_problem()
    before = replace(
        problem,
        x=problem.x.copy(),
        permutations=problem.permutations.copy(),
        network=problem.network.astype(np.float32),
    )
    run_engine(create("sparse", problem.x, problem.y, objective("WP")), problem)
    np.testing.assert_array_equal(problem.x, before.x)
    np.testing.assert_array_equal(problem.permutations, before.permutations)
    assert bits(problem.network) == bits(before.network)


@pytest.mark.parametrize("regularizer", ["none", "GPL"])
def test_one_engine_serves_networks_of_several_sizes(regularizer):
    small, large = random_problem(h=3), random_problem(h=90)
    goal = objective(regularizer)
    engine = create("sparse", small.x, small.y, goal)
    for problem in (small, replace(large, x=small.x, y=small.y), small):
        network, _ = run_engine(engine, problem)
        expected, _ = run_reference(problem, goal)
        assert distance(network, expected) <= tolerance(problem, goal.batch_size)


def test_a_network_or_an_order_of_another_size_is_refused():
    problem = random_problem()
    engine = create("sparse", problem.x, problem.y, objective("none"))
    for other in (random_problem(d=13), random_problem(n=47)):
        with pytest.raises(ValueError, match="48 × 12"):
            run_engine(engine, other)
    for start, stop in ((0, 11), (-1, 2), (3, 2)):
        with pytest.raises(ValueError, match="block of 10"):
            engine.run_epochs(problem.network, problem.permutations, start, stop, 0.0)


def test_stops_after_the_first_epoch_below_the_screen():
    problem = digits_problem()
    engine = create("sparse", problem.x, problem.y, objective("none"))
    _, losses = run_engine(engine, problem)
    screen = losses[:13].min()  # the loss of an epoch is not below itself
    first = int(np.flatnonzero(losses < screen)[0])
    assert first > 12
    network, short = engine.run_epochs(problem.network, problem.permutations, 0, 25, screen)
    np.testing.assert_array_equal(short, losses[: first + 1])
    same, _ = engine.run_epochs(problem.network, problem.permutations, 0, first + 1, 0.0)
    assert bits(network) == bits(same)


def test_a_diverging_run_ends():
    problem = digits_problem()
    goal = objective("none", learning_rate=30.0)
    with np.errstate(all="ignore"):
        _, expected = run_reference(problem, goal)
    _, losses = run_engine(create("sparse", problem.x, problem.y, goal), problem)
    assert np.all(losses[:-1] <= DIVERGED_ABOVE)
    assert not losses[-1] <= DIVERGED_ABOVE
    assert len(losses) == 1 + np.flatnonzero(~(expected <= DIVERGED_ABOVE))[0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("regularizer", OBJECTIVES)
def test_a_loss_that_is_not_finite_ends_the_run(regularizer, value):
    problem = random_problem()
    W = problem.network.W.copy()
    W[:, 0] = value
    network = TwoLayerNetwork(W, problem.network.beta, problem.network.v, problem.network.c)
    engine = create("sparse", problem.x, problem.y, objective(regularizer))
    _, losses = run_engine(engine, replace(problem, network=network))
    assert len(losses) == 1
    assert not np.isfinite(losses[0])


PROGRAM = """
import sys
sys.path.insert(0, {package!r})
import hashlib
import numpy as np
from smoothcore import engines
from smoothcore.network.two_layer import initialize

rng = np.random.default_rng(0)
x = rng.random((30, 9), dtype=np.float32)
orders = np.array([rng.permutation(30) for _ in range(4)], dtype=np.int32)
objective = engines.Objective(lambda_=0.0, learning_rate=0.1)
engine = engines.create("sparse", x, np.sign(x[:, 0] - 0.5), objective, None)
network, losses = engine.run_epochs(initialize(9, 7, 1.0, rng), orders, 0, 4, 0.0)
assert engines.__file__.startswith({package!r})
print(hashlib.sha256(network.W.tobytes() + losses.tobytes()).hexdigest())
"""


def start(package, *, prefix=(), **environment):
    """Run `PROGRAM` in a new process on the copy of smoothcore in the folder ``package``."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-B", "-c", PROGRAM.format(package=str(package))],
        stdout=subprocess.PIPE, text=True, cwd="/", env=os.environ | environment,
    )  # fmt: skip


def result(process):
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return output.strip()


def test_processes_that_share_an_empty_cache_agree(tmp_path):
    together = [start(ROOT, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    cold = {result(process) for process in together}
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    stamps = [p.stat().st_mtime_ns for p in files]
    assert [p.suffix for p in files] == [".nbc"]  # nothing half-written is left
    warm = result(start(ROOT, NUMBA_CACHE_DIR=str(tmp_path)))
    assert cold == {warm}
    assert [p.stat().st_mtime_ns for p in files] == stamps  # it was read, not made again


SEVERAL = """
import hashlib
import itertools
import sys
from numba.core.bytecode import FunctionIdentity
from tests.engine_cases import create, digits_problem, objective, run_engine

problem = digits_problem(n=128, h=64, epochs=4)
for regularizer in sys.argv[1:]:
    goal = objective(regularizer)
    engine = create("sparse", problem.x, problem.y, goal)
    # Numba's symbols hold the count of functions and the hash seed (the flags are a set): here both
    # are the same in every process
    FunctionIdentity._unique_ids = itertools.count(10_000)
    network, _ = run_engine(engine, problem)
    print(regularizer, hashlib.sha256(network.W.tobytes()).hexdigest())
"""


def printed(cache, program, *arguments, **environment):
    """Run a program in a new process with its own folder of compiled code; return its lines."""
    own = {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        env=os.environ | own | environment, stdout=subprocess.PIPE, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip


def test_what_a_process_compiled_or_loaded_before_changes_no_bit(tmp_path):
    def digests(*regularizers):
        lines = printed(tmp_path, SEVERAL, *regularizers, PYTHONHASHSEED="0")
        return dict(map(str.split, lines))

    names = ("none", "WP")
    compiled: dict[str, str] = {}
    for name in names:
        compiled |= digests(name)
    assert len(set(compiled.values())) == len(names)
    assert digests(*names) == compiled
    assert digests(*reversed(names)) == compiled


LATE = """
import hashlib
import sys
from pathlib import Path
from tests.engine_cases import digits_problem, objective, run_engine
from smoothcore import engines
from smoothcore.regularizers import load_step

problem, goal = digits_problem(n=64, h=8, epochs=2), objective("FPL")
step = load_step("FPL", "sparse")
package, *edit = sys.argv[1:]
assert Path(step.__file__).is_relative_to(package)
with Path(step.__file__).open("a") as file:
    file.writelines(edit)
network, _ = run_engine(engines.create("sparse", problem.x, problem.y, goal, step), problem)
print(hashlib.sha256(network.W.tobytes()).hexdigest())
"""


def test_code_of_a_penalty_edited_before_it_was_compiled_is_not_kept(tmp_path):
    """The process has imported the old text; the next one must not take its code for the new."""
    for folder in ("smoothcore", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*cache*"))
    nothing = "\n\nstep = fast(lambda parameters, work, m, rate, lambda_, grid_points: None)\n"
    copy = str(tmp_path)
    before = printed(tmp_path / "cache", LATE, copy, nothing, PYTHONPATH=copy)
    assert printed(tmp_path / "cache", LATE, copy, PYTHONPATH=copy) != before


def test_without_compilation_there_is_one_readable_error(digits, tmp_path):
    run = Run("3-5", 16, 0, "none", 0.0, 0.1)
    recipe = Recipe("digits", "sparse", 4, 0.1, 16, 1e-5, 1)
    names = ("weights", "record", "curve", "checkpoint")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "workflow_scripts.train", f"--data={digits}"),
            f"--settings={to_settings(run=run, recipe=recipe)}",
            *(f"--{name}={tmp_path / name}" for name in names),
        ],
        cwd=ROOT, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "NUMBA_DISABLE_JIT is set: unset it" in done.stderr
    assert "Traceback" not in done.stderr


OTHER_PROCESSOR = """
import numpy as np
from tests.engine_cases import create, distance, objective, random_problem, run_engine
from tests.engine_cases import run_reference
from smoothcore.engines.sparse.vectors import PIXELS, UNITS

assert (UNITS, PIXELS) == (32, 2), (UNITS, PIXELS)
problem = random_problem(h=10)
for regularizer in ("WP", "GN", "FPL"):
    goal = objective(regularizer, batch_size=16)
    network, _ = run_engine(create("sparse", problem.x, problem.y, goal), problem)
    expected, _ = run_reference(problem, goal)
    assert distance(network, expected) <= {allowed}, regularizer
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names processors of that kind")
def test_processors_with_shorter_vectors(tmp_path):
    """Half as many units are moved together where vectors are half as long.

    By the two sweeps, of which WP has one and the others the other, and in the norms of GN.
    """
    program = OTHER_PROCESSOR.format(allowed=tolerance(random_problem(), 16))
    printed(tmp_path, program, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="+avx2,+fma")


PIXELS_TOGETHER = """
import hashlib
from smoothcore.engines.sparse import vectors

vectors.PIXELS = {pixels}
from tests.engine_cases import create, digits_problem, objective, run_engine

problem = digits_problem(n=100, h=70, epochs=3)
for regularizer in ("WP", "GN"):
    goal = objective(regularizer)
    network, losses = run_engine(create("sparse", problem.x, problem.y, goal), problem)
    print(hashlib.sha256(network.W.tobytes() + losses.tobytes()).hexdigest())
"""


def test_how_many_pixels_are_kept_together_changes_no_bit(tmp_path):
    """So processors may keep different numbers, and have the results of one another.

    Until weights overflow: 0 · inf is NaN, in all the pixels that are kept together.
    """
    two, four = (
        printed(tmp_path / str(pixels), PIXELS_TOGETHER.format(pixels=pixels)) for pixels in (2, 4)
    )
    assert two == four


def without_root_privileges():
    """Return the command prefix that makes file permissions count for root too."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root ignores file permissions, and there is no setpriv to change that")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")


def test_works_where_nothing_can_be_written(tmp_path):
    prefix = without_root_privileges()
    shutil.copytree(
        ROOT / "smoothcore", tmp_path / "smoothcore", ignore=shutil.ignore_patterns("__pycache__")
    )
    before = set(tmp_path.rglob("*"))
    package = tmp_path / "smoothcore"
    folders = (package / "engines" / "sparse", package / "engines", package, tmp_path)
    for folder in folders:
        folder.chmod(0o555)
    nowhere = {"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    try:
        probe = [*prefix, sys.executable, "-c", f"open({str(tmp_path / 'probe')!r}, 'w')"]
        assert subprocess.run(probe, capture_output=True, check=False).returncode != 0
        assert result(start(tmp_path, prefix=prefix, **nowhere)) == result(start(ROOT))
        assert set(tmp_path.rglob("*")) == before
    finally:
        for folder in reversed(folders):
            folder.chmod(0o755)
