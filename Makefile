# CIFT Payments. `make` lists the targets; `make demo` is the one to begin with.
# Needs Python 3.11 or newer; everything else comes with `make setup`.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m

MEMBERS := shared $(sort $(wildcard services/*)) deploy/local
PROJECTS := pyproject.toml $(MEMBERS:%=%/pyproject.toml)
LOCK := requirements.lock
STAMP := $(VENV)/.setup-done
PARALLEL := -q -n logical --maxprocesses 4

.DEFAULT_GOAL := help
.PHONY: help setup demo smoke test test-kafka test-postgres test-peers lint types imports lock lock-api-docs check clean api-docs openapi functions \
  chaos chaos-points chaos-mutants mutation mutation-sql mutation-gate hostile verify-books verify-chain rebuild-verify cift bench bench-outage bench-ledger

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make the virtual environment: locked and hashed packages, and ours

# Ours go in without dependencies: a look-up by name would accept a stranger's package.
$(STAMP): $(LOCK) $(PROJECTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "CIFT Payments needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@touch $@

demo: setup ## Start the whole stack and make the first payments
	$(RUN) cift_local demo

smoke: setup ## Start the whole stack, make one payment of each kind, check the books, stop
	$(RUN) cift_local smoke

test: setup ## Run every test that needs nothing but this machine
	$(RUN) pytest -m "not kafka and not peers and not api_docs" $(PARALLEL)

test-kafka: setup ## Run the integration tests, and those of crashes, on Apache Kafka
	CIFT_TEST_BROKER=kafka $(RUN) pytest -m "integration and not e2e and not kafka and not peers and not api_docs" $(PARALLEL)
	CIFT_TEST_BROKER=kafka $(RUN) pytest -m kafka --durations=10

test-postgres: setup ## Run the integration tests on a PostgreSQL as Debian ships it, with the JIT
	$(RUN) tests.support.stock_postgres
	CIFT_TEST_PG=stock $(RUN) pytest -m "integration and not e2e and not kafka and not peers and not api_docs" $(PARALLEL)

test-peers: setup ## Hold the card worker and the twin against stripe-mock (needs Go) and localstripe
	$(RUN) pytest -m peers

api-docs: setup ## Look at the API's documents with its linters, a browser, and clients made from them
	$(RUN) pytest -m api_docs

functions: setup ## Write the first line of every changed SQL function file: its next revision
	$(RUN) tests.support.function_files

openapi: setup ## Write docs/openapi.json and docs/asyncapi.json anew
	$(RUN) tests.api_docs.documents

chaos: setup ## Break the whole house at random, let an independent checker judge; SEEDS=N, SEED_BASE=N, SEED=N
	$(RUN) tests.chaos

chaos-points: setup ## Die once at every fail point of every service
	$(RUN) tests.chaos.points

chaos-mutants: setup ## Plant known bugs and see that the checker finds each
	$(RUN) tests.chaos.mutants

MUTATION := tests.mutation $(if $(MODULES),--modules $(MODULES)) $(if $(SINCE),--since $(SINCE))

mutation: setup ## Change the money rules one thing at a time, see that a test fails; MODULES=a,b SINCE=ref
	$(RUN) $(MUTATION)

mutation-sql: setup ## The same for the posting functions and the workers' queries; ONLY=word
	$(RUN) tests.mutation --sql $(if $(ONLY),--only "$(ONLY)")

mutation-gate: setup ## The short list of it that CI runs
	$(RUN) tests.mutation --gate

hostile: setup ## Send ten thousand requests made up from the OpenAPI document; CASES=N
	$(RUN) tests.hostile.schemathesis_run

lint: setup ## Check style and format
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: setup ## Check types
	$(RUN) mypy $(MEMBERS:%=%/src) tests

imports: setup ## Check who imports whom
	$(VENV)/bin/lint-imports

lock: setup ## Pin every dependency anew, with hashes
	$(VENV)/bin/uv pip compile $(PROJECTS) --all-extras --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --quiet $(UPGRADE) -o $(LOCK) \
	  $(foreach member,$(MEMBERS),--no-emit-package cift-$(notdir $(member)))

lock-api-docs: setup ## Pin the tools of `make api-docs` anew, with hashes; needs npm
	cd tests/api_docs && npm install --package-lock-only
	$(RUN) tests.api_docs.tools
	$(VENV)/bin/uv pip compile tests/api_docs/clients/clients.in --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --quiet $(UPGRADE) -o tests/api_docs/clients/clients.lock

check: lint types imports test ## What a change must pass before it is handed in

verify-books: setup ## Check the books of the running local stack
	$(RUN) cift_local cift verify-books

verify-chain: setup ## Check the hash chain of the running local stack
	$(RUN) cift_local cift ledger verify-chain

rebuild-verify: setup ## Rebuild the running local stack's books from their log, compare every figure
	$(RUN) cift_local cift ledger rebuild-verify

cift: setup ## Run any `cift` command on the running local stack: make cift ARGS="ledger review"
	$(RUN) cift_local cift $(ARGS)

bench: setup ## Measure the whole stack; ARGS="--quick", "--only settle,accept", "--profile"
	$(RUN) tests.bench.stack $(ARGS)

bench-outage: setup ## Put the M-Pesa twin out for a minute under load, count who waits afterwards; 35 minutes
	$(RUN) tests.bench.provider_outage $(ARGS)

bench-ledger: setup ## Measure the ledger; ARGS="--pgledger FILE" compares with pgledger's SQL
	$(RUN) tests.bench.ledger $(ARGS)

clean: ## Remove the environment, the local data and every cache
	rm -rf $(VENV) .cift .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
