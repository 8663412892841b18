//! A space file over another one, and the embedded files that can be its base.

use panarch_toml::{Diagnostic, Diagnostics, Document, Layering, did_you_mean};

use crate::{preset, zoo};

/// Files that lie over one another; more is a mistake.
const MOST_LAYERS: usize = 8;

/// How a space lies over its base.
const LAYERING: Layering<'_> = Layering {
    own: &["name", "version", "description", "note", "references"],
    dependent: &[("resolutions", "default_resolution")],
    appended: &["tie"],
    change: "change",
    chosen: &[],
    values: None,
    item: place_name,
};

/// What a stage, or a layer of the stem or head, is called.
fn place_name(list: &str, position: usize, name: Option<&str>) -> Option<String> {
    match list {
        "stage" => Some(stage_name(position, name)),
        "stem" | "head" => Some(layer_name(list, name)),
        _ => None,
    }
}

/// A stage's own name, or its number.
pub(crate) fn stage_name(position: usize, name: Option<&str>) -> String {
    name.map_or_else(|| format!("stage{}", position + 1), str::to_owned)
}

/// The block of a layer, with its own name behind it.
pub(crate) fn layer_name(block: &str, name: Option<&str>) -> String {
    name.map_or_else(|| block.to_owned(), |name| format!("{block}.{name}"))
}

/// The document of a space file with all that it lies over.
///
/// # Errors
/// A text that is no TOML, or a base that does not exist.
pub(crate) fn document(file_name: &str, text: &str) -> Result<Document, Diagnostics> {
    let mut bases: Vec<(String, &'static str)> = Vec::new();
    let mut next = base_of(&Document::parse(file_name, text)?);
    while let Some(name) = next {
        let Some(base) = embedded(&name) else {
            return Err(unknown(file_name, text, &name));
        };
        if bases.len() + 1 >= MOST_LAYERS {
            let message = format!("more than {MOST_LAYERS} spaces lie over one another");
            return Err(Diagnostic::new(file_name, message).into());
        }
        next = base_of(&Document::parse(&name, base)?);
        bases.push((format!("{name}.toml"), base));
    }
    let bases: Vec<(&str, &str)> = bases.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    Document::parse_over(file_name, text, &bases, &LAYERING)
}

/// The base that a document names. A value that is no string is reported when the space is read.
fn base_of(document: &Document) -> Option<String> {
    let root = document.root();
    let base = root.value("base");
    base.and_then(|value| value.text()).map(str::to_owned)
}

fn embedded(name: &str) -> Option<&'static str> {
    preset::text(name).or_else(|| zoo::text(name))
}

fn unknown(file_name: &str, text: &str, base: &str) -> Diagnostics {
    let problem = |document: Document| {
        let root = document.root();
        let names = preset::preset_names().into_iter().chain(zoo::names());
        let message = format!("`{base}` is neither an embedded space nor a network of the zoo");
        root.problem("base", message, did_you_mean(base, names).as_deref());
        drop(root);
        document.finish::<()>(None).err()
    };
    let found = Document::parse(file_name, text).ok().and_then(problem);
    found.unwrap_or_else(|| Diagnostic::new(file_name, format!("there is no base `{base}`")).into())
}
