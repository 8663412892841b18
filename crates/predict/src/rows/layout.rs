//! How the columns of a table say which network a row is about.

use std::borrow::Cow;
use std::collections::BTreeMap;

use panarch_space::{Genotype, Property, Space, SpaceError};

use super::Member;
use super::csv::wrong;
use crate::PredictError;

/// The operations of NAS-Bench-201 by its own numbers.
const NB201: [&str; 5] = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];

/// Largest height of images.
const MOST_PIXELS: u32 = 16_384;

/// What a table's columns are.
#[derive(Debug)]
pub(super) enum Layout {
    /// Columns of single choices, each with the decision that it names.
    Columns {
        choices: Vec<(usize, String)>,
        resolution: Option<usize>,
    },
    /// Columns of lists, with the decision that each item names.
    Lists {
        lists: Vec<(usize, Vec<String>)>,
        resolution: Option<usize>,
    },
    /// A column of genotypes.
    Genotype { column: usize, resolution: Option<usize> },
}

/// Values of what is no decision of the space: tied to a decision, or the same in all networks. The first row that has one
/// says what it is.
#[derive(Debug, Default)]
pub(super) struct Tied(BTreeMap<(String, Option<u8>), (usize, String)>);

impl Layout {
    pub(super) fn of(space: &Space, header: &[String]) -> Result<Self, PredictError> {
        let position = |name: &str| header.iter().position(|column| column == name);
        let resolution = ["image_size", "resolution", "r"].into_iter().find_map(position);
        if let (Some(d), Some(ks), Some(e)) = (position("d"), position("ks"), position("e")) {
            let [depths, kernels, expansions] = Self::blocks(space);
            return Ok(Self::Lists {
                lists: vec![(d, depths), (ks, kernels), (e, expansions)],
                resolution,
            });
        }
        if position("d0").is_some() && position("ks0").is_some() && position("e0").is_some() {
            let [depths, kernels, expansions] = Self::blocks(space);
            let numbered = |prefix: &str, names: Vec<String>| -> Result<Vec<(usize, String)>, PredictError> {
                let one = |(index, name)| {
                    let column = format!("{prefix}{index}");
                    let position = position(&column)
                        .ok_or_else(|| wrong(1, format!("column `{column}` is missing, which says `{name}`")))?;
                    Ok((position, name))
                };
                names.into_iter().enumerate().map(one).collect()
            };
            let mut choices = numbered("d", depths)?;
            choices.extend(numbered("ks", kernels)?);
            choices.extend(numbered("e", expansions)?);
            return Ok(Self::Columns { choices, resolution });
        }
        if position("block0_e").is_some() {
            let properties = [
                ("e", "expansion"),
                ("k", "kernel"),
                ("l", "depth"),
                ("se", "squeeze_excite"),
            ];
            let mut choices = Vec::new();
            for (column, name) in header.iter().enumerate() {
                let Some((block, letter)) = name.strip_prefix("block").and_then(|rest| rest.split_once('_')) else {
                    continue;
                };
                let property = properties.iter().find(|(short, _)| *short == letter);
                if let (Ok(block), Some((_, property))) = (block.parse::<u16>(), property) {
                    choices.push((column, format!("stage{}.{property}", u32::from(block) + 1)));
                }
            }
            return Ok(Self::Columns { choices, resolution });
        }
        let edge = |name: &String| {
            let nodes = name.strip_prefix('e')?;
            (nodes.len() == 2 && nodes.bytes().all(|byte| byte.is_ascii_digit())).then(|| format!("edge{nodes}"))
        };
        let edges: Vec<(usize, String)> = header
            .iter()
            .enumerate()
            .filter_map(|(column, name)| Some((column, edge(name)?)))
            .collect();
        if !edges.is_empty() {
            return Ok(Self::Columns {
                choices: edges,
                resolution,
            });
        }
        match position("genotype").or_else(|| position("key")) {
            Some(column) => Ok(Self::Genotype { column, resolution }),
            None => Err(wrong(
                1,
                "the columns name no networks; known are `d;ks;e;image_size`, `r,d0…,ks0…,e0…`, \
                 `block0_e,block0_k,block0_l,block0_se…`, `e01,e02,…`, `key` and `genotype`"
                    .to_owned(),
            )),
        }
    }

    /// The names of depth, and of kernel and expansion of every block at full depth, in the order of the stages.
    fn blocks(space: &Space) -> [Vec<String>; 3] {
        let mut depths = Vec::new();
        let (mut kernels, mut expansions) = (Vec::new(), Vec::new());
        for decision in space.decisions() {
            let Some(stage) = decision.name.strip_suffix(".depth") else {
                continue;
            };
            depths.push(decision.name.clone());
            let deepest = decision.choices.iter().filter_map(|it| it.parse::<u32>().ok()).max();
            for block in 1..=deepest.unwrap_or(0).min(256) {
                kernels.push(format!("{stage}.block{block}.kernel"));
                expansions.push(format!("{stage}.block{block}.expansion"));
            }
        }
        [depths, kernels, expansions]
    }

