"""The tutorial runs, says what is true, and its stored outputs are those of today's code."""

import re

import nbformat
import numpy as np
import pytest

from smoothcore.measures import all_measures
from smoothcore.measures.fpl import path_lengths_exact
from smoothcore.measures.gpl import gradient_path_lengths_exact
from tests import tutorial

pytestmark = pytest.mark.tensorflow


def read():
    return nbformat.read(tutorial.NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed():
    """The notebook as run here, and the names that it defines."""
    notebook = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")  # pandas leaves out columns in a narrow terminal
        return notebook, tutorial.run(notebook)


NUMBER = re.compile(r"[\d.e+-]*\d")


def shown_by(cell):
    """What a cell shows but for its numbers and the pixels of its figures, and its numbers."""
    shown, numbers = [], []
    for output in cell.outputs:
        text = output.get("text") or output.data.get("text/plain", "figure")
        shown.append((output.output_type, NUMBER.sub("#", text).split()))
        numbers += map(float, NUMBER.findall(text))
    return shown, numbers


def test_stored_outputs_are_those_of_this_code(executed):
    notebook, scope = executed
    for stored, fresh in zip(read().cells, notebook.cells, strict=True):
        if stored.cell_type == "code" and not ("import torch" in stored.source and scope["torch"]):
            (shown, numbers), (now, numbers_now) = map(shown_by, (stored, fresh))
            assert shown == now, "run `python -m tests.tutorial`"
            # training has other last bits on another processor
            np.testing.assert_allclose(numbers, numbers_now, rtol=0.02, atol=0.02)


def test_the_stored_file_is_small_and_quiet():
    assert tutorial.NOTEBOOK.stat().st_size < 120_000
    outputs = [output for cell in read().cells for output in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert sum("image/png" in o.get("data", {}) for o in outputs) == 1


def test_every_measure_is_in_its_table(executed):
    table = executed[1]["table"]
    assert list(table.index) == list(all_measures())


def test_what_it_says_of_the_numbers_holds(executed):
    table = executed[1]["table"]
    steeper = [name for name, about in all_measures().items() if about.order == "1"]
    assert (table["ratio"][steeper] > 1.2).all()
    assert table["trained"]["FPL"] == pytest.approx(1, abs=0.15)


def test_the_path_has_the_lengths_of_the_library(executed):
    scope = executed[1]
    a, b = (scope[name][None].astype(np.float64) for name in "ab")
    for network, way in zip(
        (scope["before"], scope["after"]), scope["walks"].values(), strict=True
    ):
        fpl, gpl = np.abs(np.diff(way["f"])).sum(), way["jumps"].sum()
        # float32 in the notebook
        assert fpl == pytest.approx(path_lengths_exact(network, a, b)[0], rel=1e-5)
        assert gpl == pytest.approx(gradient_path_lengths_exact(network, a, b)[0], rel=1e-5)
