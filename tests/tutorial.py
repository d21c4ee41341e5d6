"""Run the tutorial in one process, without a kernel, and store what its cells show.

    python -m tests.tutorial

Jupyter shows the same; this needs none of it, and keeps messages of TensorFlow out of the file.
"""

import ast
import base64
import contextlib
import io
from pathlib import Path
from typing import Any

import matplotlib
import nbformat

NOTEBOOK = Path(__file__).parent.parent / "docs/tutorial/measure_your_own_network.ipynb"


def run(notebook: nbformat.NotebookNode) -> dict[str, Any]:
    """Run the cells in order, replace their outputs, and return the names that they define."""
    matplotlib.use("Agg")
    _figures()  # those that something else has left open
    scope: dict[str, Any] = {}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, 1):
        cell.execution_count, cell.outputs = count, []
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            value = _last_value(cell.source, scope)
        if text := printed.getvalue():
            cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text))
        if value is not None:
            data = {"text/plain": repr(value)}
            if hasattr(value, "_repr_html_"):
                data["text/html"] = value._repr_html_()
            result = nbformat.v4.new_output("execute_result", data, execution_count=count)
            cell.outputs.append(result)
        cell.outputs.extend(_figures())
    return scope


def _last_value(source: str, scope: dict[str, Any]) -> Any:
    *statements, last = ast.parse(source).body
    if not isinstance(last, ast.Expr):
        statements.append(last)
    exec(compile(ast.Module(statements, []), NOTEBOOK.name, "exec"), scope)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), scope)
    return None


def _figures() -> list[nbformat.NotebookNode]:
    from matplotlib import pyplot as plt

    outputs = []
    for number in plt.get_fignums():
        png = io.BytesIO()
        plt.figure(number).savefig(png, format="png", dpi=100, metadata={"Software": None})
        data = {"image/png": base64.b64encode(png.getvalue()).decode()}
        outputs.append(nbformat.v4.new_output("display_data", data))
    plt.close("all")
    return outputs


if __name__ == "__main__":
    tutorial = nbformat.read(NOTEBOOK, as_version=4)
    run(tutorial)
    nbformat.write(tutorial, NOTEBOOK)
