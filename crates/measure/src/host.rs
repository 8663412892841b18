use std::borrow::Cow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use panarch_cost::{Cost, CostError, CostSource, DeviceProfile};
use panarch_format::{FormatError, OnnxOptions, write_onnx};
use panarch_graph::{
    Activation, Bytes, ContentHash, Conv2d, Latency, Network, NetworkBuilder, Op, Precision, Provenance,
    ProvenanceKind, Shape, Weights, folded_structure, stream,
};
use serde::{Deserialize, Serialize};

use crate::memory::require_run;
use crate::runtime::check_depth;
use crate::{Machine, MeasureError, Measurement, Protocol, Runtime, Session, measure_all, runtime};

/// How many networks are ready to run at the same time; bounds memory and keeps a round short.
const GROUP: usize = 16;

/// Held while anything is measured, so that measurements of one process do not disturb each other.
static MEASURING: Mutex<()> = Mutex::new(());

/// This machine as a device: networks are exported with folded batch normalisation and run by an inference runtime.
///
/// Every answer is measured from end to end; nothing is known of single layers, so `per_layer` is empty. Peak memory is
/// the network's largest amount of live activations, and traffic what must move at least once (weights, image, result):
/// both are counted, not measured.
pub struct HostDevice {
    name: String,
    runtime: Arc<dyn Runtime>,
    protocol: Protocol,
    machine: Machine,
    calibration: OnceLock<Result<Calibration, String>>,
}

/// What a runtime does on this machine whatever the network; measured once for each [`HostDevice`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Time of a network of one activation on one value: the cost of calling the runtime, which no network can avoid.
    #[serde(rename = "fixed_s")]
    pub fixed: Latency,
    /// Multiply-accumulates a second of a 1×1 convolution from 256 to 256 channels on 32×32 positions, the measure of
    /// `utilisation`: a share of what the runtime reaches at its best here, not of the processor's peak.
    pub macs_per_s: f64,
}

impl HostDevice {
    /// This machine under a name, with a runtime and a protocol.
    #[must_use]
    pub fn new(name: impl Into<String>, runtime: Arc<dyn Runtime>, protocol: Protocol) -> Self {
        Self {
            name: name.into(),
            runtime,
            protocol,
            machine: Machine::detect(),
            calibration: OnceLock::new(),
        }
    }

    /// This machine as a device profile of the measured kind describes it.
    ///
    /// # Errors
    /// When the profile is of another kind or number format or for several images an inference, or its runtime is unknown, missing or broken.
    pub fn from_profile(profile: &DeviceProfile, protocol: Protocol) -> Result<Self, MeasureError> {
        let device = profile.name().to_owned();
        let Some(target) = profile.measured() else {
            return Err(MeasureError::NotMeasured { device });
        };
        if profile.precision() != Precision::F32 {
            return Err(MeasureError::Precision {
                device,
                precision: profile.precision(),
            });
        }
        if profile.batch() != 1 {
            return Err(MeasureError::Batch {
                device,
                batch: profile.batch(),
            });
        }
        Ok(Self::new(device, runtime(&target.runtime, target.threads)?, protocol))
    }

    /// The machine that measurements are taken on.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The runtime.
    #[must_use]
    pub fn runtime(&self) -> &dyn Runtime {
        self.runtime.as_ref()
    }

    /// Identifies what answers depend on besides the network; see [`Protocol::hash`].
    #[must_use]
    pub fn protocol_hash(&self) -> ContentHash {
        self.protocol.hash(self.runtime.as_ref(), &self.machine)
    }

    /// What calling the runtime costs and what it can reach; measured on the first call.
    ///
    /// # Errors
    /// When the runtime cannot run the two networks that this takes.
    pub fn calibration(&self) -> Result<Calibration, CostError> {
        self.calibration
            .get_or_init(|| self.calibrate().map_err(|error| error.to_string()))
            .clone()
            .map_err(|reason| CostError::Failed {
                device: self.name.clone(),
                reason,
            })
    }

    /// The costs of networks with their own weights, measured against each other in the rounds of the protocol.
    ///
    /// Time hardly depends on weights, so that [`CostSource::estimate`] draws them; finalists are measured as they are
    /// shipped.
    pub fn measure(&self, networks: &[(&Network, &Weights)]) -> Vec<Result<Cost, CostError>> {
        let structures: Vec<&Network> = networks.iter().map(|(network, _)| *network).collect();
        self.costs(&structures, |index| Cow::Borrowed(networks[index].1), "own weights")
    }

