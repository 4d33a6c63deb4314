"""The trees are those of eval.json, or are counted again here from predictions.csv."""

import base64
import json

import numpy as np
import polars as pl
import pytest
from reference.runs import make_run

from luce.metrics.intervals import wilson_interval
from luce.tasks.reporting.record import read_run
from luce.tasks.viewing.abstaining import promise, risk_curve
from luce.tasks.viewing.confusions import confusions
from luce.tasks.viewing.examples import content, dark_ground, examples
from luce.tasks.viewing.form import fields, spans
from luce.tasks.viewing.overview import overview
from luce.tasks.viewing.pixels import image, pixels_of, signed
from luce.tasks.viewing.weights import weights

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return read_run(make_run(tmp_path_factory.mktemp("runs") / "digits", "digits"))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    lines = ["size,day,new,colour,label"]
    for i in range(200):
        c = i % 3
        colour = "" if i % 17 == 0 else ["red", "green", "blue"][c if i % 5 else 0]
        lines.append(f"{rng.normal(c):.3f},201{c}-03-0{1 + i % 9},{i % 2 == 0},{colour},k{c}")
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_run(make_run(folder / "run", str(path), target="label"))


@pytest.fixture(params=["digits", "table"])
def record(request):
    return request.getfixturevalue(request.param)


def predictions(record):
    return pl.read_csv(record.run / "predictions.csv", infer_schema_length=0)


def test_the_overview_holds_the_figures_of_eval_json(record):
    figures = json.loads((record.run / "eval.json").read_text())
    tree = overview(record.model, record)
    for name in ("rows", "accuracy", "log_loss", "calibration_error", "brier_score", "baseline"):
        assert tree["figures"][name] == figures[name]
    assert tree["figures"]["wrong"] == figures["rows"] - np.trace(figures["confusion"])
    assert tree["run"]["rows_shown"] is True
    json.dumps(tree, allow_nan=False)


def test_a_model_file_alone_shows_the_figures_that_it_holds(record):
    tree = overview(record.model, None)
    assert tree["figures"] == dict(record.model.metadata["metrics"])
    assert tree["run"] is None


def test_a_small_matrix_is_whole(record):
    figures = json.loads((record.run / "eval.json").read_text())
    tree = confusions(figures)
    assert tree["matrix"] == figures["confusion"]
    assert tree["pages"] == 1
    assert not any(tree["elsewhere"])
    counts = [pair["count"] for pair in tree["pairs"]]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == figures["rows"] - np.trace(figures["confusion"])


def test_pages_of_a_large_matrix_begin_with_the_worst_classes_and_lose_no_row():
    rng = np.random.default_rng(0)
    matrix = np.diag(rng.integers(20, 40, 53)) + rng.poisson(0.1, (53, 53))
    matrix[7, 9] += 30
    names = [f"c{i}" for i in range(53)]
    figures = {"classes": names, "confusion": matrix.tolist(), "per_class": []}
    seen = []
    for page in range(3):
        tree = confusions(figures, page=page)
        assert (tree["page"], tree["pages"]) == (page, 3)
        codes = tree["codes"]
        seen += codes
        np.testing.assert_array_equal(tree["matrix"], matrix[np.ix_(codes, codes)])
        rows = np.sum(tree["matrix"], axis=1) + tree["elsewhere"]
        np.testing.assert_array_equal(rows, matrix[codes].sum(axis=1))
        np.testing.assert_array_equal(tree["support"], rows)
    assert sorted(seen) == list(range(53))
    assert set(seen[:2]) == {7, 9}
    assert tree["pairs"][0] == {
        "true": 7, "answer": 9, "count": int(matrix[7, 9]),
        "share": matrix[7, 9] / matrix[7].sum(),
    }  # fmt: skip
    assert confusions(figures, page=99)["page"] == 2


def test_the_rows_of_a_cell_are_those_of_predictions_csv(record):
    frame, names = predictions(record), record.classes
    matrix = np.asarray(record.figures["confusion"])
    off = matrix - np.diag(matrix.diagonal())
    i, j = np.unravel_index(off.argmax(), off.shape)
    tree = examples(record, true=int(i), answer=int(j), limit=60)
    wanted = frame.filter((pl.col("label") == names[i]) & (pl.col("prediction") == names[j]))
    assert tree["total"] == matrix[i, j] == len(wanted)
    assert {row["row"] for row in tree["rows"]} == set(wanted["row"].cast(pl.Int64))
    for row in tree["rows"]:
        line = frame.row(row["position"], named=True)
        assert row["p_answer"] == float(line[f"p({names[j]})"])
        assert row["p_true"] == float(line[f"p({names[i]})"])


def test_mistakes_begin_with_the_most_confident_one(record):
    tree = examples(record, wrong=True, limit=5)
    stated = [row["p_answer"] for row in tree["rows"]]
    assert stated == sorted(stated, reverse=True)
    assert all(row["true"] != row["answer"] for row in tree["rows"])
    second = examples(record, wrong=True, offset=1, limit=1)
    assert second["rows"] == tree["rows"][1:2]
    unsure = examples(record, order="unsure", limit=1)["rows"][0]
    assert unsure["p_answer"] == record.predictions.confidence.min()


