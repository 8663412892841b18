"""Solves the problems of certificates by HiGHS, as integer programmes over decisions, and compares the optima.

    python -m venv venv && venv/bin/pip install highspy numpy
    PANARCH_CERTIFICATE=FOLDER cargo bench -p panarch-search --bench exact -- --test
    venv/bin/python crates/search/benches/against_highs.py FOLDER > docs/reproductions/exact/highs.csv

One binary variable for each state of each decision; a term over several decisions has a variable for each combination of
states, whose sums over all but one decision are that decision's variables. Nothing of the solver is used: no stages, no
multipliers, no boxes. Values are in the unit of the tables, as HiGHS computes in floating point: its answer is taken back
to whole multiples and checked against the limits.

Where no member keeps the limits, HiGHS has to say so too, and to find the same nearest value: the least of the limit that
cannot be met alone, or else the least that the largest ratio of cost to limit can be.
"""
import csv
import itertools
import json
import math
import pathlib
import sys
import time

import highspy
import numpy as np


def solve(problem, setting, goal="accuracy"):
    """The best accuracy in multiples by HiGHS, or None; and the status. For another goal, the number of a limit or "ratio",
    the least cost in multiples, or the least of the largest ratio of cost to limit, of all members."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.setOptionValue("mip_abs_gap", 1e-12)
    highs.setOptionValue("mip_feasibility_tolerance", 1e-9)
    highs.setOptionValue("primal_feasibility_tolerance", 1e-9)
    decisions = problem["decisions"]
    columns = 0

    def variable(upper, integer):
        nonlocal columns
        highs.addVar(0.0, upper)
        if integer:
            highs.changeColIntegrality(columns, highspy.HighsVarType.kInteger)
        columns += 1
        return columns - 1

    def row(low, high, terms):
        terms = [(index, value) for index, value in terms if value != 0.0]
        highs.addRow(low, high, len(terms), np.array([i for i, _ in terms], dtype=np.int32), np.array([v for _, v in terms]))

    state = []
    for it in decisions:
        allowed = {choice + 1 for choice in it["open"]} | {0}
        state.append([variable(1.0 if s in allowed else 0.0, True) for s in range(it["choices"] + 1)])
        row(1.0, 1.0, [(column, 1.0) for column in state[-1]])
    for it, own in zip(decisions, state):
        on = [(column, 1.0) for column in own[1:]]
        switches = [[(state[driver][choice + 1], -1.0) for choice in choices] for driver, choices in it["when"]]
        if len(switches) == 0:
            row(1.0, 1.0, on)
        for switch in switches:
            row(-highspy.kHighsInf, 0.0, on + switch)
        if switches:
            row(1.0 - len(switches), highspy.kHighsInf, on + [term for switch in switches for term in switch])
    sums = [dict() for _ in setting["tables"]]
    scopes = {}
    for table, sum_of in zip(setting["tables"], sums):
        for scope, values in table["factors"]:
            scope = tuple(scope)
            combinations = list(itertools.product(*[range(len(state[it])) for it in scope]))
            if scope not in scopes:
                if len(scope) == 1:
                    scopes[scope] = list(state[scope[0]])
                else:
                    scopes[scope] = [variable(1.0, False) for _ in combinations]
                    for place, it in enumerate(scope):
                        for s, column in enumerate(state[it]):
                            terms = [(z, 1.0) for z, combination in zip(scopes[scope], combinations) if combination[place] == s]
                            row(0.0, 0.0, terms + [(column, -1.0)])
            for column, value in zip(scopes[scope], values):
                sum_of[column] = sum_of.get(column, 0) + value
    scale = 10.0 ** -problem["decimals"]
    units = [1.0 / max(abs(limit["most"]), 1) for limit in problem["limits"]]
    if goal == "accuracy":
        for column, value in sums[0].items():
            highs.changeColCost(column, -value * scale)
    elif goal == "ratio":
        ratio = variable(highspy.kHighsInf, False)
        highs.changeColBounds(ratio, -highspy.kHighsInf, highspy.kHighsInf)
        highs.changeColCost(ratio, 1.0)
    else:
        for column, value in sums[1 + goal].items():
            highs.changeColCost(column, value * units[goal])
    # In units of the limit, so that the tolerance is relative.
    for limit, unit, table, sum_of in zip(problem["limits"], units, setting["tables"][1:], sums[1:]):
        terms = [(c, v * unit) for c, v in sum_of.items()]
        if goal == "accuracy":
            row(-highspy.kHighsInf, (limit["most"] - table["constant"]) * unit, terms)
        elif goal == "ratio":
            row(-highspy.kHighsInf, -table["constant"] * unit, terms + [(ratio, -1.0)])
    highs.run()
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None, "infeasible"
    if status != highspy.HighsModelStatus.kOptimal:
        return None, str(status)
    solution = highs.getSolution().col_value
    states = [max(range(len(own)), key=lambda s: solution[own[s]]) for own in state]
    exact = []
    for table in setting["tables"]:
        total = table["constant"]
        for scope, values in table["factors"]:
            index = 0
            for it in scope:
                index = index * len(state[it]) + states[it]
            total += values[index]
        exact.append(total)
    if goal == "ratio":
        return max(cost / limit["most"] for cost, limit in zip(exact[1:], problem["limits"])), "optimal"
    if goal != "accuracy":
        return exact[1 + goal], "optimal"
    kept = all(cost <= limit["most"] for cost, limit in zip(exact[1:], problem["limits"]))
    return exact[0], "optimal" if kept else "over a limit by rounding"


def nearest(problem, stated):
    """Whether HiGHS finds the nearest value, too."""
    alone = stated["alone"]
    goal = stated["limit"] if alone else "ratio"
    least = min(solve(problem, setting, goal)[0] for setting in problem["settings"])
    ours = stated["nearest"] if alone else stated["ratio"]
    least = least * 10.0 ** -problem["limits"][goal]["decimals"] if alone else least
    return math.isclose(ours, least, rel_tol=1e-8)


def main():
    writer = csv.writer(sys.stdout)
    writer.writerow(["instance", "space", "decisions", "limits", "resolutions", "panarch", "highs", "verdict", "highs_s"])
    disagreements = 0
    for path in sorted(pathlib.Path(sys.argv[1]).glob("cross-*.json")):
        certificate = json.loads(path.read_text())
        problem, optimum = certificate["problem"], certificate["optimum"]
        began = time.perf_counter()
        answers = [solve(problem, setting) for setting in problem["settings"]]
        seconds = time.perf_counter() - began
        found = [accuracy for accuracy, status in answers if accuracy is not None and status == "optimal"]
        rounded = [status for _, status in answers if status not in ("optimal", "infeasible")]
        ours = None if optimum is None else optimum["accuracy"]
        best = max(found, default=None)
        unit = 10.0 ** -problem["decimals"]
        if ours is None and best is None and not rounded:
            stated = json.loads(path.with_suffix(".nearest").read_text())
            verdict = "same" if nearest(problem, stated) else "another nearest value"
            disagreements += verdict != "same"
        elif ours == best or (ours is not None and best is not None and math.isclose(ours * unit, best * unit, abs_tol=1e-9)):
            verdict = "same"
        elif rounded:
            verdict = rounded[0]
        else:
            verdict = "different"
            disagreements += 1
        value = lambda it: "infeasible" if it is None else f"{it * unit:.12f}"
        row = [path.stem, problem["space"], len(problem["decisions"]), len(problem["limits"]), len(problem["settings"])]
        sys.stdout.flush()
        writer.writerow(row + [value(ours), value(best), verdict, f"{seconds:.3f}"])
    sys.exit(1 if disagreements else 0)


main()
