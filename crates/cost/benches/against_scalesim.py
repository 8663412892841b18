"""SCALE-Sim and `panarch cost` on the same files; see against_scalesim.sh.

    against_scalesim.py PANARCH [TOPOLOGY.csv CONFIGURATION.cfg]
"""

import contextlib
import csv
import importlib.metadata
import io
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time

# One thread: numpy must be told before it is imported.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

from scalesim.scale_sim import scalesim

CONVOLUTIONS = """Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
stem, 33, 33, 3, 3, 3, 16, 2,
DP_depthwise, 18, 18, 3, 3, 6, 1, 1,
pointwise, 14, 14, 1, 1, 24, 40, 1,
uneven, 20, 14, 5, 3, 4, 9, 3,
linear, 1, 1, 1, 1, 120, 50, 1,
"""

CONFIGURATION = """[general]
run_name = against

[architecture_presets]
ArrayHeight: {rows}
ArrayWidth: {columns}
IfmapSramSzkB: 64
FilterSramSzkB: 64
OfmapSramSzkB: 64
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Bandwidth: 10
Dataflow: {dataflow}
ReadRequestBuffer: 32
WriteRequestBuffer: 32

[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2

[sparsity]
SparsitySupport: false

[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def theirs(topology, configuration, folder):
    """Cycles, overall utilisation and mapping efficiency of every layer, and seconds of processor time.

    The command line of SCALE-Sim writes the trace of every access to disk whatever it is told; its classes do not.
    """
    with open(topology, encoding="utf-8") as file:
        header = [field.strip().lower() for field in file.readline().split(",")]
    # It insists on a layout, and never looks at it while custom layouts are off.
    layout = os.path.join(folder, "layout.csv")
    with open(layout, "w", encoding="utf-8") as file:
        file.write("Layer name,\n")
    begin = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        simulation = scalesim(
            save_disk_space=True,
            verbose=False,
            config=configuration,
            topology=topology,
            layout=layout,
            input_type_gemm=header[1:4] == ["m", "n", "k"],
        )
        simulation.run_scale(top_path=folder)
    seconds = time.process_time() - begin
    items = [layer.get_compute_report_items() for layer in simulation.runner.single_layer_sim_object_list]
    return [(int(cycles) - int(stalls), util, mapping) for _, cycles, stalls, util, mapping, _ in items], seconds


def ours(panarch, topology, configuration):
    """The same of ours, depthwise layers repeated as SCALE-Sim does; seconds of the whole process."""
    used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    begin = used()
    command = [panarch, "cost", "--scalesim-topology", topology, "--scalesim-config", configuration, "--format", "csv"]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    seconds = used() - begin
    layers = []
    for row in csv.DictReader(io.StringIO(text)):
        layer = (int(row["compute_cycles"]), float(row["overall_util"]), float(row["mapping_eff"]))
        layers += [layer] * int(row["repeats"])
    return layers, seconds


def cases(folder):
    """Small layers and random products on arrays that are not square, in all three dataflows."""
    draw = random.Random(1)
    for dataflow in ("ws", "os", "is"):
        for index in range(3):
            rows, columns = draw.choice([(12, 8), (7, 16), (1, 9), (16, 3), (24, 16)])
            topology = os.path.join(folder, f"{dataflow}{index}.csv")
            configuration = os.path.join(folder, f"{dataflow}{index}.cfg")
            with open(topology, "w", encoding="utf-8") as file:
                if index == 0:
                    file.write(CONVOLUTIONS)
                else:
                    file.write("Layer,M,N,K,\n")
                    for product in range(8):
                        m, n, k = (draw.randint(1, 90) for _ in range(3))
                        file.write(f"product{product},{m},{n},{k},\n")
            with open(configuration, "w", encoding="utf-8") as file:
                file.write(CONFIGURATION.format(rows=rows, columns=columns, dataflow=dataflow))
            what = "convolutions" if index == 0 else "products"
            yield f"{what}, {rows}x{columns} {dataflow}", topology, configuration


def processor():
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main():
    panarch, *files = sys.argv[1:]
    version = subprocess.run([panarch, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    packages = [f"{name} {importlib.metadata.version(name)}" for name in ("scalesim", "numpy")]
    print(", ".join([version, *packages, f"Python {platform.python_version()}", processor(), "one thread"]))
    layers, worst, times = 0, [0, 0.0, 0.0], [0.0, 0.0]
    with tempfile.TemporaryDirectory() as folder:
        for name, topology, configuration in [(files[0], *files)] if files else cases(folder):
            peer, peer_seconds = theirs(topology, configuration, folder)
            own, own_seconds = ours(panarch, topology, configuration)
            if len(peer) != len(own):
                sys.exit(f"{name}: {len(peer)} layers of SCALE-Sim, {len(own)} of ours")
            for a, b in zip(peer, own):
                worst = [max(most, abs(x - y)) for most, x, y in zip(worst, a, b)]
            layers += len(own)
            times = [times[0] + peer_seconds, times[1] + own_seconds]
            cycles = [sum(layer[0] for layer in side) for side in (peer, own)]
            print(f"{name}: {len(own)} layers, {cycles[0]} cycles of SCALE-Sim, {cycles[1]} of ours")
    print(f"largest difference over {layers} layers: {worst[0]} cycles, "
          f"{worst[1]:.1e} in overall utilisation, {worst[2]:.1e} in mapping efficiency (per cent)")
    print(f"processor seconds: {times[0]:.3f} of SCALE-Sim without starting Python, {times[1]:.3f} of ours with starting it")
    sys.exit(1 if worst[0] > 0 or max(worst[1:]) > 1e-9 else 0)


main()
