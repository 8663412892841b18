//! Fills a table of block latencies by asking a device for every block that a space can contain.
//!
//! A block is asked for alone, which leaves out what blocks do to each other: operators that a compiler would fuse across
//! their border, values that would still lie in a cache, a processor that would have slowed down from heat. How much that
//! is shows the check at the end, which compares sums with the device's answers for whole networks.

mod check;
mod isolation;
mod journal;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use panarch_cost::{Checked, Cost, CostError, CostSource, DeviceProfile};
use panarch_graph::{Latency, Network, Provenance, ProvenanceKind};
use panarch_measure::AnchorReadings;
use panarch_predict::{LatencyTable, TableCheck, TableEntry, TableHeader, normal_quantile};
use panarch_space::{Head, IsolatedBlock, Space};

use crate::device_source;
use crate::event::Watch;
use crate::run::LARGEST_SPREAD;
use crate::{Error, lookup};
use isolation::{Isolation, Way};
use journal::{Begun, Found, Journal};

/// Blocks that are asked for at once where an answer costs no time.
const TOGETHER: usize = 64;

/// Which table is to be built.
#[derive(Debug, Clone)]
pub struct TableOrder {
    /// The space: a preset's name or a TOML file.
    pub space: String,
    /// The device: a profile's name or a TOML file.
    pub device: String,
    /// Classes and image channels.
    pub head: Head,
    /// Height and width of the images; the space's own when absent.
    pub resolution: Option<u32>,
    /// How often the device is asked for each block.
    pub repeat: u32,
    /// The profile that is written (`.toml`); the table stands beside it (`.csv`).
    pub output: PathBuf,
}

/// What was built.
#[derive(Debug, Clone)]
pub struct BuiltTable {
    /// The name of the new device.
    pub device: String,
    /// Its profile.
    pub profile: PathBuf,
    /// Its table.
    pub table: PathBuf,
    /// How many entries that has.
    pub entries: usize,
    /// Blocks that the device cannot run, which are not in it.
    pub left_out: usize,
    /// Its sums against the device's answers for whole networks.
    pub check: TableCheck,
}

/// Builds a table, going on from what an earlier call left when it was killed: each block is kept as soon as it is known.
///
/// # Errors
/// Bad input, a device that is missing or fails, [`Error::Interrupted`].
pub fn build(order: &TableOrder, watch: &mut Watch<'_>) -> Result<BuiltTable, Error> {
    let space = lookup::space(&order.space)?;
    let profile = lookup::device(&order.device)?;
    let resolution = order.resolution.unwrap_or(space.default_resolution());
    let name = device_name(&order.output)?;
    let mut journal = Journal::of(&order.output)?;
    // Its answers are kept, so that asking again would only read the first one once more.
    if profile.command().is_some() && order.repeat > 1 {
        return Err(Error::Input(format!(
            "{} answers by a command, whose profile says how often one is repeated: set `command.repeat` there and leave --repeat out",
            profile.name()
        )));
    }
    let (device, host): (Box<dyn CostSource>, _) = match profile.measured() {
        Some(_) => {
            let host = device_source::open_on_scale(&profile, journal.anchor()?)?;
            (Box::new(Checked::new(Arc::clone(&host))), Some(host))
        }
        None => (device_source::open(&profile)?, None),
    };
    watch.step(format!("Asking {} for the blocks of {}", profile.name(), space.name()));
    let blocks = distinct(space.isolated_blocks(order.head, resolution)?);
    let (mut header, way) = header(order, &space, &profile, device.as_ref(), &blocks, resolution)?;
    header.anchor = host
        .as_ref()
        .map(|host| host.scale())
        .transpose()?
        .map(|scale| scale.value);
    match journal.found(&header)? {
        Found::Nothing => {}
        Found::Other(why) => watch.note(format!("the table is built again: {why}")),
        Found::Same(table) => {
            if let Some(check) = table.header().and_then(|header| header.check) {
                watch.done(format!("already built, {} blocks", table.len()));
                return Ok(BuiltTable {
                    device: name,
                    profile: journal.profile,
                    table: journal.table,
                    entries: table.len(),
                    left_out: blocks.len().saturating_sub(table.len()),
                    check,
                });
            }
        }
    }
    let Begun { mut entries, other } = journal.begin(&header)?;
    if let Some(why) = other {
        watch.note(format!("the table that was begun is begun again: {why}"));
    }
    let numbered = blocks.iter().enumerate();
    let positions: HashMap<&str, usize> = numbered.map(|(at, (key, _))| (key.as_str(), at)).collect();
    entries.retain(|(key, _)| positions.contains_key(key.as_str()));
    if !entries.is_empty() {
        watch.note(format!("{} blocks are known from before", entries.len()));
    }
    let (mut left_out, mut refused) = (0, None);
    let known: HashSet<String> = entries.iter().map(|(key, _)| key.clone()).collect();
    let missing: Vec<&(String, IsolatedBlock)> = blocks.iter().filter(|(key, _)| !known.contains(key)).collect();
    let together = if device.takes_time() { 1 } else { TOGETHER };
    for chunk in missing.chunks(together) {
        cancelled(watch)?;
        let answers = ask(device.as_ref(), chunk, way, header.asked)?;
        for ((key, block), answer) in chunk.iter().zip(answers) {
            match answer {
                Some(entry) => {
                    journal.keep(key, &entry)?;
                    entries.push((key.clone(), entry));
                }
                None => {
                    refused.get_or_insert_with(|| format!("{} of {}", block.name, block.member));
                    left_out += 1;
                }
            }
        }
        let done = entries.len() + left_out;
        watch.progress(done as u64, blocks.len() as u64, "blocks", "");
    }
    watch.done(format!("{} blocks", entries.len()));
    if let Some(refused) = refused {
        watch.note(format!(
            "{left_out} blocks that {} cannot run are not in the table, such as {refused}",
            profile.name()
        ));
    }
    // In the order of the space, whatever was known first.
    entries.sort_by_key(|(key, _)| positions.get(key.as_str()).copied());
    let checked = check::check(
        &space,
        order.head,
        resolution,
        device.as_ref(),
        &header,
        &entries,
        watch,
    )?;
    header.fixed = checked.fixed;
    if let Some(readings) = host.map(|host| host.readings()) {
        header.anchor_spread = Some(readings.spread());
        disturbance(profile.name(), &readings, watch);
    }
    header.check = Some(checked.check);
    let table = LatencyTable::new(header, entries)?;
    journal.finish(&name, &profile, &space, resolution, &table)?;
    Ok(BuiltTable {
        device: name,
        profile: journal.profile,
        table: journal.table,
        entries: table.len(),
        left_out,
        check: checked.check,
    })
}

