from luce.tasks.suggestions import did_you_mean


def test_a_near_miss_is_named_in_its_own_spelling():
    assert did_you_mean("colur", ["Colour", "size"]) == "Did you mean 'Colour'?"


def test_nothing_is_suggested_where_nothing_is_near():
    assert did_you_mean("zzz", ["Colour", "size"]) == ""
