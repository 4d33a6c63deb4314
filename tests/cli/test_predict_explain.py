"""Why each row of a file got its answer: `luce predict --explain`."""

import csv
import io
import json
import math

import pytest

from luce.tasks.models import load_model

ROWS = "".join(
    f"{i % 7},{i % 5 + 2 * (i % 3)},{['red', 'blue', '=x'][i % 3]},{'abc'[i % 3 if i % 4 else 0]}\n"
    for i in range(90)
)
NEW = "size,weight,=colour\n1,2,red\n5,,blue\n3,1,=x\n"


@pytest.fixture
def run(luce, tmp_path):
    (tmp_path / "train.csv").write_text("size,weight,=colour,label\n" + ROWS)
    (tmp_path / "new.csv").write_text(NEW)
    assert luce("train", "train.csv", "--out", "run").code == 0
    return tmp_path / "run"


def of_json(luce, run, *more):
    answer = luce("predict", run, "new.csv", "--explain", "--json", *more)
    assert answer.code == 0, answer.err
    return [json.loads(line) for line in answer.out.splitlines()]


def effects_by_hand(run, row):
    """Coefficient times value, counted from the mean of training for a number."""
    model = load_model(run)
    coef = model.classifier.coef_.tolist()
    features = {name: i for i, name in enumerate(model.encoding.feature_names)}
    table = [line.split(",") for line in ROWS.splitlines()]

    def of(a, b):
        w = [p - q for p, q in zip(coef[a], coef[b], strict=True)]
        found = {}
        for at, name in enumerate(("size", "weight")):
            mean = math.fsum(float(cells[at]) for cells in table) / len(table)
            evaluated = model.encoding.parts[at].mean
            assert abs(mean - evaluated) < 0.5  # a fifth of the rows is held out
            value = evaluated if row[name] == "" else float(row[name])
            found[name] = w[features[name]] * (value - evaluated)
        found["=colour"] = w[features[f"=colour={row['=colour']}"]]
        return found

    return of


def test_effects_are_coefficient_times_value_and_add_up_to_the_lead(luce, run):
    lines = of_json(luce, run, "--proba")
    cells = list(csv.DictReader(io.StringIO(NEW)))
    names = load_model(run).names
    for line, row in zip(lines, cells, strict=True):
        told, ranked = line["explanation"], sorted(line["proba"], key=line["proba"].get)[::-1]
        assert [line["prediction"], told["against"]] == ranked[:2]
        p, q = (line["proba"][name] for name in ranked[:2])
        assert told["lead"] == pytest.approx(math.log(p / q), rel=1e-6)
        assert told["offset"] + sum(told["effects"].values()) == pytest.approx(told["lead"])
        by_hand = effects_by_hand(run, row)(*map(names.index, ranked[:2]))
        for name, effect in told["effects"].items():
            assert effect == pytest.approx(by_hand[name], rel=1e-6)
        assert all(abs(by_hand[name]) < 1e-12 for name in by_hand.keys() - told["effects"].keys())
    assert "weight" not in lines[1]["explanation"]["effects"]  # missing: the mean, no effect


def test_csv_has_the_three_strongest(luce, run):
    whole = of_json(luce, run)
    answer = luce("predict", run, "new.csv", "--explain", "-o", "out.csv")
    assert answer.code == 0, answer.err
    with (run.parent / "out.csv").open() as file:
        table = list(csv.DictReader(file))
    assert list(table[0])[:4] == ["row", "prediction", "against", "lead"]
    for row, line in zip(table, whole, strict=True):
        told = line["explanation"]
        ranked = sorted(told["effects"], key=lambda name: -abs(told["effects"][name]))[:3]
        shown = [row[f"why{i}"].removeprefix("'") for i in (1, 2, 3) if row[f"why{i}"]]
        assert shown == ranked
        for i, name in enumerate(ranked, 1):
            assert float(row[f"effect(why{i})"]) == told["effects"][name]
        assert (row["against"], float(row["lead"])) == (told["against"], told["lead"])
    assert {row["why1"] for row in table} | {row["why2"] for row in table} >= {"'=colour"}
    assert table[1]["why3"] == table[1]["effect(why3)"] == ""


def test_without_the_option_nothing_is_told(luce, run):
    assert luce("predict", run, "new.csv").out.startswith("row,prediction\n")
    assert "explanation" not in luce("predict", run, "new.csv", "--json").out


def test_images_texts_and_two_classes_are_explained(luce, tmp_path):
    rows = "".join(f"{['cats purr', 'dogs bark'][i % 2]} often,{'cd'[i % 2]}\n" for i in range(40))
    (tmp_path / "texts.csv").write_text("body,kind\n" + rows)
    assert luce("train", "texts.csv", "--text", "body", "--out", "texts").code == 0
    (tmp_path / "new.txt").write_text("cats purr\n")
    answer = luce("predict", "texts", "new.txt", "--explain", "--json")
    told = json.loads(answer.out)["explanation"]
    assert told["against"] == "d"
    assert max(told["effects"], key=told["effects"].get).startswith("body")
    assert told["offset"] + sum(told["effects"].values()) == pytest.approx(told["lead"], rel=1e-5)
    assert (
        luce(
            "train",
            "digits",
            "--solver",
            "lbfgs",
            "--max-iter",
            "5",
            "--tol",
            "0.5",
            "--out",
            "digits",
        ).code
        == 0
    )
    line = luce("predict", "digits", "digits", "--explain").out.splitlines()[1]
    assert "pixel " in line
