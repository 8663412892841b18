//! Quantities of networks that are sums over places, such as multiply-accumulates, as factors.

use std::collections::BTreeMap;

use panarch_graph::{Network, Shape, stream};
use panarch_space::{Genotype, Head, Place, Space, Subspace};

use super::factored::{Factor, Factored, states};
use crate::SearchError;

/// Combinations of choices that one place may have.
const MOST: usize = 200_000;
/// Members whose own values are compared with the sums.
const COMPARED: u64 = 32;
/// By how much of their value these may differ: what the order of a sum makes.
const ROUNDING: f64 = 1e-9;

/// What stands at a place for one combination of choices.
struct Combination<const N: usize> {
    states: Vec<u8>,
    values: [f64; N],
    leaving: (Shape, u32),
}

/// The decisions that something hangs on, ascending, with each combination of their choices.
type Combinations<T> = (Vec<usize>, Vec<(Vec<u8>, T)>);

impl Factored {
    /// N quantities of a space's networks, each the sum of what `of` says of the block at every place.
    ///
    /// What a place adds hangs on its own decisions and on those that decide what enters it. The sums are compared with what
    /// `of` says of whole networks.
    ///
    /// # Errors
    /// [`SearchError::NotExact`] for a quantity that is no such sum, or a place with too many combinations;
    /// [`SearchError::Space`] for a head or resolution that the space does not allow.
    pub fn of_places<const N: usize>(
        space: &Space,
        head: Head,
        resolution: u32,
        of: impl Fn(&Network) -> [f64; N],
    ) -> Result<[Self; N], SearchError> {
        let sums = Self::over_places(space, head, resolution, &of)?;
        compare(space, head, resolution, &sums, &of)?;
        Ok(sums)
    }

    /// The sums of what `of` says of the block at every place, whatever it says of whole networks.
    ///
    /// # Errors
    /// As [`Factored::of_places`], but that nothing is compared.
    pub fn over_places<const N: usize>(
        space: &Space,
        head: Head,
        resolution: u32,
        of: impl Fn(&Network) -> [f64; N],
    ) -> Result<[Self; N], SearchError> {
        let mut sums: [Self; N] = std::array::from_fn(|_| Self::default());
        let image = (
            Shape::new(head.input_channels, resolution, resolution),
            head.input_channels,
        );
        let mut entering: Combinations<(Shape, u32)> = (Vec::new(), vec![(Vec::new(), image)]);
        for place in space.places() {
            let (scope, combinations) = combinations(space, &place, head, &entering, &of)?;
            for (index, sum) in sums.iter_mut().enumerate() {
                let rows = combinations
                    .iter()
                    .map(|(_, it)| (it.states.clone(), it.values.get(index).copied().unwrap_or(0.0)));
                let factor = factor(space, scope.clone(), rows.collect());
                sum.add(factor);
            }
            let leaving = combinations.into_iter().map(|(choices, it)| (choices, it.leaving));
            entering = without_idle(scope, leaving.collect());
        }
        Ok(sums)
    }

    fn add(&mut self, factor: Factor) {
        if factor.decisions.is_empty() {
            self.constant += factor.values.first().copied().unwrap_or(0.0);
        } else if factor.values.iter().any(|value| *value != 0.0) {
            *self = std::mem::take(self).plus(
                &Self {
                    constant: 0.0,
                    factors: vec![factor],
                },
                1.0,
            );
        }
    }
}

