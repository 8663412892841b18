//! Which answers can be: a latency is finite, above zero and within its interval, whoever says it.

use panarch_graph::{Estimate, Network};

use crate::{Cost, CostError, CostSource};

/// The shortest time of one inference that is believed, in seconds: light goes a third of a millimetre.
pub const SHORTEST_LATENCY_S: f64 = 1e-12;
/// The longest time of one inference that is believed, in seconds: a day.
pub const LONGEST_LATENCY_S: f64 = 86_400.0;
/// The largest energy of one inference that is believed, in joules.
const LARGEST_ENERGY_J: f64 = 1e9;

impl Cost {
    /// This cost, if it can be the answer of a device: latency within [`SHORTEST_LATENCY_S`] and [`LONGEST_LATENCY_S`],
    /// energy finite and not negative, both within their intervals, and nothing else negative or infinite.
    ///
    /// # Errors
    /// [`CostError::Impossible`], which names the device, the network and the number.
    pub fn possible(self, device: &str, network: &Network) -> Result<Self, CostError> {
        match self.impossibility() {
            None => Ok(self),
            Some(what) => Err(CostError::Impossible {
                device: device.to_owned(),
                network: network.name().to_owned(),
                what,
            }),
        }
    }

    fn impossibility(&self) -> Option<String> {
        let latency = self.latency.map(|latency| latency.seconds());
        let range = SHORTEST_LATENCY_S..=LONGEST_LATENCY_S;
        if !range.contains(&latency.value) {
            return Some(format!(
                "a latency of {} s, which is not between {SHORTEST_LATENCY_S:e} s and {LONGEST_LATENCY_S} s",
                latency.value
            ));
        }
        if let Some(what) = outside(&latency) {
            return Some(format!("a latency of {} s {what}", latency.value));
        }
        if let Some(energy) = self.energy.map(|energy| energy.map(|energy| energy.joules())) {
            if !(0.0..=LARGEST_ENERGY_J).contains(&energy.value) {
                return Some(format!("an energy of {} J", energy.value));
            }
            if let Some(what) = outside(&energy) {
                return Some(format!("an energy of {} J {what}", energy.value));
            }
        }
        let parts = self.per_layer.iter().map(|layer| layer.latency.seconds());
        let others = parts.chain([self.fixed.seconds(), self.utilisation]);
        for value in others {
            if !value.is_finite() || value < 0.0 {
                return Some(format!("{value} for a part of its time or its utilisation"));
            }
        }
        None
    }
}

/// How a value does not lie in its interval, or the interval is none.
fn outside(estimate: &Estimate<f64>) -> Option<String> {
    let Estimate {
        value,
        low,
        high,
        level,
    } = *estimate;
    let holds = 0.0 <= low && low <= value && value <= high && high.is_finite();
    if !holds {
        return Some(format!("with an interval from {low} to {high}"));
    }
    (!(0.0..=1.0).contains(&level)).then(|| format!("with an interval of level {level}"))
}

/// A source of which every answer is checked ([`Cost::possible`]), and of which there are as many answers as questions.
pub struct Checked(Box<dyn CostSource>);

impl Checked {
    /// Checks what `source` says.
    pub fn new(source: impl CostSource + 'static) -> Self {
        Self(Box::new(source))
    }
}

impl CostSource for Checked {
    fn device(&self) -> &str {
        self.0.device()
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        let mut answers = self.0.estimate(networks).into_iter();
        let missing = || CostError::Failed {
            device: self.device().to_owned(),
            reason: "no answer".to_owned(),
        };
        let checked = |network: &Network| {
            let answer = answers.next().unwrap_or_else(|| Err(missing()));
            answer.and_then(|cost| cost.possible(self.0.device(), network))
        };
        networks.iter().map(checked).collect()
    }

    fn check_support(&self, network: &Network) -> Result<(), CostError> {
        self.0.check_support(network)
    }
}
