# Each target does its own set-up on a machine with Python, Node with npm and gcc; the second run is quick.
#   make chat      the chat at http://localhost:8000
#   make test      every check and every test
#   make help      the rest

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two targets may want the same environment set up.
.NOTPARALLEL:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
# Images for servers switch it off: the tests start a thousand Pythons, each of which would compile all that it imports.
export PYTHONDONTWRITEBYTECODE :=

BIN := .venv/bin
# What was installed, and from which lock: a stamp is older than its lock when the lock has changed.
STAMPS := .make
WEB := chat/web
BROWSER_CLIENT := clients/typescript
NODE_FOLDERS := $(patsubst %/package-lock.json,%,$(wildcard chat/web/package-lock.json clients/typescript/package-lock.json tests/conformance/js/package-lock.json tests/contracts/js/package-lock.json tests/cluster/js/package-lock.json benchmarks/node/package-lock.json))
WEB_SOURCES := $(shell find $(WEB) \( -name node_modules -o -name dist -o -name e2e \) -prune -o -type f -print 2>/dev/null)
node_stamp = $(STAMPS)/node-$(subst /,-,$(1))
NODE_STAMPS := $(foreach folder,$(NODE_FOLDERS),$(call node_stamp,$(folder)))
PROJECTS := pyproject.toml chat/pyproject.toml chat/hatch_build.py

.PHONY: help setup chat docs test check check-python check-web events test-python test-pythons test-web test-browser bench bench-cluster storm roll autobahn lock clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMPS)/dev $(NODE_STAMPS) $(STAMPS)/browser-client $(STAMPS)/chromium $(STAMPS)/proxies $(STAMPS)/redis ## install everything that the other targets need

chat: $(STAMPS)/chat $(STAMPS)/web ## build the web client and run the chat at http://localhost:8000
	$(BIN)/windsock-chat

docs: $(STAMPS)/dev ## the documentation's site, in build/site
	$(BIN)/python -m website

test: check test-python test-web test-browser ## every check and every test

check: check-python check-web ## linters, types and import rules, Python and web

check-python: $(STAMPS)/dev $(filter %-tests-contracts-js,$(NODE_STAMPS))
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYRIGHT)
	$(PYRIGHT) --ignoreexternal --verifytypes windsock | grep -E ' error |score'
	$(BIN)/lint-imports --no-logo
	scripts/check-locks
	$(BIN)/python scripts/check-tests
	$(EVENTS) --check

events: $(STAMPS)/dev ## write the types of the chat's events for its web client
	$(EVENTS)

check-web: $(filter %-chat-web %-clients-typescript,$(NODE_STAMPS))
	$(call web,run check)
	$(call browser_client,run check)

test-python: $(STAMPS)/dev $(filter-out %-benchmarks-node,$(NODE_STAMPS)) $(STAMPS)/chromium $(STAMPS)/proxies $(STAMPS)/redis ## the Python tests
	$(BIN)/pytest $(PYTEST)

test-pythons: $(filter-out %-benchmarks-node,$(NODE_STAMPS)) $(STAMPS)/chromium $(STAMPS)/proxies $(STAMPS)/redis ## the Python tests under each CPython that is found, in environments of their own
	for python in $$(scripts/python --each); do \
	    version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "CPython $$version: $$python"; \
	    PYTHON="$$python" scripts/venv dev ".venv-$$version"; \
	    ".venv-$$version/bin/pytest" $(PYTEST); \
	done

test-web: $(filter %-chat-web %-clients-typescript,$(NODE_STAMPS)) ## the unit tests of the chat's web client and of the WebSocket client for browsers
	$(call web,test)
	$(call browser_client,test)

test-browser: $(STAMPS)/dev $(STAMPS)/web $(STAMPS)/chromium ## the chat in a real browser
	$(call web,run e2e)

bench: $(STAMPS)/dev $(filter %-benchmarks-node,$(NODE_STAMPS)) $(STAMPS)/zlib $(STAMPS)/redis ## Windsock beside Socket.IO on Node and python-socketio
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.cluster --only cluster-absent --only cluster-absent-loaded

