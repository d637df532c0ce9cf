.DEFAULT_GOAL := help
.PHONY: help setup demo test slow gpu bench lint format type clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# threads that spin while they wait starve a machine that has other work
export OMP_WAIT_POLICY := PASSIVE

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(READY): constraints.txt pyproject.toml prep-requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[metrics,prep,sweep,dev]"
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps --requirement prep-requirements.txt
	touch $@

setup: $(READY) ## install everything into .venv, with the versions of constraints.txt

demo: $(READY) ## synthetic dancers, a short training, the shipped weights animate; writes runs/demo/index.html
	@$(MAKE) --no-print-directory --file demo.mk BIN=$(BIN)

test: $(READY) ## the quick suite (about two minutes on two cores)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

slow: $(READY) ## notebooks, benchmarks, whole training runs
	$(BIN)/python -m pytest -m slow

gpu: $(READY) ## tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu

bench: $(READY) ## the ratios of the README, measured here
	$(BIN)/python benchmarks/step.py --output benchmarks/step.json
	$(BIN)/python benchmarks/train.py --output benchmarks/train.json
	$(BIN)/python benchmarks/loader.py --output benchmarks/loader.json
	$(BIN)/python benchmarks/supply.py --output benchmarks/supply.json
	$(BIN)/python benchmarks/prep.py --output benchmarks/prep.json
	$(BIN)/python benchmarks/metrics.py --output benchmarks/metrics.json
	$(BIN)/python benchmarks/length.py --output benchmarks/length.json
	$(BIN)/python benchmarks/memory.py --output benchmarks/memory.json
	$(BIN)/python benchmarks/tryon.py --output benchmarks/tryon.json
	$(BIN)/python benchmarks/ddp.py --output benchmarks/ddp.json
	$(BIN)/python benchmarks/scale.py --output benchmarks/scale.json

lint: $(READY) ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY) ## bring the style about
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: $(READY) ## static types
	$(BIN)/mypy

clean: ## remove what was made here, but not the environment
	rm -rf runs multirun data build .pytest_cache .mypy_cache .ruff_cache
