//! How well networks and spaces use the matrix units of devices: see [`panarch_cost::matrix_efficiency`].

use panarch_cost::matrix_efficiency::{DepthwiseUnit, Spread, TimeBreakdown, on_device, raw};
use panarch_cost::{CostError, DeviceProfile, Model};
use panarch_graph::{Network, stream};
use panarch_space::{Head, Space};

use crate::Error;

/// Draws for each network that is wanted, before a space counts as one without networks.
const DRAWS: u32 = 20;

/// How a space is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Networks that are drawn, uniformly over the space's decisions.
    pub samples: u32,
    /// Which ones.
    pub seed: u64,
    /// Classes and channels.
    pub head: Head,
}

/// The matrix efficiency of a space.
#[derive(Debug, Clone, PartialEq)]
pub struct OfSpace {
    /// The space's name.
    pub space: String,
    /// The raw measure over the sampled networks, depthwise convolutions as vector work.
    pub raw: Spread,
    /// By device, in the order of the devices.
    pub devices: Vec<OnDevice>,
}

/// What a device makes of the networks sampled from a space.
#[derive(Debug, Clone, PartialEq)]
pub struct OnDevice {
    /// The device's name.
    pub device: String,
    /// Share of the modelled time in the matrix unit, padding included, over the networks that run; `None` when none does.
    pub share: Option<Spread>,
    /// The same without padding.
    pub useful_share: Option<Spread>,
    /// Networks that the device does not run.
    pub refused: usize,
    /// The reason for the first of them.
    pub reason: Option<String>,
}

/// The matrix efficiency of a space, from networks sampled at its default image size.
///
/// # Errors
/// A measured device, of whose matrix unit nothing is known; a space from which no networks can be drawn.
pub fn of_space(space: &Space, devices: &[DeviceProfile], model: Model, sampling: Sampling) -> Result<OfSpace, Error> {
    let networks = sample(space, sampling)?;
    let values: Vec<f64> = networks
        .iter()
        .map(|network| raw(network, DepthwiseUnit::Vector).total().efficiency())
        .collect();
    let raw = Spread::of(&values).ok_or_else(|| without_networks(space))?;
    let devices = devices.iter().map(|profile| on(profile, model, &networks));
    Ok(OfSpace {
        space: space.name().to_owned(),
        raw,
        devices: devices.collect::<Result<_, _>>()?,
    })
}

/// The time of a network on a device by layer, seen from its matrix unit.
///
/// # Errors
/// A measured device, or a network that the device does not run.
pub fn of_network(network: &Network, profile: &DeviceProfile, model: Model) -> Result<TimeBreakdown, CostError> {
    let answers = times(profile, model, std::slice::from_ref(network))?;
    let missing = || CostError::Failed {
        device: profile.name().to_owned(),
        reason: "no answer".to_owned(),
    };
    answers.into_iter().next().unwrap_or_else(|| Err(missing()))
}

fn on(profile: &DeviceProfile, model: Model, networks: &[Network]) -> Result<OnDevice, Error> {
    let (mut shares, mut useful) = (Vec::new(), Vec::new());
    let (mut refused, mut reason) = (0, None);
    for answer in times(profile, model, networks)? {
        match answer {
            Ok(times) => {
                let whole = times.network();
                shares.push(whole.share());
                useful.push(whole.useful_share());
            }
            Err(CostError::Unsupported { refused: layers, .. }) => {
                refused += 1;
                reason.get_or_insert(layers.reasons());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(OnDevice {
        device: profile.name().to_owned(),
        share: Spread::of(&shares),
        useful_share: Spread::of(&useful),
        refused,
        reason,
    })
}

type Answers = Vec<Result<TimeBreakdown, CostError>>;

fn times(profile: &DeviceProfile, model: Model, networks: &[Network]) -> Result<Answers, CostError> {
    let machine = profile.described()?;
    let costs = profile.model(model)?.estimate(networks);
    let times = costs.into_iter().map(|cost| Ok(on_device(machine, &cost?)));
    Ok(times.collect())
}

/// Members of a space as networks. Members without a network for images of the default size are drawn again.
fn sample(space: &Space, sampling: Sampling) -> Result<Vec<Network>, Error> {
    let mut rng = stream(sampling.seed, "matrix efficiency", 0);
    let mut networks = Vec::new();
    for _ in 0..sampling.samples.saturating_mul(DRAWS) {
        if networks.len() as u64 >= u64::from(sampling.samples) {
            break;
        }
        let genotype = space.sample(&mut rng);
        networks.extend(space.lower(&genotype, sampling.head, space.default_resolution()));
    }
    if networks.is_empty() {
        return Err(without_networks(space));
    }
    Ok(networks)
}

fn without_networks(space: &Space) -> Error {
    Error::Infeasible(format!(
        "no member of {} is a network for images of {} pixels: check the space file with `panarch space show`",
        space.name(),
        space.default_resolution()
    ))
}
