# Every target is one call of one tool. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin

# Stamps: a target that is up to date installs nothing and needs no network.
RUNTIME := .venv/.runtime
DEV := .venv/.dev

.DEFAULT_GOAL := help
.PHONY: help setup test lint fix check bench bench-postgres chaos power demo

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEV) ## make .venv with the package (editable) and the development tools

test: $(DEV) ## run the tests; a part of them: make test ARGS="-k claim"
	$(BIN)/pytest -n 4 -q $(ARGS)

lint: $(DEV) ## check format, code, types and the arrows between modules
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

fix: $(DEV) ## format, and repair what ruff can repair
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check: lint test ## lint and test: run it before every commit

bench: $(DEV) ## measure; choose with ARGS
	$(BIN)/python benchmarks/run.py $(ARGS)

bench-postgres: $(DEV) ## measure on PostgreSQL, beside other queues; choose with ARGS
	$(BIN)/python benchmarks/postgres/run.py $(ARGS)

chaos: $(DEV) ## kill workers at random 1,000 times under 10,000 jobs; takes minutes
	$(BIN)/python -m tests.crash.chaos --kills 1000 --jobs 10000

power: $(DEV) ## fail the power at 2,000 random moments of real programs at work
	$(BIN)/python -m tests.crash.power --cuts 2000 $(ARGS)

demo: $(RUNTIME) ## show the queue at work; needs no development tools
	$(BIN)/python demo/demo.py

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo 'queuectl needs Python 3.11 or newer; "$(PYTHON)" is not: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo '"$(PYTHON)" cannot make a virtual environment: install python3-venv (Debian: apt-get install python3-venv)' >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

$(RUNTIME): pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# The build backend is among the pinned packages, so the last step fetches nothing.
$(DEV): pyproject.toml requirements-dev.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(RUNTIME) $@
