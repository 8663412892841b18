use std::borrow::Cow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use panarch_cost::{Cost, CostError, CostSource, DeviceProfile};
use panarch_format::{FormatError, OnnxOptions, write_onnx};
use panarch_graph::{
    Activation, Bytes, ContentHash, Conv2d, Estimate, Latency, Network, NetworkBuilder, Op, Precision, Provenance,
    ProvenanceKind, Shape, Weights, folded_structure, stream,
};

use crate::anchor::anchor_network;
use crate::memory::require_run;
use crate::order_statistics::outlier_share;
use crate::runtime::check_depth;
use crate::{
    AnchorReadings, Clock, Machine, MeasureError, Measurement, Protocol, Ready, Runtime, SystemClock, measure_in_pairs,
    ratio, runtime,
};

/// How many networks are ready to run at the same time; bounds memory and keeps a round short.
const GROUP: usize = 16;

/// Held while anything is measured, so that measurements of one process do not disturb each other.
static MEASURING: Mutex<()> = Mutex::new(());

/// This machine as a device: networks are exported with folded batch normalisation and run by an inference runtime.
///
/// Every answer is measured from end to end, in pairs with an anchor: what is found is a ratio, and the latency is that
/// ratio times the anchor's own, which is one number for the whole life of the device, the *scale*. Nothing is known of
/// single layers, so `per_layer` is empty. Peak memory is the network's largest amount of live activations, and traffic
/// what must move at least once (weights, image, result): both are counted, not measured.
pub struct HostDevice {
    name: String,
    runtime: Arc<dyn Runtime>,
    protocol: Protocol,
    machine: Machine,
    clock: Arc<dyn Clock>,
    /// None stands for the anchor of this crate.
    anchor: Option<Network>,
    readings: Mutex<AnchorReadings>,
    scale: OnceLock<Estimate<Latency>>,
    calibration: OnceLock<Result<Calibration, String>>,
}

/// What a runtime does on this machine whatever the network, in units of the anchor; measured once for each [`HostDevice`].
#[derive(Debug, Clone, Copy, PartialEq)]
struct Calibration {
    /// A network of one activation on one value: the cost of calling the runtime, which no network can avoid.
    fixed: f64,
    /// A 1×1 convolution from 256 to 256 channels on 32×32 positions, the measure of `utilisation`: a share of what the
    /// runtime reaches at its best here, not of the processor's peak.
    convolution: f64,
}

impl HostDevice {
    /// This machine under a name, with a runtime and a protocol.
    #[must_use]
    pub fn new(name: impl Into<String>, runtime: Arc<dyn Runtime>, protocol: Protocol) -> Self {
        let clock = Arc::new(SystemClock::for_threads(runtime.threads()));
        Self {
            name: name.into(),
            runtime,
            protocol,
            machine: Machine::detect(),
            clock,
            anchor: None,
            readings: Mutex::default(),
            scale: OnceLock::new(),
            calibration: OnceLock::new(),
        }
    }

    /// The same with another network as the anchor; one that is like what is measured is the best, as a disturbance then
    /// does the same to both.
    #[must_use]
    pub fn with_anchor(mut self, anchor: Network) -> Self {
        self.anchor = Some(anchor);
        self
    }

    /// The same on a scale that was found before: the anchor's own latency.
    #[must_use]
    pub fn with_scale(mut self, scale: Estimate<Latency>) -> Self {
        self.scale = OnceLock::from(scale);
        self
    }

    /// The same with times from another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
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

