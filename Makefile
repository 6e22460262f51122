# Two commands set everything up on a fresh Debian or Ubuntu machine with Python 3.11 or later:
#   make demo    the main job on this machine: synthetic lifter, broker, live table
#   make test    every check, with what they need installed first

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test test-full lint types unit format clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/edge
	@scripts/system.sh edge
	$(BIN)/streamaqa demo

test: $(VENV)/dev
	@scripts/system.sh test
	$(MAKE) --no-print-directory lint types unit

test-full: $(VENV)/dev
	@scripts/system.sh test
	$(BIN)/pytest -m "full or not full" --timeout 2400

lint: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/dev
	$(BIN)/mypy

unit: $(VENV)/dev
	$(BIN)/pytest -m "not full"

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "streamaqa needs Python 3.11 or later; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "no virtual environment could be made; on Debian: apt-get install python3-venv" >&2; exit 2; }

$(VENV)/edge: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/edge

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
