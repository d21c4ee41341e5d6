"""The configuration: the files of the repository, every way to get it wrong, the text of a file."""

import copy
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothcore.errors import ConfigError
from smoothcore.regularizers import all_regularizers
from smoothcore.study import models, reference
from smoothcore.study.config import check_files, load_study, merged
from smoothcore.study.grid import all_runs
from smoothcore.study.messages import key_paths, resolved
from smoothcore.study.models import Study
from smoothcore.training.recipe import recipe_of
from tests.malformed_configs import CASES

ROOT = Path(__file__).parents[1]


def read(path, *overlays):
    config = yaml.full_load((ROOT / path).read_text(encoding="utf-8"))
    for overlay in overlays:
        config = merged(config, overlay)
    return config


def message(config):
    with pytest.raises(ConfigError) as caught:
        load_study(config, "config.yaml")
    return str(caught.value)


@pytest.fixture(params=["paper", "demo"])
def study(request) -> Study:
    overlays = [read("config/demo.yaml")] if request.param == "demo" else []
    return load_study(read("config.yaml", *overlays))


# -- the files of the repository ------------------------------------------------------------------


def test_paper_study_is_the_grid_of_the_paper():
    """Its runs are counted in `test_grid`."""
    study = load_study(read("config.yaml"))
    assert study.name == "paper"
    assert len(study.pairs) == len(set(study.pairs)) == 45
    assert study.monotonicity.sizes == (64, 128, 256, 512, 1024, 2048, 4096, 8192)
    grids = study.optimality.regularizers
    assert list(grids) == ["GN", "WP", "FPL", "GPL"]
    assert {grid.learning_rate for grid in grids.values()} == {0.01, 0.1}
    assert grids["GN"].lambdas == (1e-5, 1e-4, 1e-3)
    assert study.training.epsilon == 1e-5
    assert study.training.max_epochs == 25_000


def test_demo_needs_no_download_and_has_every_regularizer():
    study = load_study(read("config.yaml", read("config/demo.yaml")))
    assert (study.name, study.dataset) == ("demo", "digits")
    assert set(study.optimality.regularizers) == set(all_regularizers())
    assert study.monotonicity is not None


def test_config_yaml_writes_out_every_key():
    config = read("config.yaml")
    config["optimality"]["search"] = {"factor": 2.0, "max_steps": 3}

    def paths(node, path=()):
        for key, value in node.items():
            yield (*path, key)
            if isinstance(value, dict):
                yield from paths(value, (*path, key))

    missing = set(key_paths()) - set(paths(config))
    # but those of regularizers that are off
    assert {path[3:] for path in missing} == {("lambda",), ("learning_rate",)}


def test_demo_states_only_what_differs():
    config = read("config.yaml")

    def same(node, below, path=()):
        for key, value in node.items():
            if isinstance(value, dict) and isinstance(below.get(key), dict):
                yield from same(value, below[key], (*path, key))
            elif key in below and below[key] == value:
                yield (*path, key)

    assert list(same(read("config/demo.yaml"), config)) == []


def test_files_of_the_repository_read_cleanly():
    check_files([ROOT / "config.yaml", *sorted((ROOT / "config").glob("*.yaml"))])


# -- valid configurations -------------------------------------------------------------------------


def round_trip(study):
    return load_study(json.loads(json.dumps(study.to_dict())))


def test_json_round_trip(study):
    assert round_trip(study) == study
    assert isinstance(study, Study)


def test_experiments_can_be_switched_off(study):
    for off in ("monotonicity", "optimality"):
        without = load_study(study.to_dict() | {off: None})
        assert getattr(without, off) is None
        assert round_trip(without) == without


def test_regularizers_set_to_null_are_absent():
    study = load_study(read("config.yaml", {"optimality": {"regularizers": {"WP": None}}}))
    assert list(study.optimality.regularizers) == ["GN", "FPL", "GPL"]


def test_whole_numbers_are_read_as_floats_where_floats_are_meant():
    overlay = {"optimality": {"regularizers": {"GN": {"lambda": [1, 2]}}}, "network": {"alpha": 1}}
    study = load_study(read("config.yaml", overlay))
    assert repr(study.optimality.regularizers["GN"].lambdas) == "(1.0, 2.0)"
    assert repr(study.network.alpha) == "1.0"


