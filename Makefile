# `make help` lists the targets. `make serve` needs only Python 3.11 or newer and make.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help serve serve-with-fake-stripe test test-long tests-on-sqlite tests-on-postgresql test-environments check format bench bench-peers bench-size show-kills show-races show-deliveries show-settlement docs lock schema graphiql system-dependencies clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-22s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

serve: .venv/.runtime ## bring the database up to date and serve on http://HOST:PORT
	exec $(BIN)/python server.py serve

# What makes typed clients, and the Node that it runs on, has environments of its own.
CLIENTS = .venv-clients/.installed tests/clients/typescript/node_modules/.installed

# Each test file by one process. They wait for their servers, so that there are five of them for two processors: three on
# SQLite, where everything runs, and two on PostgreSQL, for what a database has a part in.
PROCESSES ?= $(shell $(PYTHON) -c 'import os; print(min(16, (3 * len(os.sched_getaffinity(0)) + 1) // 2))' 2>/dev/null || echo 3)
ON_SQLITE = --numprocesses $(PROCESSES)
ON_POSTGRESQL = --numprocesses $(shell expr \( 2 \* $(PROCESSES) + 2 \) / 3) --database postgresql \
	tests/api tests/faults tests/providers tests/rules tests/streams tests/webhooks tests/transport/server
# Bytecode is kept: without it every process compiles every test and all of the program again, for five seconds.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

# Both databases side by side: while one of them waits for its last file, the other has the processors.
test: test-environments ## run the tests, on SQLite and on PostgreSQL; PYTEST_ARGUMENTS are handed to pytest
	@$(MAKE) --no-print-directory --keep-going --jobs 2 tests-on-sqlite tests-on-postgresql

# What `make test` samples is run whole here, and at the clocks that are shipped. SEED repeats a run, CHAOS_SECONDS shortens it.
LONG = --long $(if $(SEED),--seed $(SEED)) $(if $(CHAOS_SECONDS),--chaos-seconds $(CHAOS_SECONDS))

test-long: export NEEDS_OF_LONG = nginx:nginx-light pgbouncer:pgbouncer curl:curl openssl:openssl
test-long: test-environments ## run every test at the shipped clocks, before a release; prints its SEED
	@$(MAKE) --no-print-directory --keep-going --jobs 2 tests-on-sqlite tests-on-postgresql FORM='$(LONG)'

tests-on-sqlite:
	$(PYTEST) $(ON_SQLITE) $(FORM) $(PYTEST_ARGUMENTS)

# What it says is kept until its end: two runs would write into one line.
tests-on-postgresql:
	@said=$$(mktemp) && trap 'rm -f "$$said"' EXIT && code=0; \
	$(PYTEST) $(ON_POSTGRESQL) $(FORM) $(PYTEST_ARGUMENTS) >"$$said" 2>&1 || code=$$?; \
	echo; echo '$(PYTEST) $(ON_POSTGRESQL) $(FORM)'; cat "$$said"; exit $$code

# They are set up side by side: each waits for downloads and disks.
test-environments:
	@$(MAKE) --no-print-directory --jobs 3 .venv/.development $(CLIENTS) system-dependencies

check: .venv/.development ## formatter, linter and strict type check, changing nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy . .ci/*.py

format: .venv/.development ## format the code and mend what the linter can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: .venv/.development ## run the benchmarks; a table at the end, the same as JSON in bench/results/
	$(BIN)/python -m bench

# Some five minutes; PEERS_ARGUMENTS="--warm-up 10 --window 5 --rounds 2" is one.
bench-peers: .venv/.development bench/peers/medusa/node_modules/.installed ## compare with Medusa's payment module, in turns on one PostgreSQL
	$(BIN)/python -m bench.peers $(PEERS_ARGUMENTS)

# A large database is made and compared with a small one, on SQLite and on PostgreSQL: minutes, and some 10 GB each.
bench-size: .venv/.development ## compare costs on a large database with a small one; SIZE_ARGUMENTS="--collections 20000"
	$(BIN)/python -m bench.size $(SIZE_ARGUMENTS)

# Each of these takes minutes, and goes on where it was interrupted; SHOW_ARGUMENTS="--database postgresql --seed 7".
show-kills: .venv/.development ## pay while two servers are killed again and again, and compare the books
	$(BIN)/python -m proofs.kills $(SHOW_ARGUMENTS)

show-races: .venv/.development ## race captures, refunds and cancellations, and compare the books
	$(BIN)/python -m proofs.races $(SHOW_ARGUMENTS)

show-deliveries: .venv/.development ## cut 100 subscribers off again and again, and compare what they saw with the log
	$(BIN)/python -m proofs.deliveries $(SHOW_ARGUMENTS)

show-settlement: .venv/.development ## measure how long an outcome is unknown whose answer was lost
	$(BIN)/python -m proofs.settlement $(SHOW_ARGUMENTS)

# Two of them on one machine have a port of the fake's each.
FAKE_STRIPE_PORT ?= 12111

