//! The anchor: a fixed network that everything measured on a device is compared with.

use panarch_format::FormatError;
use panarch_graph::{
    Activation, BatchNorm, Conv2d, Estimate, Latency, Linear, Network, NetworkBuilder, NodeId, Op, Shape,
};

use crate::Protocol;
use crate::order_statistics::median;

/// The share of the anchor's turns that are taken to be undisturbed: its latency is the quantile of this order.
const QUIET: f64 = 0.1;
/// The order of the quantile that the interval of that latency begins at; not the shortest reading, as a processor's clock
/// may lag for once.
const LOW: f64 = 0.05;
/// Scales a median absolute deviation to the standard deviation of a normal distribution.
const NORMAL: f64 = 1.4826;

/// What the anchor took each time, in the order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AnchorReadings(Vec<Latency>);

impl AnchorReadings {
    /// Adds later readings.
    pub fn extend(&mut self, readings: impl IntoIterator<Item = Latency>) {
        self.0.extend(readings);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The anchor's own latency: the first decile of the readings, because whatever else a machine does only adds to it. The
    /// interval reaches from their 5 % quantile to their median. None without readings.
    ///
    /// A load that never pauses is in every reading, and so in this number.
    #[must_use]
    pub fn latency(&self) -> Option<Estimate<Latency>> {
        let sorted = self.sorted();
        let quantile = |order: f64| {
            sorted
                .get(((sorted.len() as f64 * order).ceil() as usize).max(1) - 1)
                .copied()
        };
        Some(Estimate {
            value: Latency::from_seconds(quantile(QUIET)?),
            low: Latency::from_seconds(quantile(LOW)?),
            high: Latency::from_seconds(median(&sorted)),
            level: Protocol::LEVEL,
        })
    }

    /// How much the readings vary: their median absolute deviation over their median, scaled so that it is the
    /// coefficient of variation of normal ones. NaN without readings.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let sorted = self.sorted();
        let centre = median(&sorted);
        let mut deviations: Vec<f64> = sorted.iter().map(|value| (value - centre).abs()).collect();
        deviations.sort_by(f64::total_cmp);
        NORMAL * median(&deviations) / centre
    }

    /// How much longer the last quarter of the readings is than the first, median against median; 0.1 is ten per cent.
    /// Zero with fewer than four.
    #[must_use]
    pub fn drift(&self) -> f64 {
        let quarter = self.0.len() / 4;
        let middle = |readings: &[Latency]| {
            let mut seconds: Vec<f64> = readings.iter().map(|it| it.seconds()).collect();
            seconds.sort_by(f64::total_cmp);
            median(&seconds)
        };
        match (self.0.get(..quarter), self.0.get(self.0.len() - quarter..)) {
            (Some(first), Some(last)) if quarter > 0 => middle(last) / middle(first) - 1.0,
            _ => 0.0,
        }
    }

    fn sorted(&self) -> Vec<f64> {
        let mut seconds: Vec<f64> = self.0.iter().map(|it| it.seconds()).collect();
        seconds.sort_by(f64::total_cmp);
        seconds
    }
}

/// The anchor where a run names none: a stem, four inverted bottlenecks and a classifier on an image of 32×32, 4.1 M
/// multiply-accumulates of the kinds that mobile networks are made of.
///
/// # Errors
/// Never for these figures.
pub(crate) fn anchor_network() -> Result<Network, FormatError> {
    let mut builder = NetworkBuilder::new("anchor", Shape::new(3, 32, 32));
    let mut last = builder.input();
    last = layer(&mut builder, "stem", Conv2d::square(16, 3, 2), last, true)?;
    for (index, (expanded, out, stride)) in [(64, 24, 1), (96, 24, 1), (96, 40, 2), (160, 40, 1)]
        .into_iter()
        .enumerate()
    {
        let name = |part: &str| format!("block{}.{part}", index + 1);
        last = layer(&mut builder, &name("expand"), Conv2d::pointwise(expanded), last, true)?;
        last = layer(
            &mut builder,
            &name("depthwise"),
            Conv2d::depthwise(expanded, 3, stride),
            last,
            true,
        )?;
        last = layer(&mut builder, &name("project"), Conv2d::pointwise(out), last, false)?;
    }
    last = builder.add("pool", Op::GlobalAvgPool, &[last])?;
    last = builder.add("classes", Op::Linear(Linear { out: 10, bias: true }), &[last])?;
    Ok(builder.finish(last)?)
}

fn layer(
    builder: &mut NetworkBuilder,
    name: &str,
    conv: Conv2d,
    input: NodeId,
    activation: bool,
) -> Result<NodeId, FormatError> {
    let conv = builder.add(name, Op::Conv2d(conv), &[input])?;
    let norm = builder.add(format!("{name}.bn"), Op::BatchNorm(BatchNorm::default()), &[conv])?;
    if !activation {
        return Ok(norm);
    }
    Ok(builder.add(format!("{name}.relu"), Op::Activation(Activation::Relu), &[norm])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(millis: &[f64]) -> AnchorReadings {
        AnchorReadings(millis.iter().copied().map(Latency::from_millis).collect())
    }

    #[test]
    fn the_latency_is_that_of_quiet_moments() {
        let mut values = vec![1.0; 8];
        values.extend([2.0; 12]);
        let busy = readings(&values);
        let latency = busy.latency().unwrap();
        assert_eq!(
            (latency.low.millis(), latency.value.millis(), latency.high.millis()),
            (1.0, 1.0, 2.0)
        );
        assert_eq!(readings(&[3.0]).latency().unwrap().value.millis(), 3.0);
        assert!(readings(&[]).latency().is_none());
    }

    #[test]
    fn spread_and_drift_by_hand() {
        // Median 3, absolute deviations 2 1 0 1 2, of which the median is 1.
        let even = readings(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert!((even.spread() - 1.4826 / 3.0).abs() < 1e-12);
        assert_eq!(readings(&[2.0; 9]).spread(), 0.0);
        let slower = readings(&[1.0, 1.0, 1.1, 1.1, 1.2, 1.2, 1.3, 1.3]);
        assert!((slower.drift() - 0.3).abs() < 1e-12);
        assert_eq!(readings(&[1.0, 2.0, 3.0]).drift(), 0.0);
    }

    #[test]
    fn the_anchor_is_a_small_mobile_network() {
        let network = anchor_network().unwrap();
        // By hand: stem, the four blocks, the classifier.
        let by_hand = 110_592 + 802_816 + 1_400_832 + 890_880 + 911_360 + 400;
        assert_eq!(network.macs().0, by_hand);
    }
}
