//! Which answers can be: a latency is finite, above zero and within its interval, whoever says it.

use panarch_graph::{ContentHash, Estimate, Network, Weights};

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

    fn checked<'a>(
        &self,
        networks: impl Iterator<Item = &'a Network>,
        answers: Vec<Result<Cost, CostError>>,
    ) -> Vec<Result<Cost, CostError>> {
        let mut answers = answers.into_iter();
        let missing = || CostError::Failed {
            device: self.device().to_owned(),
            reason: "no answer".to_owned(),
        };
        let checked = |network: &Network| {
            let answer = answers.next().unwrap_or_else(|| Err(missing()));
            answer.and_then(|cost| cost.possible(self.0.device(), network))
        };
        networks.map(checked).collect()
    }
}

impl CostSource for Checked {
    fn device(&self) -> &str {
        self.0.device()
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        self.checked(networks.iter(), self.0.estimate(networks))
    }

    fn estimate_with_weights(&self, networks: &[(&Network, &Weights)]) -> Vec<Result<Cost, CostError>> {
        let asked = networks.iter().map(|(network, _)| *network);
        self.checked(asked, self.0.estimate_with_weights(networks))
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        self.0.protocol()
    }

    fn takes_time(&self) -> bool {
        self.0.takes_time()
    }

    fn check_support(&self, network: &Network) -> Result<(), CostError> {
        self.0.check_support(network)
    }
}

#[cfg(test)]
mod tests {
    use panarch_graph::{Conv2d, Energy, Latency, NetworkBuilder, Op, Shape};

    use super::*;
    use crate::{AnalyticModel, DeviceProfile};

    fn network() -> Network {
        let mut builder = NetworkBuilder::new("the net", Shape::new(8, 8, 8));
        let input = builder.input();
        let conv = builder
            .add("conv", Op::Conv2d(Conv2d::square(8, 3, 1)), &[input])
            .unwrap();
        builder.finish(conv).unwrap()
    }

    fn good() -> Cost {
        let model = AnalyticModel::new(DeviceProfile::preset("ethos-u55-128").unwrap()).unwrap();
        model.estimate(&[network()]).remove(0).unwrap()
    }

    /// A source that says whatever it is told to.
    struct Says(Vec<Cost>);

    impl CostSource for Says {
        fn device(&self) -> &str {
            "oracle"
        }

        fn protocol(&self) -> Result<ContentHash, CostError> {
            Ok(ContentHash::of("panarch oracle of a test", b""))
        }

        fn estimate(&self, _: &[Network]) -> Vec<Result<Cost, CostError>> {
            self.0.iter().cloned().map(Ok).collect()
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_device_and_network() {
        let latency = |value: f64, low: f64, high: f64| {
            let mut cost = good();
            cost.latency = Estimate {
                value,
                low,
                high,
                level: 0.95,
            }
            .map(Latency::from_seconds);
            cost
        };
        let energy = |value: f64, low: f64, high: f64| {
            let mut cost = good();
            cost.energy = Some(
                Estimate {
                    value,
                    low,
                    high,
                    level: 0.95,
                }
                .map(Energy::from_joules),
            );
            cost
        };
        let with = |change: fn(&mut Cost)| {
            let mut cost = good();
            change(&mut cost);
            cost
        };
        for cost in [
            latency(-0.996, -0.9, -1.1),
            latency(0.0, 0.0, 0.0),
            latency(f64::NAN, 0.0, 1.0),
            latency(f64::INFINITY, 1.0, f64::INFINITY),
            latency(1e305, 1e304, 1e306),
            latency(86_401.0, 86_401.0, 86_401.0),
            latency(1e-300, 1e-301, 1e-299),
            latency(1.0, 1.1, 1.2),
            latency(1.0, 0.8, 0.9),
            latency(1.0, 1.2, 0.8),
            latency(1.0, -0.1, 1.1),
            latency(1.0, f64::NAN, 1.1),
            latency(1.0, 0.9, f64::INFINITY),
            energy(-1.0, -1.0, -1.0),
            energy(f64::NAN, 0.0, 1.0),
            energy(1e10, 1.0, 1e11),
            energy(1.0, 2.0, 3.0),
            with(|cost| cost.fixed = Latency::from_seconds(-1.0)),
            with(|cost| cost.utilisation = f64::NAN),
            with(|cost| cost.latency.level = 2.0),
            with(|cost| cost.per_layer[0].latency = Latency::from_seconds(f64::INFINITY)),
        ] {
            let answer = Checked::new(Says(vec![cost])).estimate(&[network()]).remove(0);
            let Err(error @ CostError::Impossible { .. }) = answer else {
                panic!("{answer:?}");
            };
            let text = error.to_string();
            assert!(text.contains("`oracle`") && text.contains("`the net`"), "{text}");
        }
        for cost in [
            good(),
            latency(1.0, 1.0, 1.0),
            latency(1e-6, 0.0, 2e-6),
            latency(86_400.0, 1.0, 1e6),
            energy(0.0, 0.0, 0.0),
        ] {
            assert_eq!(
                Checked::new(Says(vec![cost.clone()])).estimate(&[network()]),
                [Ok(cost)]
            );
        }
    }

    #[test]
    fn there_are_as_many_answers_as_questions() {
        let networks = [network(), network()];
        for said in [0, 1, 2, 3] {
            let answers = Checked::new(Says(vec![good(); said])).estimate(&networks);
            assert_eq!(answers.len(), 2);
            assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), said.min(2));
        }
    }
}
