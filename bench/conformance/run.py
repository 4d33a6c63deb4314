"""Run the table of cells on luce and on the libraries that are installed.

``python bench/conformance/run.py`` prints the score of each and what failed, with
``--write docs/conformance.md`` it writes the page. Ends with an error if a cell of luce failed.
"""

import argparse
import os
import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from conformance import page
from conformance.judge import Library, Verdict, verdict
from conformance.table import cells

PEERS = {
    "scipy_special": "scipy",
    "torch_nn": "torch",
    "jax_nn": "jax",
    "entmax_package": "entmax",
}


def libraries() -> list[Library]:
    """Return luce and the peers that are installed."""
    found = [module for module, needed in PEERS.items() if find_spec(needed)]
    modules = [import_module(f"conformance.libraries.{one}") for one in ("luce_itself", *found)]
    return [module.library() for module in modules]


def judged(library: Library) -> list[Verdict]:
    """Return the verdict on every cell; a peer may warn, luce must not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if library.promise is None else "error")
        return [verdict(cell, library) for cell in cells()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="the page to write")
    parser.add_argument("--all", action="store_true", help="also print what failed at peers")
    options = parser.parse_args()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    results: dict[str, list[Verdict]] = {}
    for library in libraries():
        verdicts = results[library.name] = judged(library)
        print(page.score_line(library.name, verdicts), flush=True)
        if options.all or library.promise:
            show_failures(verdicts, library.promise is not None)
    if options.write:
        options.write.write_text(page.page(results), encoding="utf-8")
    ours = next(iter(results.values()))
    return int(not all(one.passed for one in ours))


def show_failures(verdicts: list[Verdict], missing: bool) -> None:
    """Print the failed cells, and those not offered if they count as missing."""
    for one in verdicts:
        if not one.passed and (one.offered or missing):
            print(f"  {one.cell.call}\n    got {one.got}, expected {one.cell.expected}")


if __name__ == "__main__":
    sys.exit(main())
