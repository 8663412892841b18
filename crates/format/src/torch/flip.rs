//! Names that are one flipped bit away from what the other names of a state dict suggest.
//!
//! There is no truth to compare with, only witnesses, so a name is doubted only where three things meet: what is odd
//! about it occurs once, one flipped bit makes it a name of a kind that occurs often, and no tensor has that name. What
//! is numbered (`weight_ih_l1` beside `weight_ih_l0`) is safe by the last.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::names::split;

/// The names that PyTorch itself gives to most tensors; they need no other witness.
const USUAL: [&str; 5] = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];

/// A kind of name is a witness if it occurs so often.
const OFTEN: usize = 3;
/// Longer names are left alone, and larger dicts and modules.
const NAME_BYTES: usize = 256;
const MOST_NAMES: usize = 1 << 14;
const MOST_TENSORS: usize = 32;
/// Further parts of a name are no witnesses.
const MOST_PARTS: usize = 32;

/// How many names and modules of one file are looked at closer, those that are the only ones of their kind. A file with
/// more of them has no kinds to witness.
pub const MOST_ODD: usize = 1024;

/// The first doubtful name, and what it was likely before. `modules` are the paths that a name can have; `odd_left` is
/// what is left of [`MOST_ODD`].
pub fn find<'n>(
    names: &[&'n str],
    modules: Option<&BTreeMap<&str, usize>>,
    odd_left: &mut usize,
) -> Option<(&'n str, String)> {
    if names.len() > MOST_NAMES {
        return None;
    }
    let short = names.iter().copied().filter(|name| name.len() <= NAME_BYTES);
    let names: Vec<&str> = short.collect();
    let doubtful = Kinds::new(&names).odd_name(&names, modules, odd_left);
    doubtful.or_else(|| odd_module(&names, odd_left))
}

/// Every text that one flipped bit can make of a text, with the place of its byte; none of a long text.
pub fn flips(text: &str) -> impl Iterator<Item = (usize, String)> {
    let length = if text.len() <= NAME_BYTES { text.len() } else { 0 };
    let bits = (0..length).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    bits.filter_map(move |(at, bit)| {
        let mut bytes = text.as_bytes().to_vec();
        *bytes.get_mut(at)? ^= 1 << bit;
        Some((at, String::from_utf8(bytes).ok()?))
    })
}

/// How often parts of names occur.
struct Kinds<'n> {
    names: HashSet<&'n str>,
    /// The parts of names after their last dot.
    last: HashMap<&'n str, usize>,
    /// The parts before, each with the part that follows.
    pairs: HashMap<(&'n str, &'n str), usize>,
}

