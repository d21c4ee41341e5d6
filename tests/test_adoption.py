"""Of all code with the same bits one fingerprint is the name of all."""

import pytest

from smoothcore.errors import DamagedFileError, SettingsError
from smoothcore.workflow.adoption import NAME, adopt, read_adopted, refuse_other_code


def test_the_older_code_is_the_name_of_what_is_equal_to_it(tmp_path):
    adopt(tmp_path, [("new", "old"), ("same", "same")], {})
    adopt(tmp_path, [("newer", "new")], {})
    assert read_adopted(tmp_path) == {"new": "old", "newer": "old"}


def test_two_old_codes_that_were_both_equal_become_one(tmp_path):
    """None of the two is forgotten: runs of both are there."""
    adopt(tmp_path, [("now", "a")], {})
    adopt(tmp_path, [("now", "b")], {})
    names = read_adopted(tmp_path)
    assert len({names.get(code, code) for code in ("now", "a", "b")}) == 1
    assert not names.keys() & set(names.values())  # a name of all is itself called nothing else


def test_a_job_computes_with_the_code_it_was_told_only(tmp_path):
    """The code may be edited while the workflow runs."""
    record = tmp_path / "runs" / "pair=0-1" / "size=16" / "record.parquet"
    refuse_other_code({"GN": "a"}, {"GN": "a"}, record)
    with pytest.raises(SettingsError, match=r"the code behind GN is not the one .* Start the work"):
        refuse_other_code({"GN": "a", "WP": "c"}, {"GN": "b", "WP": "c"}, record)
    adopt(tmp_path, [("b", "a")], {})
    refuse_other_code({"GN": "a"}, {"GN": "b"}, record)


def test_the_code_that_most_runs_were_made_with_keeps_its_name(tmp_path):
    """Snakemake compares with what it remembers of them."""
    adopt(tmp_path, [("now", "published")], {"now": 4})
    assert read_adopted(tmp_path) == {"published": "now"}
    adopt(tmp_path, [("later", "published")], {"now": 4, "later": 1})
    assert read_adopted(tmp_path) == {"published": "now", "later": "now"}


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}'])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(DamagedFileError, match=r"adopted\.json .*Delete it"):
        read_adopted(tmp_path)
