#!/usr/bin/env python3
"""Checks the certificate of an exact search: `python3 check_certificate.py FILE` (`-` reads standard input).

Needs nothing but this file and Python 3.8. Computes everything anew, in whole numbers, and uses nothing of Panarch.
Exit code 0: the certificate proves what it says. 1: it does not. 2: it cannot be followed.

The problem: decisions with their open choices and the choices of others that switch them on; accuracy and costs as a constant
and factors, with a value for every combination of decisions' states (0 inactive, else choice + 1); limits on the costs. Stages
split the decisions so that none is switched from outside. The proof: with a scale and multipliers of zero or more, the value
scale * accuracy - sum of multiplier * (cost - limit) is at least scale * accuracy within the limits. Boxes fix configurations
of the first stages and go by one set of multipliers each. A box is closed where its members have less value than a better one
must have, or split by the next stage, or at the last stage looked at member by member: they break a limit or are no better. In
no box are entries with too little value by the first multipliers, and those that a named other one dominates.
"""
import hashlib
import json
import sys
from functools import reduce
from math import prod
from operator import ge, mul
MOST = 2000000  # configurations of a stage that are listed

class Refuted(Exception): """The certificate does not prove what it says."""
def need(condition, reason, error=Refuted):
    if not condition:
        raise error(reason)