/// Says what the anchor did while a table was measured, where that is more than a quiet machine does.
fn disturbance(device: &str, readings: &AnchorReadings, watch: &mut Watch<'_>) {
    let (spread, drift) = (readings.spread(), readings.drift());
    if spread > LARGEST_SPREAD {
        watch.note(format!(
            "{device} was busy while it was measured: the anchor's spread is {:.1} %, its drift {:+.1} %; entries are ratios to the anchor, but build the table again on a quiet machine if its error is large",
            spread * 100.0,
            drift * 100.0
        ));
    }
}

fn cancelled(watch: &Watch<'_>) -> Result<(), Error> {
    if watch.cancel.is_cancelled() {
        return Err(Error::Interrupted);
    }
    Ok(())
}

/// The name of a device, from the name of its profile.
fn device_name(output: &Path) -> Result<String, Error> {
    let stem = output.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_profile = output.extension().is_some_and(|extension| extension == "toml");
    if is_profile && !stem.is_empty() && stem.len() <= 64 && stem.chars().all(plain) {
        return Ok(stem.to_owned());
    }
    Err(Error::Input(format!(
        "{} must end in NAME.toml with a name of 1 to 64 small letters, digits and hyphens: it is what the new device is called",
        output.display()
    )))
}

/// Each key once.
fn distinct(blocks: Vec<IsolatedBlock>) -> Vec<(String, IsolatedBlock)> {
    let mut seen = HashSet::new();
    let keyed = blocks
        .into_iter()
        .map(|block| (LatencyTable::key_of(&block.network), block));
    keyed.filter(|(key, _)| seen.insert(key.clone())).collect()
}

/// The header, and how blocks are asked for, from the device's answer for one block that it runs.
fn header(
    order: &TableOrder,
    space: &Space,
    profile: &DeviceProfile,
    device: &dyn CostSource,
    blocks: &[(String, IsolatedBlock)],
    resolution: u32,
) -> Result<(TableHeader, Way), Error> {
    let mut refused = None;
    for (_, block) in blocks {
        match device_source::ask(device, &block.network, None) {
            Ok(cost) => {
                let way = if cost.per_layer.is_empty() {
                    Way::Difference
                } else {
                    Way::Layers
                };
                let origin = cost.provenance;
                let latency = cost.latency;
                let measured = origin.kind == ProvenanceKind::Measured;
                let half = (latency.high.seconds() / latency.value.seconds() - 1.0).max(0.0);
                let deviations = normal_quantile(0.5 + 0.5 * latency.level.clamp(0.0, 0.9999));
                let model_error = if measured || !half.is_finite() {
                    0.0
                } else {
                    half / deviations
                };
                let header = TableHeader {
                    origin: Provenance {
                        device: profile.name().to_owned(),
                        note: Some(way.note().to_owned()),
                        ..origin
                    },
                    space: space.name().to_owned(),
                    space_hash: space.hash(),
                    device_hash: device.protocol()?,
                    resolution,
                    classes: order.head.classes,
                    input_channels: order.head.input_channels,
                    asked: order.repeat,
                    fixed: Latency::ZERO,
                    model_error,
                    anchor: None,
                    anchor_spread: None,
                    check: None,
                };
                return Ok((header, way));
            }
            Err(error @ CostError::Unsupported { .. }) => refused = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.map_or_else(
        || Error::Input(format!("space {} has no blocks", space.name())),
        Error::from,
    ))
}

/// The entries of some blocks; none for one that the device cannot run.
fn ask(
    source: &dyn CostSource,
    blocks: &[&(String, IsolatedBlock)],
    way: Way,
    times: u32,
) -> Result<Vec<Option<TableEntry>>, Error> {
    let isolated: Vec<Isolation> = blocks
        .iter()
        .map(|(_, block)| Isolation::of(block, way))
        .collect::<Result<_, _>>()?;
    let networks: Vec<Network> = isolated.iter().flat_map(Isolation::networks).cloned().collect();
    let mut answers: Vec<Vec<(Latency, Latency)>> = vec![Vec::new(); blocks.len()];
    let mut runs = vec![true; blocks.len()];
    for _ in 0..times {
        let mut costs = source.estimate(&networks).into_iter();
        for ((isolated, answers), runs) in isolated.iter().zip(&mut answers).zip(&mut runs) {
            let own: Vec<_> = costs.by_ref().take(isolated.networks().count()).collect();
            match own.into_iter().collect::<Result<Vec<Cost>, CostError>>() {
                Ok(costs) => answers.extend(isolated.latency(&costs)),
                Err(CostError::Unsupported { .. }) => *runs = false,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(answers
        .iter()
        .zip(runs)
        .map(|(answers, runs)| if runs { isolation::entry(answers) } else { None })
        .collect())
}
