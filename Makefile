PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

help:  ## what each verb does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.venv/.ready: requirements.lock pyproject.toml setup.py $(wildcard pipeline/plain/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "firsthand needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

setup: .venv/.ready  ## the virtual environment, exact versions from requirements.lock

demo: setup  ## broker, worker, simulator and live table; Ctrl-C ends it
	$(BIN)/firsthand demo

test: setup  ## all tests but the slow ones, in two processes: most of the time they wait for a broker
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test-kafka: setup  ## the tests that need a broker; KAFKA_BOOTSTRAP=host:port runs them against that cluster
	$(BIN)/python -m pytest -m "kafka and not slow"

test-slow: setup  ## the tests marked slow
	$(BIN)/python -m pytest -m slow

test-histories: setup  ## the readings against the oracle on 3,000 generated histories per test
	FIRSTHAND_TEST_HISTORIES=3000 $(BIN)/python -m pytest tests/test_readings.py --timeout 7200

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup  ## the measurements of the README's table; writes bench/results.json
	$(BIN)/python -m bench

bench-alerts: setup  ## detection against theory and other detectors; writes docs/detection.md and .svg
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m bench.alerts

bench-peers: setup  ## firsthand beside its peers; writes docs/peers.md and .svg; ARGS="--runs 1 --events 100000"
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m bench.peers $(ARGS)

soak: setup  ## a load with random faults on Apache Kafka, then the law; MINUTES=10, ARGS="--seed 2 --broker embedded"
	$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),10) $(ARGS)

lock:  ## resolve requirements.lock again (needs uv)
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.lock

lock-peers:  ## resolve the locks of bench/peers/requirements again (needs uv)
	for each in bench/peers/requirements/*.in; do uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $$each -o $${each%.in}.lock || exit; done

.PHONY: help setup demo test test-kafka test-slow test-histories lint bench bench-alerts bench-peers soak lock lock-peers
