//! What a legacy file is held to in place of the checksum that it lacks: a flipped bit in its pickle must not give a
//! tensor another name or other axes without a word.
//!
//! Only what `torch.save` writes of a model's state dict is asked for. Every storage belongs to a tensor; a tensor that
//! has a storage for itself fills it; and names agree with the modules that the file lists and with each other
//! ([`super::names`], [`super::flip`]). Values have no witness: a flipped bit in a weight or in an epoch is read as it is.

use std::collections::BTreeMap;

use super::node::{Node, NodeId, Pickle, Puts};
use super::state_dict::KEYS;
use super::{flip, names};
use crate::FormatError;

/// Checks everything that the root of the value contains. The tree was expanded before, so it is sound and bounded.
pub fn check(pickle: &Pickle<'_>) -> Result<(), FormatError> {
    memo(pickle.puts)?;
    key_of_state_dict(pickle)?;
    let mut views = Vec::new();
    // Names of the tensors of each dict, by the node of its state, which several can share.
    let mut dicts: BTreeMap<Option<u32>, Vec<Vec<&str>>> = BTreeMap::new();
    let mut seen = vec![false; pickle.nodes.len()];
    let mut open = vec![(pickle.root, "the root")];
    while let Some((id, name)) = open.pop() {
        match seen.get_mut(id.0 as usize) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        match pickle.node(id) {
            Node::List(items) | Node::Tuple(items) => open.extend(items.iter().map(|item| (*item, name))),
            Node::Dict { entries, state, .. } => {
                let mut tensors = Vec::new();
                for (key, value) in entries {
                    let text = pickle.text(*key);
                    tensors.extend(text.filter(|_| matches!(pickle.node(*value), Node::Tensor { .. })));
                    open.push((*value, text.unwrap_or(name)));
                }
                dicts.entry(state.map(|id| id.0)).or_default().push(tensors);
            }
            Node::Tensor { .. } => views.extend(View::read(pickle, id, name)),
            _ => {}
        }
    }
    storages(pickle, &views)?;
    let mut odd_left = flip::MOST_ODD;
    for (state, dicts) in &dicts {
        let metadata = state.and_then(|state| pickle.get(NodeId(state), "_metadata"));
        let modules = metadata.map(|id| modules(pickle, id)).unwrap_or_default();
        for tensors in dicts {
            names::check(tensors, &modules, &mut odd_left)?;
        }
    }
    Ok(())
}

/// The paths of modules that a state dict lists in its `_metadata`, with their places.
fn modules<'p>(pickle: &'p Pickle<'_>, metadata: NodeId) -> BTreeMap<&'p str, usize> {
    let Node::Dict { entries, .. } = pickle.node(metadata) else {
        return BTreeMap::new();
    };
    let paths = entries.iter().enumerate();
    paths
        .filter_map(|(place, (key, _))| Some((pickle.text(*key)?, place)))
        .collect()
}

/// A text that runs on swallows what puts it in the memo, and a flipped bit in a number breaks the sequence twice. A
/// writer that does not number in sequence has more breaks, or puts only what it uses again.
fn memo(puts: Puts) -> Result<(), FormatError> {
    const BREAKS: std::ops::RangeInclusive<u64> = 1..=2;
    const PUTS: u64 = 16;
    if puts.count >= PUTS && BREAKS.contains(&puts.breaks) {
        return Err(FormatError::torch(
            "the numbers of the pickle's memo have a gap: the file is damaged",
        ));
    }
    Ok(())
}

/// A dict of tensors at the root may not be one flipped bit away from a name under which tensors are looked for.
fn key_of_state_dict(pickle: &Pickle<'_>) -> Result<(), FormatError> {
    let Node::Dict { entries, .. } = pickle.root() else {
        return Ok(());
    };
    let is_tensor = |(_, value): &(NodeId, NodeId)| matches!(pickle.node(*value), Node::Tensor { .. });
    for (key, value) in entries {
        let Some(key) = pickle.text(*key) else { continue };
        // All have fewer bytes than a name that is cut.
        if KEYS.iter().all(|known| known.len() != key.len()) || KEYS.contains(&key) {
            continue;
        }
        let has_tensors = matches!(pickle.node(*value), Node::Dict { entries, .. } if entries.iter().any(is_tensor));
        let likely = flip::flips(key).find(|(_, it)| KEYS.contains(&it.as_str()));
        if let (true, Some((_, likely))) = (has_tensors, likely) {
            let reason = format!(
                "the tensors are under `{}`, one flipped bit away from `{likely}`: the file is damaged",
                names::shown(key)
            );
            return Err(FormatError::torch(reason));
        }
    }
    Ok(())
}