/// What stands at a place for each combination of choices that it hangs on.
fn combinations<const N: usize>(
    space: &Space,
    place: &Place,
    head: Head,
    entering: &Combinations<(Shape, u32)>,
    of: &impl Fn(&Network) -> [f64; N],
) -> Result<Combinations<Combination<N>>, SearchError> {
    let decisions = space.decisions();
    let choices = |decision: usize| decisions.get(decision).map_or(1, |it| it.choices.len());
    let (known, inputs) = entering;
    let own: Vec<usize> = place
        .decisions
        .iter()
        .copied()
        .filter(|it| !known.contains(it))
        .collect();
    let scope: Vec<usize> = known.iter().chain(&own).copied().collect();
    let counts = own
        .iter()
        .try_fold(1_usize, |count, it| count.checked_mul(choices(*it)));
    let count = counts
        .and_then(|count| count.checked_mul(inputs.len()))
        .filter(|count| *count <= MOST);
    let count = count.ok_or_else(|| SearchError::NotExact {
        space: space.name().to_owned(),
        reason: format!("what stands at {} hangs on too many decisions", place.name),
    })?;
    let mut all = Vec::with_capacity(count);
    for (before, (shape, width)) in inputs {
        for mut number in 0..count / inputs.len().max(1) {
            let mut taken = before.clone();
            for decision in &own {
                taken.push((number % choices(*decision)) as u8);
                number /= choices(*decision);
            }
            let mut genotype = vec![0; decisions.len()];
            for (decision, choice) in scope.iter().zip(&taken) {
                if let Some(place) = genotype.get_mut(*decision) {
                    *place = *choice;
                }
            }
            let genotype = Genotype::new(genotype);
            let placed = space.block_at(place, &genotype, head, *shape, *width)?;
            let whole = states(space, &genotype);
            let combination = Combination {
                states: scope.iter().map(|it| whole.get(*it).copied().unwrap_or(0)).collect(),
                values: placed.network.as_ref().map_or([0.0; N], of),
                leaving: (placed.output, placed.width),
            };
            all.push((taken, combination));
        }
    }
    Ok((scope, all))
}

/// Leaves out decisions that make no difference.
fn without_idle<T: PartialEq + Clone>(mut scope: Vec<usize>, mut rows: Vec<(Vec<u8>, T)>) -> Combinations<T> {
    let mut place = 0;
    while place < scope.len() {
        let mut fewer: BTreeMap<Vec<u8>, T> = BTreeMap::new();
        let differs = rows.iter().any(|(key, value)| {
            let mut key = key.clone();
            key.remove(place);
            fewer.entry(key).or_insert_with(|| value.clone()) != value
        });
        if differs {
            place += 1;
        } else {
            scope.remove(place);
            rows = fewer.into_iter().collect();
        }
    }
    (scope, rows)
}

/// A factor with these values by states; combinations of states that no member has are 0.
fn factor(space: &Space, scope: Vec<usize>, rows: Vec<(Vec<u8>, f64)>) -> Factor {
    let (decisions, rows) = without_idle(scope, rows);
    let counts: Vec<usize> = decisions
        .iter()
        .map(|decision| space.decisions().get(*decision).map_or(1, |it| it.choices.len() + 1))
        .collect();
    let mut values = vec![0.0; counts.iter().product()];
    for (states, value) in rows {
        let index = states
            .iter()
            .zip(&counts)
            .fold(0, |index, (state, count)| index * count + usize::from(*state));
        if let Some(place) = values.get_mut(index) {
            *place = value;
        }
    }
    Factor { decisions, values }
}

/// Compares sums with what `of` says of whole networks.
fn compare<const N: usize>(
    space: &Space,
    head: Head,
    resolution: u32,
    sums: &[Factored; N],
    of: &impl Fn(&Network) -> [f64; N],
) -> Result<(), SearchError> {
    let subspace = Subspace::whole(space);
    let drawn = (0..COMPARED).map(|number| subspace.sample(&mut stream(0, "sums over places", number)));
    for genotype in drawn.chain([subspace.smallest(), subspace.largest()]) {
        let values = of(&space.lower(&genotype, head, resolution)?);
        for (sum, value) in sums.iter().zip(values) {
            let sum = sum.value(space, &genotype).unwrap_or(f64::NAN);
            let off = (sum - value).abs();
            if off.is_nan() || off > ROUNDING * value.abs() {
                return Err(SearchError::NotExact {
                    space: space.name().to_owned(),
                    reason: format!("network {genotype} has {value}, the sum over its places is {sum}"),
                });
            }
        }
    }
    Ok(())
}
