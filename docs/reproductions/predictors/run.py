"""Splits the reference tables and runs `panarch predictor` on them; writes tables.csv and transfer.csv beside this file.

python3 docs/reproductions/predictors/run.py DATA PANARCH [SEEDS]: the folder of the reference data, the program, splits each.
"""
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile

DATA, PANARCH = pathlib.Path(sys.argv[1]), sys.argv[2]
SEEDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
# Models were compared on other seeds before.
FIRST = 2001
HERE = pathlib.Path(__file__).parent
FIGURES = ["rmse", "mape", "within_5", "within_10", "spearman", "kendall", "coverage", "rows", "skipped"]
ANB = ["latency_zcu102", "latency_vck190", "throughput_a100", "throughput_3090", "throughput_tpuv2", "throughput_tpuv3"]
TABLES = [
    ("ofa-mbv3-w1.0", "ofa/ofa_mbv3w10_imagenet_top1.csv", 1000, ["top1"]),
    ("compofa-elastic", "ofa/compofa_elastic_imagenet_top1.csv", 1000, ["top1"]),
    ("mnasnet-anb-table", "anb/accelnasbench.csv", 900, ANB),
    ("ofa-mbv3-w1.0", "ofa/mbv3_gpu_latency_ms.csv", 900, ["titan_rtx_64", "titan_rtx_1", "2080ti_1", "2080ti_32"]),
    ("nas-bench-201", "nb201/latency_ms.csv", 900, ["pixel3", "1080ti_1", "silver_4114"]),
]


def panarch(*arguments):
    answer = subprocess.run([PANARCH, "predictor", *arguments, "--format", "json"], capture_output=True, text=True)
    if answer.returncode:
        sys.exit(answer.stderr)
    return json.loads(answer.stdout)


def split(source, count, seed, folder):
    """Draws rows to train on; networks that repeat stay on one side, since evaluate trains on none that it tests."""
    head, *lines = (DATA / source).read_text().splitlines()
    random.Random(seed).shuffle(lines)
    files = [folder / "train.csv", folder / "test.csv"]
    for file, part in zip(files, [lines[:count], lines[count:]]):
        file.write_text("\n".join([head, *part]) + "\n")
    return files


def evaluate():
    for space, source, count, targets in TABLES:
        for seed in range(FIRST, FIRST + SEEDS):
            with tempfile.TemporaryDirectory() as folder:
                train, test = split(source, count, seed, pathlib.Path(folder))
                for target in targets:
                    found = panarch("evaluate", "--space", space, "--train", train, "--test", test, "--target", target)
                    row = [source, target, seed, found["training_rows"], found["model"], found["transform"]]
                    yield row + [found[figure] for figure in FIGURES]


def transfer():
    source = DATA / "nb201/latency_ms.csv"
    devices = [column for column in source.open().readline().strip().split(",") if not column.startswith(("idx", "e0", "e1", "e2"))]
    for target in devices:
        known = ",".join(device for device in devices if device != target)
        found = panarch("transfer", "--space", "nas-bench-201", "--table", source, "--target", target, "--known", known,
                        "--measurements", "10", "--seeds", "20")
        yield [target, found["spearman"], found["worst"]]


def summary(rows):
    """Mean over the splits, and their standard deviation, of the figures of each column."""
    for key in dict.fromkeys((row[0], row[1]) for row in rows):
        of = [row for row in rows if (row[0], row[1]) == key]
        cells = []
        for figure in ("within_10", "spearman", "rmse", "coverage"):
            values = [row[6 + FIGURES.index(figure)] for row in of]
            mean = sum(values) / len(values)
            spread = (sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)) ** 0.5
            cells.append(f"{mean:.4g} ± {spread:.2g}")
        print("|", key[1], "|", ", ".join(dict.fromkeys(row[4] for row in of)), "|", " | ".join(cells), "|")


for name, header, rows in [
    ("tables.csv", ["table", "target", "split", "training_rows", "model", "transform", *FIGURES], evaluate()),
    ("transfer.csv", ["target", "mean_spearman", "worst_spearman"], transfer()),
]:
    with (HERE / name).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        done = []
        for row in rows:
            writer.writerow(row)
            file.flush()
            done.append(row)
    if name == "tables.csv":
        summary(done)
    else:
        mean = sum(row[1] for row in done) / len(done)
        worst = min(done, key=lambda row: row[1])
        print(f"transfer: mean {mean:.4f} over {len(done)} devices, worst {worst[0]} {worst[1]:.4f}")
