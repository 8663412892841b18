#!/bin/sh
# The training throughput benchmark against PyTorch's on the same network, in turn (A B C A B C): ours, eager PyTorch, and
# PyTorch through torch.compile; and the ratio of the medians for each of the two.
#
#   crates/nn/benches/against_pytorch.sh [PYTHON]
#
# PYTHON (default python3) has torch installed; torch.compile also wants a C++ compiler, and is left out with a line where it
# fails. All print their peak resident memory. From the environment come THREADS (default 2), SECONDS_A_WINDOW (default 6),
# ROUNDS (default 2), NETWORK (reference, macro or residual), SIDE (pixels, default 32), and AVX2_ONLY=1, which keeps all of
# them from AVX-512. Nothing else should run.
set -eu
python=${1:-python3}
cd "$(dirname "$0")/../../.."
benches=crates/nn/benches
threads=${THREADS:-2}
seconds=${SECONDS_A_WINDOW:-6}
rounds=${ROUNDS:-2}
network=${NETWORK:-reference}
side=${SIDE:-32}
features=
if [ "${AVX2_ONLY:-}" ]; then
    features="--features without-avx512"
    export ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
peer() {
    "$python" "$benches/peak_memory.py" "$python" "$benches/pytorch_peer.py" --network "$network" --side "$side" \
        --threads "$threads" --seconds "$seconds" "$@"
}
# shellcheck disable=SC2086
cargo bench --quiet --package panarch-nn $features --bench training_throughput --no-run
round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    # shellcheck disable=SC2086
    NETWORK=$network SIDE=$side THREADS=$threads SECONDS=$seconds \
        cargo bench --quiet --package panarch-nn $features --bench training_throughput | tee -a "$out"
    peer | tee -a "$out"
    peer --compile | tee -a "$out" || echo "torch.compile failed here: eager mode only" >&2
done
# Lines hold "NUMBER img/s"; ours begin with the crate's name.
sed -n 's/^\([a-z-]*\).* \([0-9.]*\) img\/s.*/\1 \2/p' "$out" | awk '
    { rates[$1, ++count[$1]] = $2 }
    function median(name,   i, j, t, n, v) {
        n = count[name]
        for (i = 1; i <= n; i++) v[i] = rates[name, i]
        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
        return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    END {
        if (!count["panarch-nn"] || !count["torch-eager"]) { print "a run printed no rate" > "/dev/stderr"; exit 1 }
        for (name in count) if (name != "panarch-nn")
            printf "panarch-nn over %s, ratio of the medians: %.2f (%d and %d runs)\n", name,
                median("panarch-nn") / median(name), count["panarch-nn"], count[name]
    }'