def test_order_is_kept():
    overlay = {"pairs": ["3-5", "0-1"], "monotonicity": {"sizes": [128, 64]}}
    study = load_study(read("config.yaml", overlay))
    assert study.pairs == ("3-5", "0-1")
    assert study.monotonicity.sizes == (128, 64)


def test_batch_of_one_without_segments_is_fine():
    off = {"FPL": None, "GPL": None}
    overlay = {"training": {"batch_size": 1}, "optimality": {"regularizers": off}}
    assert load_study(read("config.yaml", overlay)).training.batch_size == 1


def test_penalties_on_segments_and_on_a_grid():
    """Those between two samples cannot do with one; those that are sampled take n from here."""
    overlay = {
        "training": {"batch_size": 1},
        "optimality": {"regularizers": {"GPL-exact": {"lambda": [1e-5], "learning_rate": 0.1}}},
    }
    said = message(read("config.yaml", overlay))
    refused = re.findall(r"regularizers\.([\w-]+): its penalty needs segments", said)
    assert sorted(refused) == ["FPL", "GPL", "GPL-exact"]
    overlay = {"optimality": overlay["optimality"] | {"grid_points": 12}}
    study = load_study(read("config.yaml", overlay))
    found = {run.regularizer: recipe_of(study, run).grid_points for run in all_runs(study)}
    assert found == {
        "none": None, "GN": None, "WP": None, "FPL": 12, "GPL": 12, "GPL-exact": None,
    }  # fmt: skip


def test_largest_sizes():
    load_study(read("config.yaml", {"monotonicity": {"sizes": [2, 10_000]}}))
    digits = {"dataset": "digits", "optimality": {"size": 240}, "monotonicity": None}
    load_study(read("config.yaml", digits))


def test_configuration_is_not_modified():
    config = read("config.yaml")
    before = copy.deepcopy(config)
    load_study(config)
    assert config == before


# -- malformed configurations ---------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_malformed(case):
    config = read("config.yaml")
    if case.delete:
        *parents, last = case.delete
        parent = config
        for key in parents:
            parent = parent[key]
        del parent[last]
    lines = message(merged(config, yaml.full_load(case.overlay))).splitlines()
    assert lines[0] == "config.yaml is not valid:"
    line = [line for line in lines if line.startswith(f"  - {case.key}: ")]
    assert len(line) == 1, lines
    assert case.says in line[0]
    assert len(line[0]) < 300


def test_all_problems_are_reported_at_once_in_the_order_of_the_file():
    overlay = """
        measures: {n_samples: 0}
        name: no
        training: {epsilon: 1e-5, engine: fast}
        optimality: {size: 9999}
    """
    lines = message(read("config.yaml", yaml.full_load(overlay))).splitlines()
    keys = [line.split(":")[0].removeprefix("  - ") for line in lines[1:]]
    assert keys == [
        "name",
        "training.engine",
        "training.epsilon",
        "optimality.size",
        "measures.n_samples",
    ]


def test_many_problems_are_cut_short():
    text = message(read("config.yaml", {"monotonicity": {"seeds": list(range(-500, 0))}}))
    assert len(text.splitlines()) == 42
    assert text.endswith("… and 460 more")


@pytest.mark.parametrize("config", [None, 3, "name: paper", [], [1], True, math.nan, {1, 2}])
def test_not_a_mapping(config):
    with pytest.raises(ConfigError, match="must be a mapping"):
        load_study(config)


def test_alias_that_contains_itself():
    text = message(yaml.safe_load("&a {name: *a, network: *a}"))
    assert "  - name: got a mapping; must be a name of 1 to 64 letters" in text
    assert "  - network.name: unknown key" in text


def test_aliases_that_multiply():
    config = yaml.safe_load(
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(
            f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
            for old, new in zip("abcdef", "bcdefg", strict=True)
        )
        + "pairs: *g"
    )
    text = message(config)
    assert "  - g: unknown key" in text
    assert "  - pairs[9]: got a list of 10; must be two digits" in text


def test_a_list_without_end_is_refused_at_once():
    text = message(read("config.yaml", {"monotonicity": {"seeds": list(range(10**6))}}))
    assert text.splitlines()[1:] == [
        "  - monotonicity.seeds: got a list of 1000000; must be a list of 1 to 1,000: "
        "a whole number from 0 to 2,147,483,647"
    ]


