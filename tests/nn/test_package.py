"""What luce.nn offers is documented; without PyTorch it says how to install it."""

import inspect
import subprocess
import sys

import pytest
from test_public_api import documented_parameters, sections

from luce import nn
from luce.nn import functional

pytestmark = pytest.mark.once

FUNCTIONS = [getattr(functional, name) for name in functional.__all__]
CLASSES = [one for one in (getattr(nn, name) for name in nn.__all__) if inspect.isclass(one)]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_functions_have_every_section_and_document_their_signature(function):
    needed = {"Parameters", "Returns", "Raises", "Notes", "Examples"}
    assert needed <= sections(function.__doc__).keys()
    assert documented_parameters(function.__doc__) == list(inspect.signature(function).parameters)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda k: k.__name__)
def test_classes_document_their_parameters(kind):
    documented = documented_parameters(kind.__doc__)
    if documented:
        assert documented == list(inspect.signature(kind).parameters)
    assert kind.__module__.startswith("luce.nn.")


@pytest.mark.parametrize("room", [nn, functional])
def test_names_are_listed_in_order(room):
    assert room.__all__ == sorted(room.__all__, key=lambda name: (not name.isupper(), name))


@pytest.mark.parametrize("name", ["luce.nn", "luce.nn.functional"])
def test_without_torch_it_says_what_to_install(name):
    code = f"import sys; sys.modules['torch'] = None; import luce; import {name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError: luce.nn needs the package torch" in done.stderr
    assert "pip install 'luce[torch]'" in done.stderr


def test_luce_itself_does_not_load_torch():
    code = (
        "import luce, luce.losses, luce.estimators, luce.tasks, sys; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
