# What a newcomer runs. Everything else is `cargo xtask help` and `panarch --help`.

PANARCH := cargo run --quiet --release --locked --package panarch --
JOB := examples/fashion-mnist.toml

.DEFAULT_GOAL := help
.PHONY: help demo smoke test check bench docs require require-demo

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1|/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-6s %s\n' "$$name" "$$text"; done

demo: require-demo ## one network for four devices, searched on Fashion-MNIST (about 10 minutes on two cores)
	cargo build --release --locked --package panarch
	$(PANARCH) data fetch fashion-mnist
	$(PANARCH) run $(JOB)

smoke: require ## the same on a few generated pictures: no dataset, a minute after the build
	cargo build --locked --package panarch
	cargo run --quiet --locked --package panarch -- data generate runs/smoke/pictures
	cargo run --quiet --locked --package panarch -- run examples/smoke.toml

test: require ## all tests; needs only cargo and a C compiler, uses cargo-nextest where it is installed
	cargo xtask test

check: require ## what must hold before a change lands: format, clippy, tests, tidy, cargo-deny
	cargo xtask check

bench: require ## the benchmarks
	cargo bench --locked --workspace --benches

docs: ## the reference pages of run files and commands, made anew from the code
	cargo xtask docs

require:
	@.ci/require

require-demo:
	@.ci/require demo