_JSON_LIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**5000, max_value=10**5001)
    | st.floats()
    | st.text(st.characters(), max_size=10)
    | st.dates()
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.none() | st.booleans() | st.integers() | st.text(max_size=5), inner)
        | st.tuples(inner)
    ),
    max_leaves=8,
)
_PATHS = sorted(key_paths())


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_garbage_is_refused_readably(data):
    config = read("config.yaml")
    config["optimality"]["regularizers"]["GPL-exact"] = {"lambda": [0.1], "learning_rate": 0.1}
    for path in data.draw(st.lists(st.sampled_from(_PATHS), max_size=4)):
        parent = config
        for key in path[:-1]:
            parent = parent.get(key) if isinstance(parent, dict) else None
        if isinstance(parent, dict):
            parent[path[-1]] = data.draw(_JSON_LIKE)
    try:
        study = load_study(config)
    except ConfigError as error:
        assert str(error).encode("utf-8")  # a terminal can print it
    else:
        assert round_trip(study) == study


@given(_JSON_LIKE)
@settings(deadline=None)
def test_garbage_as_a_whole(config):
    with pytest.raises(ConfigError):
        load_study(config)


# -- the text of a file ---------------------------------------------------------------------------


def problems_of(path: Path) -> list[str]:
    try:
        check_files([path])
    except ConfigError as error:
        first, *lines = str(error).splitlines()
        assert first == "the configuration is not valid:"
        return [line.removeprefix(f"  - {path}: ") for line in lines]
    return []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("network:\n  hidden_units: 0100", "line 2: network.hidden_units: got 0100; YAML reads "
         "numbers with a leading zero as octal; write it in decimal"),
        ("a: {seeds: [1, 010]}", "line 1: a.seeds[1]: got 010; YAML reads numbers with a leading "
         "zero as octal; write it in decimal"),
        ("rate: 1:0.5", "line 1: rate: got 1:0.5; YAML reads numbers to base 60; write it in "
         "decimal"),
    ],
)  # fmt: skip
def test_numbers_that_yaml_reads_in_its_own_way(written, text, problem):
    assert problems_of(written(text)) == [problem]


@pytest.mark.parametrize("text", ["a: 0", "a: 0.05", "a: 0.0", 'a: "010"', "a: 10", "a: 1:x"])
def test_plain_numbers_and_text_are_fine(written, text):
    assert problems_of(written(text)) == []


@pytest.fixture
def written(tmp_path):
    """Writes a file and returns its path."""

    def write(content: bytes | str) -> Path:
        path = tmp_path / "overlay.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("name: a\nname: b\n", ["line 2: the key name is given 2 times, on the lines 1, 2"]),
        (
            "training:\n  epsilon: 0.1\n  batch_size: 3\n  epsilon: 0.2\n  epsilon: 0.3\n",
            ["line 4: the key training.epsilon is given 3 times, on the lines 2, 4, 5"],
        ),
        (
            "a: 1\nb:\n- {c: 1}\n- {d: 1, d: 2}\na: 3\n",
            ["line 4: the key b[1].d is given 2", "line 5: the key a is given 2"],
        ),
        ('name: a\n"name": b\n', ["line 2: the key name is given 2"]),
        ("a: &x {b: 1, b: 2}\nc: *x\n", ["line 1: the key a.b is given 2"]),
        # what Snakemake itself refuses
        ("training:\n\tepsilon: 0.1\n", [r"found character '\t' that cannot start any token"]),
        ("pairs: [0-1\nname: a\n", ["line 2, column 5"]),
        ("name: a: b\n", ["mapping values are not allowed here"]),
        ("name: *a\n", ["found undefined alias 'a'"]),
        ("name: a\n---\nname: b\n", ["expected a single document"]),
        ("dataset: 2001-99-99\n", ["month must be in 1..12"]),
        ("- name\n", ["must be a mapping of keys to values"]),
        ("3\n", ["must be a mapping of keys to values"]),
        ("name: \x00\n", ["special characters are not allowed"]),
        ("name: Müller\n".encode("latin-1"), ["'utf-8' codec can't decode byte 0xfc"]),
        ("[" * 5000, ["maximum recursion depth"]),
        ('{"name": "a",\n\t"name": "b"}', ["line 2: the key name is given 2"]),
    ],
)
def test_problems_of_a_file(written, content, expected):
    found = problems_of(written(content))
    assert len(found) == len(expected), found
    for problem, words in zip(found, expected, strict=True):
        assert words in problem
        assert "\n" not in problem


