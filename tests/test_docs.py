"""What the pages say is so: code runs, links lead somewhere, names exist, figures are measured."""

import doctest
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import numpy as np
import pytest

import luce as luce_package
from luce.cli.app import VERBS, app

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
PAGES = [
    README,
    CHINESE,
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "changelog.d").glob("*.md")),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
INLINE = re.compile(r"`([^`\n]+)`")
FLAG = re.compile(r"(?<!\S)(--?[A-Za-z][\w-]*)")
ANY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in BLOCK.findall(page.read_text("utf-8")) if kind == language]


def commands(page: Path) -> list[str]:
    """The calls of luce that a page shows, in blocks and in the text."""
    text = page.read_text("utf-8")
    lines = [line for _, code in BLOCK.findall(text) for line in code.splitlines()]
    found = [*lines, *INLINE.findall(BLOCK.sub("", text))]
    return [line.removeprefix("$ ").strip() for line in found if re.match(r"(\$ )?\s*luce ", line)]


def flags_of(verb: str) -> set[str]:
    command = app.get_command(click.Context(app), verb)
    assert command is not None
    own = {flag for option in command.params for flag in option.opts}
    return own | {"--help", "-h", "--debug", "--json"}


ALL_FLAGS = {flag for verb in VERBS for flag in flags_of(verb)}


def test_both_readmes_have_the_same_code():
    assert BLOCK.findall(README.read_text("utf-8")) == BLOCK.findall(CHINESE.read_text("utf-8"))


@ANY_PAGE
def test_every_block_of_code_ends(page):
    fences = [line for line in page.read_text("utf-8").splitlines() if line.startswith("```")]
    assert len(fences) % 2 == 0, fences
    assert all(line == "```" for line in fences[1::2]), fences


@ANY_PAGE
def test_python_sessions_run_and_print_what_they_show(page):
    # A blank line ends an expected output; across the blocks of a page the names stay.
    session = "\n\n".join(code for code in blocks(page, "python") if ">>>" in code)
    test = doctest.DocTestParser().get_doctest(session, {}, page.name, str(page), 0)
    complaints: list[str] = []
    with np.errstate():  # a page may silence NumPy's warnings, for itself
        doctest.DocTestRunner(verbose=False).run(test, out=complaints.append)
    assert not complaints, "".join(complaints)


def test_the_command_line_prints_what_the_readme_shows(tmp_path):
    luce = tmp_path / "bin" / "luce"
    luce.parent.mkdir()
    luce.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m luce.cli "$@"\n')
    luce.chmod(0o755)
    path = os.pathsep.join([str(luce.parent), os.environ["PATH"]])
    library = str(Path(luce_package.__file__).parents[1])  # absolute: the commands run elsewhere
    (session,) = blocks(README, "console")
    for shown in session.removeprefix("$ ").split("\n$ "):
        command, expected = shown.split("\n", 1)
        answer = subprocess.run(
            [shutil.which("sh") or "sh", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "PYTHONPATH": library},
            text=True,
            check=False,
        )
        assert comparable(answer.stdout) == comparable(expected), command


def comparable(text: str) -> str:
    """Leave out times, and the last digits of long numbers: they depend on the processor."""
    text = re.sub(r"\d+\.\d+ s\b", "0.00 s", text.strip())
    return re.sub(r"\d+\.\d{9,}(e-?\d+)?", lambda long: f"{float(long[0]):.8g}", text)


@ANY_PAGE
def test_links_lead_to_files(page):
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    missing = [link for link in links if not (page.parent / link.split("#")[0]).exists()]
    assert not missing


@ANY_PAGE
def test_calls_of_luce_use_verbs_and_options_that_exist(page):
    for call in commands(page):
        words = call.split("#")[0].split("|")[0]
        verb = words.split()[1]
        if verb in VERBS:
            unknown = set(FLAG.findall(words)) - flags_of(verb)
        else:
            unknown = {verb} - {"VERB", "--help", "--version"}
        assert not unknown, call


