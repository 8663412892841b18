"""What no predictor can know of Once-for-All's latencies on two cards; writes noise.csv beside this file.

python3 docs/reproductions/predictors/noise.py DATA: the folder of the reference data.

Least squares in the choices and their products with the area of the images, on all rows. What is left is noise as far as it
has nothing to do with the network: as far as it is not what is left on the other card or at another batch size, and as far
as it is like that of the row before, which is another network.
"""
import csv
import math
import pathlib
import sys

DATA = pathlib.Path(sys.argv[1])
COLUMNS = ["2080ti_1", "2080ti_32", "2080ti_64", "titan_rtx_1", "titan_rtx_32", "titan_rtx_64"]


def features(row):
    """Positions of what a network has, each with 1, and shifted with the area."""
    numbers, names = [0], iter(range(1, 1000))
    for stage in range(5):
        depth = int(row[f"d{stage}"])
        for value in (3, 4):
            position = next(names)
            if depth == value:
                numbers.append(position)
        for block in range(4):
            for prefix, values in (("ks", (5, 7)), ("e", (4, 6))):
                for value in values:
                    position = next(names)
                    if block < depth and int(row[f"{prefix}{4 * stage + block}"]) == value:
                        numbers.append(position)
    area = (int(row["r"]) / 224) ** 2
    return [(2 * number, 1.0) for number in numbers] + [(2 * number + 1, area) for number in numbers]


def solve(matrix, right):
    """Gaussian elimination of a positive definite system."""
    size = len(right)
    for i in range(size):
        for j in range(i + 1, size):
            factor = matrix[j][i] / matrix[i][i]
            if factor:
                matrix[j] = [a - factor * b for a, b in zip(matrix[j], matrix[i])]
                right[j] -= factor * right[i]
    for i in reversed(range(size)):
        right[i] = (right[i] - sum(matrix[i][j] * right[j] for j in range(i + 1, size))) / matrix[i][i]
    return right


def correlation(a, b):
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    product = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b))
    return product / math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))


def left(rows, values):
    """Logarithms of values over what the sum says, fitted to relative errors."""
    size = 1 + max(number for row in rows for number, _ in row)
    matrix, right = [[1e-6 * (i == j) for j in range(size)] for i in range(size)], [0.0] * size
    for row, value in zip(rows, values):
        for number, x in row:
            right[number] += x / value
            target = matrix[number]
            for other, y in row:
                target[other] += x * y / value**2
    terms = solve(matrix, right)
    return [math.log(value / max(sum(terms[number] * x for number, x in row), 1e-3 * value)) for row, value in zip(rows, values)]


with (DATA / "ofa/mbv3_gpu_latency_ms.csv").open() as file:
    table = list(csv.DictReader(file))
rows = [features(row) for row in table]
rest = {column: left(rows, [float(row[column]) for row in table]) for column in COLUMNS}
with (pathlib.Path(__file__).parent / "noise.csv").open("w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["column", "spread", "within_10", "row_before", *COLUMNS])
    for column in COLUMNS:
        errors = rest[column]
        spread = math.sqrt(sum(error**2 for error in errors) / len(errors))
        within = 100 * sum(abs(math.expm1(-error)) <= 0.1 for error in errors) / len(errors)
        others = [correlation(errors, rest[other]) for other in COLUMNS]
        writer.writerow([column, *(round(figure, 3) for figure in [spread, within, correlation(errors[1:], errors[:-1]), *others])])
