# What a newcomer runs. Everything else is `cargo xtask help` and `panarch --help`.

PANARCH := cargo run --quiet --release --locked --package panarch --
JOB := examples/fashion-mnist.toml

.DEFAULT_GOAL := help
.PHONY: help demo smoke test check bench docs tables require require-demo

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

MEM := $(PANARCH) space mem --format csv
COMPARED := isynet ofa-resnet50 edgetpu multi-hardware ofa-mbv3-w1.0

tables: ## the tables behind the pages as far as they are only computed, and the pages (some minutes)
	for page in analytic-model published-latencies matrix-efficiency; do \
		$(PANARCH) reproduce $$page --output docs/reproductions/$$page || exit 1; done
	$(MEM) > docs/concepts/matrix-efficiency/spaces.csv
	$(MEM) $(COMPARED) --samples 100 > docs/concepts/matrix-efficiency/spaces-analytic.csv
	$(MEM) $(COMPARED) --samples 100 --model cycle > docs/concepts/matrix-efficiency/spaces-cycle.csv
	$(PANARCH) network mem isynet-n0 --device edgetpu-v1 --format csv > docs/concepts/matrix-efficiency/isynet-n0.csv
	cargo xtask pages

require:
	@.ci/require

require-demo:
	@.ci/require demo
