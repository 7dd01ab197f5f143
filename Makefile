# Everything here works on a fresh clone: each target sets up what it needs in .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SUITE ?= quick

.PHONY: run test test-slow lint types check clean

run: $(VENV)/.base  ## Train, sample and rank the quick suite; prints its leaderboard.
	$(BIN)/harness run $(SUITE)

test: $(VENV)/.dev  ## The test suite.
	$(BIN)/python -m pytest -n auto --dist loadfile

test-slow: $(VENV)/.dev  ## The tests that take minutes.
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

check: lint types test  ## What continuous integration runs.

$(VENV)/.base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile -e .
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib harness plugins || true  # on all cores; templates that are no Python stay
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/pip install --quiet --no-compile -e '.[dev]'
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	touch $@

clean:
	rm -rf $(VENV)
