# Each target makes the environment it needs: .venv with the exact versions of requirements.lock.

PYTHON := $(shell command -v python3.11 >/dev/null 2>&1 && python3.11 -c '' >/dev/null 2>&1 \
	&& echo python3.11 || echo python3)
VENV   := .venv
RUN    := $(VENV)/bin/
STAMP  := $(VENV)/.made-from-lock

export RAY_USAGE_STATS_ENABLED := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Hundreds of processes import what the first one of them compiles; where it may not be written, each
# would compile all of it.
unexport PYTHONDONTWRITEBYTECODE

# The page: its source, what it is built to, and the packages that its lock names.
PAGE         := flowbackup/ui/page
NPM          := $(PAGE)/npm
PAGE_SOURCE  := $(shell find $(PAGE)/src $(PAGE)/public -type f) \
	$(addprefix $(PAGE)/,index.html package.json vite.config.ts tsconfig.json biome.json)
PAGE_MODULES := $(PAGE)/node_modules/.made-from-lock
PAGE_CHECKED := $(PAGE)/node_modules/.checked
PAGE_BUILT   := flowbackup/ui/built/index.html

.PHONY: help env demo page page-types test test-runtime test-page test-others test-slow test-slow-runtime test-slow-others lint format bench lock clean

help:
	@echo "make demo       a chain of three devices on real data: back up, damage, restore, compare"
	@echo "make test       lint, types, house rules and the quick tests"
	@echo "make test-slow  the tests that take longer"
	@echo "make page       the web page, built into the package"
	@echo "make bench      speed against bare writers, restic, borg and tar"
	@echo "make lint, make format, make lock, make clean"

env: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "flowbackup needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(RUN)python -m pip install --quiet --require-hashes -r requirements.lock
	$(RUN)python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(RUN)python tests/demo/demo.py

page: $(PAGE_BUILT)

$(PAGE_MODULES): $(PAGE)/package-lock.json | $(STAMP)
	$(NPM) ci --ignore-scripts --no-fund --no-audit --loglevel=error
	@touch $@

$(PAGE_BUILT): $(PAGE_MODULES) $(PAGE_SOURCE)
	$(NPM) run --silent build -- --logLevel warn
	@touch $@

# Its own linter, types and tests; once for each state of its source.
$(PAGE_CHECKED): $(PAGE_MODULES) $(PAGE_SOURCE)
	$(NPM) run --silent lint
	$(NPM) run --silent test
	@touch $@

# After a change of the routes: what they take and give, as the page's types.
page-types: $(PAGE_MODULES)
	$(RUN)python -m flowbackup.ui.openapi $(PAGE)/src/api/openapi.json
	$(NPM) run --silent types

lint: $(STAMP)
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)lint-imports --no-cache
	$(RUN)python tests/project/sizes.py

format: $(STAMP) $(PAGE_MODULES)
	$(RUN)ruff check --fix .
	$(RUN)ruff format .
	$(NPM) run --silent format

# Tests of the runtime mostly wait for devices and processes, those of page and commands for browsers
# and processes, the others compute: together they take half of the time.
test: lint page $(PAGE_CHECKED)
	@$(MAKE) --no-print-directory --jobs=3 test-runtime test-page test-others

test-runtime:
	$(RUN)python -m pytest -m "not slow" tests/runtime

test-page:
	$(RUN)python -m pytest -m "not slow" tests/ui tests/cli

test-others:
	$(RUN)python -m pytest -m "not slow" --ignore=tests/runtime --ignore=tests/ui --ignore=tests/cli

test-slow: $(STAMP)
	@$(MAKE) --no-print-directory --jobs=2 test-slow-runtime test-slow-others

test-slow-runtime:
	$(RUN)python -m pytest -m slow tests/runtime

test-slow-others:
	$(RUN)python -m pytest -m slow --ignore=tests/runtime

# Compiled first, as an installed package is.
bench: $(STAMP)
	$(RUN)python -m compileall -q flowbackup
	$(RUN)python -m tests.bench.bench $(BENCH)

# Needs uv. Names no host and no path, so that any index serves it and the hashes decide.
lock:
	( sed -n '1,2p' requirements.lock; \
	  uv pip compile pyproject.toml --extra dev --generate-hashes --universal --python-version 3.11 \
	    --no-header --no-annotate --quiet ) > build-lock && mv build-lock requirements.lock

clean:
	rm -rf flowbackup/ui/built $(PAGE)/node_modules build dist .mypy_cache .ruff_cache .hypothesis
