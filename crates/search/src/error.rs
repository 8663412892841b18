use std::error::Error;

use panarch_space::{Genotype, SpaceError};
use panarch_study::{Amount, Quantity, StudyError, Violation};

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
        "no network keeps all limits: {} vetoes; its limit is {}, the nearest that was found {} \
         ({genotype}, after {attempts} proposals); raise that limit to {} or more, or take a space with smaller networks",
        violation.whose(),
        violation.limit().most(),
        has(violation.found()),
        violation.found().rounded_up()
    )]
    Infeasible {
        /// The limit that the nearest member does not keep, with what it has instead; the one that it is furthest over if
        /// there are several.
        violation: Violation,
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
    /// What an evaluator reports of a trial makes no sense.
    #[error("trial {number} of the search: {reason}")]
    Report {
        /// The trial's number.
        number: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// A finished trial does not fit the others.
    #[error(transparent)]
    History(#[from] StudyError),
    /// An exact search is not for this space or these tables.
    #[error("space {space} cannot be searched exactly: {reason}; take another strategy")]
    NotExact {
        /// The space.
        space: String,
        /// What is in the way.
        reason: String,
    },
    /// A network cannot be built.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The budget of an exact search ended before it was known whether any member keeps the limits.
    #[error("the budget ended before it was known whether any network keeps all limits; allow more nodes or time")]
    Unsettled,
    /// A proof was asked for that is not finished.
    #[error("the proof is not finished; allow more nodes or time")]
    Unproven,
    /// A certificate cannot be written or read.
    #[error("this is no certificate that can be followed: {reason}")]
    Certificate {
        /// What is wrong.
        reason: String,
    },
    /// A certificate does not prove what it says.
    #[error("the certificate proves nothing: {reason}")]
    Refuted {
        /// What is not as it says.
        reason: String,
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

/// What a network takes or has, in words.
fn has(found: Amount) -> String {
    match found.quantity() {
        Quantity::Latency => format!("takes {found}"),
        Quantity::Macs | Quantity::Parameters => format!("has {found}"),
        quantity => format!("has {quantity} of {found}"),
    }
}

#[cfg(test)]
mod tests {
    use panarch_graph::{Bytes, Latency};
    use panarch_study::Limit;

    use super::*;

    #[test]
    fn an_unreachable_limit_is_said_with_its_quantity() {
        let words = |limit: Limit, found| {
            let error = SearchError::Infeasible {
                violation: limit.violation(found).unwrap().unwrap(),
                genotype: Genotype::new(vec![0, 1]),
                attempts: 7,
            };
            error.to_string()
        };
        let latency = |millis| Amount::Latency(Latency::from_millis(millis));
        let by_latency = words(Limit::on("sloth", latency(0.5)).unwrap(), latency(1.004_99));
        assert_eq!(
            by_latency,
            "no network keeps all limits: `sloth` vetoes; its limit is 500 µs, the nearest that was found takes 1.00 ms \
             (01, after 7 proposals); raise that limit to 1.0050 ms or more, or take a space with smaller networks"
        );
        let memory = |bytes| Amount::PeakMemory(Bytes(bytes));
        let by_memory = words(Limit::on("mouse", memory(1024)).unwrap(), memory(3072));
        assert!(
            by_memory.contains("its limit is 1.00 KiB, the nearest that was found has peak memory of 3.00 KiB")
                && by_memory.contains("raise that limit to 3072 B or more"),
            "{by_memory}"
        );
        let count = Amount::Parameters;
        let by_count = words(Limit::of_network(count(10)).unwrap(), count(30));
        assert!(
            by_count.contains("the limit on the network itself vetoes; its limit is 10 parameters, the nearest that was found has 30 parameters"),
            "{by_count}"
        );
    }
}
