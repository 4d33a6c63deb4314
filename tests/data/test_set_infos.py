import pytest

from luce.data import has_test_split, named_sets
from luce.data.set_infos import is_named, require_exists
from luce.errors import DataError


def test_names_are_found_whatever_their_spelling():
    assert is_named("Fashion_MNIST")
    assert is_named("breast-cancer")
    assert not is_named("./iris")
    assert [info.name for info in named_sets() if has_test_split(info.name)] == ["fashion-mnist"]
    assert not has_test_split("anything.csv")


def test_what_is_not_there_is_told_with_what_was_meant(tmp_path):
    (tmp_path / "letters.csv").write_text("a")
    require_exists("Iris")
    require_exists(tmp_path / "letters.csv")
    for wrong, meant in (("iriss", "iris"), (str(tmp_path / "leters.csv"), "letters.csv")):
        with pytest.raises(DataError, match=f"Did you mean '.*{meant}'"):
            require_exists(wrong)
    with pytest.raises(DataError, match="Check the path"):
        require_exists("x" * 5000)
