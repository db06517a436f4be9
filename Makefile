# CIFT Payments. `make` lists the targets; start with `make demo`.
# Needs Python 3.11 or newer; `make setup` installs everything else.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m

MEMBERS := shared $(sort $(wildcard services/*)) deploy/local
PROJECTS := pyproject.toml $(MEMBERS:%=%/pyproject.toml)
LOCK := requirements.lock
# An image for each service.
IMAGES := gateway ledger card-worker crypto-watcher mpesa-worker paypal-worker provider-sandbox
IMAGE_LOCKS := deploy/images/locks
TAG ?= dev
REVISION ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
STAMP := $(VENV)/.setup-done
ON_SERVERS := "integration and servers and not e2e and not kafka and not peers and not nodes and not api_docs"
# Of the rails' workers one is enough on another broker: all of them publish and read in the same way.
OTHER_WORKERS := $(addprefix --ignore=tests/integration/,card_worker crypto_watcher ethereum_watcher momo_worker paypal_worker vodacom_worker)
CONTAINER_TESTS := $(addprefix tests/integration/,cift_shared/test_kafka.py cift_shared/test_failing_topics.py \
  cift_cli/test_dead_letters.py gateway/test_payments.py cift_local/test_fixtures.py)
# Tests of a rail outside the project may have chaos schedules and mutants of their own.
RAIL_CHAOS := $(subst /,.,$(patsubst %/__main__.py,%,$(wildcard tests/*/chaos/__main__.py)))
# One process more than processors, up to four: many tests wait for servers to start, stop or time out.
JOBS := $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n + 1 : 4)))
PARALLEL := -q -n $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help setup demo smoke test test-kafka test-postgres test-containers test-peers test-nodes lint types imports lock lock-api-docs lock-images images test-images k8s-manifests k8s-check k8s-e2e k8s-smoke compose compose-smoke check clean api-docs alerts-check openapi functions restore-drill upgrade-drill \
  chaos chaos-points chaos-mutants mutation mutation-sql mutation-gate hostile verify-books verify-chain rebuild-verify cift bench bench-outage bench-bulkheads bench-ledger bench-crypto

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create the virtual environment: locked and hashed packages, and our own

# Our packages are installed without dependencies: pip would look up their names in the public registry.
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

test: setup ## Run every test that needs only this machine
	$(RUN) pytest -m "not kafka and not peers and not nodes and not api_docs and not alerts and not images and not k8s" $(PARALLEL)
	@command -v npm >/dev/null || echo "Not run: the tests of an Ethereum node on anvil, which need Node 20 (make test-nodes)"

test-kafka: setup ## Run the integration and crash tests on Apache Kafka
	CIFT_TEST_BROKER=kafka $(RUN) pytest -m $(ON_SERVERS) tests/integration tests/simulation tests/hostile/test_topics.py $(OTHER_WORKERS) $(PARALLEL)
	CIFT_TEST_BROKER=kafka $(RUN) pytest -m kafka --durations=10

test-postgres: setup ## Run the integration tests on a PostgreSQL as Debian ships it, with the JIT
	$(RUN) tests.support.stock_postgres
	CIFT_TEST_PG=stock $(RUN) pytest -m $(ON_SERVERS) $(PARALLEL)

test-containers: setup ## Run a part of the integration tests on PostgreSQL and Apache Kafka in containers
	$(RUN) tests.support.containers pytest $(CONTAINER_TESTS)

test-peers: setup ## Compare workers and twins with stripe-mock (needs Go), localstripe and Prism (needs Node 20)
	$(RUN) pytest -m peers

test-nodes: setup ## Test the nodes of the chains: anvil (needs Node 20), and those at BITCOIN_RPC_URL and ETHEREUM_RPC_URL
	$(RUN) pytest -m nodes tests/contract
	@test -n "$$BITCOIN_RPC_URL" || echo "Not run: the tests of another Bitcoin node (BITCOIN_RPC_URL is not set)"
	@test -n "$$ETHEREUM_RPC_URL" || echo "Not run: the tests of another Ethereum node (ETHEREUM_RPC_URL is not set)"

