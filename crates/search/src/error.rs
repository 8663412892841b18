use std::error::Error;

use panarch_graph::Latency;
use panarch_space::Genotype;

/// What ends a search.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A strategy's settings make no sense.
    #[error("the search is set up wrong: {reason}")]
    Settings {
        /// What is wrong.
        reason: String,
    },
    /// No member was found that keeps all limits.
    #[error(
        "no network keeps all limits: `{device}` vetoes; its limit is {limit}, the nearest that was found takes {nearest} \
         ({genotype}, after {attempts} proposals); raise that limit to {} or more, or take a space with smaller networks",
        rounded_up(*nearest)
    )]
    Infeasible {
        /// The device that says no to the nearest member; the one furthest over its limit if several do.
        device: String,
        /// Its limit.
        limit: Latency,
        /// What the nearest member takes there.
        nearest: Latency,
        /// The nearest member: the one whose furthest excess over a limit is the smallest.
        genotype: Genotype,
        /// How many members were tried.
        attempts: usize,
    },
    /// No member was found that all devices can run.
    #[error("no network runs on every device: `{device}` cannot run {genotype} ({reason}), after {attempts} proposals")]
    Unsupported {
        /// The device.
        device: String,
        /// One member that it cannot run.
        genotype: Genotype,
        /// Why.
        reason: String,
        /// How many members were tried.
        attempts: usize,
    },
    /// Hardly any proposal is new: the space, or what the limits leave of it, is exhausted.
    #[error("the search has seen what there is: {distinct} different networks in {proposals} proposals")]
    Exhausted {
        /// How many different members were proposed.
        distinct: usize,
        /// How many proposals that took.
        proposals: usize,
    },
    /// Whether a member keeps the limits could not be found out.
    #[error("cannot tell whether {genotype} keeps the limits: {source}")]
    Constraint {
        /// The member.
        genotype: Genotype,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// In milliseconds with four digits after the point, rounded up: a limit of this much is kept.
fn rounded_up(latency: Latency) -> String {
    format!("{:.4} ms", (latency.millis() * 1e4).ceil() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advised_limit_is_enough() {
        for (millis, text) in [(1.004_99, "1.0050 ms"), (0.288_01, "0.2881 ms"), (2.5, "2.5000 ms")] {
            assert_eq!(rounded_up(Latency::from_millis(millis)), text);
        }
    }
}