    /// The network of a row.
    ///
    /// # Errors
    /// [`PredictError::Genotype`] for a network of another space, [`PredictError::Table`] for what is no network.
    pub(super) fn member(
        &self,
        space: &Space,
        line: usize,
        fields: &[Cow<'_, str>],
        tied: &mut Tied,
    ) -> Result<Member, PredictError> {
        let field = |column: &usize| fields.get(*column).map_or("", |field| field.trim());
        let (genotype, resolution) = match self {
            Self::Columns { choices, resolution } => {
                let pairs = choices.iter().map(|(column, name)| (name.as_str(), field(column)));
                (genotype(space, line, pairs.collect(), tied)?, resolution)
            }
            Self::Lists { lists, resolution } => {
                let mut pairs = Vec::new();
                for (column, names) in lists {
                    let items: Vec<&str> = field(column).split_whitespace().collect();
                    if items.len() != names.len() {
                        let (found, expected) = (items.len(), names.len());
                        return Err(wrong(line, format!("a list of {found} numbers, not {expected}")));
                    }
                    pairs.extend(names.iter().map(String::as_str).zip(items));
                }
                (genotype(space, line, pairs, tied)?, resolution)
            }
            Self::Genotype { column, resolution } => (space.parse_genotype(field(column))?, resolution),
        };
        let resolution = resolution.as_ref().map(|column| pixels(line, field(column)));
        Ok(Member {
            genotype,
            resolution: resolution.transpose()?,
        })
    }
}

fn pixels(line: usize, text: &str) -> Result<u32, PredictError> {
    match text.parse::<u32>() {
        Ok(pixels) if (1..=MOST_PIXELS).contains(&pixels) => Ok(pixels),
        _ => Err(wrong(line, format!("`{text}` is not a height of images in pixels"))),
    }
}

/// The genotype of choices by name. Names that are no decisions of the space must agree with the rows before.
fn genotype(space: &Space, line: usize, pairs: Vec<(&str, &str)>, tied: &mut Tied) -> Result<Genotype, PredictError> {
    let mut named = Vec::new();
    let mut others = Vec::new();
    for (name, text) in pairs {
        match space.decisions().iter().find(|decision| decision.name == name) {
            Some(decision) => named.push((name, choice(decision.property, &decision.choices, text))),
            None => others.push((name, text)),
        }
    }
    let genotype = space.encode(named).map_err(|error| match error {
        SpaceError::NotChosen { decision } => {
            wrong(line, format!("no column says `{decision}` of space {}", space.name()))
        }
        other => PredictError::Genotype(other),
    })?;
    let drives = |name: &str| {
        let driver = |(_, it): &(usize, &panarch_space::Decision)| it.drives.iter().any(|driven| driven == name);
        space.decisions().iter().enumerate().find(driver)
    };
    for (name, text) in others {
        let driver = drives(name);
        if driver.is_none() && space.decisions().iter().all(|it| !shares_stage(&it.name, name)) {
            return Err(wrong(line, format!("space {} has no `{name}`", space.name())));
        }
        let choice = driver.map(|(decision, _)| genotype.choice(decision));
        let first = tied
            .0
            .entry((name.to_owned(), choice))
            .or_insert_with(|| (line, text.to_owned()));
        if first.1 != text {
            return Err(PredictError::Genotype(SpaceError::UnknownChoice {
                decision: name.to_owned(),
                choice: text.to_owned(),
                choices: vec![format!("{} (line {})", first.1, first.0)],
            }));
        }
    }
    Ok(genotype)
}

fn shares_stage(a: &str, b: &str) -> bool {
    a.split('.').next() == b.split('.').next()
}

/// The text of the choice that a field means: itself, the same number written otherwise, the flag of a squeeze-and-excite,
/// the number of an operation of NAS-Bench-201.
fn choice<'a>(property: Property, choices: &'a [String], text: &'a str) -> &'a str {
    if choices.iter().any(|choice| choice == text) {
        return text;
    }
    let Ok(number) = text.parse::<f64>() else {
        return text;
    };
    if let Some(same) = choices.iter().find(|choice| choice.parse() == Ok(number)) {
        return same;
    }
    match property {
        Property::SqueezeExcite if number == 1.0 => choices.last().map_or(text, String::as_str),
        Property::Operator => {
            let operation = text.parse::<usize>().ok().and_then(|index| NB201.get(index));
            operation.map_or(text, |operation| *operation)
        }
        _ => text,
    }
}
