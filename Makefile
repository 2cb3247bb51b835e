# Every target makes its own environment below VENV_HOME; only Python and a C compiler are needed.
#
#   make test PYTHON=python3.14 ARGS="-k files"
#   make test PIN="watchdog==6.* pytest==8.0.*"

PYTHON ?= python3
ARGS ?=
PIN ?=
VENV_HOME ?= .venv

# run,GROUPS: Python in the environment that has these dependency groups.
run = $(PYTHON) tools/environment.py --home "$(VENV_HOME)" $(PIN:%=--pin "%") $(1:%=--group %) --

# The sanitizers' own runtime must be in the process before everything else, and it finds what is
# wrong only where every object is an allocation of its own; free-threaded builds cannot have that,
# for they need mimalloc. Leaks are the business of tests/core.
sanitizers = address,undefined
# Into files, for a child that dies of it may go unnoticed. UBSan beside ASan writes to standard
# error all the same, and is not heard where pytest captures the descriptor.
reports = $(CURDIR)/build/sanitizers/report
asan_env = \
	PYTHONMALLOC="$$("$(PYTHON)" -c "import sysconfig as s; print('default' if s.get_config_var('Py_GIL_DISABLED') else 'malloc')")" \
	LD_PRELOAD="$$($(or $(CC),cc) -print-file-name=libasan.so) $$($(or $(CC),cc) -print-file-name=libubsan.so)" \
	ASAN_OPTIONS="detect_leaks=0:log_path=$(reports)" \
	UBSAN_OPTIONS="print_stacktrace=1:log_path=$(reports)"

.DEFAULT_GOAL := help
.PHONY: help python demo cast test lint typecheck asan debug-test bench bench-cells clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Variables: PYTHON=python3.14  ARGS="-k foo"  PIN="watchdog==6.*"  VENV_HOME=.venv'

# An older Python could not even read tools/environment.py, so it is asked before.
python:
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "mighty-patcher: there is no $(PYTHON); name one: make test PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.version_info >= (3, 11) or sys.exit("mighty-patcher: needs Python 3.11 or newer, and %s is %d.%d; name another: make test PYTHON=..." % ((sys.executable,) + sys.version_info[:2]))'

demo: python ## Watch a running program change as its files are saved
	@$(call run) demo/run.py

cast: python ## Record the demo, into demo/demo.cast
	@$(call run) demo/record.py

test: python ## Run the test suite
	@$(call run,test) -m pytest $(ARGS)

lint: python ## Check style and format
	@$(call run,lint) -m ruff check .
	@$(call run,lint) -m ruff format --check .

typecheck: python ## Check types
	@$(call run,lint) -m mypy

asan: export MIGHTY_PATCHER_SANITIZE = $(sanitizers)
asan: python ## Run the suite under AddressSanitizer and UBSan
	@$(call run,test) -c ''
	@rm -rf $(dir $(reports)) && mkdir -p $(dir $(reports))
	@$(asan_env) $(call run,test) -m pytest --capture=sys $(ARGS); code=$$?; \
		cat $(reports).* 2>/dev/null && exit 1; exit $$code

debug-test: export MIGHTY_PATCHER_DEBUG = 1
debug-test: python ## Run the suite with the core's assertions (best with PYTHON=python3.14d)
	@$(call run,test) -X dev -m pytest $(ARGS)

bench: python ## Measure, reloads, as multiples of compile(); --reload-watch, of an import
	@$(call run,bench) -m bench $(ARGS)

bench-cells: python ## Measure, what a cell costs in IPython, beside %autoreload 2
	@$(call run,test) -m bench.cells $(ARGS)

clean: ## Remove all that make made
	rm -rf .venv build dist .ci/out .mypy_cache .pytest_cache .ruff_cache src/*.egg-info
	find src tests demo tools -name __pycache__ -prune -exec rm -rf {} +
