"""Figures inside the page: SVG text whose colours follow the page's light or dark theme."""

import html
import re

from markupsafe import Markup

from smoothcore.results.style import COLORS, DATA_POINTS, FAINT, GROUND, INK, MUTED, SEQUENCE

#: colour in the file → the variable of the style sheet that takes its place
_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    FAINT: "faint",
    GROUND: "figure-ground",
    DATA_POINTS: "data-points",
    **{color: f"color-{measure}" for measure, color in COLORS.items()},
    **{color: f"sequence-{position}" for position, color in enumerate(SEQUENCE)},
}
_REPLACED = {color.lower(): f"var(--{name})" for color, name in _VARIABLES.items()}
_HEX = re.compile("|".join(map(re.escape, _REPLACED)), re.IGNORECASE)
# the scale of glyphs is small and needs all its digits
_LONG_NUMBER = re.compile(r"(scale\([^)]*\))|(-?\d+\.\d{2})\d+")


def inline(svg: str, name: str, alt: str) -> Markup:
    """Return an SVG file as an element of a page.

    Args:
        svg: the text of the file, as this project's figures are written.
        name: unique on the page; the ids in the file get it as a prefix.
        alt: what the figure shows, for readers who do not see it.
    """
    body = svg[svg.index("<svg") :]
    head_end = body.index(">")
    view_box = re.search(r'viewBox="([^"]+)"', body[:head_end]).group(1)
    body = body[head_end + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", body).replace("xlink:href", "href")
    body = _HEX.sub(lambda match: _REPLACED[match.group().lower()], body)
    body = _LONG_NUMBER.sub(r"\1\2", body)  # a hundredth of a point is enough on a screen
    # a page has one <style>; matplotlib's only sets the joins of lines
    body = re.sub(r'<style type="text/css">.*?</style>', "", body, flags=re.DOTALL)
    label = html.escape(alt, quote=True)
    width = float(view_box.split()[2])
    return Markup(
        f'<svg role="img" aria-label="{label}" viewBox="{view_box}" '
        f'style="--natural-width:{width:.0f}pt" stroke-linejoin="round">{body}'
    )
