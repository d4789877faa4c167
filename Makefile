# Two commands do all the set-up: `make demo` and `make test`. Each installs what is missing first and
# says what and why.

CARGO ?= cargo
export CARGO_TERM_COLOR ?= auto
# Tests that need the ring of three add it themselves (tests/servers/README.md).
TEST_SERVERS := cassandra redis redis-cluster s3 toxiproxy promtool

.PHONY: help demo test check bench eval doc fmt setup setup-test clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## Install what building and running need (FFmpeg's libraries).
	@scripts/install build

setup-test: ## Install what the tests need besides (ffmpeg, Chromium and its driver, what servers run on).
	@scripts/install build test

demo: setup ## Build and run with demo content on http://127.0.0.1:8080 (DEMO_ARGS adds arguments).
	$(CARGO) build --release --locked
	./target/release/vitrine demo $(DEMO_ARGS)

test: setup-test ## The whole suite, with the real servers it needs (started on free ports, and ended).
	scripts/test-servers fetch
	python3 tests/servers/checks.py
	scripts/test-servers run $(TEST_SERVERS) -- $(CARGO) test --locked --no-fail-fast

check: setup-test ## What the gate asks for besides the tests: format, lints, documentation.
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --locked --no-deps --document-private-items

bench: setup-test ## All benches; results belong into benches/README.md.
	$(CARGO) bench --locked

eval: setup ## Judge the ranking over a folder of recorded watching: make eval DATA=DIR [SPLIT=test].
	@test -n "$(DATA)" || { echo "make eval DATA=DIR: a folder with a manifest.json (README: Judging the ranking)"; exit 2; }
	$(CARGO) build --release --locked
	./target/release/vitrine eval topk --data $(DATA) --split $(or $(SPLIT),test) --report $(or $(REPORT),target/eval)
	./target/release/vitrine eval live --data $(DATA) --split $(or $(SPLIT),test) --report $(or $(REPORT),target/eval)
	./target/release/vitrine eval progressive --data $(DATA) --report $(or $(REPORT),target/eval)

fmt: ## Format the source.
	$(CARGO) fmt

clean: ## Remove build results (not your data).
	$(CARGO) clean
