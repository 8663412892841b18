//! The exact search against looking at every member.

mod certificates;
pub mod instances;
mod known_spaces;

use panarch_search::exact::{Budget, Certificate, LeastRatio, Problem, Solution};
use panarch_space::Genotype;

use instances::{Instance, Listed, random};

const NEAR: f64 = 1e-9;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= NEAR * (1.0 + a.abs())
}

/// Everything that the solver says of an instance against the list of its members: as one stage, and as several.
pub fn compare(instance: &Instance, count: usize, what: &str) {
    let members = instance.members();
    compare_with(&members, instance, &instance.problem(), count, what);
    compare_with(
        &members,
        instance,
        &instance.in_stages(1),
        count,
        &format!("{what}, in stages"),
    );
}

fn compare_with(members: &[Listed], instance: &Instance, problem: &Problem, count: usize, what: &str) {
    let within: Vec<&Listed> = members.iter().filter(|it| it.ratio <= 1.0 + 1e-12).collect();
    let solution = problem.best(count, &Budget::UNLIMITED).unwrap();
    match &solution {
        Solution::Infeasible(none) => {
            assert!(within.is_empty(), "{what}: a member keeps the limits");
            let least = members
                .iter()
                .map(|it| it.costs[none.limit])
                .fold(f64::INFINITY, f64::min);
            if none.alone {
                assert!(
                    least > none.most && near(none.nearest, least),
                    "{what}: {} {least}",
                    none.nearest
                );
            } else {
                assert!(near(none.nearest, none.member.costs[none.limit]), "{what}");
                for limit in 0..instance.limits.len() {
                    let least = members.iter().map(|it| it.costs[limit]).fold(f64::INFINITY, f64::min);
                    assert!(
                        least <= instance.limits[limit] * (1.0 + 1e-12),
                        "{what}: limit {limit} alone is unreachable"
                    );
                }
            }
        }
        Solution::Optimum(optimum) => {
            assert!(optimum.proven && optimum.gap() == Some(0.0), "{what}");
            let mut best: Vec<f64> = within.iter().map(|it| it.accuracy).collect();
            best.sort_by(|a, b| b.total_cmp(a));
            best.truncate(count);
            let found: Vec<f64> = optimum.best.iter().map(|it| it.accuracy).collect();
            assert_eq!(found.len(), best.len(), "{what}: {found:?} {best:?}");
            assert!(
                found.iter().zip(&best).all(|(a, b)| near(*a, *b)),
                "{what}: {found:?} {best:?}"
            );
            let mut seen: Vec<(u32, &Genotype)> = optimum.best.iter().map(|it| (it.resolution, &it.genotype)).collect();
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), optimum.best.len(), "{what}: a member comes twice");
            for found in &optimum.best {
                let same = |it: &&Listed| it.resolution == found.resolution && it.genotype == found.genotype;
                let listed = within
                    .iter()
                    .copied()
                    .find(same)
                    .unwrap_or_else(|| panic!("{what}: no member"));
                assert!(near(listed.accuracy, found.accuracy), "{what}");
                assert!(
                    listed.costs.iter().zip(&found.costs).all(|(a, b)| near(*a, *b)),
                    "{what}"
                );
            }
        }
    }
    if instance.limits.is_empty() {
        return;
    }
    let LeastRatio { ratio, proven, .. } = problem.least_ratio(&Budget::UNLIMITED).unwrap();
    let least = members.iter().map(|it| it.ratio).fold(f64::INFINITY, f64::min);
    assert!(
        proven && near(ratio, least),
        "{what}: the least ratio is {least}, not {ratio}"
    );
    let front = problem.whole_front(&Budget::UNLIMITED, |_| true).unwrap();
    let found = instances::front(front.iter().map(|it| (it.ratio, it.member.accuracy)).collect());
    let known = instances::front(members.iter().map(|it| (it.ratio, it.accuracy)).collect());
    assert_eq!(found.len(), known.len(), "{what}: {found:?} {known:?}");
    let same = found.iter().zip(&known).all(|(a, b)| near(a.0, b.0) && near(a.1, b.1));
    assert!(same, "{what}: {found:?} {known:?}");
    for point in problem.front(5, &Budget::UNLIMITED).unwrap() {
        let on_front = known.iter().any(|(_, accuracy)| near(*accuracy, point.member.accuracy));
        assert!(on_front && point.proven, "{what}: {point:?} is not on {known:?}");
    }
    let certificate = Certificate::new(problem, &solution, 1_000_000).unwrap();
    let read = Certificate::from_json(&certificate.to_json().unwrap()).unwrap();
    assert_eq!(read, certificate, "{what}");
    read.check().unwrap_or_else(|error| panic!("{what}: {error}"));
}

/// 600 spaces with depths, operators and ties that switch decisions off, terms of pairs near and far, values that tie, limits
/// that a member meets exactly, and limits that nothing keeps.
#[test]
fn random_small_spaces_are_solved_as_by_listing() {
    let (mut infeasible, mut pairs, mut ties) = (0, 0, 0);
    for seed in 0..600 {
        let instance = random(seed);
        compare(&instance, 1 + (seed as usize % 4) * 3, &format!("seed {seed}"));
        infeasible += usize::from(instance.members().iter().all(|it| it.ratio > 1.0 + 1e-12));
        pairs += usize::from(instance.has_pairs);
        ties += usize::from(instance.has_ties);
    }
    assert!(
        infeasible > 30 && pairs > 200 && ties > 50,
        "{infeasible} {pairs} {ties}"
    );
}

#[test]
fn a_budget_leaves_a_bound_and_a_gap() {
    for seed in 0..60 {
        let instance = random(seed);
        let problem: Problem = instance.problem();
        let Ok(Solution::Optimum(whole)) = problem.optimum(&Budget::UNLIMITED) else {
            continue;
        };
        let out_of_time = Budget {
            nodes: u64::MAX,
            stop: &|| true,
        };
        if let Ok(Solution::Optimum(cut)) = problem.optimum(&out_of_time) {
            assert!(cut.bound >= whole.best[0].accuracy - NEAR, "seed {seed}");
            assert!(cut.best[0].accuracy <= whole.best[0].accuracy + NEAR, "seed {seed}");
        }
    }
}