def test_a_shown_row_is_the_row_of_the_source(table, digits):
    row = examples(table, order="row", limit=1)["rows"][0]
    source = pl.read_csv(table.config["data"], infer_schema_length=0)
    cells = dict(row["shown"]["cells"])
    assert cells == {name: source[name][row["row"]] for name in source.columns[:-1]}
    shown = content(digits.evaluated, 0)
    assert shown["image"]["width"] == shown["image"]["height"] == 8
    pixels = np.frombuffer(base64.b64decode(shown["image"]["data"]), np.uint8)
    np.testing.assert_allclose(pixels, digits.evaluated.features[0].ravel() / 16 * 255, atol=0.51)
    assert content(None, 0) is None


def test_scans_of_digits_are_light_on_dark(digits):
    images = digits.evaluated.features
    assert dark_ground(images)
    assert not dark_ground(16 - images)


def test_the_risk_at_each_threshold_is_that_of_the_rows_above_it(record):
    seen = record.predictions
    tree = risk_curve(record)
    for point in tree["points"][:: max(1, len(tree["points"]) // 20)]:
        above = seen.confidence >= point["threshold"]
        assert point["answered"] == above.sum()
        assert point["wrong"] == (~seen.right[above]).sum()
        assert point["coverage"] == pytest.approx(above.mean())
        assert point["risk"] == pytest.approx((~seen.right[above]).mean())
        estimate = wilson_interval(point["wrong"], point["answered"])
        assert (point["low"], point["high"]) == (estimate.low, estimate.high)
    assert tree["points"][-1]["coverage"] == 1


def test_the_promise_holds_on_the_evaluated_rows_or_is_none(record):
    seen = record.predictions
    tree = promise(record, 0.2)
    above = seen.confidence > tree["threshold"]
    assert (~seen.right[above]).mean() <= tree["risk_bound"] <= 0.2
    assert tree["coverage"] == pytest.approx(above.mean(), abs=1e-9) or tree["threshold"] == 0
    assert promise(record, 1e-6)["threshold"] is None


def test_pictures_of_weights_share_one_scale(digits):
    tree = weights(digits.model, digits)
    assert tree["kind"] == "images"
    assert len(tree["items"]) == 10
    assert len({item["image"]["top"] for item in tree["items"]}) == 1
    values = np.frombuffer(base64.b64decode(tree["items"][3]["image"]["data"]), np.int8)
    coef = digits.model.linear.coef_[3]
    wanted = np.clip(np.rint(coef / tree["items"][3]["image"]["top"] * 127), -127, 127)
    np.testing.assert_array_equal(values, wanted)


def test_the_strongest_features_of_a_table_come_first(table):
    tree = weights(table.model, table)
    assert tree["per_deviation"] is True
    X = table.model.encoding.apply(table.evaluated.features).X
    coef = table.model.linear.coef_ * X.std(axis=0)
    names = table.model.encoding.feature_names
    for item in tree["items"]:
        row = dict(zip(names, coef[item["class"]], strict=True))
        for line in item["for"]:
            assert line["weight"] == pytest.approx(row[line["feature"]])
            assert line["weight"] > 0
        assert item["for"][0]["weight"] == pytest.approx(max(row.values()))
        assert item["against"][0]["weight"] == pytest.approx(min(row.values()))


def test_the_fields_start_from_medians_and_the_most_frequent(table):
    found = {field.name: field for field in fields(table.model.encoding, table.evaluated)}
    assert [found[name].kind for name in ("size", "day", "new", "colour")] == [
        "number", "date", "boolean", "category",
    ]  # fmt: skip
    sizes = table.evaluated.features["size"].cast(pl.Float64)
    assert (sizes <= float(found["size"].start)).mean() == pytest.approx(0.5, abs=0.02)
    assert found["size"].low == sizes.min()
    assert found["size"].spread == pytest.approx(sizes.std(ddof=0))
    assert found["colour"].start == found["colour"].levels[0]
    assert found["colour"].may_be_missing
    assert set(spans(found.values())) == {"size", "day", "new"}


def test_without_rows_the_fields_start_from_the_means_of_training(table):
    found = {field.name: field for field in fields(table.model.encoding, None)}
    mean = table.model.encoding.parts[0].mean
    assert float(found["size"].start) == pytest.approx(mean, rel=1e-3)
    assert found["day"].start[:3] == "201"
    assert spans(found.values()) == {}


def test_what_the_fields_start_from_can_be_predicted(table):
    for rows in (table.evaluated, None):
        found = fields(table.model.encoding, rows)
        frame = pl.DataFrame({field.name: [field.start] for field in found})
        encoded = table.model.encoding.apply(frame)
        assert not encoded.unseen
        assert not encoded.missing


def test_pixels_are_bytes_and_signs_are_kept():
    tree = image(np.array([[0.0, 8.0, 16.0]]), 16.0)
    assert list(base64.b64decode(tree["data"])) == [0, 128, 255]
    assert tree["colours"] == 1
    assert image(np.zeros((2, 2, 3)), 1.0)["colours"] == 3
    values = np.frombuffer(
        base64.b64decode(signed(np.array([[-2.0, 1.0, 0.0]]), 2.0)["data"]), np.int8
    )
    assert values.tolist() == [-127, 64, 0]
    assert pixels_of(np.arange(12.0), (2, 2, 3)).tolist() == [[3.0, 12.0], [21.0, 30.0]]
