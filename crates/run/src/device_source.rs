//! What answers for a device: a model of its profile, the machine itself, or a file that the profile names.

use std::path::Path;
use std::sync::Arc;

use panarch_cost::profile::{LinearTarget, TableDialect, TableTarget};
use panarch_cost::{Checked, CostSource, DeviceKind, DeviceProfile, Model};
use panarch_graph::{ContentHash, Estimate, Latency};
use panarch_measure::{CommandDevice, HostDevice, Protocol};
use panarch_predict::{Dialect, LatencyTable, LinearLatency, LinearTerms, PredictError, TableCostSource};
use panarch_space::Space;

use crate::{Error, lookup};

/// A device that can be asked.
pub struct OpenDevice {
    /// What answers; an answer that cannot be is an error.
    pub source: Box<dyn CostSource>,
    /// Identifies, besides the network, everything that an answer depends on.
    pub hash: ContentHash,
    /// Whether an answer takes the device's own time, so that much asked at once is much lost when it is cut.
    pub takes_time: bool,
}

/// Opens what answers for a device.
///
/// # Errors
/// When its runtime is missing, or the file that it names cannot be read or is not what the profile says.
pub fn open(profile: &DeviceProfile) -> Result<OpenDevice, Error> {
    open_with(profile, Model::Analytic)
}

/// The same with a model of choice for machines that are described by their parts.
///
/// # Errors
/// As [`open`].
pub fn open_with(profile: &DeviceProfile, model: Model) -> Result<OpenDevice, Error> {
    match profile.kind() {
        DeviceKind::Measured(_) => {
            let host = HostDevice::from_profile(profile, Protocol::default())?;
            Ok(OpenDevice {
                hash: host.protocol_hash()?,
                source: Box::new(Checked::new(host)),
                takes_time: true,
            })
        }
        DeviceKind::Command(_) => {
            let device = CommandDevice::from_profile(profile)?;
            Ok(OpenDevice {
                hash: device.protocol_hash()?,
                source: Box::new(Checked::new(device)),
                takes_time: true,
            })
        }
        DeviceKind::Table(target) => table(profile, target),
        DeviceKind::Linear(target) => linear(profile, target),
        DeviceKind::Hierarchy(_) => Ok(OpenDevice {
            source: profile.cost_source()?,
            hash: hash_of(profile, "panarch mapper of a profile v2", ""),
            takes_time: false,
        }),
        // The numbers are revisions of the models: raised whenever what they say changes.
        _ => Ok(OpenDevice {
            source: profile.model(model)?,
            hash: match model {
                Model::Analytic => hash_of(profile, "panarch analytic model of a profile v3", ""),
                Model::Cycle => hash_of(profile, "panarch simulator of a profile v2", ""),
            },
            takes_time: false,
        }),
    }
}

/// Opens a machine to measure much on one scale: the one that was found before, else the one that it sets itself now. The
/// scale is a unit, so that answers have the intervals of their ratios.
///
/// # Errors
/// When its runtime is missing, or cannot run the anchor.
pub fn open_on_scale(profile: &DeviceProfile, known: Option<Latency>) -> Result<(OpenDevice, Arc<HostDevice>), Error> {
    let host = HostDevice::from_profile(profile, Protocol::default())?;
    let value = match known {
        Some(known) => known,
        None => host.scale()?.value,
    };
    let host = Arc::new(host.with_scale(Estimate {
        value,
        low: value,
        high: value,
        level: Protocol::LEVEL,
    }));
    let open = OpenDevice {
        hash: host.protocol_hash()?,
        source: Box::new(Checked::new(Arc::clone(&host))),
        takes_time: true,
    };
    Ok((open, host))
}

fn hash_of(profile: &DeviceProfile, context: &str, content: &str) -> ContentHash {
    let mut text = format!("{} {}", profile.hash(), env!("CARGO_PKG_VERSION"));
    text += content;
    ContentHash::of(context, text.as_bytes())
}

fn table(profile: &DeviceProfile, target: &TableTarget) -> Result<OpenDevice, Error> {
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
    let source = TableCostSource::new(
        profile.name(),
        profile.precision(),
        profile.batch(),
        table,
        profile.description(),
    );
    Ok(OpenDevice {
        source: Box::new(Checked::new(source)),
        hash: hash_of(profile, "panarch latency table of a profile v1", &text),
        takes_time: false,
    })
}

fn linear(profile: &DeviceProfile, target: &LinearTarget) -> Result<OpenDevice, Error> {
    let text = lookup::read_text(&target.file)?;
    let space = Space::preset(&target.space)?;
    let terms = LinearTerms::from_json(&text, &space).map_err(in_file(&target.file))?;
    let (relative, level) = (target.error.relative.value, target.error.level.value);
    let source = LinearLatency::new(profile.name(), space, terms, relative, level)
        .with_precision(profile.precision(), profile.batch());
    Ok(OpenDevice {
        source: Box::new(Checked::new(source)),
        hash: hash_of(profile, "panarch linear model of a profile v1", &text),
        takes_time: false,
    })
}

fn in_file(path: &Path) -> impl Fn(PredictError) -> Error {
    move |error| Error::Input(format!("{}: {error}", path.display()))
}