@pytest.mark.parametrize(
    "content",
    [
        "",
        "# nothing but a comment\n",
        "---\nname: a\n",
        "a: {x: 1}\nb: {x: 1}\n",
        "a: &x {b: 1}\nc: {<<: *x, d: 1}\n",
        "name: a\r\ndataset: b\r\n",
        b"\xef\xbb\xbfname: a\n",
        '{\n\t"name": "a",\n\t"pairs": ["0-1"]\n}\n',
        "1: a\n'1': b\n",
    ],
)
def test_files_without_problems(written, content):
    assert problems_of(written(content)) == []


def test_missing_file_and_folder(tmp_path):
    (problem,) = problems_of(tmp_path / "none.yaml")
    assert problem.startswith("cannot be read: [Errno 2] No such file or directory")
    (problem,) = problems_of(tmp_path)
    assert problem.startswith("cannot be read: ")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("optimality: {search: {}}", "optimality.search"),
        ("optimality:\n  regularizers:\n    WP: {}", "optimality.regularizers.WP"),
        ("monotonicity: {}", "monotonicity"),
    ],
)
def test_an_empty_mapping_is_refused(written, text, key):
    """Merged over null it would stay null, without a word."""
    (problem,) = problems_of(written(f"name: mine\n{text}\n"))
    assert problem.startswith(f"{key} is an empty mapping, which Snakemake passes over: ")


def test_check_files_names_every_file(tmp_path):
    (tmp_path / "a.yaml").write_text("x: 1\nx: 2\n")
    with pytest.raises(ConfigError) as caught:
        check_files([tmp_path / "a.yaml", ROOT / "config.yaml", tmp_path / "b.yaml"])
    first, *lines = str(caught.value).splitlines()
    assert first == "the configuration is not valid:"
    assert lines[0].startswith(f"  - {tmp_path / 'a.yaml'}: line 2: the key x is given 2 times")
    assert lines[
        1
    ] == f"  - {tmp_path / 'b.yaml'}: cannot be read: [Errno 2] No such file or directory: " + repr(
        str(tmp_path / "b.yaml")
    )
    assert len(lines) == 2


# -- layers ---------------------------------------------------------------------------------------

BASE, DEMO = ROOT / "config.yaml", ROOT / "config/demo.yaml"
BARE = [
    ("training: {epsilon: 1.0e-4}", "training.epsilon"),
    ("pairs: ['0-1']", "pairs"),
    ("optimality: null", "optimality"),
    ("optimality: {search: {max_steps: 6}}", "optimality.search"),
    ("measures: {names: [GN, FPL, GPL, WP, GN]}", "measures.names"),
    ("dataset: mnist\nnetwork: {hidden_units: 8, alpha: 0.5}", "network.hidden_units and 1 more"),
]


@pytest.mark.parametrize(("text", "key"), BARE)
@pytest.mark.parametrize("below", [[BASE], [BASE, DEMO]])
def test_a_layer_that_changes_a_study_without_a_name_is_refused(tmp_path, text, key, below):
    if DEMO in below and key.startswith("network"):
        text = text.replace("dataset: mnist", "dataset: digits")
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(text)
    with pytest.raises(ConfigError) as caught:
        check_files([*below, overlay])
    name = "demo" if DEMO in below else "paper"
    assert str(caught.value).splitlines() == [
        "the configuration is not valid:",
        f"  - {overlay}: changes {key}, but gives the study no name of its own: its runs would be "
        f"mixed into results/{name}; add  name: …",
    ]
    overlay.write_text(f"{text}\nname: {name}\n")  # as in a copy of the file below
    with pytest.raises(ConfigError, match="gives the study no name of its own"):
        check_files([*below, overlay])
    overlay.write_text(f"{text}\nname: mine\n")
    check_files([*below, overlay])


def test_a_layer_that_changes_no_result_needs_no_name(tmp_path):
    overlay = tmp_path / "mine.yaml"
    for text in ("", "mnist_dir: /data", "dataset: mnist", "training: {epsilon: 1.0e-5}"):
        overlay.write_text(text)
        check_files([BASE, overlay])
    check_files([BASE], {"mnist_dir": "/data"})


def test_a_name_that_is_given_back_covers_nothing(tmp_path):
    """Else what a named layer changed would be mixed into the study that has that name."""
    mine, back = tmp_path / "mine.yaml", tmp_path / "back.yaml"
    mine.write_text("name: mine\ntraining: {epsilon: 1.0e-3}")
    back.write_text("name: paper")
    for layers, above in (([BASE, mine, back], {}), ([BASE, mine], {"name": "paper"})):
        with pytest.raises(ConfigError, match=r"changes training\.epsilon, .*results/paper"):
            check_files(layers, above)
    check_files([BASE, mine], {"name": "other"})


