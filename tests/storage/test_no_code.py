"""No module of luce can run code from a file: an assertion on the source of all of them."""

import ast
from pathlib import Path

import luce

IMPORTS = {
    "pickle",
    "cPickle",
    "_pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "imp",
}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {"read_pickle", "import_module", "loads_pickle"}


def faults(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found += [n.name for n in names if n.name.split(".")[0] in IMPORTS]
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in IMPORTS:
                found.append(module)
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                found.append(name)
            case ast.Call(func=ast.Attribute(attr=name)) if name in METHODS:
                found.append(name)
            case ast.keyword(arg="allow_pickle", value=value):
                if not (isinstance(value, ast.Constant) and value.value is False):
                    found.append("allow_pickle")
    return found


def test_no_module_of_luce_unpickles_or_evaluates():
    root = Path(luce.__file__).parent
    modules = sorted(root.rglob("*.py"))
    assert len(modules) > 5
    for module in modules:
        assert faults(ast.parse(module.read_text())) == [], module


def test_the_check_finds_what_it_looks_for():
    source = "import pickle\nfrom joblib import load\neval('1')\nnp.load(f, allow_pickle=True)\n"
    assert faults(ast.parse(source)) == ["pickle", "joblib", "eval", "allow_pickle"]
