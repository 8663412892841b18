# What a newcomer runs. Everything else is `cargo xtask help` and `panarch --help`.

PANARCH := cargo run --quiet --release --locked --package panarch --
JOB := examples/fashion-mnist.toml

.DEFAULT_GOAL := help
.PHONY: help demo test check bench require

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1|/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-6s %s\n' "$$name" "$$text"; done

demo: require ## one network for four devices, searched on Fashion-MNIST (about 10 minutes on two cores)
	cargo build --release --locked --package panarch
	$(PANARCH) data fetch fashion-mnist
	$(PANARCH) run $(JOB)

test: require ## all tests; needs only cargo and a C compiler, uses cargo-nextest where it is installed
	cargo xtask test

check: require ## what must hold before a change lands: format, clippy, tests, tidy, cargo-deny
	cargo xtask check

bench: require ## the benchmarks
	cargo bench --locked --workspace --benches

require:
	@.ci/require
