# Every chore of this repository. `make` lists them.

SHELL = /bin/sh
.DEFAULT_GOAL := help

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
VENV := .venv
SECONDS ?= 30
ARGS ?=
HISTORY_ARGS ?=

# What OpenTrail does most, counted by `make profile`: the compiler lays release builds out for it. A compiler whose LLVM is
# older than the one that wrote the file cannot read it and goes without, and so does a checkout whose path has blanks.
PROFILE := bench/opentrail.profdata
LLVM_MAJOR := $(shell rustc -vV 2>/dev/null | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
ifeq ($(words $(CURDIR)) $(shell test -f $(PROFILE) && test "$(or $(LLVM_MAJOR),0)" -ge 22 && echo yes),1 yes)
PROFILE_FLAGS := -Cprofile-use=$(abspath $(PROFILE)) -Cllvm-args=-pgo-warn-missing-function=false -Cllvm-args=-no-pgo-warn-mismatch
endif
BUILD_RELEASE = RUSTFLAGS="$(strip $(RUSTFLAGS) $(PROFILE_FLAGS))" cargo build --locked --release

.PHONY: help
help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: tools ## build and start OpenTrail; make run ARGS='--upstream http://127.0.0.1:5000'
	@echo "building opentrail (the first build takes some minutes on two cores, later ones seconds)"
	$(BUILD_RELEASE) -p opentrail-server
	@exec "$(TARGET_DIR)/release/opentrail" serve $(ARGS)

.PHONY: test
test: tools venv ## all tests: crates, then the binary with real clients and servers
	cargo build --locked -p opentrail-server
	$(VENV)/bin/python tests/e2e/postgres.py cargo test --locked --workspace
	OPENTRAIL_BINARY="$(abspath $(TARGET_DIR))/debug/opentrail" $(VENV)/bin/python -m pytest tests/e2e $(PYTEST_ARGS)

.PHONY: check
check: tools venv ## formatting, lints, documentation, licences, drift of graph and catalog
	cargo fmt --all --check
	cargo xtask graph tidy licences
	$(VENV)/bin/python catalog/generate.py --check
	@if command -v cargo-deny >/dev/null 2>&1; then cargo deny --offline check bans licenses sources; fi
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo check --locked --manifest-path fuzz/Cargo.toml --no-default-features --bins --target-dir "$(TARGET_DIR)"
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items --quiet

.PHONY: bench
bench: tools bench-gateway bench-history bench-selectors bench-delivery bench-visible ## measure the gateway against nginx, the history against DuckDB and ClickHouse

.PHONY: bench-gateway
bench-gateway: tools ## the gateway alone; needs Debian's nginx-light, wrk and curl
	$(BUILD_RELEASE) -p opentrail-server
	OPENTRAIL_BINARY="$(abspath $(TARGET_DIR))/release/opentrail" python3 bench/gateway.py $(ARGS)

.PHONY: bench-history
bench-history: tools ## the history alone; make bench-history HISTORY_ARGS='--events 10000000'
	$(BUILD_RELEASE) -p opentrail-server -p opentrail-workload
	CARGO_TARGET_DIR="$(abspath $(TARGET_DIR))" python3 bench/history.py $(HISTORY_ARGS)

.PHONY: bench-delivery
bench-delivery: tools venv ## how long from a call to its log file, and what a trail costs; needs nginx-light and wrk
	$(BUILD_RELEASE) -p opentrail-server
	OPENTRAIL_BINARY="$(abspath $(TARGET_DIR))/release/opentrail" $(VENV)/bin/python bench/delivery.py $(ARGS)

.PHONY: bench-visible
bench-visible: tools venv ## how long from a call to its event under full load; needs nginx-light and wrk
	$(BUILD_RELEASE) -p opentrail-server -p opentrail-workload
	OPENTRAIL_BINARY="$(abspath $(TARGET_DIR))/release/opentrail" $(VENV)/bin/python bench/visible.py $(ARGS)

.PHONY: bench-segments
bench-segments: tools venv ## what segments in an S3 server on loopback cost; make bench-segments ARGS='--events 10000000'
	$(BUILD_RELEASE) -p opentrail-server -p opentrail-workload
	CARGO_TARGET_DIR="$(abspath $(TARGET_DIR))" $(VENV)/bin/python bench/segments.py $(ARGS)

.PHONY: bench-selectors
bench-selectors: tools ## decisions of trails' selectors a second, on one core
	cargo run --locked --release -p opentrail-model --example selector_speed

# LLVM_PROFDATA: of an LLVM that is as new as the compiler's (rustup component add llvm-tools, or Debian's llvm-22).
LLVM_PROFDATA ?= $(firstword $(wildcard $(shell rustc --print sysroot 2>/dev/null)/lib/rustlib/*/bin/llvm-profdata /usr/lib/llvm-$(LLVM_MAJOR)/bin/llvm-profdata) llvm-profdata)
INSTRUMENTED := $(abspath $(TARGET_DIR))/instrumented
.PHONY: profile
profile: tools venv ## count again what release builds are laid out for; needs nginx-light, wrk and llvm-profdata
	rm -rf "$(INSTRUMENTED)/counts"
	RUSTFLAGS="-Cprofile-generate=$(INSTRUMENTED)/counts" cargo build --locked --release --target-dir "$(INSTRUMENTED)" -p opentrail-server -p opentrail-workload
	$(VENV)/bin/python bench/training.py "$(INSTRUMENTED)/release"
	"$(LLVM_PROFDATA)" merge --sparse -o $(PROFILE) "$(INSTRUMENTED)"/counts/*.profraw

.PHONY: fuzz
fuzz: tools ## run each fuzz target for SECONDS=30; needs a nightly compiler and cargo-fuzz
	@fuzz/run-all "$(SECONDS)"

.PHONY: venv
venv: ## the Python environment of the tests, made once for each requirements file
	@tests/e2e/prepare-venv "$(VENV)"

.PHONY: clean
clean: ## remove what was built, never the data folder
	rm -rf target fuzz/target $(VENV) .venv-bench

# Says what is missing and how to get it, before anything fails half-way.
.PHONY: tools
tools:
	@command -v cargo >/dev/null 2>&1 || { \
	  echo "cargo is missing. Install Rust 1.95 or newer with rustup: see rust-lang.org, 'Install Rust'." >&2; exit 1; }
	@command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || command -v clang >/dev/null 2>&1 || { \
	  echo "A C compiler is missing. On Debian or Ubuntu: sudo apt-get install build-essential" >&2; exit 1; }