bench-cluster: $(STAMPS)/dev $(filter %-benchmarks-node,$(NODE_STAMPS)) $(STAMPS)/zlib $(STAMPS)/redis ## two servers over Redis beside two on Node, and workers
	$(BIN)/python -m benchmarks.cluster --check

storm: $(STAMPS)/dev $(filter %-tests-conformance-js,$(NODE_STAMPS)) ## five thousand clients are dropped at once, and come back
	$(BIN)/python -m tests.workers.storm

roll: $(STAMPS)/dev $(filter %-tests-conformance-js,$(NODE_STAMPS)) $(STAMPS)/redis ## workers are replaced under load, over Redis: is anything lost?
	$(BIN)/python -m tests.workers.roll

autobahn: $(STAMPS)/dev ## the WebSocket protocol suite; needs a CPython 2.7
	$(BIN)/python -m tests.conformance.autobahn

lock: ## write requirements/*.txt anew; `scripts/lock --upgrade` moves the versions
	scripts/lock

clean: ## remove what the targets above made, the chat's data excepted
	rm -rf .venv .venv-* $(STAMPS) chat/web/dist $(BROWSER_CLIENT)/dist $(addsuffix /node_modules,$(NODE_FOLDERS))
	rm -rf build/site .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# What runs, without what tests it. A development environment has both, so it need not be touched.
$(STAMPS)/chat: requirements/chat.txt $(PROJECTS) | $(STAMPS)
	scripts/venv chat
	touch $@

$(STAMPS)/dev: requirements/dev.txt requirements/chat.txt $(PROJECTS) | $(STAMPS)
	scripts/venv dev
	touch $(STAMPS)/chat $@

define node_rule
$(call node_stamp,$(1)): $(1)/package-lock.json $(1)/package.json | $(STAMPS)
	scripts/npm-ci $(1)
	touch $$@
endef
$(foreach folder,$(NODE_FOLDERS),$(eval $(call node_rule,$(folder))))

$(STAMPS)/web: $(filter %-chat-web,$(NODE_STAMPS)) $(WEB_SOURCES) | $(STAMPS)
	$(call web,run build)
	touch $@

# What examples/websocket serves.
$(STAMPS)/browser-client: $(filter %-clients-typescript,$(NODE_STAMPS)) $(BROWSER_CLIENT)/src/websocket-client.ts
	$(call browser_client,run build)
	touch $@

$(STAMPS)/chromium: | $(STAMPS)
	[ -x /usr/bin/chromium ] || scripts/packages chromium fonts-liberation
	touch $@

# What the documentation's configurations are for.
$(STAMPS)/proxies: | $(STAMPS)
	[ -x /usr/sbin/nginx ] || scripts/packages nginx-light
	[ -x /usr/sbin/haproxy ] || scripts/packages haproxy
	[ -x /usr/bin/curl ] || scripts/packages curl
	touch $@

# What the load generator inflates with.
$(STAMPS)/zlib: | $(STAMPS)
	[ -f /usr/include/zlib.h ] || scripts/packages zlib1g-dev
	touch $@

$(STAMPS)/redis: | $(STAMPS)
	[ -x /usr/bin/redis-server ] || scripts/packages redis-server
	touch $@

$(STAMPS):
	mkdir -p $@

# It finds the environment by the PATH alone when it verifies a package.
PYRIGHT = PATH="$(CURDIR)/$(BIN):$$PATH" tests/contracts/js/node_modules/.bin/pyright

# The types of the chat's events, as its web client has them.
EVENTS = $(BIN)/windsock types --factory windsock_chat.main:describe_events --output $(WEB)/src/lib/api/events.ts

# Most tests wait for something most of the time: a process more than there are cores.
PYTEST = -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --maxprocesses 4 --dist loadfile -p no:benchmark

web = cd $(WEB) && npm --loglevel=error $(1)
browser_client = cd $(BROWSER_CLIENT) && npm --loglevel=error $(1)
