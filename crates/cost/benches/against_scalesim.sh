#!/bin/sh
# Compute cycles of an installed SCALE-Sim against `panarch cost` on the same files, layer by layer. Fails if any differs.
#
#   PANARCH_SCALESIM_PYTHON=venv/bin/python crates/cost/benches/against_scalesim.sh [TOPOLOGY.csv CONFIGURATION.cfg]
#
# PANARCH_SCALESIM_PYTHON (default python3) has SCALE-Sim: pip install scalesim==3.0.0 'numpy<2.3' (it crashes with newer
# ones). Without files, a few small layers and random products run in a minute; SCALE-Sim simulates some thousand cycles a
# second, so that MobileNetV2 takes it minutes. PANARCH names a binary that is built already.
set -eu
python=${PANARCH_SCALESIM_PYTHON:-python3}
driver=$(realpath "$(dirname "$0")/against_scalesim.py")
root=$(realpath "$(dirname "$0")/../../..")
"$python" -c 'import scalesim' 2>/dev/null || {
    echo "$python has no scalesim: pip install scalesim==3.0.0 'numpy<2.3', and name that Python in PANARCH_SCALESIM_PYTHON" >&2
    exit 3
}
if [ -z "${PANARCH:-}" ]; then
    (cd "$root" && cargo build --quiet --release --package panarch)
    PANARCH=$(cd "$root" && realpath "${CARGO_TARGET_DIR:-target}/release/panarch")
fi
exec "$python" "$driver" "$PANARCH" "$@"