    /// The anchor.
    ///
    /// # Errors
    /// Never for the one of this crate.
    pub fn anchor(&self) -> Result<Cow<'_, Network>, MeasureError> {
        match &self.anchor {
            Some(anchor) => Ok(Cow::Borrowed(anchor)),
            None => Ok(Cow::Owned(anchor_network()?)),
        }
    }

    /// What the anchor took so far.
    #[must_use]
    pub fn readings(&self) -> AnchorReadings {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The anchor's own latency: as it was given, else from the readings of the first call.
    ///
    /// # Errors
    /// When the runtime cannot run the anchor.
    pub fn scale(&self) -> Result<Estimate<Latency>, CostError> {
        if let Some(scale) = self.scale.get() {
            return Ok(*scale);
        }
        self.calibration()?;
        let scale = self
            .readings()
            .latency()
            .ok_or_else(|| nothing_measured().into_cost(&self.name))?;
        Ok(*self.scale.get_or_init(|| scale))
    }

    /// Identifies what answers depend on besides the network; see [`Protocol::hash`].
    ///
    /// # Errors
    /// As [`HostDevice::anchor`].
    pub fn protocol_hash(&self) -> Result<ContentHash, MeasureError> {
        Ok(self
            .protocol
            .hash(self.anchor()?.as_ref(), self.runtime.as_ref(), &self.machine))
    }

    fn costs(&self, questions: &[(&Network, Option<&Weights>)]) -> Vec<Result<Cost, CostError>> {
        let scale = match self.scale() {
            Ok(scale) => scale,
            Err(error) => return questions.iter().map(|_| Err(error.clone())).collect(),
        };
        let measured = self.in_pairs(questions).into_iter().zip(questions);
        measured
            .map(|(found, (network, weights))| self.cost(network, *weights, &found?, scale))
            .collect()
    }

    /// Networks in units of the anchor, measured in the rounds of the protocol with their own weights or random ones.
    /// Answers come in the order of the questions.
    pub fn in_pairs(&self, questions: &[(&Network, Option<&Weights>)]) -> Vec<Result<Measurement, CostError>> {
        let together = questions.chunks(GROUP);
        together.flat_map(|questions| self.group(questions)).collect()
    }

    fn group(&self, questions: &[(&Network, Option<&Weights>)]) -> Vec<Result<Measurement, CostError>> {
        let mut ready = Vec::new();
        let loaded: Vec<Result<(), MeasureError>> = questions
            .iter()
            .map(|(network, weights)| {
                check_room(network)?;
                let weights = weights.map_or_else(|| Cow::Owned(random_weights(network)), Cow::Borrowed);
                ready.push(self.session(network, &weights)?);
                Ok(())
            })
            .collect();
        let mut measured = match self.timed(&mut ready) {
            Ok(measured) => measured.into_iter(),
            Err(error) => {
                let error = error.into_cost(&self.name);
                return questions.iter().map(|_| Err(error.clone())).collect();
            }
        };
        loaded
            .into_iter()
            .map(|loaded| {
                loaded
                    .and_then(|()| measured.next().unwrap_or_else(|| Err(nothing_measured())))
                    .map_err(|error| error.into_cost(&self.name))
            })
            .collect()
    }

    /// The cost of a network from its measurement and the anchor's latency, whose interval enters the cost's.
    ///
    /// # Errors
    /// When the runtime cannot run the networks that it is calibrated with, or nothing was measured.
    pub fn cost(
        &self,
        network: &Network,
        weights: Option<&Weights>,
        found: &Measurement,
        scale: Estimate<Latency>,
    ) -> Result<Cost, CostError> {
        let calibration = self.calibration()?;
        let ratio = ratio(&found.pairs);
        let latency = Estimate {
            value: scale.value * ratio.value,
            low: scale.low * ratio.low,
            high: scale.high * ratio.high,
            level: ratio.level,
        };
        let values = |elements: u64| Bytes(elements * Precision::F32.bytes());
        let moved =
            folded_structure(network).parameter_count() + network.input_shape().elements() + network.output_elements();
        let work = network.macs().0 as f64 / convolution_network().map_or(f64::NAN, |it| it.macs().0 as f64);
        let cost = Cost {
            latency,
            fixed: scale.value * calibration.fixed.min(ratio.value),
            energy: None,
            energy_parts: None,
            fixed_energy: None,
            peak_memory: values(network.peak_activation_elements()),
            traffic: values(moved),
            memory: Vec::new(),
            utilisation: (work * calibration.convolution / ratio.value).clamp(0.0, 1.0),
            per_layer: Vec::new(),
            provenance: Provenance {
                kind: ProvenanceKind::Measured,
                device: self.name.clone(),
                tool: self.runtime.name().to_owned(),
                version: self.runtime.version().to_owned(),
                precision: Precision::F32,
                batch: 1,
                repeats: Some(found.repeats),
                note: Some(self.note(found, weights.is_some(), scale)),
            },
        };
        cost.possible(&self.name, network)
    }

    fn note(&self, found: &Measurement, own_weights: bool, scale: Estimate<Latency>) -> String {
        let threads = self.runtime.threads();
        let plural = if threads == 1 { "" } else { "s" };
        let weights = if own_weights { "own weights" } else { "random weights" };
        let mut ratios = found.pairs.ratios.clone();
        ratios.sort_by(f64::total_cmp);
        let readings = self.readings();
        format!(
            "{}; {threads} thread{plural}; {weights}; median of {} ratios to an anchor of {} with its order-statistic \
             interval, {:.1} % of them beyond 3 scaled median absolute deviations; the anchor's {} turns spread by {:.1} %; \
             fixed share: a network of one activation; peak memory and least traffic are counted; utilisation against a \
             1×1 convolution of 256 channels",
            self.machine,
            ratios.len(),
            scale.value,
            outlier_share(&ratios) * 100.0,
            readings.len(),
            readings.spread() * 100.0,
        )
    }

    fn calibration(&self) -> Result<Calibration, CostError> {
        let calibration = self
            .calibration
            .get_or_init(|| self.calibrate().map_err(|error| error.to_string()));
        calibration.clone().map_err(|reason| CostError::Failed {
            device: self.name.clone(),
            reason,
        })
    }

    fn calibrate(&self) -> Result<Calibration, MeasureError> {
        let ready = |network: Network| self.session(&network, &random_weights(&network));
        let mut ready = [ready(smallest_network()?)?, ready(convolution_network()?)?];
        let mut ratios = self.timed(&mut ready)?.into_iter();
        let mut next = || Ok::<f64, MeasureError>(ratio(&ratios.next().ok_or_else(nothing_measured)??.pairs).value);
        Ok(Calibration {
            fixed: next()?,
            convolution: next()?,
        })
    }

    /// The network ready to run, with an image for it.
    fn session(&self, network: &Network, weights: &Weights) -> Result<Ready, MeasureError> {
        let onnx = write_onnx(network, weights, &OnnxOptions::default())?;
        Ok((self.runtime.load(&onnx)?, image(network.input_shape())))
    }

    /// Measures against the anchor, whose readings are kept.
    fn timed(&self, networks: &mut [Ready]) -> Result<Vec<Result<Measurement, MeasureError>>, MeasureError> {
        let anchor = self.anchor()?;
        let mut anchor = self.session(&anchor, &random_weights(&anchor))?;
        let _exclusive = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = measure_in_pairs(&self.protocol, self.clock.as_ref(), &mut anchor, networks)?;
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        for found in measured.iter().flatten() {
            readings.extend(found.pairs.anchor.iter().copied());
        }
        drop(readings);
        Ok(measured)
    }
}

impl CostSource for HostDevice {
    fn device(&self) -> &str {
        &self.name
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        let questions: Vec<_> = networks.iter().map(|network| (network, None)).collect();
        self.costs(&questions)
    }

    /// Time hardly depends on weights, so that [`CostSource::estimate`] draws them; finalists are measured as they are
    /// shipped. All are measured against each other in the rounds of the protocol.
    fn estimate_with_weights(&self, networks: &[(&Network, &Weights)]) -> Vec<Result<Cost, CostError>> {
        let questions: Vec<_> = networks
            .iter()
            .map(|(network, weights)| (*network, Some(*weights)))
            .collect();
        self.costs(&questions)
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        self.protocol_hash().map_err(|error| error.into_cost(&self.name))
    }

    fn takes_time(&self) -> bool {
        true
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
fn convolution_network() -> Result<Network, FormatError> {
    let mut builder = NetworkBuilder::new("convolution", Shape::new(256, 32, 32));
    let input = builder.input();
    let output = builder.add("conv", Op::Conv2d(Conv2d::pointwise(256)), &[input])?;
    Ok(builder.finish(output)?)
}
