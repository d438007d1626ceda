# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
#
# Every command sets up what it needs (see ./run); `make help` lists them.

.DEFAULT_GOAL := help
.PHONY: help demo test nightly train bench gpu-check fuzz soak recovery lint clean distclean lock audit licences

VIDEO ?=
CAMERA ?=
ARGS ?=
TRAINING ?= yes
WITH_TRAINING = $(if $(filter no,$(TRAINING)),,--with training)
WORKERS ?= 2
TESTS = ./run --with gpu-build --with openvino $(WITH_TRAINING) \
	pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=20

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## the ROS 2 nodes on real footage, into demo_out/; or VIDEO=file.mp4, or CAMERA=0
	@./run pose_ros demo $(if $(VIDEO),--video "$(VIDEO)") $(if $(CAMERA),--camera "$(CAMERA)") $(ARGS)

test: ## the tests; ARGS='-k name' for some; TRAINING=no without PyTorch; WORKERS=0 in one process
	@$(TESTS) $(ARGS)

nightly: ## what takes long or asks the world outside: tests marked nightly, faults, fuzz, soak, audit
	@$(TESTS) -m nightly $(ARGS)
	@$(MAKE) --no-print-directory fuzz recovery soak licences audit

train: ## train a network on labelled photos; ARGS='--data DIR --out DIR', or ARGS=--help
	@./run --with training pose_ros train $(ARGS)

bench: ## measure cost, rate, latency and accuracy on this machine
	@./run python -m benchmarks.bench $(ARGS)

gpu-check: ## what wants an NVIDIA GPU; writes gpu_check.json, gpu_latency.json; WHEELS=DIR offline
	@$(or $(POSE_ROS_PYTHON),python3) -m venv --system-site-packages .venv-gpu
	@.venv-gpu/bin/python -m pip install -q --disable-pip-version-check \
		$(if $(WHEELS),--no-index --find-links "$(WHEELS)") -r requirements/gpu-check.txt
	@PYTHONPATH=. .venv-gpu/bin/python test/gpu/check.py $(ARGS)

fuzz: ## a million spoilt inputs through everything that reads files and messages
	@./run python test/fuzz/fuzz.py $(ARGS)

soak: ## the nodes for an hour with people and faults, into soak_out/; ARGS='--minutes 10' for less
	@./run python test/faults/soak.py $(ARGS)

lint: ## ruff on everything, mypy on core and backends
	@./run ruff check .
	@./run mypy

recovery: ## the seconds until people are tracked again, after each kind of fault
	@./run python test/faults/recovery.py $(ARGS)

clean: ## remove what was built and written, but not the environment
	rm -rf gpu_check.json gpu_latency.json demo_out pose_out soak_out fuzz_found build install log dist .venv*/colcon .venv*/setup/messages .venv*/setup/links
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name .venv\* -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the environment as well
	rm -rf .venv .venv-*

lock: ## write requirements/lock-*.txt anew, with the newest versions
	@./run scripts/lock.sh

audit: ## known vulnerabilities of the locked packages (asks the network)
	@./run scripts/audit.py

licences: ## the licence of every locked package; fails on one that is not permissive
	@./run scripts/licences.py $(ARGS)