impl<'n> Kinds<'n> {
    fn new(names: &[&'n str]) -> Self {
        let mut kinds = Self {
            names: names.iter().copied().collect(),
            last: HashMap::new(),
            pairs: HashMap::new(),
        };
        for name in names {
            *kinds.last.entry(split(name).1).or_default() += 1;
            for pair in pairs(name) {
                *kinds.pairs.entry(pair).or_default() += 1;
            }
        }
        kinds
    }

    fn odd_name(
        &self,
        names: &[&'n str],
        modules: Option<&BTreeMap<&str, usize>>,
        odd_left: &mut usize,
    ) -> Option<(&'n str, String)> {
        let once = |name: &str| {
            let pair = || pairs(name).any(|pair| self.pairs.get(&pair) == Some(&1));
            self.last.get(split(name).1) == Some(&1) || modules.is_none() && pair()
        };
        let odd: Vec<&str> = names.iter().copied().filter(|name| once(name)).collect();
        *odd_left = odd_left.checked_sub(odd.len())?;
        odd.into_iter().find_map(|name| {
            let likely = flips(name).find(|(at, it)| self.is_likely(name, *at, it, modules));
            likely.map(|(_, likely)| (name, likely))
        })
    }

    /// Whether a name with one bit flipped at a byte is the likelier one.
    fn is_likely(&self, name: &str, at: usize, flipped: &str, modules: Option<&BTreeMap<&str, usize>>) -> bool {
        if self.names.contains(flipped) {
            return false;
        }
        let (module, last) = split(flipped);
        if let Some(modules) = modules
            && !modules.contains_key(module)
        {
            return false;
        }
        if last != split(name).1 {
            let often = self.last.get(last).is_some_and(|count| *count >= OFTEN);
            return self.last.get(split(name).1) == Some(&1) && last.len() > 1 && (often || USUAL.contains(&last));
        }
        // Where the modules are known, one of another name is told by its place and by what it has.
        let digit = |text: &str| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        if modules.is_some() || digit(name) && digit(flipped) {
            return false;
        }
        let old: HashSet<(&str, &str)> = pairs(name).collect();
        let new: HashSet<(&str, &str)> = pairs(flipped).collect();
        let count = |pair: &(&str, &str)| self.pairs.get(pair).copied().unwrap_or(0);
        let often = |pair: (&str, &str)| pair.0.len() > 1 && count(&pair) >= OFTEN;
        // The last of the pairs is that of the part that the flip changed and the one behind it.
        let gained = pairs(flipped).filter(|pair| !old.contains(pair)).last();
        old.difference(&new).all(|pair| count(pair) == 1) && gained.is_some_and(often)
    }
}

/// Neighbouring parts of a name.
fn pairs(name: &str) -> impl Iterator<Item = (&str, &str)> {
    name.split('.').zip(name.split('.').skip(1)).take(MOST_PARTS)
}

/// A tensor that a flipped bit moved to another module: without it that module, and with it the module that it came
/// from, have the tensors that several modules have, while now the latter is the only one of its kind.
fn odd_module<'n>(names: &[&'n str], odd_left: &mut usize) -> Option<(&'n str, String)> {
    let mut modules: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for name in names {
        let (module, last) = split(name);
        modules.entry(module).or_default().insert(last);
    }
    let mut sets: HashMap<&BTreeSet<&str>, usize> = HashMap::new();
    for set in modules.values() {
        *sets.entry(set).or_default() += 1;
    }
    let count = |set: &BTreeSet<&str>| sets.get(set).copied().unwrap_or(0);
    let few = |set: &BTreeSet<&str>| set.len() <= MOST_TENSORS;
    let robbed: Vec<_> = modules.iter().filter(|(_, set)| count(set) == 1 && few(set)).collect();
    *odd_left = odd_left.checked_sub(robbed.len())?;
    let mut moved = robbed.into_iter().flat_map(|(module, set)| {
        let neighbours = flips(module).filter_map(|(_, other)| modules.get_key_value(other.as_str()));
        neighbours
            .filter(|(_, other)| few(other))
            .flat_map(move |(other, tensors)| {
                let moved = tensors
                    .difference(set)
                    .map(|tensor| (*module, *other, *tensor, set, tensors));
                moved.collect::<Vec<_>>()
            })
    });
    let (module, other, tensor, ..) = moved.find(|(_, _, tensor, set, tensors)| {
        let (mut whole, mut rest) = ((*set).clone(), (*tensors).clone());
        whole.insert(tensor);
        rest.remove(tensor);
        count(&whole) >= OFTEN && (rest.is_empty() || count(&rest) >= OFTEN)
    })?;
    let name = names.iter().find(|name| split(name) == (other, tensor))?;
    Some((name, format!("{module}.{tensor}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likely(names: &str) -> Option<String> {
        let names: Vec<&str> = names.split(' ').collect();
        find(&names, None, &mut { MOST_ODD }).map(|(_, likely)| likely)
    }

    #[test]
    fn honest_names_are_not_doubted() {
        let cases = [
            "weight bias",
            // Recurrent layers, one of them of two.
            "a.weight_ih_l0 b.weight_ih_l0 c.weight_ih_l0 d.weight_ih_l0 d.weight_ih_l1",
            // Lists of parameters of different lengths; names of one letter.
            "a.0 b.0 c.0 d.0 d.1 e.0 e.1 e.2",
            "a.w b.w c.w d.w norm.g",
            // A convolution without bias, then a slope, between layers that have both.
            "0.weight 1.weight 2.weight 2.bias 3.weight 3.bias 4.weight 4.bias",
            // Stages that differ in what they have.
            "layer1.0.weight layer1.1.weight layer2.0.weight layer2.1.weight layer3.weight",
            "a.branch_a.0.w1 a.branch_b.0.w1 a.branch_c.w1 b.branch_a.0.w1 b.branch_c.w1",
            "a.q.weight a.k.weight a.v.weight a.1.weight b.1.weight c.1.weight d.q.weight",
            "a.5to3_matrix b.5to3_matrix c.5to3_matrix a.7to5_matrix",
        ];
        for names in cases {
            assert_eq!(likely(names), None, "{names}");
        }
    }

    #[test]
    fn odd_names_are_doubted() {
        let cases = [
            ("a.weight a.bhas", "a.bias"),
            ("a.weight b,weight", "b.weight"),
            (
                "a.5to3_matrix b.5to3_matrix c.5to3_matrix d.5to3_matryx",
                "d.5to3_matrix",
            ),
            (
                "a.5to3_matrix b.5to3_matrix c.5to3_matrix d.4to3_matrix",
                "d.5to3_matrix",
            ),
            (
                "a.conv.weight b.conv.weight c.conv.weight d.conw.weight",
                "d.conv.weight",
            ),
            (
                "a.conv.weight b.conv.weight c.conv.weight dnconv.weight",
                "d.conv.weight",
            ),
            // Of four layers one lacks its weight, which a place without a layer has.
            (
                "1.weight 0.bias 2.weight 2.bias 4.weight 4.bias 6.weight 6.bias",
                "0.weight",
            ),
        ];
        for (names, expected) in cases {
            assert_eq!(likely(names).as_deref(), Some(expected), "{names}");
        }
    }

    #[test]
    fn many_odd_names_are_left_alone() {
        let names: Vec<String> = (0..=MOST_ODD).map(|number| format!("odd{number}")).collect();
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.push("bhas");
        let mut odd_left = MOST_ODD;
        assert_eq!(find(&names, None, &mut odd_left), None);
        assert_eq!(find(&["bhas"], None, &mut odd_left), Some(("bhas", "bias".to_owned())));
    }
}
