"""The scripts of the pages: their own tests under Node, their types, their words, their weight."""

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from reference.programs import node

from luce.server.ui.static_files import STATIC

pytestmark = pytest.mark.once

HERE = Path(__file__).parent
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
LANGUAGES = ("en", "zh")
MOST_BYTES = 80_000  # of compressed JavaScript for any page
COMMENT = re.compile(r"/\*.*?\*/|(?<![:'\"`\\])//[^\n]*", re.DOTALL)
STATIC_IMPORT = re.compile(
    r"""^(?:import|export)\b[^;]*?from '([^']+)'|^import '([^']+)'""", re.MULTILINE
)
KEY = re.compile(r"^  '([^']+)': *(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")", re.MULTILINE)
PLACE = re.compile(r"\{(\w+)")


def test_the_scripts_pass_their_own_tests():
    # Those that compare with luce are run by files of their own, which write luce's answers first.
    scripts = [p for p in sorted(HERE.glob("*.test.mjs")) if "LUCE_" not in p.read_text("utf-8")]
    done = subprocess.run(
        [node(), "--test", "--test-reporter=dot", *scripts],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def compiler() -> Path:
    """TypeScript as `make test` installs it, or as LUCE_TSC says."""
    places = [
        Path(os.environ.get("LUCE_TSC", "")),
        Path(sys.prefix) / "pages/node_modules/typescript/bin/tsc",
    ]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        pytest.skip("TypeScript is not installed; make test installs it")
    return found


def test_the_types_of_the_scripts_are_right():
    done = subprocess.run(
        [node(), str(compiler()), "--project", str(HERE / "tsconfig.json"), "--pretty", "false"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_script_is_checked():
    unchecked = [
        path.name for path in SCRIPTS if not path.read_text("utf-8").startswith("// @ts-check\n")
    ]
    assert not unchecked


def words(language: str) -> dict[str, str]:
    text = (STATIC / "js" / "words" / f"{language}.js").read_text("utf-8")
    return {key: one or two for key, one, two in KEY.findall(text)}


def code() -> str:
    """All scripts but the dictionaries."""
    return "\n".join(path.read_text("utf-8") for path in SCRIPTS if path.parent.name != "words")


def test_both_languages_have_the_same_words_in_the_same_order():
    english, chinese = (list(words(language)) for language in LANGUAGES)
    assert english
    assert sorted(set(english) ^ set(chinese)) == []
    assert english == chinese


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_told_twice_or_lost(language):
    text = (STATIC / "js" / "words" / f"{language}.js").read_text("utf-8")
    keys = [key for key, _, _ in KEY.findall(text)]
    lines = [line for line in text.splitlines() if re.match(r"  ['\"]", line)]
    assert len(keys) == len(set(keys)) == len(lines)


def test_the_words_of_both_languages_have_the_same_places():
    chinese = words("zh")
    different = {
        key: (text, chinese[key])
        for key, text in words("en").items()
        if set(PLACE.findall(text)) != set(PLACE.findall(chinese[key]))
    }
    assert not different


def test_every_word_that_is_used_is_there_and_every_word_that_is_there_is_used():
    known, text = set(words("en")), code()
    quoted = set(re.findall(r"""['"`]([A-Za-z][\w.-]*\.[\w.-]+)['"`]""", text))
    parts = [
        re.escape(start) + r"[\w-]+" + re.escape(end)
        for start, end in re.findall(r"`([A-Za-z][\w.]*\.)\$\{[^}]*\}((?:\.[\w.]+)?)`", text)
    ]
    made = {key for key in known if any(re.fullmatch(part, key) for part in parts)}
    asked = set(re.findall(r"\bword\(\s*'([^']+)'", text))
    assert asked <= known, sorted(asked - known)
    assert known <= quoted | made, sorted(known - quoted - made)


def imports(path: Path, seen: set[Path]) -> set[Path]:
    """A script and all that it imports at once (not what it imports when that is needed)."""
    if path not in seen:
        seen.add(path)
        for groups in STATIC_IMPORT.findall(path.read_text("utf-8")):
            imports((path.parent / next(filter(None, groups))).resolve(), seen)
    return seen


ROUTES = re.findall(
    r"^  \{ path: '([^']+)'.*import\('\./([^']+)'\)",
    (STATIC / "js/routes.js").read_text("utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize(("route", "script"), ROUTES)
def test_no_page_is_heavy(route, script):
    """The start script, a page, and the larger dictionary; images, workers and tabs come later."""
    js = STATIC / "js"
    files = imports(js / script, imports(js / "main.js", set()))
    sizes = {path.relative_to(js): len(gzip.compress(path.read_bytes(), mtime=0)) for path in files}
    dictionary = max(
        len(gzip.compress((js / "words" / f"{name}.js").read_bytes())) for name in LANGUAGES
    )
    assert sum(sizes.values()) + dictionary <= MOST_BYTES, sizes


def test_markup_has_no_script_and_no_style_of_its_own():
    """The Content-Security-Policy forbids both."""
    for page in STATIC.rglob("*.html"):
        text = page.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text), page.name
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", text), page.name


def test_nothing_is_fetched_from_elsewhere():
    for path in [*SCRIPTS, *STATIC.rglob("*.css")]:
        text = COMMENT.sub("", path.read_text("utf-8"))
        found = re.findall(r"https?://[^\s'\"`)]+", text)
        allowed = ("http://www.w3.org/", "http://127.0.0.1", "http://localhost")
        assert all(address.startswith(allowed) for address in found), (path.name, found)
