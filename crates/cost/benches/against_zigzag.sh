#!/bin/sh
# Mapping MobileNetV2 onto ZigZag's Edge-TPU-like machine: ours and, beside it, ZigZag's LOMA.
#
#   PANARCH_ZIGZAG_PYTHON=PYTHON crates/cost/benches/against_zigzag.sh
#
# PYTHON has zigzag-dse installed; without it only ours runs. Both work on one thread. The peer also lets ZigZag's own cost
# model count our mappings. LPF (default 4) bounds LOMA's loops; ROUNDS (default 3) repeats ours. Nothing else should run.
set -eu
here=$(realpath "$(dirname "$0")")
cd "$here/../../.."
rounds=${ROUNDS:-3}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
sed -n 's/^model name[^:]*: /processor: /p' /proc/cpuinfo 2>/dev/null | head -n 1
echo "panarch $(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml), $(rustc --version)"
cargo build --quiet --release --package panarch-cost --example map_network
target=${CARGO_TARGET_DIR:-target}
round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    "$target/release/examples/map_network" mobilenet-v2 >"$out"
    tail -n 1 "$out"
done
if [ -z "${PANARCH_ZIGZAG_PYTHON:-}" ]; then
    echo "set PANARCH_ZIGZAG_PYTHON to a Python with zigzag-dse to run ZigZag beside it" >&2
    exit 0
fi
"$PANARCH_ZIGZAG_PYTHON" "$here/zigzag_peer.py" "$out" "${LPF:-4}"
