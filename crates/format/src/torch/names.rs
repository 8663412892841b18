//! Whether the names of a state dict agree with the modules that it lists.
//!
//! `torch.save` keeps with a state dict its `_metadata`: the path of every module, in the order in which the tensors
//! follow too. Scripts that rename tensors leave it as it was or drop it, so it is believed only where nearly all names
//! agree with it.

use std::collections::{BTreeMap, HashSet};

use super::{flip, limits};
use crate::FormatError;

/// Of so many names one may be without a module in metadata that are believed.
const NAMES_FOR_ONE: usize = 10;

/// Checks the names of the tensors of one dict, in their order; `modules` has the place of each path, and is empty where
/// the file lists none. `odd_left` is as in [`flip::find`].
pub fn check(names: &[&str], modules: &BTreeMap<&str, usize>, odd_left: &mut usize) -> Result<(), FormatError> {
    for name in names {
        if name.chars().any(char::is_control) {
            return Err(wrong(name, "has a control character in its name: the file is damaged"));
        }
    }
    let strangers = || names.iter().filter(|name| !modules.contains_key(split(name).0));
    let count = strangers().count();
    // More than half agree, and all but one or a tenth.
    let believed = 2 * count < names.len() && count <= (names.len() / NAMES_FOR_ONE).max(1);
    let modules = believed.then_some(modules).filter(|modules| !modules.is_empty());
    if let (Some(stranger), Some(_)) = (strangers().next(), modules) {
        let reason = "names no module of the file: the file is damaged, or its names were changed and its `_metadata` was \
                      not; then save again in the zip form";
        return Err(wrong(stranger, reason));
    }
    let flipped = modules.and_then(|modules| out_of_order(names, modules, odd_left));
    let flipped = flipped.or_else(|| in_another(names));
    let flipped = flipped.or_else(|| flip::find(names, modules, odd_left));
    let Some((name, likely)) = flipped else { return Ok(()) };
    let reason = format!(
        "is one flipped bit away from `{}`, which the rest of the file suggests: the file is damaged, or else save it \
         again in the zip form",
        shown(&likely)
    );
    Err(wrong(name, reason))
}

/// The path of the module that a tensor belongs to, and the name that it has there.
pub fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

/// A name as an error shows it.
pub fn shown(name: &str) -> String {
    let shown = name.chars().take(limits::NAME_BYTES);
    shown.flat_map(char::escape_debug).collect()
}

fn wrong(name: &str, reason: impl Into<String>) -> FormatError {
    FormatError::tensor(shown(name), reason)
}

/// A name that alone stands where its module does not belong, if one flipped bit explains it, and the name without that.
fn out_of_order<'n>(
    names: &[&'n str],
    modules: &BTreeMap<&str, usize>,
    odd_left: &mut usize,
) -> Option<(&'n str, String)> {
    let place = |name: &str| modules.get(split(name).0).copied();
    let places: Vec<usize> = names.iter().filter_map(|name| place(name)).collect();
    let descent = places.iter().zip(places.iter().skip(1)).position(|(a, b)| a > b)?;
    *odd_left = odd_left.checked_sub(1)?;
    let known: HashSet<&str> = names.iter().copied().collect();
    [descent, descent + 1].into_iter().find_map(|odd| {
        let (before, after) = (places.get(..odd)?, places.get(odd + 1..)?);
        let (low, high) = (before.last().unwrap_or(&0), after.first().unwrap_or(&usize::MAX));
        if !before.is_sorted() || !after.is_sorted() || low > high {
            return None;
        }
        let name = names.get(odd)?;
        let mut flips = flip::flips(name);
        let likely = flips.find(|(_, it)| {
            place(it).is_some_and(|place| (*low..=*high).contains(&place)) && !known.contains(it.as_str())
        });
        likely.map(|(_, likely)| (*name, likely))
    })
}

/// A name in the midst of a module that it does not belong to, if one flipped bit explains it, and the name without
/// that. All tensors of a module follow each other.
fn in_another<'n>(names: &[&'n str]) -> Option<(&'n str, String)> {
    let known: HashSet<&str> = names.iter().copied().collect();
    names.windows(3).find_map(|three| {
        let &[before, name, after] = three else { return None };
        let module = common(before, after).filter(|module| !name.starts_with(module))?;
        let (head, rest) = name.split_at_checked(module.len())?;
        let differing = head.bytes().zip(module.bytes()).map(|(a, b)| (a ^ b).count_ones());
        let likely = format!("{module}{rest}");
        (differing.sum::<u32>() == 1 && !known.contains(likely.as_str())).then_some((name, likely))
    })
}

/// The path that two names have in common, with the dot that ends it.
fn common<'n>(a: &'n str, b: &str) -> Option<&'n str> {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let dot = a.get(..same)?.rfind('.')?;
    a.get(..=dot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(names: &[&str], modules: &[&str]) -> String {
        let modules = modules.iter().enumerate().map(|(place, path)| (*path, place)).collect();
        check(names, &modules, &mut { flip::MOST_ODD }).map_or_else(|error| error.to_string(), |()| "sound".to_owned())
    }

    #[test]
    fn names_against_modules() {
        let modules = ["", "0", "1", "2", "3", "4", "5"];
        let honest = ["0.weight", "2.weight", "3.weight", "4.weight", "5.weight"];
        let changed = |from: &str, to: &'static str| honest.map(|name| if name == from { to } else { name });
        let cases: [(&[&str], &[&str], &str); 11] = [
            (&honest, &modules, "sound"),
            (&honest, &[], "sound"),
            (&changed("3.weight", "w.weight"), &modules, "`w.weight`"),
            // The metadata of another model, or of a part of it.
            (&honest, &["", "a", "b"], "sound"),
            (&honest, &["", "0", "2"], "sound"),
            // The name of a module without tensors, and in the wrong place.
            (&changed("0.weight", "1.weight"), &modules, "sound"),
            (&changed("3.weight", "1.weight"), &modules, "`3.weight`"),
            // Moved to the end by a script.
            (&["2.weight", "3.weight", "4.weight", "0.weight"], &modules, "sound"),
            // In the midst of another module.
            (&["a.1.x", "a.3.y", "a.1.z"], &[], "from `a.1.y`"),
            (&["a.1.x", "a.6.y", "a.1.z"], &[], "sound"),
            (&["0.weight", "0.bi\tas"], &modules, "control character"),
        ];
        for (names, modules, expected) in cases {
            let said = said(names, modules);
            assert!(said.contains(expected), "{names:?} {modules:?}: {said}");
        }
    }
}