api-docs: setup ## Check the API's documents with linters, a browser, and generated clients
	$(RUN) pytest -m api_docs

alerts-check: setup ## Check alerts and their configuration with promtool and amtool, which Debian packages
	$(RUN) tests.support.debian promtool prometheus
	$(RUN) tests.support.debian amtool prometheus-alertmanager
	cd deploy/monitoring && promtool check config prometheus.yml && promtool test rules rules.test.yml && amtool check-config alertmanager.yml
	$(RUN) pytest -m alerts tests/alerts

functions: setup ## Write the next revision into the first line of every changed SQL function file
	$(RUN) tests.support.function_files

openapi: setup ## Generate docs/openapi.json and docs/asyncapi.json
	$(RUN) tests.api_docs.documents

chaos: setup ## Random faults in the whole stack, checked by an independent checker; SEEDS=N, SEED_BASE=N, SEED=N
	set -e; for run in tests.chaos $(RAIL_CHAOS); do $(RUN) $$run; done

chaos-points: setup ## Kill every service once at each of its fail points
	$(RUN) tests.chaos.points

chaos-mutants: setup ## Insert known bugs and check that the checker finds each
	set -e; for run in tests.chaos $(RAIL_CHAOS); do $(RUN) $$run.mutants; done

MUTATION := tests.mutation $(if $(MODULES),--modules $(MODULES)) $(if $(SINCE),--since $(SINCE))

mutation: setup ## Change the money rules one at a time, check that a test fails; MODULES=a,b SINCE=ref
	$(RUN) $(MUTATION)

mutation-sql: setup ## The same for the posting functions and the workers' queries; ONLY=word
	$(RUN) tests.mutation --sql $(if $(ONLY),--only "$(ONLY)")

restore-drill: setup ## Lose a database server, restore it from backup and archive, check every payment; one JSON line
	$(RUN) tests.support.restore_drill

upgrade-drill: setup ## Upgrade the release of deploy/previous-release under load, roll back, check every payment; one JSON line
	$(RUN) tests.upgrade

mutation-gate: setup ## The short list of mutations that CI runs
	$(RUN) tests.mutation --gate

hostile: setup ## Send ten thousand requests generated from the OpenAPI document; CASES=N
	$(RUN) tests.hostile.schemathesis_run

lint: setup ## Check style and format
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: setup ## Check types
	$(RUN) mypy $(MEMBERS:%=%/src) tests

imports: setup ## Check the import rules
	$(VENV)/bin/lint-imports

lock: setup ## Pin every dependency again, with hashes
	$(VENV)/bin/uv pip compile $(PROJECTS) --all-extras --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --quiet $(UPGRADE) -o $(LOCK) \
	  $(foreach member,$(MEMBERS),--no-emit-package cift-$(notdir $(member)))

lock-api-docs: setup ## Pin the tools of `make api-docs` again, with hashes; needs npm
	cd tests/api_docs && npm install --package-lock-only
	$(RUN) tests.api_docs.tools
	$(VENV)/bin/uv pip compile tests/api_docs/clients/clients.in --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --quiet $(UPGRADE) -o tests/api_docs/clients/clients.lock

lock-images: setup ## Pin what each container image contains: the versions of requirements.lock, with hashes
	set -e; compile() { $(VENV)/bin/uv pip compile "$$@" -c $(LOCK) --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --quiet $(MEMBERS:%=--no-emit-package cift-$$(basename %)); }; \
	compile deploy/images/build.in -o $(IMAGE_LOCKS)/build.lock; \
	for image in $(IMAGES); do \
	  case $$image in gateway|ledger) extras= ;; *) extras=--all-extras ;; esac; \
	  compile $$(deploy/images/members.sh $$image | xargs -n 1 | sed 's|$$|/pyproject.toml|') $$extras -o $(IMAGE_LOCKS)/$$image.lock; \
	done

