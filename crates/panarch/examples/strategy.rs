//! A strategy of one's own, on a table with the value of every member, so that the best one is known.

use std::collections::HashMap;

use panarch::graph::stream;
use panarch::search::{
    Begun, Evaluator, Plan, Proposal, Report, SearchError, Situation, Strategy, Unconstrained, search,
};
use panarch::space::{Genotype, Space, Subspace};
use panarch::study::Observation;

/// Changes one decision of the best network so far. A proposal follows from the situation and the seed alone.
struct HillClimbing;

impl Strategy for HillClimbing {
    fn name(&self) -> &'static str {
        "hill-climbing"
    }

    fn ask(&mut self, situation: &Situation<'_>) -> Result<Genotype, SearchError> {
        let mut rng = stream(1, "hill climbing", situation.number);
        Ok(match situation.history.best() {
            Some(best) => situation.subspace.mutate(&best.genotype, 0.1, &mut rng),
            None => situation.subspace.sample(&mut rng),
        })
    }
}

struct Table(HashMap<Genotype, f64>);

impl Evaluator for Table {
    type Error = SearchError;

    fn evaluate(&mut self, proposals: &[Proposal], report: &mut Report<'_>) -> Result<(), SearchError> {
        for Proposal { number, genotype } in proposals.iter().cloned() {
            let value = self.0[&genotype];
            report.finished(Observation::rewarded(number, genotype, value))?;
        }
        Ok(())
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 6,561 networks; the value of each is made up: every choice adds something of its own.
    let subspace = Subspace::whole(&Space::preset("nas-bench-macro")?);
    let choices = |genotype: &Genotype| genotype.as_bytes().iter().map(|choice| f64::from(*choice)).sum();
    let table: HashMap<Genotype, f64> = subspace.enumerate().map(|it| (it.clone(), choices(&it))).collect();
    let best = table.values().copied().fold(0.0, f64::max);
    let plan = Plan {
        subspace: &subspace,
        pool: None,
        constraint: &Unconstrained,
        sums: None,
        budget: 200,
        batch: 1,
    };
    let (history, _) = search(&plan, &mut HillClimbing, Begun::default(), &mut Table(table))?;
    let found = history.best().and_then(Observation::fitness).unwrap_or_default();
    println!("found {found} of {best} after {} of 6,561 networks", history.len());
    Ok(())
}
