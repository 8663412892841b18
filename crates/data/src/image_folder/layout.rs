//! Which folders are training, validation and test part, and which are classes.
//!
//! Folders are understood or refused, never guessed at: a wrong guess would make a class of a part.

use std::path::{Path, PathBuf};

use super::classes::{self, Classes};
use super::inventory::{PassedOver, Reason};
use super::walk::Tree;
use crate::DataError;

/// What a folder was understood as.
pub(super) struct Layout {
    /// Class names, by label.
    pub(super) classes: Vec<String>,
    /// Pictures to train on, with labels.
    pub(super) train: Labelled,
    /// Pictures to choose by.
    pub(super) validation: Option<Labelled>,
    /// Test pictures; none means that they are to be held out.
    pub(super) test: Option<Labelled>,
    /// What is used as what, in one line.
    pub(super) sentence: String,
}

/// Pictures with their labels.
pub(super) type Labelled = Vec<(PathBuf, u16)>;

/// A part of a dataset that a folder's name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Train,
    Validation,
    Test,
}

impl Part {
    /// The part that a folder is called after, in any case, with `_`, `-`, a space or nothing between words.
    fn called(name: &str) -> Option<Self> {
        let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
        let word: String = letters.flat_map(char::to_lowercase).collect();
        let stem = ["set", "data", "images"]
            .into_iter()
            .find_map(|end| word.strip_suffix(end));
        match stem.unwrap_or(&word) {
            "train" | "training" => Some(Self::Train),
            "val" | "valid" | "validation" | "validate" | "dev" => Some(Self::Validation),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

/// Whether two folders are called after the same part.
pub(super) fn is_same_part(one: &str, other: &str) -> bool {
    is_called_part(one) && Part::called(one) == Part::called(other)
}

/// Whether a folder is called after a part.
pub(super) fn is_called_part(name: &str) -> bool {
    Part::called(name).is_some()
}

/// Understands a folder. What lies beside parts and classes is added to what was passed over.
///
/// # Errors
/// [`DataError::Layout`] with what was seen and what to do.
pub(super) fn understand(tree: &mut Tree, root: &Path, test_share: f64) -> Result<Layout, DataError> {
    let place = unwrapped(tree, 0);
    let parts: Vec<(Part, usize)> = with_pictures(tree, place)
        .filter_map(|folder| Some((Part::called(&tree.folders[folder].name())?, folder)))
        .collect();
    if parts.is_empty() {
        let found = classes::read(tree, place, 2)?;
        let sentence = format!(
            "class folders in {}: {:.0} % of their pictures are the test part, and validation pictures are held out of the rest",
            shown(tree, place, root),
            test_share * 100.0
        );
        return Ok(Layout {
            classes: found.names,
            train: found.pictures,
            validation: None,
            test: None,
            sentence,
        });
    }
    check(tree, place, &parts)?;
    pass_over_others(tree, place);
    let folder = |part| {
        parts
            .iter()
            .find(|(found, _)| *found == part)
            .map(|(_, folder)| *folder)
    };
    let Some(train_folder) = folder(Part::Train) else {
        return Err(refused(
            tree,
            place,
            "there is no train/ among its parts; put the training pictures there",
        ));
    };
    let train = classes::read(tree, train_folder, 2)?;
    let mut other = |folder: Option<usize>| -> Result<Option<Labelled>, DataError> {
        let Some(folder) = folder else { return Ok(None) };
        let found = classes::read(tree, folder, 1)?;
        same_classes(tree, train_folder, &train, folder, &found)?;
        Ok(Some(found.pictures))
    };
    let (validation, test) = (other(folder(Part::Validation))?, other(folder(Part::Test))?);
    let name = |part| folder(part).map(|folder| shown(tree, folder, root)).unwrap_or_default();
    let (t, v, e) = (name(Part::Train), name(Part::Validation), name(Part::Test));
    let (validation, test, sentence) = match (validation, test) {
        (Some(validation), Some(test)) => {
            let sentence = format!("{t}, {v} and {e} are used as they are");
            (Some(validation), Some(test), sentence)
        }
        (None, Some(test)) => {
            let sentence = format!("{t} and {e} are used as they are; validation pictures are held out of {t}");
            (None, Some(test), sentence)
        }
        (Some(validation), None) => {
            let sentence = format!(
                "{t} and {v} without test/: {v} is the test part, as in ImageNet; validation pictures are held out of {t}"
            );
            (None, Some(validation), sentence)
        }
        (None, None) => {
            let share = test_share * 100.0;
            let sentence = format!(
                "{t} alone: {share:.0} % of its pictures are the test part, and validation pictures are held out of the rest"
            );
            (None, None, sentence)
        }
    };
    Ok(Layout {
        classes: train.names,
        train: train.pictures,
        validation,
        test,
        sentence,
    })
}

/// The folders in a folder that have pictures in or below them.
pub(super) fn with_pictures(tree: &Tree, place: usize) -> impl Iterator<Item = usize> {
    let folders = tree.folders[place].folders.iter().copied();
    folders.filter(|&folder| tree.folders[folder].count > 0)
}

/// Goes through folders that only wrap another one, as archives have them, up to one that holds parts or classes.
pub(super) fn unwrapped(tree: &mut Tree, mut place: usize) -> usize {
    loop {
        let mut inner = with_pictures(tree, place);
        let (Some(only), None) = (inner.next(), inner.next()) else {
            return place;
        };
        drop(inner);
        // A folder called train/ wraps classes, not parts; and one that holds pictures is a class.
        if is_called_part(&tree.folders[only].name()) || with_pictures(tree, only).next().is_none() {
            return place;
        }
        pass_over_others(tree, place);
        place = only;
    }
}

/// Counts what lies beside the folders that are used: pictures in no folder of theirs, and folders without any.
pub(super) fn pass_over_others(tree: &mut Tree, place: usize) {
    let folder = &tree.folders[place];
    let pictures = folder.pictures.iter().map(|path| (path.clone(), Reason::NoClass));
    let empty = folder
        .folders
        .iter()
        .map(|&folder| &tree.folders[folder])
        .filter(|folder| folder.count == 0);
    let empty = empty
        .filter(|folder| !folder.held_output)
        .map(|folder| (folder.path.clone(), Reason::NoPictures));
    let others: Vec<_> = pictures
        .chain(empty)
        .map(|(path, reason)| PassedOver { path, reason })
        .collect();
    tree.passed_over.extend(others);
}

/// Refuses parts that are there twice, and class folders beside them.
fn check(tree: &Tree, place: usize, parts: &[(Part, usize)]) -> Result<(), DataError> {
    for (index, (part, folder)) in parts.iter().enumerate() {
        if let Some((_, other)) = parts.iter().take(index).find(|(known, _)| known == part) {
            let (one, other) = (tree.folders[*other].name(), tree.folders[*folder].name());
            let reason = format!("{one}/ and {other}/ are the same part of a dataset; keep one of them");
            return Err(refused(tree, place, &reason));
        }
    }
    let others = with_pictures(tree, place).filter(|folder| parts.iter().all(|(_, part)| part != folder));
    let others: Vec<String> = others
        .map(|folder| format!("{}/", tree.folders[folder].name()))
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let parts: Vec<String> = parts
        .iter()
        .map(|(_, folder)| format!("{}/", tree.folders[*folder].name()))
        .collect();
    let reason = format!(
        "beside {} lie {}, so that it is unclear which folders are classes; put class folders into train/ (and test/), and move \
         away what is none",
        parts.join(" and "),
        listed(&others)
    );
    Err(refused(tree, place, &reason))
}

/// Refuses a part with other classes than the training part.
fn same_classes(
    tree: &Tree,
    train_folder: usize,
    train: &Classes,
    folder: usize,
    found: &Classes,
) -> Result<(), DataError> {
    if found.names == train.names {
        return Ok(());
    }
    let beyond = |names: &[String], known: &[String]| -> Vec<String> {
        names.iter().filter(|name| !known.contains(name)).cloned().collect()
    };
    let (more, fewer) = (beyond(&found.names, &train.names), beyond(&train.names, &found.names));
    let train_name = tree.folders[train_folder].name();
    let mut reasons = Vec::new();
    if !more.is_empty() {
        reasons.push(format!("has the classes {} that {train_name}/ has not", listed(&more)));
    }
    if !fewer.is_empty() {
        reasons.push(format!("lacks the classes {} of {train_name}/", listed(&fewer)));
    }
    let composed = |names: &[String]| -> Vec<String> { names.iter().map(|name| classes::composed(name)).collect() };
    if composed(&more) == composed(&fewer) {
        reasons.push("they look alike and differ in Unicode normalisation: rename the folders".to_owned());
    }
    Err(DataError::Layout {
        folder: tree.folders[folder].path.clone(),
        reason: format!("{}; every part needs the same class folders", reasons.join(" and ")),
    })
}

/// A refusal with what was seen.
pub(super) fn refused(tree: &Tree, place: usize, reason: &str) -> DataError {
    let folder = &tree.folders[place];
    let mut seen: Vec<String> = with_pictures(tree, place)
        .map(|folder| &tree.folders[folder])
        .map(|folder| format!("{}/ with {}", folder.name(), pictures(folder.count)))
        .collect();
    if !folder.pictures.is_empty() {
        seen.push(format!("{} in no folder", pictures(folder.pictures.len())));
    }
    let seen = match seen.is_empty() {
        true => "no pictures".to_owned(),
        false => listed(&seen),
    };
    DataError::Layout {
        folder: folder.path.clone(),
        reason: format!("{reason} (seen: {seen})"),
    }
}

fn pictures(count: usize) -> String {
    match count {
        1 => "1 picture".to_owned(),
        count => format!("{count} pictures"),
    }
}

/// A list, cut after a few.
pub(super) fn listed(items: &[String]) -> String {
    const SHOWN: usize = 8;
    let more = items.len().saturating_sub(SHOWN);
    let shown = items.iter().take(SHOWN).cloned();
    let more = (more > 0).then(|| format!("{more} more"));
    shown.chain(more).collect::<Vec<_>>().join(", ")
}

/// A folder as seen from the dataset's, with a `/` at its end.
fn shown(tree: &Tree, place: usize, root: &Path) -> String {
    let path = &tree.folders[place].path;
    let inner = path.strip_prefix(root).unwrap_or(path);
    match inner.as_os_str().is_empty() {
        true => format!("{}/", path.display().to_string().trim_end_matches('/')),
        false => format!("{}/", inner.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_by_many_names() {
        for (name, part) in [
            ("train", Some(Part::Train)),
            ("Training", Some(Part::Train)),
            ("training_set", Some(Part::Train)),
            ("TRAIN-SET", Some(Part::Train)),
            ("valid", Some(Part::Validation)),
            ("Validation Set", Some(Part::Validation)),
            ("dev", Some(Part::Validation)),
            ("test_set", Some(Part::Test)),
            ("TestData", Some(Part::Test)),
            ("train1", None),
            ("trainers", None),
            ("set", None),
            ("contest", None),
        ] {
            assert_eq!(Part::called(name), part, "{name}");
        }
    }
}
