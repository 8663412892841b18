"""Writes tests/it/golden/scalesim_accesses.csv: the accesses that SCALE-Sim 3.0.0 counts for small layers.

    python crates/cost/benches/scalesim_accesses.py > crates/cost/tests/it/golden/scalesim_accesses.csv

Its Python needs scalesim==3.0.0 and 'numpy<2.3'. Takes some minutes on one core. Every row is one layer on one array: a
convolution (height, width, kernel height, kernel width, channels, filters, stride; SCALE-Sim knows no padding, so that
images are as large as padded ones) or a product (m, n, k), and the three counts of DETAILED_ACCESS_REPORT.
"""

import contextlib
import io
import os
import random
import tempfile

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

from scalesim.scale_sim import scalesim

CONVOLUTION = "Layer,IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,Num Filter,Strides,\n"
PRODUCT = "Layer,M,N,K,\n"
CONFIGURATION = """[general]
run_name = accesses

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


def run(dataflow, rows, columns, layers):
    """The three counts of every layer of one kind on one array."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("topology.csv", "array.cfg", "layout.csv")]
        topology, configuration, layout = paths
        products = len(layers[0]) == 3
        with open(topology, "w", encoding="utf-8") as file:
            file.write(PRODUCT if products else CONVOLUTION)
            for index, layer in enumerate(layers):
                file.write(f"layer{index},{','.join(map(str, layer))},\n")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(rows=rows, columns=columns, dataflow=dataflow))
        # It insists on a layout, and never looks at it while custom layouts are off.
        with open(layout, "w", encoding="utf-8") as file:
            file.write("Layer name,\n")
        with contextlib.redirect_stdout(io.StringIO()):
            simulation = scalesim(
                save_disk_space=True,
                verbose=False,
                config=configuration,
                topology=topology,
                layout=layout,
                input_type_gemm=products,
            )
            simulation.run_scale(top_path=folder)
        for layer, simulated in zip(layers, simulation.runner.single_layer_sim_object_list):
            items = simulated.get_detail_report_items()
            counts = [int(items[position]) for position in (2, 5, 8)]
            print(dataflow, rows, columns, " ".join(map(str, layer)), *counts, sep=",", flush=True)


def main():
    draw = random.Random(3)
    print("dataflow,rows,columns,layer,ifmap_reads,filter_reads,ofmap_writes")
    for dataflow in ("os", "ws", "is"):
        for rows, columns in ((8, 8), (16, 5), (3, 17), (1, 9), (12, 1), (32, 32)):
            convolutions = []
            while len(convolutions) < 4:
                kernel = (draw.randint(1, 5), draw.randint(1, 5))
                stride = draw.randint(1, 3)
                image = tuple(side + draw.randint(0, 9) for side in kernel)
                convolutions.append((*image, *kernel, draw.randint(1, 12), draw.randint(1, 40), stride))
            run(dataflow, rows, columns, convolutions)
            run(dataflow, rows, columns, [tuple(draw.randint(1, 90) for _ in range(3)) for _ in range(4)])
        # 3x3, 256 to 256 channels on 14x14 positions, padded by one.
        run(dataflow, 64, 64, [(16, 16, 3, 3, 256, 256, 1)])


main()