def test_a_layer_with_a_name_covers_those_below_it_only(tmp_path):
    common, after = tmp_path / "common.yaml", tmp_path / "after.yaml"
    common.write_text("training: {epsilon: 1.0e-4}")
    after.write_text("training: {epsilon: 1.0e-3}")
    check_files([BASE, common, DEMO])
    with pytest.raises(ConfigError, match=r"after.yaml: changes training.epsilon, .*results/demo"):
        check_files([BASE, common, DEMO, after])


def test_a_bare_change_on_the_command_line_is_refused():
    with pytest.raises(ConfigError) as caught:
        check_files([BASE, DEMO], {"dataset": "mnist"})
    assert "  - --config: changes dataset, but gives the study no name" in str(caught.value)
    assert str(caught.value).endswith("results/demo; add  name=…")
    check_files([BASE, DEMO], {"dataset": "mnist", "name": "mine"})


def test_a_project_of_ones_own_may_start_from_any_config(tmp_path):
    own = tmp_path / "config.yaml"
    own.write_text("name: paper\ntraining: {epsilon: 1.0e-4}\n")
    check_files([own])


# -- what is generated ----------------------------------------------------------------------------


def test_schema_and_reference_are_those_of_the_models():
    for path, text in [
        (reference.SCHEMA_PATH, reference.schema_text()),
        (reference.REFERENCE_PATH, reference.reference_text()),
    ]:
        assert path.read_text(encoding="utf-8") == text, "run `make reference`"


def test_reference_names_every_key_with_its_range_default_and_source():
    text = reference.REFERENCE_PATH.read_text(encoding="utf-8")
    assert (
        "| `alpha` | α: initial weights are uniform on ±sqrt(6 α / (n_in + n_out)). "
        "| a number from 1.0e-12 to 100 | `0.01` | §4.1 |\n" in text
    )
    for path in key_paths():
        if path[-1] not in all_regularizers():
            assert f"| `{path[-1]}` |" in text or f"## `{'.'.join(path)}`" in text


def test_a_new_entry_of_a_room_makes_neither_stale(monkeypatch):
    before = reference.schema_text(), reference.reference_text()
    for room, names in models.ROOMS.items():
        monkeypatch.setitem(models.ROOMS, room, lambda names=names: {**names(), "X2": None})
    assert (reference.schema_text(), reference.reference_text()) == before


def test_schema_is_valid_strict_and_describes_every_key():
    schema = json.loads(reference.SCHEMA_PATH.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for node in [schema, *schema["$defs"].values()]:
        assert node["additionalProperties"] is False
        assert node["description"]
        for child in node["properties"].values():
            assert "description" in resolved(child)


@pytest.mark.parametrize("overlays", [[], ["config/demo.yaml"], ["config/slice.yaml"]])
def test_editors_accept_the_files_of_the_repository(overlays):
    config = read("config.yaml", *map(read, overlays))
    schema = json.loads(reference.SCHEMA_PATH.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(config)


# -- Snakemake ------------------------------------------------------------------------------------


def test_merge_is_that_of_snakemake():
    from snakemake.utils import update_config

    overlay = read("config/demo.yaml") | {"monotonicity": None, "network": {"alpha": 0.5}}
    config = read("config.yaml")
    update_config(config, overlay)
    assert config == read("config.yaml", overlay)


def test_import_is_cheap():
    code = (
        "import json, sys, smoothcore.study.config as c; c.load_study(json.loads(sys.argv[1]));"
        "slow = ('pandas', 'scipy', 'sklearn', 'matplotlib', 'tensorflow', 'jsonschema');"
        "print(json.dumps([m for m in slow if m in sys.modules]))"
    )
    text = json.dumps(read("config.yaml"))
    output = subprocess.run(
        [sys.executable, "-c", code, text], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(output) == []


@pytest.mark.workflow
def test_snakemake_refuses_a_bare_change(tmp_path):
    """In a file and on the command line."""
    (tmp_path / "mine.yaml").write_text("training: {epsilon: 1.0e-4}")
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--dry-run",
        "--configfile", DEMO, "mine.yaml", "--config", "dataset=mnist",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "mine.yaml, --config: changes dataset and 1 more, but gives the study no name" in said
    assert "results/demo" in said
