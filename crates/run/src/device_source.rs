//! The one place where devices are opened: by a model of their profile, as the machine itself, by a program, or by a file
//! that the profile names.

use std::path::Path;
use std::sync::Arc;

use panarch_cost::profile::{LinearTarget, TableDialect, TableTarget};
use panarch_cost::{Checked, Cost, CostError, CostSource, DeviceKind, DeviceProfile, Model};
use panarch_graph::{ContentHash, Estimate, Latency, Network, Weights};
use panarch_measure::{CommandDevice, HostDevice, Protocol};
use panarch_predict::{Dialect, LatencyTable, LinearLatency, LinearTerms, PredictError, TableCostSource};
use panarch_space::Space;

use crate::{Error, lookup};

/// Opens what answers for a device.
///
/// # Errors
/// When its runtime is missing, or the file that it names cannot be read or is not what the profile says.
pub fn open(profile: &DeviceProfile) -> Result<Box<dyn CostSource>, Error> {
    open_with(profile, Model::Analytic)
}

/// The same with a model of choice for machines that are described by their parts.
///
/// # Errors
/// As [`open`].
pub fn open_with(profile: &DeviceProfile, model: Model) -> Result<Box<dyn CostSource>, Error> {
    Ok(match profile.kind() {
        DeviceKind::Measured(_) => Box::new(Checked::new(host(profile, Protocol::default())?)),
        DeviceKind::Command(_) => Box::new(Checked::new(CommandDevice::from_profile(profile)?)),
        DeviceKind::Table(target) => Box::new(Checked::new(table(profile, target)?)),
        DeviceKind::Linear(target) => Box::new(Checked::new(linear(profile, target)?)),
        DeviceKind::Hierarchy(_) => profile.cost_source()?,
        _ => profile.model(model)?,
    })
}

/// Opens the model of a device's parts, also of one whose own answers come from a program; where it has no parts, whatever
/// answers for it.
///
/// # Errors
/// As [`open`].
pub fn open_described(profile: &DeviceProfile) -> Result<Box<dyn CostSource>, Error> {
    if profile.accelerator().is_some() || profile.ethos_u().is_some() {
        return Ok(profile.model(Model::Analytic)?);
    }
    open(profile)
}

/// What one source says of one network.
///
/// # Errors
/// When the device cannot run it.
pub fn ask(source: &dyn CostSource, network: &Network, weights: Option<&Weights>) -> Result<Cost, CostError> {
    let answer = match weights {
        Some(weights) => source.estimate_with_weights(&[(network, weights)]).pop(),
        None => source.estimate(std::slice::from_ref(network)).pop(),
    };
    answer.unwrap_or_else(|| {
        Err(CostError::Failed {
            device: source.device().to_owned(),
            reason: "no answer".to_owned(),
        })
    })
}

/// Opens a machine to measure by a protocol of the caller's.
///
/// # Errors
/// When its runtime is missing.
pub fn host(profile: &DeviceProfile, protocol: Protocol) -> Result<HostDevice, Error> {
    Ok(HostDevice::from_profile(profile, protocol)?)
}

/// Opens a machine to measure much on one scale: the one that was found before, else the one that it sets itself now. The
/// scale is a unit, so that answers have the intervals of their ratios.
///
/// # Errors
/// When its runtime is missing, or cannot run the anchor.
pub fn open_on_scale(profile: &DeviceProfile, known: Option<Latency>) -> Result<Arc<HostDevice>, Error> {
    let host = host(profile, Protocol::default())?;
    let value = match known {
        Some(known) => known,
        None => host.scale()?.value,
    };
    Ok(Arc::new(host.with_scale(Estimate {
        value,
        low: value,
        high: value,
        level: Protocol::LEVEL,
    })))
}

fn table(profile: &DeviceProfile, target: &TableTarget) -> Result<TableCostSource, Error> {
    let text = lookup::read_text(&target.file)?;
    let dialect = match target.dialect {
        TableDialect::Ofa => Dialect::Ofa,
        TableDialect::Nsganetv2 => Dialect::Nsganetv2,
        TableDialect::Panarch => Dialect::Panarch,
    };
    if let Some(expected) = target.checksum
        && ContentHash::plain(text.as_bytes()) != expected
    {
        return Err(Error::Input(format!(
            "{} was damaged, or changed after it was built; build it again, or take `checksum` out of the profile of {} if that \
             was meant",
            target.file.display(),
            profile.name()
        )));
    }
    let table = LatencyTable::read(&text, dialect).map_err(in_file(&target.file))?;
    let wrong = |reason: String| Error::Input(format!("{}: {reason}", target.file.display()));
    if let Some(expected) = target.entries
        && table.len() != expected as usize
    {
        let found = table.len();
        return Err(wrong(format!(
            "it has {found} entries where the profile of {} says {expected}; it may be cut off",
            profile.name()
        )));
    }
    if let Some(origin) = table.header().map(|header| &header.origin)
        && (origin.precision, origin.batch) != (profile.precision(), profile.batch())
    {
        return Err(wrong(format!(
            "its entries are for {} and batch {}, the profile of {} says {} and {}",
            origin.precision,
            origin.batch,
            profile.name(),
            profile.precision(),
            profile.batch()
        )));
    }
    Ok(TableCostSource::new(
        profile.name(),
        profile.precision(),
        profile.batch(),
        table,
        profile.description(),
        profile.protocol("panarch latency table of a profile v1", &text),
    ))
}

fn linear(profile: &DeviceProfile, target: &LinearTarget) -> Result<LinearLatency, Error> {
    let text = lookup::read_text(&target.file)?;
    let space = Space::preset(&target.space)?;
    let terms = LinearTerms::from_json(&text, &space).map_err(in_file(&target.file))?;
    let (relative, level) = (target.error.relative.value, target.error.level.value);
    let protocol = profile.protocol("panarch linear model of a profile v1", &text);
    Ok(
        LinearLatency::new(profile.name(), space, terms, relative, level, protocol)
            .with_precision(profile.precision(), profile.batch()),
    )
}

fn in_file(path: &Path) -> impl Fn(PredictError) -> Error {
    move |error| Error::Input(format!("{}: {error}", path.display()))
}