images: ## Build the container images with docker or podman; IMAGES="gateway ledger" TAG=1.2.0 PYTHON_IMAGE=name@sha256:...
	@set -e; engine=$$(deploy/images/engine.sh); for image in $(IMAGES); do \
	  $$engine build $(BUILD_OPTIONS) -f deploy/images/Dockerfile $(if $(PYTHON_IMAGE),--build-arg PYTHON_IMAGE=$(PYTHON_IMAGE)) \
	    --build-arg SERVICE=$$image --build-arg VERSION=$(TAG) --build-arg REVISION=$(REVISION) -t cift/$$image:$(TAG) .; \
	done

test-images: setup ## Build the images of the gateway and of a worker, start and check them; needs docker or podman
	$(RUN) pytest -m images -n 0 -s tests/images

k8s-manifests: setup ## Generate the topics, Kafka users, logins, scalers and secrets of deploy/k8s from the code
	$(RUN) tests.k8s.generated

k8s-check: setup ## Render every overlay of deploy/k8s, check schemas and policies; needs kubectl 1.32 or Go
	$(RUN) tests.k8s.rendered
	$(RUN) pytest -m k8s -q -n 0 tests/k8s

k8s-e2e: setup ## Run the platform on the cluster of KUBECONFIG: an upgrade, load, faults; needs docker or podman; STEPS="demo books"
	$(RUN) tests.k8s_e2e $(STEPS)

k8s-smoke: setup ## Start deploy/k8s/local-cluster, pay by every rail, check the books, end it; as root on Debian 12
	$(RUN) tests.support.containers install
	$(RUN) tests.support.containers python
	deploy/k8s/local-cluster/run.sh $(RUN) tests.k8s_e2e demo approval books

compose: setup ## Run the images of `make images` with docker compose; ARGS="up --detach"; COMPOSE=podman-compose
	$(RUN) cift_local compose-settings
	CIFT_FOLDER=$(CURDIR)/.cift/compose CIFT_USER=$$(id -u):$$(id -g) $(or $(COMPOSE),docker compose) --file deploy/compose/compose.yaml $(ARGS)

compose-smoke: setup ## Run the images of `make images` with docker compose or podman-compose, pay by every rail, end them
	$(RUN) tests.compose

check: lint types imports test ## What a change must pass before it is submitted

verify-books: setup ## Check the ledger of the running local stack
	$(RUN) cift_local cift verify-books

verify-chain: setup ## Check the hash chain of the running local stack
	$(RUN) cift_local cift ledger verify-chain

rebuild-verify: setup ## Rebuild the running local stack's ledger from its log, compare every amount
	$(RUN) cift_local cift ledger rebuild-verify

cift: setup ## Run any `cift` command on the running local stack: make cift ARGS="ledger review"
	$(RUN) cift_local cift $(ARGS)

bench: setup ## Measure the whole stack; ARGS="--quick", "--only settle,accept", "--profile"
	$(RUN) tests.bench.stack $(ARGS)

bench-outage: setup ## Stop the M-Pesa twin for a minute under load, count payments that are not credited; 35 minutes
	$(RUN) tests.bench.provider_outage $(ARGS)

bench-bulkheads: setup ## Measure deposits by one operator while another does not answer; 4 minutes
	$(RUN) tests.bench.bulkheads $(ARGS)

bench-ledger: setup ## Measure the ledger; ARGS="--pgledger FILE" compares with pgledger's SQL
	$(RUN) tests.bench.ledger $(ARGS)

bench-crypto: setup ## Measure the search of blocks: Bitcoin for 1 k, 1 M and 5 M scripts, Ethereum; bench/crypto.json
	$(RUN) tests.bench.crypto

clean: ## Remove the environment, the local data and every cache
	rm -rf $(VENV) .cift .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
