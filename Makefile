# Two words are enough on a new machine:  make demo   and   make test
# They install what is missing (Debian packages only as root or with a sudo that asks nothing) and make .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip
EXTRAS := dev,model,desk,pdf,speakers,hsm

.PHONY: help system system-tests venv demo test test-all lint format pins clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

system:  ## install the Debian packages that are missing, or name them
	@bash .ci/system-packages "$(PYTHON)"

system-tests:
	@bash .ci/system-packages "$(PYTHON)" tests

# The stamp is touched last, so an installation that broke off is taken up again.
.venv/ready: pyproject.toml constraints.txt | system
	@$(BIN)/python -c '' 2>/dev/null || "$(PYTHON)" -m venv --clear .venv
	@echo "Installing Python packages into .venv (some minutes the first time) ..."
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch .venv/ready

venv: .venv/ready  ## make .venv, or bring it up to date

demo: .venv/ready  ## record, transcribe, search, export and verify a short meeting
	@$(BIN)/python -P -m everyword demo

test: system-tests lint  ## lint, then every test but the slow ones
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

test-all: system-tests lint  ## lint, then every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: .venv/ready  ## style, types, import contracts, dependencies: all of them, then fail if one did
	@failed=; \
	for check in 'ruff check .' 'ruff format --check .' mypy 'lint-imports --no-logo' 'deptry --no-ansi .'; do \
	    echo "$$check"; $(BIN)/$$check || failed="$$failed [$$check]"; \
	done; \
	[ -z "$$failed" ] || { echo "lint failed:$$failed" >&2; exit 1; }

format: .venv/ready  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pins:  ## resolve the dependencies anew and write constraints.txt
	rm -rf build/pins && "$(PYTHON)" -m venv build/pins
	build/pins/bin/python -m pip install --quiet '.[$(EXTRAS)]'
	{ sed '/^[^#]/,$$d' constraints.txt; build/pins/bin/python -m pip freeze --exclude everyword; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/pins

clean:  ## remove everything that `make` made, sessions of the demo excepted
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
