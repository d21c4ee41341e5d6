"""The report in a real browser: offline, quiet, fit for phones, the dark and the keyboard."""

import os
import re
import shutil
from itertools import pairwise

import pytest

from smoothcore.results import FIGURES, TABLES, toy
from smoothcore.results.collected import Results
from smoothcore.results.figures import figure1 as draw_figure1
from smoothcore.results.report import page
from smoothcore.results.style import save_figure
from smoothcore.study.grid import all_runs
from tests.synthetic_study import demo_study, write_study

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1400, "height": 900}


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium in PATH")
    if os.path.realpath(chromium).startswith("/snap"):
        pytest.skip("the chromium of a snap reads no temporary files")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


def write_report(folder, kept, figures=True):
    """Write some runs of a study and their report; return its file."""
    write_study(folder, demo_study(), present=set(kept).__contains__, per_run=True, figures=figures)
    if figures is True:
        networks = {name: toy.initial_network(run.alpha) for name, run in toy.RUNS.items()}
        save_figure(draw_figure1(networks), [folder / "figure1.svg"])
    report = folder / "report.html"
    text = page.render(Results(folder / "grid.parquet", folder))
    report.write_text(text, encoding="utf-8")
    return report


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The report of a whole study."""
    folder = tmp_path_factory.mktemp("whole") / "results" / "demo"
    return write_report(folder, all_runs(demo_study()))


@pytest.fixture(scope="module")
def half(tmp_path_factory, whole):
    """The report of a study that lacks every second run, with the figures of the whole one."""
    folder = tmp_path_factory.mktemp("half") / "results" / "demo"
    return write_report(folder, all_runs(demo_study())[::2], whole.parent)


@pytest.fixture
def report(request):
    """The report to look at: the whole one, or the one that a test names."""
    return request.getfixturevalue(getattr(request, "param", "whole"))


BOTH = pytest.mark.parametrize("report", ["whole", "half"], indirect=True)


@pytest.fixture
def open_report(browser, report):
    """Open the report; at the end nothing was asked of a network and nothing was complained of."""
    requests, complaints, contexts = [], [], []

    def open_(viewport=DESK, scheme="light"):
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)

        def handle(route):
            if not route.request.url.startswith(("file:", "data:")):
                requests.append(route.request.url)
                route.abort()
            else:
                route.continue_()

        context.route("**/*", handle)
        shown = context.new_page()
        shown.on("console", lambda message: complaints.append(message.text))
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.on("websocket", lambda socket: requests.append(socket.url))
        shown.goto(report.as_uri())
        return shown

    yield open_
    for context in contexts:
        context.close()
    assert requests == []
    assert complaints == []


def background(shown):
    return shown.evaluate("getComputedStyle(document.body).backgroundColor")


def lightness(shown, selector, prop):
    color = shown.evaluate(
        "([s, p]) => getComputedStyle(document.querySelector(s))[p]", [selector, prop]
    )
    numbers = [float(x) for x in re.findall(r"[\d.]+", color)][:3]
    # `light-dark` gives color(srgb …), from 0 to 1, for a colour of an SVG attribute
    return (255 if color.startswith("color(") else 1) * sum(numbers) / 3


@pytest.mark.parametrize(
    "viewport", [PHONE, *({"width": width, "height": 900} for width in (800, 1000)), DESK], ids=str
)
@BOTH
def test_the_page_never_scrolls_sideways(open_report, viewport):
    shown = open_report(viewport)
    for details in shown.query_selector_all("summary"):
        details.click()
    width = shown.evaluate("document.documentElement.scrollWidth")
    assert width <= viewport["width"]


def test_wide_tables_scroll_inside_their_container_on_a_phone(open_report):
    shown = open_report(PHONE)
    sizes = shown.evaluate(
        "[...document.querySelectorAll('.scroll:has(> table.numbers)')].map(e => "
        "[e.scrollWidth, e.clientWidth, getComputedStyle(e).overflowX])"
    )
    assert any(inside > outside for inside, outside, _ in sizes)
    assert all(overflow == "auto" for _, _, overflow in sizes)


def test_the_dark_theme_follows_the_system(open_report):
    light, dark = open_report(scheme="light"), open_report(scheme="dark")
    assert lightness(light, "body", "backgroundColor") > 230
    assert lightness(dark, "body", "backgroundColor") < 40
    assert lightness(dark, "body", "color") > 200
    # the figures are part of the page and change with it
    ink = '#figure-monotonicity svg path[style*="stroke: var(--ink)"]'
    assert lightness(light, ink, "stroke") < 60
    assert lightness(dark, ink, "stroke") > 200


def test_the_toggle_overrides_the_system_and_is_remembered(open_report):
    shown = open_report(scheme="dark")
    dark = background(shown)
    button = shown.get_by_role("button", name="Light theme")
    button.click()
    assert background(shown) != dark
    shown.reload()
    assert background(shown) != dark
    shown.get_by_role("button", name="Dark theme").click()
    assert background(shown) == dark


@BOTH
def test_text_stands_out_from_its_ground_in_both_themes(open_report):
    """WCAG AA: a contrast of at least 4.5 for everything that is read as text."""
    for scheme in ("light", "dark"):
        shown = open_report(scheme=scheme)
        low = shown.evaluate(
            """() => {
              const parse = c => c.match(/[\\d.]+/g).map(Number);
              const lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92
                : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
              const ground = e => { for (; e; e = e.parentElement) {
                const c = parse(getComputedStyle(e).backgroundColor);
                if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } };
              const low = [];
              for (const e of document.querySelectorAll('body *:not(svg *)')) {
                if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
                const a = lum(parse(getComputedStyle(e).color).slice(0, 3)), b = lum(ground(e));
                const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
                if (ratio < 4.5) low.push([e.className || e.tagName, ratio, e.textContent]);
              }
              return low; }"""
        )
        assert low == []


def test_the_keyboard_reaches_everything(open_report):
    shown = open_report()
    seen = []
    for _ in range(24):
        shown.keyboard.press("Tab")
        seen.append(
            shown.evaluate(
                "[document.activeElement.className || document.activeElement.id"
                " || document.activeElement.textContent, "
                "getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
    names = [name for name, _ in seen]
    assert names[:2] == ["skip", "theme"]
    assert "Monotonicity" in names
    assert "scroll" in names
    assert all(outline != "none" for _, outline in seen)


def test_the_skip_link_leads_to_the_answer(open_report):
    shown = open_report(PHONE)
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    shown.keyboard.press("Enter")
    assert shown.evaluate("document.activeElement.id") == "answer"


def test_headings_descend_one_level_at_a_time(open_report):
    levels = open_report().evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4')].map(e => Number(e.tagName[1]))"
    )
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tables_are_sorted_and_filtered_by_pair(open_report):
    shown = open_report()
    table = shown.locator("#table1")
    head = table.locator("thead th").nth(1)
    head.click()
    values = [
        float(cell.get_attribute("data-value"))
        for cell in table.locator("tbody tr td:nth-child(2)").all()
        if cell.get_attribute("data-value") != "nan"
    ]
    assert values == sorted(values)
    head.click()
    first = table.locator("tbody tr td:nth-child(2)").first.get_attribute("data-value")
    assert float(first) == max(values)
    # the tables in a closed <details>, too
    assert shown.locator("#pairs thead button").count() == shown.locator("#pairs thead th").count()
    shown.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    rows = shown.locator("#pairs tbody tr")
    everything = rows.count()
    label = shown.locator(".scroll:has(> #pairs)").locator("xpath=preceding-sibling::label[1]")
    for typed in ("4-9", "9-4", "49", "4–9"):
        label.locator("input").fill(typed)
        visible = [row.inner_text() for row in rows.all() if row.is_visible()]
        assert 0 < len(visible) < everything and all("4-9" in text for text in visible)
        assert label.get_by_role("status").inner_text().strip() == "1 row"
    label.locator("input").fill("x")
    assert label.get_by_role("status").inner_text().strip() == "no such pair"
    label.locator("input").fill("")
    assert all(row.is_visible() for row in rows.all())


def test_it_prints(open_report, tmp_path):
    shown = open_report(scheme="dark")
    shown.set_viewport_size({"width": 718, "height": 1000})  # A4 between Chromium's margins
    shown.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size > 50_000
    shown.emulate_media(media="print")
    assert shown.evaluate("document.documentElement.scrollWidth") <= 718
    assert lightness(shown, "body", "backgroundColor") > 250
    assert lightness(shown, "body", "color") < 60
    assert shown.evaluate("getComputedStyle(document.getElementById('theme')).display") == "none"


@pytest.mark.workflow
def test_the_report_of_snakemake_lists_every_table_and_figure(browser, finished, tmp_path):
    study = finished.copy_to(tmp_path / "study")
    page_file = tmp_path / "snakemake.html"
    study.snakemake("--report", str(page_file))
    for category, n_listed, titles in (
        ("Figures", len(FIGURES) + 1, ["Figure 1: smooth and not smooth", "Figure 2: measures by"]),
        ("Tables", len(TABLES), ["Table 1: Kendall's τ", "Table 2: r_norm"]),
    ):
        shown = browser.new_page(viewport=DESK)
        failures: list[str] = []
        shown.on("pageerror", lambda error, failures=failures: failures.append(str(error)))
        shown.goto(page_file.as_uri())
        shown.get_by_text(category, exact=True).first.click()
        for title in titles:
            shown.get_by_text(title).first.wait_for()
        assert shown.locator("tbody tr").count() == n_listed
        assert failures == []
        shown.close()
