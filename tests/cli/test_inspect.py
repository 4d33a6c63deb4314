import pytest


def test_data_are_described_down_to_the_next_command(luce, tmp_path):
    rows = "red,1,a\nblue,2.5,b\nred,1,a\nred,,a\nblue,NA,b\n"
    (tmp_path / "my data.csv").write_text("colour,size,label\n" + rows * 3)
    found = luce("inspect", "my data.csv", "--json").json
    assert found["rows"] == 15
    assert found["target"] == "label"
    assert found["classes"][0] == {"class": "a", "rows": 9, "share": 0.6}
    columns = {column["column"]: column for column in found["columns"]}
    assert columns["colour"]["kind"] == "category"
    assert columns["size"] == {
        "column": "size",
        "kind": "number",
        "values": 4,
        "missing": 6,
        "alone": 0.6,
        "leaks": False,
    }
    assert (columns["colour"]["alone"], columns["colour"]["leaks"]) == (1.0, True)
    assert "leave it out: --ignore colour." in found["notes"][-1]
    assert found["repeated_rows"] == 15 - 4
    assert found["contradictory_rows"] == 0
    assert found["first_rows"][0] == {"colour": "red", "size": "1", "label": "a"}
    assert found["next"] == "luce train 'my data.csv' --target label"


def test_columns_can_be_left_out_and_the_next_command_says_so(luce, tmp_path):
    (tmp_path / "t.csv").write_text(
        "id,note,x,y\n" + "".join(f"{i},remark {i},{i % 3},{'ab'[i % 2]}\n" for i in range(40))
    )
    found = luce("inspect", "t.csv", "--ignore", "id", "--text", "note", "--json").json
    assert [column["column"] for column in found["columns"]] == ["note", "x"]
    assert found["next"] == "luce train t.csv --target y --text note --ignore id"
    assert "Left out, as asked for: 'id'." in found["notes"]
    answer = luce("inspect", "t.csv", "--ignore", "idd")
    assert answer.code == 3
    assert "Did you mean 'id'?" in answer.err


def test_the_screen_says_what_was_guessed_on_stderr(luce, tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,a\n2,b\n3,a\n4,b\n")
    answer = luce("inspect", "t.csv")
    assert answer.code == 0
    assert "The target is 'y'" in answer.err
    assert answer.out.endswith("Next: luce train t.csv --target y\n")


@pytest.mark.parametrize("name", ["digits", "wine"])
def test_named_sets_are_data_too(luce, name):
    answer = luce("inspect", name)
    assert answer.code == 0
    assert f"Next: luce train {name}" in answer.out


def test_a_model_is_described(luce):
    assert luce("train", "iris", "--C", "0.5", "--out", "run").code == 0
    found = luce("inspect", "run", "--json").json
    assert found["classes"] == ["setosa", "versicolor", "virginica"]
    assert found["options"]["C"] == 0.5
    assert found["data"]["name"] == "iris"
    largest = found["largest_coefficients"]
    by_class = [abs(row["coefficient"]) for row in largest if row["class"] == "setosa"]
    assert by_class == sorted(by_class, reverse=True)
    answer = luce("inspect", "run/model.safetensors")
    assert answer.code == 0
    assert "petal length (cm)" in answer.out


def test_control_characters_of_labels_are_escaped(luce, tmp_path):
    (tmp_path / "t.csv").write_text("x,label\n1,\x1b[31mred\n2,b\n3,\x1b[31mred\n4,b\n")
    answer = luce("inspect", "t.csv")
    assert answer.code == 0
    assert "\x1b" not in answer.out + answer.err
    assert r"\x1b[31mred" in answer.out


def test_datasets_lists_every_named_set(luce):
    from luce.data import named_sets

    found = luce("datasets", "--json").json
    assert [info["name"] for info in found] == [info.name for info in named_sets()]
    assert all(info.name in luce("datasets").out for info in named_sets())


def test_doctor_is_a_block_for_bug_reports(luce):
    answer = luce("doctor")
    assert answer.code == 0
    assert "instruction set" in answer.out
    found = luce("doctor", "--json").json
    assert found["healthy"] is True
    assert found["self_test_seconds"] < 2
