//! The truth of an exact search's certificate, by listing.

use serde_json::Value;

/// Members of a problem up to which all are looked at.
const LISTED: usize = 4_000;

/// Whether no member within the limits of a certificate's problem is better than its optimum, by looking at all; true where
/// there are more than some thousand. The text must be one that a checker accepts.
#[must_use]
pub fn certificate_holds(text: &str) -> bool {
    let certificate: Value = serde_json::from_str(text).unwrap_or_default();
    let problem = &certificate["problem"];
    let stages = list(&problem["stages"]).iter().flat_map(list);
    let order: Vec<usize> = stages.map(whole).collect();
    let decisions = list(&problem["decisions"]);
    let mut members = vec![vec![0_usize; decisions.len()]];
    for decision in order {
        let it = &decisions[decision];
        let mut longer = Vec::new();
        for states in members {
            let on = list(&it["when"]).iter().all(|when| {
                let state = states[whole(&when[0])];
                state > 0 && list(&when[1]).iter().any(|choice| whole(choice) + 1 == state)
            });
            let open = list(&it["open"]).iter().map(|choice| whole(choice) + 1);
            for state in if on { open.collect() } else { vec![0] } {
                let mut with: Vec<usize> = states.clone();
                with[decision] = state;
                longer.push(with);
            }
        }
        if longer.len() > LISTED {
            return true;
        }
        members = longer;
    }
    let best = certificate["optimum"]["accuracy"].as_i64();
    list(&problem["settings"]).iter().all(|setting| {
        members.iter().all(|states| {
            let tables = list(&setting["tables"]).iter();
            let sums: Vec<i64> = tables.map(|table| sum(table, states, decisions)).collect();
            let mut costs = sums[1..].iter().zip(list(&problem["limits"]));
            let within = costs.all(|(cost, limit)| limit["most"].as_i64().is_some_and(|most| *cost <= most));
            !within || best.is_some_and(|best| sums[0] <= best)
        })
    })
}

fn sum(table: &Value, states: &[usize], decisions: &[Value]) -> i64 {
    let mut sum = table["constant"].as_i64().unwrap_or(0);
    for factor in list(&table["factors"]) {
        let place = list(&factor[0]).iter().fold(0, |place, it| {
            place * (whole(&decisions[whole(it)]["choices"]) + 1) + states[whole(it)]
        });
        sum += factor[1][place].as_i64().unwrap_or(0);
    }
    sum
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn whole(value: &Value) -> usize {
    value.as_u64().map_or(0, |it| it as usize)
}