@pytest.mark.parametrize("page", [README, CHINESE, ROOT / "docs" / "data.md"], ids=lambda p: p.name)
def test_options_named_alone_exist(page):
    text = BLOCK.sub("", page.read_text("utf-8"))
    named = {code.split()[0] for code in INLINE.findall(text) if code.startswith("-")} - {"-"}
    assert named <= ALL_FLAGS


@ANY_PAGE
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text("utf-8")
    named = re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)
    assert set(named) <= targets


def test_the_table_of_rooms_is_the_one_that_the_build_holds():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (ladder,) = (
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    told: dict[int, set[str]] = {}
    for step, room in re.findall(r"^\| (\d) \| `(\w+)` \|", page, re.MULTILINE):
        told.setdefault(int(step), set()).add(room)
    held = {
        step: set(rooms.replace(" ", "").split("|"))
        for step, rooms in enumerate(reversed(ladder), start=1)
    }
    assert told == held


def test_the_benchmark_page_and_the_figures_in_the_readmes_are_those_that_were_measured(
    monkeypatch,
):
    monkeypatch.syspath_prepend(ROOT / "bench")
    import write_page

    sections = write_page.stored()
    assert write_page.PAGE.read_text("utf-8") == write_page.page(sections)
    for readme in write_page.READMES:
        text = readme.read_text("utf-8")
        assert write_page.PLACE.search(text)
        assert write_page.filled(text, write_page.figures(sections)) == text


def test_a_place_is_filled_with_its_figure_and_never_with_another(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    import write_page

    place = "<!-- raw_tables.ratio -->old<!-- / -->"
    assert write_page.filled(place, {"raw_tables": {"ratio": "12"}}) == place.replace("old", "12")
    assert write_page.filled(place, {}) == place.replace("old", "–")
    with pytest.raises(KeyError, match="no_such"):
        write_page.filled("<!-- no_such.ratio -->1<!-- / -->", {})


def test_each_fragment_of_the_changelog_is_one_sentence_of_a_known_kind():
    settings = tomllib.loads((ROOT / "towncrier.toml").read_text("utf-8"))["tool"]["towncrier"]
    kinds = "|".join(kind["directory"] for kind in settings["type"])
    for fragment in (ROOT / settings["directory"]).iterdir():
        if fragment.name in settings["ignore"]:
            continue
        assert re.fullmatch(rf"[a-z0-9-]+\.({kinds})\.md", fragment.name), fragment.name
        assert re.fullmatch(r"[^-\s].*\.\n", fragment.read_text("utf-8")), fragment.name


@pytest.mark.parametrize("picture", sorted(IMAGES.iterdir()), ids=lambda path: path.name)
def test_pictures_are_light(picture):
    assert picture.stat().st_size < (150_000 if picture.suffix == ".png" else 70_000)


@pytest.mark.parametrize(("title", "least"), [("softmax.md", 30), ("classifiers.md", 8)])
def test_every_example_of_a_page_is_run(title, least):
    page = ROOT / "docs" / title
    assert len(blocks(page, "python")) > least
    assert all(code.startswith(">>> ") for code in blocks(page, "python"))


def test_the_figures_of_the_pages_are_those_that_the_script_draws(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import make_figures

    pages = [ROOT / "docs" / title for title in ("softmax.md", "classifiers.md", "calibration.md")]
    text = "".join(page.read_text("utf-8") for page in pages)
    shown = re.findall(r"!\[([^\]]+)\]\(images/([^)]+)\)", text)
    make_figures.draw(tmp_path)
    drawn = {path.name for path in tmp_path.iterdir()}
    assert {name for _, name in shown} == drawn
    assert all(len(alternative) > 60 for alternative, _ in shown)
    for name in drawn:
        new, kept = (figure_of(folder / name) for folder in (tmp_path, IMAGES))
        assert new == kept, "run `make docs`"


def figure_of(path: Path) -> tuple[int, set[str]]:
    """How many lines a figure has, and its colours: what no version of Matplotlib changes."""
    text = path.read_text("utf-8")
    lines = re.findall(r"fill: none; stroke[^\"]*", text)
    return len(lines), set(re.findall(r"#[0-9a-f]{6}", text))