    fn costs<'a>(
        &self,
        networks: &[&Network],
        weights: impl Fn(usize) -> Cow<'a, Weights>,
        weights_note: &str,
    ) -> Vec<Result<Cost, CostError>> {
        let calibration = match self.calibration() {
            Ok(calibration) => calibration,
            Err(error) => return networks.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut costs = Vec::with_capacity(networks.len());
        for start in (0..networks.len()).step_by(GROUP) {
            let group = start..networks.len().min(start + GROUP);
            let mut refused = Vec::new();
            let mut sessions = Vec::new();
            for index in group.clone() {
                let room = check_room(networks[index]);
                match room.and_then(|()| self.session(networks[index], &weights(index))) {
                    Ok(session) => sessions.push(session),
                    Err(error) => refused.push((index, error)),
                }
            }
            let mut measured = self.timed(&mut sessions).into_iter();
            let mut refused = refused.into_iter().peekable();
            for index in group {
                let found = match refused.next_if(|(at, _)| *at == index) {
                    Some((_, error)) => Err(error),
                    None => measured.next().unwrap_or_else(|| Err(nothing_measured())),
                };
                costs.push(
                    found
                        .map(|found| self.cost(networks[index], &found, calibration, weights_note))
                        .map_err(|error| error.into_cost(&self.name))
                        .and_then(|cost| cost.possible(&self.name, networks[index])),
                );
            }
        }
        costs
    }

    fn cost(&self, network: &Network, found: &Measurement, calibration: Calibration, weights_note: &str) -> Cost {
        let latency = found.latency;
        let values = |elements: u64| Bytes(elements * Precision::F32.bytes());
        let moved = folded_structure(network).parameter_count()
            + network.input_shape().elements()
            + network.shape(network.output()).elements();
        let macs_per_s = network.macs().0 as f64 / latency.value.seconds();
        let fixed = calibration.fixed.seconds().min(latency.value.seconds());
        Cost {
            latency,
            fixed: Latency::from_seconds(fixed),
            energy: None,
            peak_memory: values(network.peak_activation_elements()),
            traffic: values(moved),
            utilisation: (macs_per_s / calibration.macs_per_s).clamp(0.0, 1.0),
            per_layer: Vec::new(),
            provenance: Provenance {
                kind: ProvenanceKind::Measured,
                device: self.name.clone(),
                tool: self.runtime.name().to_owned(),
                version: self.runtime.version().to_owned(),
                precision: Precision::F32,
                batch: 1,
                repeats: Some(found.repeats),
                note: Some(self.note(found, weights_note)),
            },
        }
    }

    fn note(&self, found: &Measurement, weights_note: &str) -> String {
        let threads = self.runtime.threads();
        let plural = if threads == 1 { "" } else { "s" };
        format!(
            "{}; {threads} thread{plural}; {weights_note}; median of single inferences with its order-statistic interval; \
             {:.1} % of the times beyond 3 scaled median absolute deviations; fixed share: a network of one activation; \
             peak memory and least traffic are counted; utilisation against a 1×1 convolution of 256 channels",
            self.machine,
            found.outlier_share * 100.0,
        )
    }

    fn calibrate(&self) -> Result<Calibration, MeasureError> {
        let smallest = smallest_network()?;
        let reference = reference_network()?;
        let mut sessions = [
            self.session(&smallest, &random_weights(&smallest))?,
            self.session(&reference, &random_weights(&reference))?,
        ];
        let mut measured = self.timed(&mut sessions).into_iter();
        let mut median = || -> Result<Latency, MeasureError> {
            Ok(measured
                .next()
                .unwrap_or_else(|| Err(nothing_measured()))?
                .latency
                .value)
        };
        let fixed = median()?;
        let macs_per_s = reference.macs().0 as f64 / median()?.seconds();
        Ok(Calibration { fixed, macs_per_s })
    }

    /// The network ready to run, with an image for it.
    fn session(&self, network: &Network, weights: &Weights) -> Result<(Box<dyn Session>, Vec<f32>), MeasureError> {
        let onnx = write_onnx(network, weights, &OnnxOptions::default())?;
        Ok((self.runtime.load(&onnx)?, image(network.input_shape())))
    }

    fn timed(&self, sessions: &mut [(Box<dyn Session>, Vec<f32>)]) -> Vec<Result<Measurement, MeasureError>> {
        let _exclusive = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
        measure_all(&self.protocol, sessions)
    }
}

impl CostSource for HostDevice {
    fn device(&self) -> &str {
        &self.name
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        let structures: Vec<&Network> = networks.iter().collect();
        self.costs(
            &structures,
            |index| Cow::Owned(random_weights(&networks[index])),
            "random weights",
        )
    }
}

/// Whether this machine can run a network at all; asked before weights are drawn for it.
fn check_room(network: &Network) -> Result<(), MeasureError> {
    check_depth(network)?;
    Ok(require_run(network, 1)?)
}

fn nothing_measured() -> MeasureError {
    MeasureError::Protocol {
        reason: "nothing was measured".to_owned(),
    }
}

/// Weights of usual sizes, so that no activation is so small that the processor treats it apart (denormal numbers).
fn random_weights(network: &Network) -> Weights {
    Weights::random(network, &mut stream(0, "weights for measuring latency", 0))
}

/// An image of values spread evenly over −1 to 1.
fn image(shape: Shape) -> Vec<f32> {
    const GOLDEN_RATIO: f64 = 1.618_033_988_749_895;
    (0..shape.elements())
        .map(|index| ((index as f64 * GOLDEN_RATIO).fract() * 2.0 - 1.0) as f32)
        .collect()
}

/// One activation on one value.
fn smallest_network() -> Result<Network, FormatError> {
    let mut builder = NetworkBuilder::new("smallest", Shape::vector(1));
    let input = builder.input();
    let output = builder.add("relu", Op::Activation(Activation::Relu), &[input])?;
    Ok(builder.finish(output)?)
}

/// A convolution that suits every runtime: 67 M multiply-accumulates.
fn reference_network() -> Result<Network, FormatError> {
    let mut builder = NetworkBuilder::new("reference", Shape::new(256, 32, 32));
    let input = builder.input();
    let output = builder.add("conv", Op::Conv2d(Conv2d::pointwise(256)), &[input])?;
    Ok(builder.finish(output)?)
}
