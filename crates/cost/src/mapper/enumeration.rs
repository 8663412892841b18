//! The orders of loops that a search tries.
//!
//! Where there are few, all orders of all prime factors. Otherwise the loops that touch the operands alike stay together
//! (columns, rows and images; the taps of a kernel), since swapping them changes only how windows overlap, and all orders
//! of these classes are tried in which up to two of them are cut in two, at every divisor and at sizes padded a little.
//! The set depends on the layer and the array alone, never on memories: a machine with more of something is offered the
//! same mappings.

use super::nest::{DIMS, LoopDim};
use super::order::Loop;

/// Up to so many orders of the prime factors, all are tried.
const FEW: u64 = 720;
/// Longer orders have too many cuts.
const SHORT: usize = 12;
/// Padding adds at most this share of a loop.
const MOST_PADDING: f64 = 1.0 / 16.0;

/// The loops that touch each operand alike.
const CLASSES: [&[LoopDim]; 5] = [
    &[LoopDim::OutputChannel],
    &[LoopDim::InputChannel],
    &[LoopDim::Group],
    &[LoopDim::OutputColumn, LoopDim::OutputRow, LoopDim::Batch],
    &[LoopDim::KernelColumn, LoopDim::KernelRow],
];

/// Loops that stay together.
type Item = Vec<Loop>;

/// Calls `visit` with every order; it returns false to end the enumeration.
pub fn orders(temporal: &[u64; DIMS], visit: &mut dyn FnMut(&[Loop]) -> bool) {
    let factors: Vec<(Loop, usize)> = LoopDim::NAMES
        .iter()
        .flat_map(|(_, dim)| prime_factors(temporal[dim.index()]).map(|(prime, count)| ((*dim, prime), count)))
        .collect();
    let loops: usize = factors.iter().map(|(_, count)| count).sum();
    if loops <= SHORT && permutations(&factors).is_some_and(|count| count <= FEW) {
        let items: Vec<(Item, usize)> = factors.into_iter().map(|(it, count)| (vec![it], count)).collect();
        arrange(items, loops, visit);
        return;
    }
    let classes: Vec<Item> = CLASSES
        .iter()
        .map(|class| {
            let sized = class.iter().map(|dim| (*dim, temporal[dim.index()]));
            sized.filter(|(_, size)| *size > 1).collect::<Item>()
        })
        .filter(|class| !class.is_empty())
        .collect();
    if !arrange_split(&classes, &[], visit) {
        return;
    }
    let splits: Vec<Vec<(Item, Item)>> = classes.iter().map(|class| splits(class)).collect();
    for (at, choices) in splits.iter().enumerate() {
        for split in choices {
            if !arrange_split(&classes, &[(at, split)], visit) {
                return;
            }
        }
    }
}

/// All orders of the classes, those in `split` as an inner and an outer part; false when `visit` ended it.
fn arrange_split(classes: &[Item], split: &[(usize, &(Item, Item))], visit: &mut dyn FnMut(&[Loop]) -> bool) -> bool {
    let mut chains: Vec<Vec<Item>> = classes.iter().map(|class| vec![class.clone()]).collect();
    for (at, (inner, outer)) in split {
        chains[*at] = vec![inner.clone(), outer.clone()];
    }
    let mut next = vec![0; chains.len()];
    let mut order = Vec::new();
    interleave(&chains, &mut next, &mut order, visit)
}

fn interleave(
    chains: &[Vec<Item>],
    next: &mut [usize],
    order: &mut Vec<Loop>,
    visit: &mut dyn FnMut(&[Loop]) -> bool,
) -> bool {
    let mut finished = true;
    for at in 0..chains.len() {
        let Some(item) = chains[at].get(next[at]) else { continue };
        finished = false;
        let len = order.len();
        order.extend_from_slice(item);
        next[at] += 1;
        let go_on = interleave(chains, next, order, visit);
        next[at] -= 1;
        order.truncate(len);
        if !go_on {
            return false;
        }
    }
    !finished || visit(order)
}

