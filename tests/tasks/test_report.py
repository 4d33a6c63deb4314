"""The report is looked at with an HTML parser; its figures must be those of eval.json."""

import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from reference.runs import EPOCHS, ITERATIONS, make_run

from luce.errors import DataError, MissingExtraError, WriteError
from luce.tasks.report import write_report

VOID = {"meta", "img", "br", "link", "path", "rect", "use", "line", "circle"}
NASTY = ["<script>alert(1)</script>", "$\\alpha$", '=cmd|x & "y"']


class Page(HTMLParser):
    """The elements of a page with their attributes, and its visible text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def reported(run: Path) -> Path:
    assert write_report(run) == run / "report.html"
    return run


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return reported(make_run(tmp_path_factory.mktemp("runs") / "digits", "digits"))


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    return reported(make_run(tmp_path_factory.mktemp("runs") / "wine", "wine", history=EPOCHS))


def write_table(path: Path, labels: list[str], rows: int = 200) -> str:
    """A CSV file whose features say something about the labels."""
    rng = np.random.default_rng(0)
    quoted = ['"' + label.replace('"', '""') + '"' for label in labels]
    lines = ["a <b>,x$y$,label"]
    for i in range(rows):
        code = i % len(labels)
        a, b = rng.normal(loc=[code, -code])
        lines.append(f"{a:.3f},{b:.3f},{quoted[code]}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(params=["digits", "wine"])
def page(request):
    return read(request.getfixturevalue(request.param) / "report.html")


def test_nothing_is_asked_of_the_network(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "data", "srcset", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/png", "#")), (tag, value)
        assert not any(name.startswith("on") for name in attributes)
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    policy = [m["content"] for m in page.all("meta") if m.get("http-equiv")]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_style_asks_nothing_of_the_network_either(digits):
    source = (digits / "report.html").read_text(encoding="utf-8")
    assert "@import" not in source
    assert set(re.findall(r"url\((.)", source)) <= {"#"}
    assert set(re.findall(r"https?://[^\"' <]*", source)) == {"http://www.w3.org/1999/xlink"}


def test_each_figure_has_words(page):
    assert len(page.all("figure")) == len(page.all("figcaption")) > 5
    for svg in page.all("svg"):
        assert svg["role"] == "img"
        assert len(svg["aria-label"]) > 10
    for image in page.all("img"):
        assert image["alt"]
    assert all(th.get("scope") in ("row", "col") for th in page.all("th"))


def test_what_is_referred_to_exists_once(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    uses = {a["xlink:href"] for _, a in page.elements if "xlink:href" in a}
    assert {f"#{name}" for name in ids} >= uses


def test_the_figures_are_those_of_eval_json(digits):
    figures = json.loads((digits / "eval.json").read_text())
    text = read(digits / "report.html").text
    accuracy = figures["accuracy"]
    assert f"{100 * accuracy['value']:.1f} %" in text
    assert f"{100 * accuracy['low']:.1f} % to {100 * accuracy['high']:.1f} %" in text
    loss = figures["log_loss"]
    assert f"{loss['value']:.3f}" in text
    assert f"{loss['low']:.3f} to {loss['high']:.3f}" in text
    assert f"{100 * figures['calibration_error']['value']:.1f} %" in text
    assert f"majority class {100 * figures['baseline']['accuracy']['value']:.1f} %" in text
    assert f"class shares alone {figures['baseline']['log_loss']['value']:.3f}" in text
    wrong = figures["rows"] - np.trace(figures["confusion"])
    assert f"{wrong} wrong answers of {figures['rows']}" in text


def test_images_are_shown_with_label_and_answer(digits):
    page = read(digits / "report.html")
    assert "20 test images" in page.text
    assert len(page.all("img")) == 20 + 10 + 10  # examples, mistakes, weights
    assert page.text.count("✗") >= 10
    assert page.text.count("✓") >= 15


def test_tables_get_coefficients_and_reasons(wine):
    page = read(wine / "report.html")
    assert page.all("img") == []
    assert "per standard deviation of the feature" in page.text
    assert "what spoke for it" in page.text
    assert "proline" in page.text


def test_iterations_and_epochs_are_drawn(digits, wine):
    text = read(digits / "report.html").text
    assert "Objective over 16 iterations: from 2.20 to 0.201" in text
    assert "Distance to the optimum over 16 iterations: proven relative gap from 5.00" in text
    assert "to 3.14·10⁻⁵" in text
    text = read(wine / "report.html").text
    assert "Accuracy over 20 epochs: training rows from 0.600 to 0.885" in text
    assert "held-out rows from 0.580" in text


def test_it_is_small_and_the_same_each_time(digits, tmp_path):
    first = (digits / "report.html").read_bytes()
    second = write_report(digits, tmp_path / "other.html")
    assert second == tmp_path / "other.html"
    assert second.read_bytes() == first
    assert len(first) < 400_000


def test_a_long_history_is_thinned(digits, tmp_path):
    run = shutil.copytree(digits, tmp_path / "run")
    entries = [ITERATIONS[1] | {"iteration": i} for i in range(5000)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(e) + "\n" for e in entries))
    path = write_report(run)
    assert path.stat().st_size < 500_000
    assert len(read(path).all("tr")) < 150


def test_hostile_names_are_text(tmp_path):
    run = make_run(tmp_path / "run", write_table(tmp_path / "t.csv", NASTY), target="label")
    page = read(write_report(run))
    assert page.all("script") == page.all("b <b>") == []
    for name in [*NASTY, "a <b>", "x$y$"]:
        assert name in page.text
    assert "\\mathdefault" not in page.text


def test_many_classes_become_lists(tmp_path):
    names = [f"class {i}" for i in range(30)]
    run = make_run(tmp_path / "run", write_table(tmp_path / "t.csv", names, 600), target="label")
    text = read(write_report(run)).text
    assert "The most frequent confusions of 30 classes" in text
    assert "The 12 most frequent of 30 classes" in text
    assert "The first 24 of 30 classes" in text


def test_two_classes_share_one_row_of_weights(tmp_path):
    run = make_run(tmp_path / "run", "breast_cancer")
    text = read(write_report(run)).text
    assert "what speaks against benign speaks for malignant" in text


def test_without_mistakes_or_history_it_says_so(tmp_path):
    source = tmp_path / "t.csv"
    source.write_text("x,label\n" + "".join(f"{i % 2 * 100 + i % 3},{i % 2}\n" for i in range(80)))
    run = make_run(tmp_path / "run", str(source), history=[], target="label")
    text = read(write_report(run)).text
    assert "There is no wrong answer among the evaluated rows" in text
    assert "No class is taken for another" in text


@pytest.mark.parametrize("change", ["content", "labels", "fewer rows", "gone"])
def test_rows_that_have_changed_are_not_shown(tmp_path, change):
    source = Path(write_table(tmp_path / "t.csv", ["red", "blue"]))
    run = make_run(tmp_path / "run", str(source), target="label")
    assert "what spoke for it" in read(write_report(run)).text
    lines = source.read_text().splitlines()
    if change == "content":
        source.write_text("\n".join([lines[0], "7,7," + lines[1].split(",")[2], *lines[2:]]) + "\n")
    elif change == "labels":
        source.write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    elif change == "fewer rows":
        source.write_text("\n".join(lines[:20]) + "\n")
    else:
        source.unlink()
    text = read(write_report(run)).text
    assert "The rows themselves are not shown" in text
    assert "what spoke for it" not in text
    assert "per unit of the feature" in text


@pytest.mark.parametrize(
    "name", ["config.toml", "eval.json", "metrics.jsonl", "predictions.csv", "environment.json"]
)
def test_a_missing_or_damaged_file_is_named(digits, tmp_path, name):
    run = shutil.copytree(digits, tmp_path / "run")
    (run / "report.html").unlink(missing_ok=True)
    (run / name).write_text('{"torn')
    with pytest.raises(DataError, match="run"):
        write_report(run)
    (run / name).unlink()
    with pytest.raises(DataError, match=name):
        write_report(run)
    assert not (run / "report.html").exists()


def test_a_full_disk_leaves_the_old_report(digits, tmp_path, monkeypatch):
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    run = shutil.copytree(digits, tmp_path / "run")
    old = (run / "report.html").read_bytes()
    monkeypatch.setattr("luce.storage.atomic.os.fsync", no_space)
    with pytest.raises(WriteError, match="disk is full"):
        write_report(run)
    assert (run / "report.html").read_bytes() == old


@pytest.mark.parametrize(("package", "module"), [("matplotlib", "matplotlib"), ("pillow", "PIL")])
def test_a_missing_package_is_told_with_its_install_line(digits, monkeypatch, package, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*pip install 'luce\[app\]'"):
        write_report(digits)


def test_drawing_leaves_no_trace_in_matplotlib(digits, monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    names = [name for name in mpl.rcParams if name != "backend"]  # reading that imports pyplot
    before = [mpl.rcParams[name] for name in names]
    write_report(digits)
    assert "matplotlib.pyplot" not in sys.modules  # it keeps every figure for ever
    assert [mpl.rcParams[name] for name in names] == before
