//! In which order a layer goes over its input and its weights where neither fits on chip.

use super::residency::Demand;

/// Powers of two below the largest layer's weights that are tried as what may be held of them.
const DEPTHS: i32 = 7;

/// What is brought onto the chip once, and how often the other then comes again.
///
/// Both keep what has to be kept in less memory than there is, so that a larger memory has all the orders of a smaller one,
/// and the fastest is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Order {
    /// Weights once, in as many parts as it takes to hold one of them in so many bytes; what has left the chip of the input
    /// comes again for each part.
    WeightsOnce {
        /// Bytes in which a part of the weights is held.
        held: f64,
    },
    /// The input once, in stripes; what the weight buffer does not hold of the weights comes again for each stripe.
    InputsOnce,
}

/// How often a layer goes over its input, and the bytes of weights that come again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passes {
    pub over_input: f64,
    pub weights_again: f64,
    /// Whether all weights are needed by the first block of positions.
    pub weights_first: bool,
}

impl Order {
    /// All orders worth trying: one where nothing comes again anyhow.
    ///
    /// `largest` is the most bytes of weights that a layer has.
    pub fn all(buffer: f64, comes_again: bool, largest: f64) -> Vec<Self> {
        let mut orders = vec![Self::InputsOnce];
        if comes_again && largest > 0.0 {
            // Beyond the largest layer's weights, all depths are alike.
            let highest = largest.log2().ceil() as i32;
            let within = buffer.log2().floor().min(1000.0) as i32;
            let lowest = (highest - DEPTHS).min(within);
            let depths = (lowest..=highest.min(within)).map(|exponent| 2_f64.powi(exponent));
            orders.extend(depths.map(|held| Self::WeightsOnce { held }));
        }
        orders
    }

    /// What the order means for a layer that streams some bytes of weights, and for which some bytes of input come again.
    pub(super) fn passes(self, buffer: f64, demand: &Demand, streamed: f64, again: f64) -> Passes {
        let contended = streamed > 0.0 && again > 0.0;
        let mut passes = Passes {
            over_input: 1.0,
            weights_again: 0.0,
            weights_first: contended,
        };
        match self {
            _ if !contended => {}
            Self::WeightsOnce { held } => {
                passes.over_input = (streamed / held).ceil().max(1.0);
                passes.weights_first = streamed <= held;
            }
            Self::InputsOnce => {
                let stripes = demand.crowding.ceil();
                passes.weights_again = (streamed - buffer).max(0.0) * (stripes - 1.0);
            }
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_buffer_has_the_orders_of_a_smaller_one() {
        let mut fewer = Vec::new();
        for buffer in [1e2, 1e3, 131_072.0, 262_144.0, 1e6, 1e9, f64::INFINITY] {
            let orders = Order::all(buffer, true, 200_000.0);
            assert!(
                orders.len() >= 2 && orders.len() <= DEPTHS as usize + 2,
                "{buffer}: {orders:?}"
            );
            // What is held in less than the lowest depth is never faster than what is held in that.
            assert!(
                buffer < 2e3 || fewer.iter().all(|order| orders.contains(order)),
                "{buffer}"
            );
            fewer = if buffer < 2e3 { Vec::new() } else { orders };
        }
        assert_eq!(Order::all(1e6, false, 1e6).len(), 1);
    }
}
