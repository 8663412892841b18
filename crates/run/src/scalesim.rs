//! SCALE-Sim's files: what its arrays cost, and networks and devices in its words.

use std::path::{Path, PathBuf};

use panarch_cost::DeviceProfile;
use panarch_cost::scalesim::{Configuration, Noted, Topology, configuration_of, topology_of};
use panarch_cost::systolic::{FoldMapping, SystolicArray};
use panarch_format::atomic_write;
use panarch_graph::Network;

use crate::Error;
use crate::lookup::read_text;

/// The layers of a topology on the array of a configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated {
    /// The array.
    pub array: SystolicArray,
    /// One for each row of the topology, in order.
    pub layers: Vec<SimulatedLayer>,
    /// What a person should know about the two files.
    pub notes: Vec<String>,
}

/// A row of a topology on an array.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedLayer {
    /// The row's name.
    pub name: String,
    /// Its product on the array; of a depthwise row, that of one channel.
    pub mapping: FoldMapping,
    /// How often it runs: the channels of a depthwise row, otherwise 1.
    pub repeats: u32,
}

/// Reads both files and lays every row out on the array. Nothing stalls: memories and bandwidths are not looked at.
///
/// # Errors
/// Files that are missing or have problems (those of both files at once), products with counts beyond 64 bits.
pub fn simulate(topology: &Path, configuration: &Path) -> Result<Simulated, Error> {
    let (topology_name, configuration_name) = (topology.display().to_string(), configuration.display().to_string());
    let topology = Topology::read(&topology_name, &read_text(topology)?);
    let configuration = Configuration::read(&configuration_name, &read_text(configuration)?);
    let (topology, configuration) = match (topology, configuration) {
        (Ok(topology), Ok(configuration)) => (topology, configuration),
        (Err(mut problems), Err(further)) => {
            problems.merge(further);
            return Err(problems.into());
        }
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => return Err(problems.into()),
    };
    let array = configuration.value.array()?;
    let mut layers = Vec::new();
    for layer in topology.value.layers()? {
        let mapping = array
            .map(layer.gemm)
            .map_err(|error| Error::Input(format!("{topology_name}: layer `{}`: {error}", layer.name)))?;
        layers.push(SimulatedLayer {
            name: layer.name,
            mapping,
            repeats: layer.repeats,
        });
    }
    let mut notes = topology.notes;
    notes.extend(configuration.notes);
    Ok(Simulated { array, layers, notes })
}

/// A file that was written, and what it cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// What was left out or written otherwise.
    pub notes: Vec<String>,
}

/// Writes a network as a topology.
///
/// # Errors
/// A network without a convolution or linear layer, a file that cannot be written.
pub fn write_topology(path: &Path, network: &Network) -> Result<Written, Error> {
    let Noted { value, notes } = topology_of(network);
    if matches!(&value, Topology::Convolutions(rows) if rows.is_empty()) {
        let name = network.name();
        return Err(Error::Input(format!(
            "{name} has no convolution and no linear layer: there is nothing to write for SCALE-Sim"
        )));
    }
    atomic_write(path, value.to_csv().as_bytes())?;
    Ok(Written {
        path: path.to_owned(),
        notes,
    })
}

/// Writes a network as `NETWORK.csv` and each device that is described by its parts as `DEVICE.cfg`, into a folder that is
/// made if need be. Measured devices have no array and are passed over with a note.
///
/// # Errors
/// As [`write_topology`], and a folder that cannot be made.
pub fn export(folder: &Path, network: &Network, devices: &[DeviceProfile]) -> Result<Vec<Written>, Error> {
    std::fs::create_dir_all(folder).map_err(|source| Error::File {
        action: "make the folder",
        path: folder.to_owned(),
        source,
    })?;
    let mut written = vec![write_topology(
        &folder.join(format!("{}.csv", file_stem(network.name()))),
        network,
    )?];
    for device in devices {
        if device.measured().is_some() {
            if let Some(first) = written.first_mut() {
                first
                    .notes
                    .push(format!("{} is measured: it has no array to write", device.name()));
            }
            continue;
        }
        let Noted { value, notes } = configuration_of(device)?;
        let path = folder.join(format!("{}.cfg", file_stem(device.name())));
        atomic_write(&path, value.to_cfg().as_bytes())?;
        written.push(Written { path, notes });
    }
    Ok(written)
}

/// A name as a file's: letters, digits, `-`, `_` and `.` within.
fn file_stem(name: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    };
    let stem: String = name.chars().take(100).map(plain).collect();
    let stem = stem.trim_start_matches('.');
    if stem.is_empty() {
        "network".to_owned()
    } else {
        stem.to_owned()
    }
}
