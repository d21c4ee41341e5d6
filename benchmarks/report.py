"""Tables of plain text."""

from collections.abc import Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 2) -> str:
    """Return a Markdown table: so many columns aligned to the left, the others to the right."""
    columns = list(zip(heads, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    to_left = [i < left for i in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(cells, widths, to_left, strict=True)
        ) + " |"  # fmt: skip

    rule = ["-" * width if left else "-" * (width - 1) + ":"
            for width, left in zip(widths, to_left, strict=True)]  # fmt: skip
    return "\n".join([line(heads), line(rule), *map(line, rows)])
