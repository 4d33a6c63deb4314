"""Every public name is documented, and what is documented is what there is."""

import inspect
import re
import subprocess
import sys

import pytest

import luce
from luce import functions, losses

NUMERIC_SECTIONS = ("Parameters", "Returns", "Raises", "Notes", "Accuracy", "Examples")
TOP = {f"luce.{name}": name for name in luce.__all__ if name != "__version__"}


def callables(room):
    names = [name for name in vars(room) if not name.startswith("_")]
    return [one for one in (getattr(room, name) for name in names) if inspect.isroutine(one)]


def sections(docstring):
    """Return {"Parameters": its lines, ...} of a numpydoc docstring."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", inspect.cleandoc(docstring), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented_parameters(docstring):
    lines = sections(docstring).get("Parameters", "").splitlines()
    heads = [line for line in lines if line and not line.startswith(" ")]
    return [name.strip(" *") for head in heads for name in head.split(":")[0].split(",")]


@pytest.mark.parametrize("name", TOP)
def test_public_names_are_documented(name):
    thing = getattr(luce, TOP[name])
    assert thing.__doc__
    assert thing.__module__.startswith("luce.")
    assert len(inspect.cleandoc(thing.__doc__).splitlines()[0]) <= 100
    documented = documented_parameters(thing.__doc__)
    if documented:
        assert documented == list(inspect.signature(thing).parameters)


@pytest.mark.parametrize(
    "function", callables(functions) + callables(losses), ids=lambda f: f.__name__
)
def test_numeric_functions_have_every_section_and_document_their_signature(function):
    assert set(NUMERIC_SECTIONS) <= sections(function.__doc__).keys()
    assert documented_parameters(function.__doc__) == list(inspect.signature(function).parameters)
    assert ">>> " in sections(function.__doc__)["Examples"]


@pytest.mark.parametrize(
    "function", callables(functions) + callables(losses), ids=lambda f: f.__name__
)
def test_numeric_functions_take_arrays_of_other_packages(function):
    """`luce.functions.interchange.own_kind` decorates each of them."""
    assert function.__code__.co_qualname.startswith("own_kind.")


@pytest.mark.parametrize("room", [functions, losses])
def test_rooms_say_what_they_may_import(room):
    assert room.__doc__.startswith("Room ")
    assert "May import:" in room.__doc__


def test_import_loads_no_heavy_package():
    code = "import luce, luce.losses, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    heavy = {"sklearn", "scipy", "torch", "polars", "matplotlib", "pandas", "numpy.ma"}
    assert not heavy & set(loaded)
