"""Run the tests of the estimators with the oldest versions that luce supports.

    python bench/oldest_versions.py [--venv FOLDER] [PYTEST ARGUMENT ...]

Reads the lower bounds of NumPy, SciPy, scikit-learn, threadpoolctl and polars from
``pyproject.toml``, installs exactly these into a virtual environment of the Python that runs this
script (a temporary one, unless a folder is named: that is kept and used again), and lets its pytest
run on this luce. Without further arguments: ``tests/estimators``. Ends with pytest's exit code.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

import luce

ROOT = Path(__file__).parents[1]
EXTRAS = ("polars", "safetensors")  # of the optional packages, those that these tests import
TOOLS = ("pytest", "hypothesis", "mpmath", "python-flint", "ml-dtypes", "pandas")
NOT_FOR_OLD = ("-p", "no:cacheprovider")  # the cache of the tests belongs to the newest versions


def lower_bounds() -> list[str]:
    """Return ``name==version`` of each lower bound in ``pyproject.toml``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(one for one in project["optional-dependencies"]["app"] if one.startswith(EXTRAS)),
    ]
    return [re.sub(r">=\s*", "==", requirement) for requirement in wanted]


def install(folder: Path) -> Path:
    """Make the environment, unless it is there; return its interpreter."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    subprocess.run([*pip, *lower_bounds(), *TOOLS], check=True)
    return python


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, help="where the environment is kept")
    options, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as temporary:
        python = install((options.venv or Path(temporary, "venv")).absolute())
        # luce alone is lent to the environment, not what happens to be installed beside it.
        lent = Path(temporary, "lent")
        lent.mkdir()
        (lent / "luce").symlink_to(Path(luce.__file__).parent, target_is_directory=True)
        print("with", ", ".join(lower_bounds()), file=sys.stderr)
        return subprocess.run(
            [python, "-m", "pytest", "-q", *NOT_FOR_OLD, *(rest or ["tests/estimators"])],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(lent)},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
