#!/usr/bin/env python3
"""Checks the certificate of an exact search: `python3 check_certificate.py FILE` (`-` reads standard input).

Needs nothing but this file and Python 3.8. Computes everything anew, in whole numbers, and uses nothing of Panarch.
Exit code 0: the certificate proves what it says. 1: it does not. 2: it cannot be followed.

The problem: decisions, each with its open choices and the choices of other decisions that switch it on; accuracy and costs
as tables, which are a constant and factors, each with a value for every combination of its decisions' states (0 inactive,
else choice + 1); limits on the costs. Stages split the decisions so that none is switched from outside its stage.

The proof: for multipliers of zero or more, value = scale * accuracy - sum of multiplier * (cost - limit) is at least scale *
accuracy for members within the limits. Boxes cover all members: those outside the listed boxes have less value than a better
member must have, and those that are looked at one by one break a limit or are no better.
"""
import hashlib
import json
import sys
MOST = 2000000  # configurations of a stage that are listed

class Refuted(Exception): """The certificate does not prove what it says."""

def need(condition, reason, error=Refuted):
    if not condition:
        raise error(reason)

def sha256(value):
    return hashlib.sha256(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")).hexdigest()

def configurations(problem, decisions):
    """Every combination of states that members have, the last decision fastest."""
    found = [()]
    for place, decision in enumerate(decisions):
        it = problem["decisions"][decision]
        drivers = [(decisions.index(driver, 0, place), set(choices)) for driver, choices in it["when"]]
        states = [choice + 1 for choice in it["open"]]
        on = [all(start[driver] - 1 in choices for driver, choices in drivers) for start in found]
        found = [start + (state,) for start, on in zip(found, on) for state in (states if on else (0,))]
        need(len(found) <= MOST, "a stage has too many configurations", ValueError)
    return found

class Chain:
    """Stages, their configurations, the ways from one to the next, and where each entry's values stand."""

    def __init__(self, problem):
        states = [it["choices"] + 1 for it in problem["decisions"]]
        stages = problem["stages"]
        stage_of = {decision: number for number, stage in enumerate(stages) for decision in stage}
        held = stages and sorted(it for stage in stages for it in stage) == list(range(len(states)))
        need(held, "the stages do not hold every decision once", ValueError)
        tables = [table for setting in problem["settings"] for table in setting["tables"]]
        scopes = {tuple(scope) for table in tables for scope, _ in table["factors"]}
        end = {scope: max((stage_of[it] for it in scope), default=0) for scope in scopes}
        for scope, values in (factor for table in tables for factor in table["factors"]):
            size = 1
            for it in scope:
                size *= states[it]
            right = size == len(values) and len(set(scope)) == len(scope)
            need(right, "a factor has not one value for each combination of states", ValueError)
        self.configurations, self.next, self.places, self.ways, ways, carried = [], [], [], [], [()], []
        for number, decisions in enumerate(stages):
            listed = configurations(problem, decisions)
            need(len(ways) * len(listed) <= MOST, "a stage has too many configurations", ValueError)
            onwards = sorted({it for scope in scopes if end[scope] > number for it in scope if stage_of[it] <= number})
            where = {decision: place for place, decision in enumerate(carried + decisions)}
            rows = [way + configuration for way in ways for configuration in listed]
            places = {}
            for scope in (scope for scope in scopes if end[scope] == number):
                steps, step = [], 1
                for it in reversed(scope):
                    steps, step = steps + [(where[it], step)], step * states[it]
                places[scope] = [sum(row[place] * step for place, step in steps) for row in rows]
            known, leaving = {}, [where[it] for it in onwards]
            self.next.append([known.setdefault(tuple(row[it] for it in leaving), len(known)) for row in rows])
            self.configurations.append(listed)
            self.places.append(places)
            self.ways.append(len(ways))
            ways, carried = list(known), onwards

    def value(self, factors, stage, entry):
        places = self.places[stage]
        return sum(values[places[scope][entry]] for scope, values in factors.items() if scope in places)

def merged(tables, weights):
    """The weighted sum of tables' factors, by scope."""
    factors = {}
    for table, weight in zip(tables, weights):
        for scope, values in table["factors"]:
            before = factors.get(tuple(scope), [0] * len(values))
            factors[tuple(scope)] = [a + weight * b for a, b in zip(before, values)]
    return factors

class Cover:
    """The check of one resolution."""

    def __init__(self, problem, chain, setting, cover, best):
        scale, multipliers, tables = cover["scale"], cover["multipliers"], setting["tables"]
        self.most = [limit["most"] for limit in problem["limits"]]
        right = len(multipliers) == len(self.most) and min(multipliers + [scale]) >= 0
        need(right, "there is not one multiplier of zero or more for each limit")
        need((best is None) == (scale == 0), "the scale of accuracy does not go with what is claimed")
        self.chain, self.best, self.boxes, self.members, self.known = chain, best, 0, 0, {}
        self.tables = [merged([table], [1]) for table in tables]
        self.floor = 0 if best is None else scale * (best + 1)
        weights = [scale] + [-it for it in multipliers]
        weighted = merged(tables, weights)
        self.ordered, following = [], [0]
        for stage in range(len(chain.next) - 1, -1, -1):
            nexts, count = chain.next[stage], len(chain.configurations[stage])
            own = [0] * len(nexts)
            for scope, places in chain.places[stage].items():
                own = [a + weighted[scope][it] for a, it in zip(own, places)] if scope in weighted else own
            keys = [a + following[after] for a, after in zip(own, nexts)]
            ways = [range(way * count, (way + 1) * count) for way in range(chain.ways[stage])]
            ordered = [sorted(way, key=keys.__getitem__, reverse=True) for way in ways]
            self.ordered.insert(0, (ordered, keys, own))
            following = [keys[way[0]] for way in ordered]
        constants, targets = [table["constant"] for table in tables], [0] + self.most
        start = sum(w * (c - target) for w, c, target in zip(weights, constants, targets))
        need(start + following[0] == cover["bound"], "the bound of a resolution is another")
        self.check(0, 0, start, constants, cover["box"])

    def with_entry(self, sums, stage, entry):
        if (stage, entry) not in self.known:
            self.known[stage, entry] = [self.chain.value(factors, stage, entry) for factors in self.tables]
        return [a + b for a, b in zip(sums, self.known[stage, entry])]

    def check(self, stage, way, value, sums, box):
        self.boxes += 1
        (ordered, keys, own), count = self.ordered[stage], len(self.chain.configurations[stage])
        last = stage + 1 == len(self.ordered)
        need(type(box) is (int if last else list), "the boxes do not go with the stages")
        if last:
            members = 0
            for entry in ordered[way]:
                if value + keys[entry] < self.floor:
                    break
                members += 1
                found = self.with_entry(sums, stage, entry)
                within = all(cost <= most for cost, most in zip(found[1:], self.most))
                better = within and (self.best is None or found[0] > self.best)
                need(not better, "a member within the limits is better")
            self.members += members
            return need(members == box, "a box has another number of members to look at")
        bound, boxes = box
        listed = {way * count + number: inner for number, inner in boxes if 0 <= number < count}
        need(len(listed) == len(boxes), "a box lists a configuration twice, or one that there is not")
        outside = next((value + keys[entry] for entry in ordered[way] if entry not in listed), None)
        need(outside == bound, "the bound of a box is another")
        need(outside is None or outside < self.floor, "the bound of a box leaves room for better members")
        for entry, inner in listed.items():
            after, with_it = self.chain.next[stage][entry], self.with_entry(sums, stage, entry)
            self.check(stage + 1, after, value + own[entry], with_it, inner)

def check(certificate):
    need(certificate["version"] == 1, "this checker knows version 1", ValueError)
    problem, optimum, best = certificate["problem"], certificate["optimum"], None
    settings, limits = problem["settings"], problem["limits"]
    need(sha256(problem) == certificate["hash"], "the hash of the problem is another")
    for table in (table for setting in settings for table in setting["tables"]):
        need(sha256([table["constant"], table["factors"]]) == table["hash"], "the hash of a table is another")
    need(all(len(it["tables"]) == len(limits) + 1 for it in settings), "tables and limits do not go together", ValueError)
    resolutions = [setting["resolution"] for setting in settings]
    need(resolutions and len(set(resolutions)) == len(resolutions), "a resolution comes twice, or none does", ValueError)
    need([it["resolution"] for it in certificate["cover"]] == resolutions, "the cover is not of these resolutions")
    chain = Chain(problem)
    if optimum is not None:
        choices = [int(digit, 36) for digit in optimum["genotype"].replace("-", "")]
        known = len(choices) == len(problem["decisions"]) and optimum["resolution"] in resolutions
        need(known, "the optimum is not of the space")
        tables, way = settings[resolutions.index(optimum["resolution"])]["tables"], 0
        sums = [table["constant"] for table in tables]
        for stage, decisions in enumerate(problem["stages"]):
            taken = [tuple(max(state - 1, 0) for state in it) for it in chain.configurations[stage]]
            wanted = tuple(choices[decision] for decision in decisions)
            need(wanted in taken, "the optimum is no canonical member")
            entry = way * len(taken) + taken.index(wanted)
            sums = [a + chain.value(merged([table], [1]), stage, entry) for a, table in zip(sums, tables)]
            way = chain.next[stage][entry]
        need(sums == [optimum["accuracy"]] + optimum["costs"], "the optimum's accuracy or costs are others")
        need(all(cost <= limit["most"] for cost, limit in zip(sums[1:], limits)), "the optimum breaks a limit")
        best = sums[0]
    return [Cover(problem, chain, *pair, best) for pair in zip(settings, certificate["cover"])]

def main():
    need(len(sys.argv) == 2, __doc__, SystemExit)
    try:
        with sys.stdin if sys.argv[1] == "-" else open(sys.argv[1], encoding="utf-8") as file:
            certificate = json.load(file)
        covers = check(certificate)
    except Refuted as error:
        print("refused:", error)
        sys.exit(1)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        print("this is no certificate that can be followed:", repr(error))
        sys.exit(2)
    print(f"accepted ({sum(it.boxes for it in covers)} boxes, {sum(it.members for it in covers)} members):")
    print(json.dumps(certificate["optimum"]), certificate["about"])

if __name__ == "__main__":
    main()