/// All distinct orders of items that occur several times.
fn arrange(items: Vec<(Item, usize)>, loops: usize, visit: &mut dyn FnMut(&[Loop]) -> bool) {
    fn place(
        items: &mut [(Item, usize)],
        left: usize,
        order: &mut Vec<Loop>,
        visit: &mut dyn FnMut(&[Loop]) -> bool,
    ) -> bool {
        if left == 0 {
            return visit(order);
        }
        for at in 0..items.len() {
            if items[at].1 == 0 {
                continue;
            }
            items[at].1 -= 1;
            let len = order.len();
            order.extend_from_slice(&items[at].0);
            let go_on = place(items, left - 1, order, visit);
            order.truncate(len);
            items[at].1 += 1;
            if !go_on {
                return false;
            }
        }
        true
    }
    let mut items = items;
    place(&mut items, loops, &mut Vec::new(), visit);
}

/// The ways to cut a class in two.
fn splits(class: &[Loop]) -> Vec<(Item, Item)> {
    let mut all = Vec::new();
    for (at, (dim, size)) in class.iter().enumerate() {
        for (inner_size, outer_size) in parts(*size) {
            let mut inner: Item = class[..at].to_vec();
            if inner_size > 1 {
                inner.push((*dim, inner_size));
            }
            let mut outer: Item = vec![(*dim, outer_size)];
            outer.extend_from_slice(&class[at + 1..]);
            if !inner.is_empty() {
                all.push((inner, outer));
            }
        }
    }
    all
}

/// Pairs of inner and outer iterations that make `size`, or a little more.
fn parts(size: u64) -> Vec<(u64, u64)> {
    let mut inner: Vec<u64> = vec![1];
    for (prime, count) in prime_factors(size) {
        let mut powers = inner.clone();
        for _ in 0..count {
            for value in &mut powers {
                *value *= prime;
            }
            inner.extend_from_slice(&powers);
        }
    }
    let padded = (1..u64::BITS).map(|bits| 1_u64 << bits).take_while(|it| *it < size);
    inner.extend(padded.filter(|it| (it * size.div_ceil(*it)) as f64 <= size as f64 * (1.0 + MOST_PADDING)));
    inner.sort_unstable();
    inner.dedup();
    inner
        .into_iter()
        .filter(|it| *it < size)
        .map(|it| (it, size.div_ceil(it)))
        .collect()
}

/// Prime factors with how often they occur.
fn prime_factors(number: u64) -> impl Iterator<Item = (u64, usize)> {
    let mut left = number;
    let mut prime = 2;
    std::iter::from_fn(move || {
        while left > 1 {
            if prime * prime > left {
                prime = left;
            }
            let mut count = 0;
            while left.is_multiple_of(prime) {
                left /= prime;
                count += 1;
            }
            let found = prime;
            prime += 1;
            if count > 0 {
                return Some((found, count));
            }
        }
        None
    })
}

/// Number of distinct orders; `None` when it is very large.
fn permutations(factors: &[(Loop, usize)]) -> Option<u64> {
    let mut product = 1_u64;
    let mut placed = 0_u64;
    for (_, count) in factors {
        for already in 1..=*count as u64 {
            placed += 1;
            // Always whole: a binomial coefficient times the product so far.
            product = product.checked_mul(placed)? / already;
        }
    }
    Some(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(temporal: &[u64; DIMS]) -> Vec<Vec<Loop>> {
        let mut found = Vec::new();
        orders(temporal, &mut |order| {
            found.push(order.to_vec());
            true
        });
        found
    }

    #[test]
    fn few_factors_give_every_order_once() {
        let found = all(&[1, 1, 4, 3, 1, 1, 1, 1]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(all(&[1; DIMS]), [Vec::new()]);
    }

    #[test]
    fn many_factors_give_classes_and_splits_that_cover_the_layer() {
        let temporal = [1, 1, 160, 40, 14, 14, 3, 3];
        let found = all(&temporal);
        assert!(found.len() > 24, "{}", found.len());
        for order in &found {
            for (_, dim) in LoopDim::NAMES {
                let size: u64 = order
                    .iter()
                    .filter(|(it, _)| *it == dim)
                    .map(|(_, size)| size)
                    .product();
                let least = temporal[dim.index()];
                assert!(size >= least && size as f64 <= least as f64 * (1.0 + MOST_PADDING) + 1e-9);
            }
        }
    }
}
