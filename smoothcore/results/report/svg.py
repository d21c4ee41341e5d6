"""Figures inside the page: SVG text whose colours follow the page's light or dark theme."""

import re

import numpy as np
from markupsafe import Markup
from matplotlib.colors import to_hex, to_rgb

from smoothcore.results.style import COLORS, DATA_POINTS, FAINT, GROUND, INK, MUTED, SEQUENCE

#: the colours of the dark theme that take the place of those without a meaning of their own
_DARK = {INK: "#e6e8eb", MUTED: "#98a1ac", FAINT: "#333a43", GROUND: "#181c21"}

#: colour in the file → the variable of the page that takes its place
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
# a page has one <style>, and matplotlib's only sets the joins of lines; the page's ground shows
# through, and the shadow of what is scrolled out of sight
_LEFT_OUT = re.compile(
    r'(?s)<metadata>.*?</metadata>|<!--.*?-->\s*|<style .*?</style>|<g id="patch_1">.*?</g>'
)
# the scale of glyphs is small and needs all its digits
_LONG_NUMBER = re.compile(r"(scale\([^)]*\))|(-?\d+\.\d{2})\d+")


def theme() -> Markup:
    """Return the variables of `_VARIABLES` as CSS, each with its colour on light and on dark."""
    # the strongest of a sequence stands out most from the ground
    dark = _DARK | dict(zip(SEQUENCE, reversed(SEQUENCE), strict=True))
    lines = (
        f"--{name}: light-dark({color}, {dark.get(color) or _on_dark(color)});"
        for color, name in _VARIABLES.items()
    )
    return Markup("\n".join(lines))


def _on_dark(color: str) -> str:
    """Return a colour mixed with white until it stands out from a dark ground."""
    red_green_blue = np.array(to_rgb(color))
    for white in np.arange(0, 1, 0.05):
        mixed = red_green_blue + white * (1 - red_green_blue)
        if mixed @ (0.2126, 0.7152, 0.0722) > 0.55:
            break
    return to_hex(mixed)


def inline(svg: str, name: str, alt: str) -> Markup:
    """Return an SVG file as an element of a page.

    Args:
        svg: the text of the file, as this project's figures are written.
        name: unique on the page; the ids in the file get it as a prefix.
        alt: what the figure shows, for readers who do not see it.
    """
    head, _, body = svg[svg.index("<svg") :].partition(">")
    (view_box,) = re.findall(r'viewBox="([^"]+)"', head)
    body = _LEFT_OUT.sub("", body)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", body).replace("xlink:href", "href")
    body = _HEX.sub(lambda match: _REPLACED[match.group().lower()], body)
    body = _LONG_NUMBER.sub(r"\1\2", body)  # a hundredth of a point is enough on a screen
    tag = Markup('<svg role="img" aria-label="{}" viewBox="{}" stroke-linejoin="round">')
    return tag.format(alt, view_box) + Markup(body)
