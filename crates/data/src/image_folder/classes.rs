//! The class folders of one part.

use std::path::Path;

use unicode_normalization::UnicodeNormalization as _;

use super::layout::{
    Labelled, is_called_part, is_same_part, listed, pass_over_others, refused, unwrapped, with_pictures,
};
use super::walk::Tree;
use crate::DataError;

/// Class names in byte order, and pictures with their labels.
pub(super) struct Classes {
    pub(super) names: Vec<String>,
    pub(super) pictures: Labelled,
}

/// Reads the classes of the folder at `place`, or of the only folder in it.
///
/// # Errors
/// [`DataError::Layout`] when there are fewer than `least`, when one has no pictures, or when it is unclear which folders
/// are the classes.
pub(super) fn read(tree: &mut Tree, place: usize, least: usize) -> Result<Classes, DataError> {
    let place = innermost(tree, place);
    let folders: Vec<usize> = with_pictures(tree, place).collect();
    if folders.len() < least {
        let reason = "one folder of pictures is needed for each of at least two classes";
        return Err(refused(tree, place, reason));
    }
    let inside = tree.folders[place].folders.iter().map(|&folder| &tree.folders[folder]);
    if let Some(empty) = inside.clone().find(|folder| folder.count == 0 && !folder.held_output) {
        return Err(DataError::Layout {
            folder: empty.path.clone(),
            reason: "holds no picture; a folder beside class folders is a class: add pictures, or move it away"
                .to_owned(),
        });
    }
    same_depth(tree, place, &folders)?;
    pass_over_others(tree, place);
    let mut found = Classes {
        names: Vec::new(),
        pictures: Vec::new(),
    };
    for folder in folders {
        let path = &tree.folders[folder].path;
        let label = u16::try_from(found.names.len());
        let label = label.map_err(|_| refused(tree, place, "more than 65,536 classes"))?;
        found.names.push(class_name(path)?);
        let pictures = tree
            .pictures(folder)
            .into_iter()
            .map(|picture| (picture.clone(), label));
        found.pictures.extend(pictures);
    }
    distinct(tree, place, &found.names)?;
    Ok(found)
}

/// As [`unwrapped`], and through a folder that is called like the part itself (`train/train/`).
fn innermost(tree: &mut Tree, mut place: usize) -> usize {
    loop {
        place = unwrapped(tree, place);
        let mut inner = with_pictures(tree, place);
        let (Some(only), None) = (inner.next(), inner.next()) else {
            return place;
        };
        drop(inner);
        let same = is_same_part(&tree.folders[place].name(), &tree.folders[only].name());
        if !same || with_pictures(tree, only).next().is_none() {
            return place;
        }
        pass_over_others(tree, place);
        place = only;
    }
}

fn class_name(path: &Path) -> Result<String, DataError> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| DataError::Layout {
        folder: path.to_owned(),
        reason: "a class folder's name must be valid Unicode; rename it".to_owned(),
    })
}

/// A name in Unicode's composed form (NFC), in which names that look alike are equal.
pub(super) fn composed(name: &str) -> String {
    name.nfc().collect()
}

/// Refuses two names that a person cannot tell apart.
fn distinct(tree: &Tree, place: usize, names: &[String]) -> Result<(), DataError> {
    let mut forms: Vec<String> = names.iter().map(|name| composed(name)).collect();
    forms.sort_unstable();
    let Some(twice) = forms.windows(2).find(|pair| pair[0] == pair[1]) else {
        return Ok(());
    };
    let reason = format!(
        "two class folders are called {} and differ in Unicode normalisation alone; put them together, or rename one",
        twice[0]
    );
    Err(refused(tree, place, &reason))
}

/// Refuses class folders whose pictures do not lie equally deep, or in folders that may be the classes themselves.
fn same_depth(tree: &Tree, place: usize, folders: &[usize]) -> Result<(), DataError> {
    let mut first: Option<(usize, Vec<String>)> = None;
    for &folder in folders {
        let name = tree.folders[folder].name();
        if let Some(part) = part_inside(tree, folder) {
            let reason = format!(
                "the folder {name}/ holds {part}/: parts inside of classes are not read; put class folders into train/ and test/"
            );
            return Err(refused(tree, place, &reason));
        }
        let (mut inner, mut at) = (Vec::new(), folder);
        while tree.folders[at].pictures.is_empty() {
            let inside: Vec<usize> = with_pictures(tree, at).collect();
            let [only] = *inside else {
                let names: Vec<String> = inside.iter().map(|&inside| tree.folders[inside].name()).collect();
                let reason = format!(
                    "it is unclear whether {name} is a class or whether {} are; put the pictures of a class straight into its \
                     folder",
                    listed(&names)
                );
                return Err(refused(tree, place, &reason));
            };
            at = only;
            let inside = tree.folders[only].name();
            // cats/cats/ is the class cats, twice.
            inner.push(if inside == name { String::new() } else { inside });
        }
        match &first {
            None => first = Some((folder, inner)),
            Some((_, known)) if *known == inner => {}
            Some((other, known)) => {
                let shown = |folder: usize, inner: &[String]| {
                    let name = tree.folders[folder].name();
                    let inner = inner.iter().map(|inner| if inner.is_empty() { &name } else { inner });
                    std::iter::once(&name)
                        .chain(inner)
                        .cloned()
                        .collect::<Vec<_>>()
                        .join("/")
                };
                let reason = format!(
                    "pictures lie at different depths, in {}/ and {}/, so that it is unclear which folders are the classes; put the \
                     pictures of a class straight into its folder",
                    shown(*other, known),
                    shown(folder, &inner)
                );
                return Err(refused(tree, place, &reason));
            }
        }
    }
    Ok(())
}

/// A folder below that is called after a part.
fn part_inside(tree: &Tree, folder: usize) -> Option<String> {
    with_pictures(tree, folder).find_map(|inside| {
        let name = tree.folders[inside].name();
        if is_called_part(&name) {
            return Some(name);
        }
        part_inside(tree, inside)
    })
}
