# Two commands matter to a newcomer: `make demo` and `make test`. Each sets up all it needs, in this directory,
# given Python 3.11 (3.10 to 3.14 will do), git, make and the package registries.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BIN := .venv/bin
# Those that tests compare with; the benchmarks make environments of their own when they start, of every peer-*.txt.
PEERS := $(patsubst requirements/%.txt,.venvs/%/made-from.sha256,$(wildcard requirements/compat-*.txt) requirements/peer-mlflow.txt)
# What `make test` hands to pytest, as in: make test PYTEST="tests/cli -k search"
PYTEST ?= tests
WORKERS ?= 2
# DEMO_SERVE=0 ends the demo before the server.
DEMO_SERVE ?= 1
DEMO_PORT ?= 5000
DEMO_FLAGS ?=

.PHONY: help
help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -e 's/:.*## /\t/' | expand -t 12

# --- set-up: every environment is a directory that holds a lock file, and a stamp that says so ---

.venv/.stamp: requirements/dev.txt pyproject.toml scripts/make_venv.sh
	@scripts/make_venv.sh .venv requirements/dev.txt --with-checkout
	@touch $@

.venvs/demo/.stamp: requirements/demo.txt pyproject.toml scripts/make_venv.sh
	@scripts/make_venv.sh .venvs/demo requirements/demo.txt --with-checkout
	@touch $@

# Real MLflow, client and server, each in an environment of its own: what the compatibility tests
# compare with. Made here, before the tests run in parallel.
.venvs/%/made-from.sha256: requirements/%.txt | .venv/.stamp
	@echo ".venvs/$*: installing $<"
	@$(BIN)/python -c 'from tests.compat.environments import Environment, ensure; ensure(Environment("$*"))'
	@touch $@

.PHONY: setup
setup: .venv/.stamp  ## Make the development environment, .venv

.PHONY: databases
databases:
	@scripts/install_mariadb.sh

# --- the two commands ---

.PHONY: demo
demo: .venvs/demo/.stamp  ## Train models, log them, find the best, and serve what was logged
	@.venvs/demo/bin/runebook demo --directory .cache/demo --port $(DEMO_PORT) $(if $(filter 0,$(DEMO_SERVE)),,--serve) $(DEMO_FLAGS)

.PHONY: test
test: check $(PEERS) databases  ## Check style and types, and run all tests
	@$(BIN)/pytest $(PYTEST) -n $(WORKERS) --dist loadfile

# --- while working ---

.PHONY: check
check: .venv/.stamp  ## Check style, types and who imports whom
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check || { echo "Badly formatted: run make fmt"; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

.PHONY: fmt
fmt: .venv/.stamp  ## Format the code
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format --quiet

.PHONY: bench
bench: .venv/.stamp  ## Measure speed beside other trackers on this machine (BENCH=--quick for a short look)
	@$(BIN)/python benchmarks/run.py $(BENCH)

.PHONY: docs
docs: .venv/.stamp  ## Write the pages of docs/reference that come from the code
	@$(BIN)/python scripts/write_operations_reference.py
	@$(BIN)/python scripts/write_cli_reference.py

.PHONY: build
build: .venv/.stamp  ## Build the wheel and the source archive into dist/
	@$(BIN)/python -m hatchling build --clean

# Lock files hold versions and hashes, for every Python and platform; no addresses. UPGRADE=1 takes the newest versions.
LOCK := $(CURDIR)/$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
        --no-header $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: .venv/.stamp  ## Make the lock files in requirements/ anew
	$(LOCK) pyproject.toml --extra postgresql --extra mysql --output-file requirements/runtime.txt
	$(LOCK) pyproject.toml --extra demo --group build --output-file requirements/demo.txt
	$(LOCK) pyproject.toml --all-extras --group dev --output-file requirements/dev.txt
	@cd requirements && for inputs in *.in; do $(LOCK) $$inputs --output-file $${inputs%.in}.txt || exit 1; done

.PHONY: clean
clean:  ## Remove what was built and the environments
	rm -rf .venv .venvs .cache build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
