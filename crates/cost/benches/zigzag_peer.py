"""ZigZag's LOMA on its own MobileNetV2 and Edge-TPU-like machine, and its cost model on the mappings of a CSV file.

    zigzag_peer.py MAPPINGS.csv [LPF_LIMIT]

MAPPINGS.csv is what the example `map_network` prints for mobilenet-v2. Needs zigzag-dse.
"""

import importlib.metadata
import logging
import pathlib
import sys
import tempfile
import time

import zigzag
from zigzag.api import get_hardware_performance_zigzag
from zigzag.cost_model.cost_model import CostModelEvaluation
from zigzag.datatypes import LayerDim, LayerOperand
from zigzag.mapping.temporal_mapping import TemporalMapping, TemporalMappingType

NAMES = {
    "batch": "B",
    "group": "G",
    "output_channel": "K",
    "input_channel": "C",
    "output_row": "OY",
    "output_column": "OX",
    "kernel_row": "FY",
    "kernel_column": "FX",
}


def search(lpf_limit):
    """The layers' evaluations, cycles and seconds of LOMA."""
    inputs = pathlib.Path(zigzag.__file__).parent / "inputs"
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        _, cycles, evaluations = get_hardware_performance_zigzag(
            str(inputs / "workload/mobilenetv2.onnx"),
            str(inputs / "hardware/edge_tpu_like.yaml"),
            str(inputs / "mapping/edge_tpu_like.yaml"),
            opt="latency",
            lpf_limit=lpf_limit,
            dump_folder=folder,
            pickle_filename=folder + "/evaluations.pickle",
            loma_show_progress_bar=False,
        )
        seconds = time.perf_counter() - start
    return [layer for layer, _ in evaluations[0][1]], cycles, seconds


def count(columns, row, theirs):
    """ZigZag's cycles of one of our mappings."""
    loops = (loop.split(":") for loop in row[columns.index("order")].split())
    order = [(LayerDim(NAMES[name]), int(size)) for name, size in loops]
    levels = {}
    for operand, column in (("W", "weight_cuts"), ("I", "input_cuts"), ("O", "output_cuts")):
        start, held = 0, []
        for cut in map(int, row[columns.index(column)].split()):
            cut = max(cut, start)
            held.append(order[start:cut])
            start = cut
        levels[LayerOperand(operand)] = held
    evaluation = CostModelEvaluation(
        accelerator=theirs.accelerator,
        layer=theirs.layer,
        spatial_mapping=theirs.spatial_mapping,
        spatial_mapping_int=theirs.spatial_mapping_int,
        temporal_mapping=TemporalMapping(levels, theirs.layer, TemporalMappingType.UNEVEN),
    )
    return evaluation.latency_total2


def main():
    logging.disable(logging.WARNING)
    lpf_limit = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    lines = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    columns = lines[0].split(",")
    rows = [line.split(",") for line in lines[1:-1]]
    layers, cycles, seconds = search(lpf_limit)
    version = importlib.metadata.version("zigzag-dse")
    print(f"zigzag-dse {version}, Python {sys.version.split()[0]}")
    print(f"LOMA with lpf_limit {lpf_limit}: {cycles:.0f} cycles, mapped in {seconds:.1f} s")
    if len(layers) != len(rows):
        sys.exit(f"ZigZag sees {len(layers)} layers, the file has {len(rows)}")
    counted = sum(count(columns, row, theirs) for row, theirs in zip(rows, layers))
    print(f"our mappings as ZigZag's cost model counts them: {counted:.0f} cycles")


if __name__ == "__main__":
    main()