# Both are told to end together, by whoever ends this shell.
serve-with-fake-stripe: .venv/.development ## serve with a fake Stripe beside it, for building front ends
	@export TILLGRAPH_STRIPE_SECRET_KEY=sk_test_of_the_fake_stripe; \
	export TILLGRAPH_STRIPE_PUBLISHABLE_KEY=pk_test_of_the_fake_stripe; \
	export TILLGRAPH_STRIPE_WEBHOOK_SECRETS=whsec_of_the_fake_stripe; \
	export TILLGRAPH_STRIPE_API_BASE=http://127.0.0.1:$(FAKE_STRIPE_PORT); \
	$(BIN)/python -m tools.fake_stripe --port $(FAKE_STRIPE_PORT) --webhook-url http://127.0.0.1:$${PORT:-8000}/webhooks/stripe & fake=$$!; \
	$(BIN)/python server.py serve & server=$$!; \
	trap 'kill $$server $$fake 2>/dev/null' INT TERM; \
	wait $$server; kill $$fake 2>/dev/null; wait

schema: .venv/.runtime ## write the server's SDL to schema/schema.graphql
	$(BIN)/python server.py schema > schema/.schema.graphql.new
	mv schema/.schema.graphql.new schema/schema.graphql

graphiql: ## build GraphiQL's files again; needs Node and the npm registry
	cd web/graphiql && npm ci && npm run build

# Mermaid, which draws the diagrams, comes from npm; the Node that fetches it is the typed clients'.
docs: .venv-docs/.installed docs/node_modules/.installed ## build the documentation's site into build/docs; fails on a broken link
	.venv-docs/bin/python -m tools.site

# The lock names no address and no place on this machine: pip's configuration and additional places
# to look are left out, so that versions and hashes are those of the public index.
PIP_COMPILE = env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/pip-compile --quiet --generate-hashes \
	--strip-extras --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--no-emit-options $(if $(UPGRADE),--upgrade)

lock: ## rewrite the requirements files; with UPGRADE=1 to the newest releases
	$(call demand-python)
	$(PYTHON) -m venv .venv-lock
	@# pip-tools has an environment of its own: nothing else needs it or what it brings.
	.venv-lock/bin/pip install --quiet 'pip-tools>=7.6.2'
	$(PIP_COMPILE) --output-file requirements.txt pyproject.toml
	$(PIP_COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
	$(PIP_COMPILE) --output-file tests/clients/requirements.txt tests/clients/requirements.in
	$(PIP_COMPILE) --constraint requirements.txt --output-file docs/requirements.txt docs/requirements.in

# Debian's Chromium and Redis are for tests, and what NEEDS_OF_LONG names (program:package) for those of the long form.
# Where they cannot be installed, those tests say so themselves.
system-dependencies: ## install what tests need from the system, where that is allowed
	@missing=; \
	command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || \
		command -v google-chrome >/dev/null 2>&1 || missing="chromium"; \
	command -v redis-server >/dev/null 2>&1 || missing="$$missing redis-server"; \
	for need in $$NEEDS_OF_LONG; do \
		PATH="$$PATH:/usr/sbin" command -v "$${need%%:*}" >/dev/null 2>&1 || missing="$$missing $${need##*:}"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "Installing for the tests, from Debian:" $$missing; \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null && \
		exit 0; \
	fi; \
	echo "Missing, and not to be installed from here:" $$missing". Install these packages, or their tests fail."

clean: ## remove the environments and caches; databases, settings and keys stay
	rm -rf .venv .venv-lock .mypy_cache .pytest_cache .ruff_cache web/graphiql/node_modules .venv-clients tests/clients/typescript/node_modules .venv-docs docs/node_modules bench/peers/medusa/node_modules build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

define demand-python
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "Tillgraph needs Python 3.11 or newer, and $(PYTHON) is not: name another with make PYTHON=..." >&2; exit 1; }
endef

# One environment and two stamps: serving installs only what the program needs. The development
# requirements contain the others at the same versions.
.venv/bin/python:
	$(call demand-python)
	@echo "Setting up .venv."
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "$(PYTHON) cannot make environments: install its venv module (Debian: python3-venv)." >&2; exit 1; }

.venv/.runtime: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/.development: requirements-dev.txt requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch .venv/.runtime $@

.venv-clients/.installed: tests/clients/requirements.txt
	$(call demand-python)
	@echo "Setting up .venv-clients."
	@$(PYTHON) -m venv --clear .venv-clients
	.venv-clients/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

tests/clients/typescript/node_modules/.installed: tests/clients/typescript/package-lock.json .venv-clients/.installed
	cd tests/clients/typescript && PATH="$(CURDIR)/.venv-clients/bin:$$PATH" npm ci --no-audit --no-fund --ignore-scripts --prefer-offline
	@touch $@

bench/peers/medusa/node_modules/.installed: bench/peers/medusa/package-lock.json .venv-clients/.installed
	cd bench/peers/medusa && PATH="$(CURDIR)/.venv-clients/bin:$$PATH" npm ci --no-audit --no-fund --ignore-scripts --prefer-offline
	@touch $@

.venv-docs/.installed: docs/requirements.txt
	$(call demand-python)
	@echo "Setting up .venv-docs."
	@$(PYTHON) -m venv --clear .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

docs/node_modules/.installed: docs/package-lock.json .venv-clients/.installed
	cd docs && PATH="$(CURDIR)/.venv-clients/bin:$$PATH" npm ci --no-audit --no-fund --ignore-scripts --prefer-offline
	@touch $@
