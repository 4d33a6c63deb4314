import json
import os
import subprocess
import sys
import textwrap
import warnings
from importlib import import_module

import click
import pytest

import luce
from luce.cli.app import APP_EXTRA, VERBS, app
from luce.cli.verb import Verb


def process(*args, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "luce.cli", *args],
        capture_output=True,
        check=False,
        text=True,
        **kwargs,
    )


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_line_in_the_list_and_json_and_examples(verb):
    command = app.get_command(click.Context(app), verb)
    assert isinstance(command, Verb)
    assert VERBS[verb] == command.short_help
    assert "--json" in {name for parameter in command.params for name in parameter.opts}
    assert command.examples
    assert all(f"luce {verb}" in example for example in command.examples)


def test_help_lists_every_verb(luce):
    answer = luce("--help")
    assert answer.code == 0
    for verb, about in VERBS.items():
        assert f"{verb} " in answer.out
        assert about in answer.out
    assert luce("-h").out == answer.out


def test_version(luce):
    from luce import __version__

    assert luce("--version").out == f"luce {__version__}\n"


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["evalute", "m", "d"], "Did you mean 'evaluate'?"),
        (["xyzzy"], "luce --help"),
        (["train", "--taget", "x"], "--target"),
        (["train", "iris", "--solver", "newtn"], "Did you mean 'newton'?"),
        (["train", "iris", "--C", "-1"], "a number above 0"),
        (["train", "iris", "--C", "much"], "is not a valid float"),
        (["train"], "needs data"),
        (["train", "a", "b"], "unexpected extra argument"),
        (["evaluate"], "Missing argument"),
        (["predict", "m", "i", "--top", "0"], "--top"),
        (["predict", "m", "i", "--format", "xml"], "csv"),
    ],
)
def test_wrong_usage_is_told_with_a_hint(luce, args, hint):
    answer = luce(*args)
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("luce: ")
    assert hint in answer.err
    assert "Traceback" not in answer.err


def test_with_json_errors_are_json_too(luce):
    answer = luce("inspect", "no-such-file.csv", "--json")
    assert answer.code == 3
    assert answer.json["error"]["exit_code"] == 3
    assert answer.json["error"]["type"] == "DataError"
    assert "no-such-file.csv" in answer.json["error"]["message"]


def test_an_unexpected_error_is_one_message_and_with_debug_a_traceback(luce, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("the moon is full")

    monkeypatch.setattr("luce.tasks.doctor.diagnose", broken)
    answer = luce("doctor")
    assert answer.code == 1
    assert "RuntimeError: the moon is full" in answer.err
    assert "report" in answer.err
    assert "Traceback" not in answer.err
    answer = luce("doctor", "--debug")
    assert answer.code == 1
    assert "Traceback" in answer.err


def test_ctrl_c_ends_with_130(luce, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("luce.tasks.doctor.diagnose", interrupted)
    answer = luce("doctor")
    assert (answer.code, answer.out) == (130, "")
    assert "interrupted" in answer.err
    assert "Traceback" not in answer.err


def test_too_little_memory_is_told(luce, monkeypatch):
    def greedy(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("luce.tasks.doctor.diagnose", greedy)
    answer = luce("doctor")
    assert answer.code == 1
    assert "memory" in answer.err


def test_a_file_where_a_verb_is_wanted_leads_to_inspect(luce, tmp_path):
    (tmp_path / "data.csv").write_text("x,y\n")
    answer = luce("data.csv")
    assert answer.code == 2
    assert "luce inspect data.csv" in answer.err


def test_a_warning_is_one_line_without_code(luce, monkeypatch):
    def warning(*args, **kwargs):
        warnings.warn("mind the gap", UserWarning, stacklevel=1)
        return diagnose()

    diagnose = import_module("luce.tasks.doctor").diagnose
    monkeypatch.setattr("luce.tasks.doctor.diagnose", warning)
    warnings.simplefilter("default")
    assert luce("doctor").err == "Warning: mind the gap\n"


def test_control_characters_of_a_message_are_escaped(luce):
    answer = luce("\x1b[2Jevil")
    assert answer.code == 2
    assert "\x1b" not in answer.err
    assert r"\x1b[2Jevil" in answer.err


def without(*packages):
    """Code that runs ``luce`` as if these packages were not installed."""
    return textwrap.dedent(f"""
        import sys
        for name in {packages!r}:
            sys.modules[name] = None
        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in {packages!r}:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        for name in {packages!r}:
            del sys.modules[name]
        sys.meta_path.insert(0, Missing())
        from luce.cli import main
        main()
    """)


@pytest.mark.parametrize(
    ("package", "args"),
    [
        ("click", ["--help"]),
        ("rich", ["softmax", "1", "2"]),
        ("polars", ["inspect", "iris"]),
        ("safetensors", ["train", "iris"]),
        ("tomli_w", ["train", "iris"]),
    ],
)
def test_a_missing_package_is_told_with_the_line_that_installs_it(package, args, tmp_path):
    assert package in APP_EXTRA
    done = subprocess.run(
        [sys.executable, "-c", without(package), *args],
        capture_output=True,
        check=False,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 5, done.stderr
    assert "pip install 'luce[app]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_failure():
    rows = "1 2 3\n" * 20_000
    luce = subprocess.Popen(
        [sys.executable, "-m", "luce.cli", "softmax", "-", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    luce.stdout.close()
    _, errors = luce.communicate(rows)
    assert (luce.returncode, errors) == (0, "")


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from luce.cli.app import run\n"
        "run(sys.argv[1:])\n"
        "heavy = {'numpy', 'scipy', 'sklearn', 'polars', 'rich', 'safetensors', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    for args in (["--help"], ["train", "--help"], ["predict", "--help"], ["evalute"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True
        )
        assert done.stderr.splitlines()[-1] == "[]", args


def test_a_label_that_the_encoding_lacks_does_not_end_the_command():
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = process("水max", env=environment)
    assert done.returncode == 2
    assert r"\u6c34max" in done.stderr


def test_the_page_of_the_command_line_is_what_help_says():
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    script = Path(__file__).parents[2] / "docs" / "make_cli_page.py"
    spec = spec_from_file_location("make_cli_page", script)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run `make docs`"


def test_json_errors_of_wrong_usage_hold_the_command_too(luce):
    tree = json.loads(luce("train", "--taget", "x", "--json").out)
    assert "luce train --help" in tree["error"]["message"]


def test_importing_luce_loads_no_numpy():
    code = "import sys, luce; print('numpy' in sys.modules, luce.softmax([0.0]).tolist())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "[1.0]"]
    assert luce.__version__
