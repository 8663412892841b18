"""Our estimates of networks on Ethos-U beside those of the vendor's compiler, as rows of a table.

    against_vela.py PANARCH VELA FOLDER NETWORK[@PIXELS] ... > rows.csv

NETWORK is a name of `panarch network list` or an ONNX file. The compiler is asked with the arguments of devices/*.toml; its
answers are kept in FOLDER, so that a run that was cut goes on. The tables named.csv, sizes.csv and imported.csv of
docs/reproductions/vela hold such rows.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tomllib

DEVICES = ["ethos-u55-128", "ethos-u55-256", "ethos-u65-512", "ethos-u85-1024"]
ROOT = pathlib.Path(__file__).resolve().parents[3]


def profile(device):
    return tomllib.loads((ROOT / "devices" / f"{device}.toml").read_text())


def cycles(vela, model, device, folder):
    """What the compiler estimates for a file: the sum over its operators."""
    out = folder / model.stem / device
    found = list(out.glob("*_per-layer.csv"))
    if not found:
        arguments = profile(device).get("command", profile("ethos-u55-256")["command"])["arguments"][1:]
        arguments = [it.replace("{tflite}", str(model)).replace("{out}", str(out)) for it in arguments]
        if "command" not in profile(device):
            arguments[arguments.index("ethos-u55-256")] = device
        subprocess.run([vela, *arguments], check=True, stdout=sys.stderr)
        found = list(out.glob("*_per-layer.csv"))
    with open(found[0], newline="") as rows:
        return sum(float(row["Op Cycles"]) for row in csv.DictReader(rows))


def main():
    panarch, vela, folder, *networks = sys.argv[1:]
    folder = pathlib.Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["device", "network", "pixels", "vela_cycles", "vela_ms", "analytic_ms"])
    for network in networks:
        name, _, pixels = network.partition("@")
        sized = ["--resolution", pixels] if pixels else []
        model = folder / f"{pathlib.Path(name).stem}@{pixels or 'native'}.tflite"
        if not model.exists():
            command = [panarch, "network", "export", name, *sized, "--output", model]
            subprocess.run(command, check=True, stdout=sys.stderr)
        command = [panarch, "cost", "--network", name, *sized, "--model", "analytic", "--format", "json"]
        answers = json.loads(subprocess.check_output([*command, "--device", ",".join(DEVICES)]))
        for answer in answers:
            device = answer["device"]
            theirs = cycles(vela, model, device, folder)
            theirs_ms = theirs / float(profile(device)["ethos_u"]["frequency_hz"]["value"]) * 1e3
            ours_ms = answer["latency_s"]["value"] * 1e3
            row = [device, pathlib.Path(name).stem, pixels, f"{theirs:.0f}", f"{theirs_ms:.6f}", f"{ours_ms:.6f}"]
            table.writerow(row)


if __name__ == "__main__":
    main()
