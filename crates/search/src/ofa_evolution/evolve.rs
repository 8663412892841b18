use std::collections::HashMap;

use panarch_graph::stream;
use panarch_space::{Genotype, Subspace};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{OfaEvolution, Places};
use crate::SearchError;

/// How often a child is drawn before a parent takes its place.
const DRAWS: usize = 50;
/// How often a member is drawn for the first generation before the limits count as unreachable.
const FIRST_DRAWS: usize = 1_000;

/// What an evolution at once has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evolved {
    /// The last parents with their scores, the best first.
    pub best: Vec<(Genotype, f64)>,
    /// How many different networks were scored.
    pub scored: usize,
}

impl OfaEvolution {
    /// The evolution at once, as it was published: for scores that a predictor gives, of which tens of thousands are asked
    /// for.
    ///
    /// Children that do not keep the limits are drawn again, 50 times (the publication: for ever; its successor 50 times); then
    /// a parent takes their place. Children that were seen before stay in the generation, as published, but each network is
    /// scored once. `admits` says whether a network keeps the limits, `score` is given the new networks of a generation, none
    /// twice, and answers one number for each, the more the better.
    ///
    /// # Errors
    /// [`SearchError::Settings`] when 1,000 random networks in a row do not keep the limits; what `admits` and `score` end
    /// with.
    pub fn evolve<E: From<SearchError>>(
        &self,
        subspace: &Subspace,
        generations: usize,
        mut admits: impl FnMut(&Genotype) -> Result<bool, E>,
        mut score: impl FnMut(&[Genotype]) -> Result<Vec<f64>, E>,
    ) -> Result<Evolved, E> {
        let settings = self.settings;
        let places = Places::of(subspace);
        let mut known: HashMap<Genotype, f64> = HashMap::new();
        let mut scored = |members: Vec<Genotype>| -> Result<Vec<(Genotype, f64)>, E> {
            let mut new: Vec<Genotype> = members
                .iter()
                .filter(|member| !known.contains_key(*member))
                .cloned()
                .collect();
            new.sort_unstable();
            new.dedup();
            let scores = score(&new)?;
            known.extend(new.into_iter().zip(scores));
            let of = |member: Genotype| {
                let score = known.get(&member).copied().unwrap_or(f64::NEG_INFINITY);
                (member, score)
            };
            Ok(members.into_iter().map(of).collect())
        };

        let mut rng = stream(self.seed, "ofa evolution, first", 0);
        let mut first = Vec::with_capacity(settings.population);
        while first.len() < settings.population {
            let mut draws = (0..FIRST_DRAWS).map(|_| subspace.sample(&mut rng));
            let found = draws.find_map(|member| match admits(&member) {
                Ok(true) => Some(Ok(member)),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            });
            let reason = format!("none of {FIRST_DRAWS} random networks keeps the limits");
            first.push(found.ok_or_else(|| E::from(SearchError::Settings { reason }))??);
        }
        let mut parents = fittest(scored(first)?, settings.parents);
        let mutated = ((1.0 - settings.crossover_rate) * settings.population as f64).round() as usize;
        for generation in 0..generations as u64 {
            let mut rng = stream(self.seed, "ofa evolution", generation);
            let mut children = Vec::with_capacity(settings.population);
            for index in 0..settings.population {
                let parent = |rng: &mut ChaCha8Rng| parents[rng.random_range(0..parents.len())].0.clone();
                let mut child = None;
                for _ in 0..DRAWS {
                    let first = parent(&mut rng);
                    let drawn = if index < mutated {
                        places.redraw(subspace, &first, settings.mutation_rate, &mut rng)
                    } else {
                        subspace.crossover(&first, &parent(&mut rng), &mut rng)
                    };
                    if admits(&drawn)? {
                        child = Some(drawn);
                        break;
                    }
                }
                children.push(child.unwrap_or_else(|| parent(&mut rng)));
            }
            let mut all = parents;
            all.extend(scored(children)?);
            parents = fittest(all, settings.parents);
        }
        Ok(Evolved {
            best: parents,
            scored: known.len(),
        })
    }
}

/// The best of scored members, the best first; of equal ones those that came first.
fn fittest(mut members: Vec<(Genotype, f64)>, count: usize) -> Vec<(Genotype, f64)> {
    members.sort_by(|a, b| b.1.total_cmp(&a.1));
    members.truncate(count);
    members
}

#[cfg(test)]
mod tests {
    use panarch_space::Space;

    use super::*;
    use crate::OfaEvolutionSettings;

    #[test]
    fn it_climbs_within_the_limits_and_scores_each_network_once() {
        let subspace = Subspace::whole(&Space::preset("nas-bench-macro").unwrap());
        let evolution = OfaEvolution::new(
            3,
            OfaEvolutionSettings {
                population: 20,
                parents: 5,
                ..OfaEvolutionSettings::default()
            },
        )
        .unwrap();
        let sum = |member: &Genotype| member.as_bytes().iter().map(|choice| f64::from(*choice)).sum::<f64>();
        let run = || {
            let mut seen = Vec::new();
            let found = evolution.evolve::<SearchError>(
                &subspace,
                60,
                |member| Ok(sum(member) <= 12.0),
                |members| {
                    seen.extend(members.to_vec());
                    Ok(members.iter().map(sum).collect())
                },
            );
            (found.unwrap(), seen)
        };
        let (found, mut seen) = run();
        assert_eq!((found.best.len(), found.best[0].1), (5, 12.0));
        assert_eq!(run().0, found);
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((seen.len(), found.scored), (count, count));
        let refused = evolution.evolve::<SearchError>(&subspace, 1, |_| Ok(false), |_| Ok(Vec::new()));
        assert!(matches!(refused, Err(SearchError::Settings { .. })));
    }
}