/// Every storage must be shown, and filled by the tensor that alone shows it.
fn storages(pickle: &Pickle<'_>, views: &[View<'_>]) -> Result<(), FormatError> {
    let mut users = vec![0_u32; pickle.storages.len()];
    for view in views {
        if let Some(users) = users.get_mut(view.storage) {
            *users += 1;
        }
    }
    for view in views {
        let (Some(storage), Some(1)) = (pickle.storages.get(view.storage), users.get(view.storage)) else {
            continue;
        };
        if !view.windowed && !view.fills(storage.elements) {
            let reason = format!(
                "shows a part of its storage of {} elements, with axes {:?}, strides {:?} from element {}: the file is \
                 damaged, or a slice was saved; then save a clone of it, or save again in the zip form",
                storage.elements, view.shape, view.strides, view.offset
            );
            return Err(FormatError::tensor(names::shown(view.name), reason));
        }
    }
    let unused = users.iter().position(|users| *users == 0);
    if let Some(storage) = unused.and_then(|place| pickle.storages.get(place)) {
        let reason = format!(
            "no tensor shows storage `{}`: the file is damaged",
            storage.key.escape_debug()
        );
        return Err(FormatError::torch(reason));
    }
    Ok(())
}

/// A tensor as the pickle describes it.
struct View<'p> {
    name: &'p str,
    storage: usize,
    /// Whether it shows a window of the storage, which then is shared by its nature.
    windowed: bool,
    offset: u64,
    shape: Vec<u64>,
    strides: Vec<u64>,
}

impl<'p> View<'p> {
    /// Always succeeds for a tensor that could be expanded.
    fn read(pickle: &Pickle<'_>, tensor: NodeId, name: &'p str) -> Option<Self> {
        let Node::Tensor {
            storage,
            offset,
            shape,
            strides,
        } = pickle.node(tensor)
        else {
            return None;
        };
        let Node::Storage { storage, window } = pickle.node(*storage) else {
            return None;
        };
        let count = |id: &NodeId| match pickle.node(*id) {
            Node::Int(count) => u64::try_from(*count).ok(),
            _ => None,
        };
        let counts = |id: &NodeId| match pickle.node(*id) {
            Node::List(items) | Node::Tuple(items) => items.iter().map(count).collect(),
            _ => None,
        };
        Some(Self {
            name,
            storage: *storage as usize,
            windowed: window.is_some(),
            offset: count(offset)?,
            shape: counts(shape)?,
            strides: counts(strides)?,
        })
    }

    /// Whether every element of the storage is shown exactly once: the strides are those of a dense tensor whose axes
    /// may have changed places. Strides of axes of one element mean nothing; empty axes count as one, as PyTorch does.
    fn fills(&self, elements: u64) -> bool {
        let product = self
            .shape
            .iter()
            .try_fold(1_u64, |product, axis| product.checked_mul(*axis));
        let axes = self.strides.iter().copied().zip(self.shape.iter().copied());
        let mut axes: Vec<(u64, u64)> = axes.filter(|(_, axis)| *axis != 1).collect();
        axes.sort_unstable();
        let mut expected = 1_u64;
        let dense = axes.iter().all(|(stride, axis)| {
            let same = *stride == expected;
            expected = expected.saturating_mul((*axis).max(1));
            same
        });
        self.offset == 0 && product == Some(elements) && dense
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_views_fill_their_storage() {
        let cases: [([&[u64]; 2], u64, u64, bool); 15] = [
            ([&[], &[]], 0, 1, true),
            ([&[], &[]], 0, 2, false),
            ([&[], &[]], 1, 2, false),
            ([&[2, 3], &[3, 1]], 0, 6, true),
            ([&[2, 3], &[1, 2]], 0, 6, true),
            ([&[4, 1, 3], &[3, 99, 1]], 0, 12, true),
            ([&[4, 2, 3], &[1, 12, 4]], 0, 24, true),
            ([&[2, 3], &[3, 1]], 0, 7, false),
            ([&[2, 3], &[1, 1]], 0, 6, false),
            ([&[6], &[0]], 0, 6, false),
            ([&[2, 3], &[4, 1]], 0, 6, false),
            ([&[0, 4], &[4, 1]], 0, 0, true),
            ([&[0, 5], &[4, 1]], 0, 0, false),
            ([&[4, 0], &[1, 1]], 0, 0, true),
            ([&[u64::MAX, 2], &[2, 1]], 0, u64::MAX - 1, false),
        ];
        for ([shape, strides], offset, elements, expected) in cases {
            let view = View {
                name: "",
                storage: 0,
                windowed: false,
                offset,
                shape: shape.to_vec(),
                strides: strides.to_vec(),
            };
            assert_eq!(
                view.fills(elements),
                expected,
                "{shape:?} {strides:?} {offset} {elements}"
            );
        }
    }
}
