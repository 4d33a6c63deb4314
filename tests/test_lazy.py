"""Names that are loaded when they are first used: all are there, and type checkers see the same."""

import ast
import importlib
import inspect

import pytest

PACKAGES = ("luce", "luce.data", "luce.storage", "luce.tasks")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_is_found_and_is_the_one_that_type_checkers_see(package):
    module = importlib.import_module(package)
    (seen,) = [
        node
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    homes = {one.name: line.module for line in seen.body for one in line.names}
    assert homes.keys() == module._HOME.keys()
    assert set(module.__all__) - {"__version__"} == homes.keys()
    for name, home in homes.items():
        found = getattr(module, name)
        assert found is getattr(importlib.import_module(home), name)
        assert vars(module)[name] is found  # the next use costs nothing


@pytest.mark.parametrize("package", PACKAGES)
def test_other_names_are_refused_as_python_does(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'no_such'"):
        _ = importlib.import_module(package).no_such
