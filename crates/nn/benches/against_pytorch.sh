#!/bin/sh
# The training throughput benchmark against PyTorch's on the same network, in turn (A B A B), and the ratio of the medians.
#
#   crates/nn/benches/against_pytorch.sh PEER.py [PYTHON]
#
# Both print their peak resident memory.
#
# PEER.py prints "… NUMBER img/s …" for `f32 nhwc THREADS SECONDS`; PYTHON (default python3) has torch installed.
# THREADS (default 2), SECONDS_A_WINDOW (default 6) and ROUNDS (default 2) come from the environment. Nothing else should run.
set -eu
peer=$(realpath "$1")
python=${2:-python3}
memory=$(realpath "$(dirname "$0")/peak_memory.py")
cd "$(dirname "$0")/../../.."
threads=${THREADS:-2}
seconds=${SECONDS_A_WINDOW:-6}
rounds=${ROUNDS:-2}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
cargo bench --quiet --package panarch-nn --bench training_throughput --no-run
round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    THREADS=$threads SECONDS=$seconds cargo bench --quiet --package panarch-nn --bench training_throughput | tee -a "$out"
    "$python" "$memory" "$python" "$peer" f32 nhwc "$threads" "$seconds" | tee -a "$out"
done
# Lines hold "NUMBER img/s"; ours begin with the crate's name.
sed -n 's/^\([a-z-]*\).* \([0-9.]*\) img\/s.*/\1 \2/p' "$out" | awk '
    $1 == "panarch-nn" { ours[++a] = $2; next }
    { theirs[++b] = $2 }
    function median(v, n,   i, j, t) {
        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
        return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    END { if (a && b) printf "ratio of the medians: %.2f (%d and %d runs)\n", median(ours, a) / median(theirs, b), a, b
          else { print "a run printed no rate" > "/dev/stderr"; exit 1 } }'