def sha256(value):
    return hashlib.sha256(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")).hexdigest()

def place(scope, counts, state):
    return reduce(lambda before, it: before * counts[it] + state(it), scope, 0)

def configurations(problem, decisions):
    """Every combination of states that members have, the last decision fastest."""
    found = [()]
    for number, decision in enumerate(decisions):
        it = problem["decisions"][decision]
        drivers = [(decisions.index(driver, 0, number), set(choices)) for driver, choices in it["when"]]
        states = [choice + 1 for choice in it["open"]]
        on = [all(start[driver] - 1 in choices for driver, choices in drivers) for start in found]
        found = [start + (state,) for start, on in zip(found, on) for state in (states if on else (0,))]
        need(len(found) <= MOST, "a stage has too many configurations", ValueError)
    return found

class Chain:
    """Stages, their configurations, the ways from one to the next, and where each entry's values stand."""
    def __init__(self, problem):
        states, stages = [it["choices"] + 1 for it in problem["decisions"]], problem["stages"]
        stage_of = {decision: number for number, stage in enumerate(stages) for decision in stage}
        held = stages and sorted(it for stage in stages for it in stage) == list(range(len(states)))
        need(held, "the stages do not hold every decision once", ValueError)
        tables = [table for setting in problem["settings"] for table in setting["tables"]]
        scopes = {tuple(scope) for table in tables for scope, _ in table["factors"]}
        end = {scope: max((stage_of[it] for it in scope), default=0) for scope in scopes}
        for scope, values in (factor for table in tables for factor in table["factors"]):
            right = prod(states[it] for it in scope) == len(values) and len(set(scope)) == len(scope)
            need(right, "a factor has not one value for each combination of states", ValueError)
        self.configurations, self.next, self.places, ways, carried = [], [], [], [()], []
        for number, decisions in enumerate(stages):
            listed = configurations(problem, decisions)
            need(len(ways) * len(listed) <= MOST, "a stage has too many configurations", ValueError)
            onwards = sorted({it for scope in scopes if end[scope] > number for it in scope if stage_of[it] <= number})
            where, rows = {it: at for at, it in enumerate(carried + decisions)}, [way + it for way in ways for it in listed]
            here = [scope for scope in scopes if end[scope] == number]
            places = {scope: [place(scope, states, lambda it: row[where[it]]) for row in rows] for scope in here}
            known, leaving = {}, [where[it] for it in onwards]
            self.next.append([known.setdefault(tuple(row[it] for it in leaving), len(known)) for row in rows])
            self.configurations.append(listed)
            self.places.append(places)
            ways, carried = list(known), onwards

    def column(self, table, stage):
        """What every entry of a stage adds to a table's sum."""
        sums = [0] * len(self.next[stage])
        for scope, values in table["factors"]:
            places = self.places[stage].get(tuple(scope))
            sums = sums if places is None else [a + values[it] for a, it in zip(sums, places)]
        return sums

class Cover:
    """The check of one resolution."""
    def __init__(self, problem, chain, setting, cover, best):
        tables, self.most, least = setting["tables"], [it["most"] for it in problem["limits"]], 0 if best is None else best + 1
        for it in cover["multipliers"]:
            need(len(it) == len(tables) and min(it) >= 0, "there is not one multiplier of zero or more for each limit")
            need(best is not None or it[0] == 0, "accuracy has a part in a proof that no member keeps the limits")
        self.sets = [(it[0], *(-m for m in it[1:])) for it in cover["multipliers"]]
        self.fixed = [(sum(map(mul, it[1:], self.most)), it[0] * least) for it in cover["multipliers"]]
        self.best, self.boxes, self.members, self.known, self.entries = best, 0, 0, {}, []
        self.counts = [len(listed) for listed in chain.configurations]
        for stage, nexts in enumerate(chain.next):
            entries = list(zip(range(len(nexts)), nexts, zip(*(chain.column(table, stage) for table in tables))))
            self.entries.append([entries[it:it + self.counts[stage]] for it in range(0, len(nexts), self.counts[stage])])
        constants = [table["constant"] for table in tables]
        start = self.fixed[0][0] + sum(map(mul, self.sets[0], constants))
        need(start + self.keys(0, 0)[1][0] == cover["bound"], "the bound of a resolution is another")
        self.leave_out(cover["dominated"], start)
        self.check(0, 0, constants, cover["box"])
    def keys(self, by, stage):
        """By way into a stage: of every entry the value that it and what follows can have at most, and the largest."""
        if stage == len(self.entries):
            return [], [0]
        if (by, stage) not in self.known:
            after, factors = self.keys(by, stage + 1)[1], self.sets[by]
            keys = [[sum(map(mul, factors, row)) + after[on] for _, on, row in way] for way in self.entries[stage]]
            self.known = self.known if len(self.known) < 3000 else {}
            self.known[by, stage] = keys, [max(way, default=float("-inf")) for way in keys]
        return self.known[by, stage]
    def leave_out(self, dominated, start):
        """Takes out what no better member has by the first multipliers, and what is dominated."""
        before, floor, kept = {0: start}, self.fixed[0][1], []
        need(len(dominated) == len(self.entries), "there is not one list of dominated entries for each stage")
        for stage, pairs in enumerate(dominated):
            known, out, count = {it[0]: it for way in self.entries[stage] for it in way}, dict(pairs), self.counts[stage]
            for it, other in pairs:
                (_, on, row), (_, other_on, better) = known[it], known[other]
                right = len(out) == len(pairs) and other not in out and (on, it // count) == (other_on, other // count)
                right = right and (self.best is None or row[0] <= better[0])
                need(right and all(map(ge, row[1:], better[1:])), "an entry is not dominated as it is said to be")
            onwards, ways = {}, []
            for way, (entries, keys) in enumerate(zip(self.entries[stage], self.keys(0, stage)[0])):
                far = before.get(way, float("-inf"))
                ways.append([it for it, key in zip(entries, keys) if far + key >= floor and it[0] not in out])
                for it, on, row in ways[-1]:
                    onwards[on] = max(onwards.get(on, float("-inf")), far + sum(map(mul, self.sets[0], row)))
            before = onwards
            kept.append(ways)
        self.entries, self.known = kept, {}
    def check(self, stage, way, sums, box):
        self.boxes += 1
        last, by = stage + 1 == len(self.entries), box if type(box) is int else box[0]
        need(0 <= by < len(self.sets), "a box goes by multipliers that there are not")
        start = self.fixed[by][0] + sum(map(mul, self.sets[by], sums))
        keys, floor = self.keys(by, stage), self.fixed[by][1] - start
        if type(box) is int:
            return need(keys[1][way] < floor, "a box is not closed by its multipliers")
        need(len(box) == (2 if last else 3), "the boxes do not go with the stages")
        if last:
            inside = [row for key, (_, _, row) in zip(keys[0][way], self.entries[stage][way]) if key >= floor]
            for accuracy, *costs in (map(sum, zip(sums, row)) for row in inside):
                fine = (self.best is not None and accuracy <= self.best) or not all(map(ge, self.most, costs))
                need(fine, "a member within the limits is better")
            self.members += len(inside)
            return need(len(inside) == box[1], "a box has another number of members to look at")
        bound, boxes, first = box[1], box[2], way * self.counts[stage]
        listed, inside, outside = {first + number: inner for number, inner in boxes}, [], None
        for key, (entry, on, row) in zip(keys[0][way], self.entries[stage][way]):
            if entry in listed:
                inside.append((on, row, listed[entry]))
            elif outside is None or key > outside:
                outside = key
        need(outside is None or outside < floor, "the bound of a box leaves room for better members")
        need(bound == (None if outside is None else outside + start), "the bound of a box is another")
        need(len(inside) == len(boxes), "a box lists a configuration twice, or one that there is not")
        for on, row, inner in inside:
            self.check(stage + 1, on, list(map(sum, zip(sums, row))), inner)

def check(certificate):
    need(certificate["version"] == 2, "this checker knows version 2", ValueError)
    problem, optimum, best = certificate["problem"], certificate["optimum"], None
    settings, limits, cover = problem["settings"], problem["limits"], certificate["cover"]
    need(sha256([problem, optimum, cover]) == certificate["hash"], "the hash is another: something was changed")
    for table in (table for setting in settings for table in setting["tables"]):
        need(sha256([table["constant"], table["factors"]]) == table["hash"], "the hash of a table is another")
    need(all(len(it["tables"]) == len(limits) + 1 for it in settings), "tables and limits do not go together", ValueError)
    resolutions = [setting["resolution"] for setting in settings]
    need(resolutions and len(set(resolutions)) == len(resolutions), "a resolution comes twice, or none does", ValueError)
    need([it["resolution"] for it in cover] == resolutions, "the cover is not of these resolutions")
    chain = Chain(problem)
    if optimum is not None:
        choices, states, decisions = [int(it, 36) for it in optimum["genotype"].replace("-", "")], {}, problem["decisions"]
        need(len(choices) == len(decisions) and optimum["resolution"] in resolutions, "the optimum is not of the space")
        for it in (it for stage in problem["stages"] for it in stage):
            on = all(states[driver] - 1 in when for driver, when in decisions[it]["when"])
            need(choices[it] in (decisions[it]["open"] if on else [0]), "the optimum is no canonical member")
            states[it] = choices[it] + 1 if on else 0
        counts, tables = [it["choices"] + 1 for it in decisions], settings[resolutions.index(optimum["resolution"])]["tables"]
        values = [[values[place(scope, counts, states.get)] for scope, values in table["factors"]] for table in tables]
        sums = [table["constant"] + sum(own) for table, own in zip(tables, values)]
        need(sums == [optimum["accuracy"]] + optimum["costs"], "the optimum's accuracy or costs are others")
        need(all(cost <= limit["most"] for cost, limit in zip(sums[1:], limits)), "the optimum breaks a limit")
        best = sums[0]
    return [Cover(problem, chain, *pair, best) for pair in zip(settings, cover)]

def main():
    need(len(sys.argv) == 2, __doc__, SystemExit)
    try:
        with sys.stdin if sys.argv[1] == "-" else open(sys.argv[1], encoding="utf-8") as file:
            certificate = json.load(file, parse_float=lambda it: need(False, it + " is not a whole number", ValueError))
        covers = check(certificate)
    except Refuted as error:
        sys.exit(f"refused: {error}")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        print("this is no certificate that can be followed:", repr(error))
        sys.exit(2)
    boxes, members = sum(it.boxes for it in covers), sum(it.members for it in covers)
    print(f"accepted ({boxes} boxes, {members} members):", json.dumps(certificate["optimum"]), certificate["about"])

if __name__ == "__main__":
    main()
