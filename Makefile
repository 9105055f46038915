# One command each; every target sets up what it needs, and does so once.
#   make demo      a character unseen in training listens and speaks: out/demo.mp4
#   make serve     talk to a character in the browser, at http://127.0.0.1:8080/
#   make setup     the environment to develop in, and nothing else
#   make check     formatting, lint, types, layers
#   make test      check, then the tests a change must pass
#   make test-all  the same with the long ones

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo serve check test test-all clean

VENV := .venv
BIN := $(VENV)/bin
# A name or path given on the command line (make PYTHON=python3.12 test) wins over the search.
PYTHON ?=
PYTEST_WORKERS ?= 2
# Two workers that each start a thread for every core are slower than two that do not; a file stays with one worker,
# so that what its tests share is made once.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile

help:
	@sed -n '2,/^$$/s/^#   //p' Makefile

demo: $(VENV)/.base
	@mkdir -p out
	$(BIN)/openlpm demo --out out/demo.mp4

serve: $(VENV)/.live
	$(BIN)/openlpm serve

setup: $(VENV)/.dev

check: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports --no-logo
	$(BIN)/pyright
	@if command -v npm >/dev/null && [ -d clients/web/node_modules ]; then npm --prefix clients/web run --silent check; fi

test: check
	$(PYTEST) -m "not gpu and not long"

test-all: check
	$(PYTEST) -m "not gpu"

clean:
	rm -rf out dist build .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# The interpreter is tried, not only found: a shim may stand for a version that is not installed, and a
# distribution may ship Python without the module that puts pip into an environment.
$(BIN)/python:
	@for name in $(PYTHON) python3.11 python3.12 python3.13 python3 python; do \
	  if "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "making $(VENV) with $$("$$name" --version)"; exec "$$name" -m venv $(VENV); \
	  fi; \
	done; \
	echo "OpenLPM needs Python 3.11 or newer with venv. Install it (Debian, Ubuntu: apt install python3-venv)" \
	  "or name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1

# Stamps: installing again is needed only when the packages asked for change.
$(VENV)/.base: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.live: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[live]'
	@touch $@ $(VENV)/.base

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.base $(VENV)/.live
