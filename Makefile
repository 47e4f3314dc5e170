# `make` shows the targets. Each creates what it needs by scripts/setup, which is done in no time if there is nothing to do.
.DEFAULT_GOAL := help
.PHONY: help setup demo check test coverage lab bench soak clean

# Tests start a thousand daemons: none should compile alived again, even if the environment forbids to keep bytecode.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := .venv/bin/python -m pytest
# Each worker reads all files that it is given: only those that have tests with the mark.
marked = $(shell grep -rl --include='*.py' 'mark\.$(1)' tests)
# What needs the kernel mostly waits, so six scenes play at a time on any machine; who has none left takes another's.
LAB = $(PYTEST) -n 6 --dist worksteal -m "lab and not soak" $(call marked,lab)
WORKERS ?= $(shell n=$$(nproc); echo $$((n < 2 ? 2 : n > 4 ? 4 : n)))

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## the virtual environment and the Debian packages that the other targets need
	@scripts/setup test

demo: ## three nodes, one VIP, the master dies: see it move (ARGS="--with keepalived")
	@scripts/setup demo
	@.venv/bin/alived demo $(ARGS)

check: ## style, types and architecture
	@scripts/setup test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check -q .
	.venv/bin/mypy
	.venv/bin/lint-imports

test: coverage ## all tests; as root also the lab, with real peers in network namespaces
	$(PYTEST) -n $(WORKERS) -m "not lab and not soak" $(addprefix --ignore=tests/,$(shell scripts/coverage --packages))
	$(PYTEST) -n $(WORKERS) -m "simulation and not soak" $(call marked,simulation)
	$(LAB)

coverage: ## the tests of the pure packages, each of which must reach every branch of its package
	@scripts/setup test
	scripts/coverage

lab: ## only the tests in network namespaces
	@scripts/setup test
	$(LAB)

bench: ## alived and keepalived side by side, a table of ratios (ARGS="--quick --json out.json")
	@scripts/setup test
	.venv/bin/python -m bench $(ARGS)

soak: ## the slow tests
	@scripts/setup test
	$(PYTEST) -n $(WORKERS) -m soak --timeout 3600

clean: ## removes what tools left in the tree, not the virtual environment
	rm -rf build dist .coverage* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
