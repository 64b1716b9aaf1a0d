# `make` lists the targets.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PORT ?= 8000
NODE := $(shell command -v node 2>/dev/null)

.DEFAULT_GOAL := help

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit("MentorQ needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.lock

# What is locked, by hash, and MentorQ itself, editable; again whenever a lock changes.
$(VENV)/.run: $(BIN)/uv requirements.lock pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.run ## Make .venv with what MentorQ needs to run

setup-dev: $(VENV)/.dev ## Make .venv with what its development needs, too

run: setup ## Serve http://localhost:8000 with a demo community (PORT=8001 for another port)
	@$(BIN)/mentorq demo --if-empty
	@exec $(BIN)/mentorq serve --port $(PORT)

test: setup-dev ## Run all tests: SQLite, PostgreSQL, Valkey, browser (ARGS="-k name" for some, COVERAGE=1 to count lines)
	$(BIN)/python -m pytest -n auto $(ARGS) $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

check: setup-dev ## Lint, types, import contracts, migrations, locks, generated docs, bundles
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python -m scripts.check_migrations
	$(BIN)/python -m scripts.document --check
	$(BIN)/python -m scripts.translate --check
ifdef NODE
	cd frontend && npm ci --silent --no-audit --no-fund && npm run --silent check
else
	@echo "NOT CHECKED: the vendored bundles (no Node.js here)"
endif

format: setup-dev ## Format the code and write the generated docs
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/python -m scripts.document

bench: setup-dev ## Print what MentorQ measures of itself (minutes)
	$(BIN)/python -m benchmarks.http
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m benchmarks.footprint
	$(BIN)/python -m benchmarks.demo
	$(BIN)/python -m benchmarks.rooms
	$(BIN)/python -m benchmarks.feed
	$(BIN)/python -m benchmarks.matching
	$(BIN)/python -m benchmarks.knowledge
	$(BIN)/python -m benchmarks.search

screenshots: setup-dev ## Take pictures of every page, light and dark, phone and desktop
	$(BIN)/python -m scripts.screenshots

translate: setup-dev ## Bring the catalogues of texts up to date
	$(BIN)/python -m scripts.translate

migration: setup-dev ## Draft a migration from the models (NAME="what it does")
	$(BIN)/python -m scripts.draft_migration "$(NAME)"

lock: setup-dev ## Lock the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --upgrade $(LOCK) --group build -o requirements-build.lock

LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

clean: ## Delete .venv and caches, but not data/
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* htmlcov

.PHONY: help setup setup-dev run test check format bench screenshots translate migration lock clean
