//! What a study holds.

use std::fmt;

use panarch_cost::{Cost, Pairs};
use panarch_graph::{Accuracy, Bytes, ContentHash, Energy, Estimate, Latency, Provenance};
use panarch_space::Genotype;

use crate::{Basis, EvaluationProtocol, ObjectiveValue, REWARD, Timestamp, Violation};

/// What a study is about: the run that last worked on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The study's name.
    pub name: String,
    /// The run file with every default filled in and every override applied.
    pub run: String,
    /// The space's name.
    pub space: String,
    /// The space's hash.
    pub space_hash: ContentHash,
    /// The dataset's name.
    pub dataset: String,
    /// The version of Panarch that created the study.
    pub panarch_version: String,
    /// When it was created.
    pub created: Timestamp,
}

/// The accuracy of one genotype by one protocol; one pool of evaluations serves all searches of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The genotype in canonical form; a study holds one evaluation for each protocol, of those inputs that it is of now.
    pub genotype: Genotype,
    /// How the accuracy was found.
    pub protocol: EvaluationProtocol,
    /// The network that it lowers to.
    pub network: ContentHash,
    /// Accuracy with its interval.
    pub accuracy: Estimate<Accuracy>,
    /// How the accuracy came about.
    pub provenance: Provenance,
    /// The seed it was evaluated with.
    pub seed: u64,
    /// How long the evaluation took, in seconds.
    pub seconds: f64,
    /// When it was done.
    pub created: Timestamp,
}

/// A cost without its breakdown by layer.
///
/// What a source does not know is none: a table fitted to latencies says nothing of memory.
#[derive(Debug, Clone, PartialEq)]
pub struct CostSummary {
    /// Time of one inference with its interval.
    pub latency: Estimate<Latency>,
    /// The share of it that no network can avoid.
    pub fixed: Option<Latency>,
    /// Energy of one inference.
    pub energy: Option<Estimate<Energy>>,
    /// Peak memory.
    pub peak_memory: Option<Bytes>,
    /// Bytes moved to and from memory off the chip.
    pub traffic: Option<Bytes>,
    /// Share of the peak arithmetic rate that was used, from 0 to 1.
    pub utilisation: Option<f64>,
    /// The turns that the latency was measured in, of a network that was measured beside an anchor.
    pub pairs: Option<Pairs>,
    /// How the numbers came about.
    pub provenance: Provenance,
}

impl CostSummary {
    /// A latency of which nothing else is known.
    #[must_use]
    pub const fn of_latency(latency: Estimate<Latency>, provenance: Provenance) -> Self {
        Self {
            latency,
            fixed: None,
            energy: None,
            peak_memory: None,
            traffic: None,
            utilisation: None,
            pairs: None,
            provenance,
        }
    }
}

impl From<&Cost> for CostSummary {
    fn from(cost: &Cost) -> Self {
        Self {
            latency: cost.latency,
            fixed: Some(cost.fixed),
            energy: cost.energy,
            peak_memory: Some(cost.peak_memory),
            traffic: Some(cost.traffic),
            utilisation: Some(cost.utilisation),
            pairs: None,
            provenance: cost.provenance.clone(),
        }
    }
}

/// The cost of one genotype on one device.
#[derive(Debug, Clone, PartialEq)]
pub struct CostRecord {
    /// The genotype in canonical form.
    pub genotype: Genotype,
    /// The device's name.
    pub device: String,
    /// The hash of everything besides the network that decides the figures: the profile of a pure source; protocol,
    /// tool, version and machine of an impure one. A study holds one cost for each genotype, device and protocol.
    pub protocol: ContentHash,
    /// The figures.
    pub summary: CostSummary,
    /// When they were taken.
    pub created: Timestamp,
}

/// Where a trial stands.
///
/// ```text
///              ┌─▶ Complete    evaluated, has objective values
/// Running ─────┼─▶ Infeasible  a limit is not kept
///    ▲  │      └─▶ Failed      an error; the reason is kept
///    └──┘ taken up again after the process was killed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrialState {
    /// Proposed and not finished. After a kill, such a trial is taken up again with the same genotype and seed.
    Running,
    /// Evaluated.
    Complete,
    /// Over a limit, or nothing that a device can run.
    Infeasible,
    /// Ended by an error.
    Failed,
}

impl TrialState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Running, Self::Complete, Self::Infeasible, Self::Failed];

    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Infeasible => "infeasible",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for TrialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One proposal of one search.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The search that proposed it.
    pub search: String,
    /// Its number in that search, from 0.
    pub number: u64,
    /// The genotype in canonical form.
    pub genotype: Genotype,
    /// The seed that it is evaluated with.
    pub seed: u64,
    /// Where it stands.
    pub state: TrialState,
    /// What the objectives of the search say of it; of every complete trial, and of an infeasible one that was evaluated.
    pub objectives: Vec<ObjectiveValue>,
    /// The limits that it does not keep, the furthest over first; of infeasible trials only, and empty for those of
    /// studies that were written before limits were.
    pub violations: Vec<Violation>,
    /// The key of the protocol by which the genotype was evaluated; of complete trials only.
    pub protocol: Option<ContentHash>,
    /// Why it is infeasible or failed.
    pub reason: Option<String>,
    /// When it was proposed or last taken up.
    pub started: Timestamp,
    /// When it was finished.
    pub finished: Option<Timestamp>,
}

impl Trial {
    /// The value of the objective that is called `reward`, if the search has one.
    #[must_use]
    pub fn reward(&self) -> Option<f64> {
        let found = self.objectives.iter().find(|objective| objective.name == REWARD);
        found.map(|objective| objective.value.number())
    }
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Evaluated, within all limits.
    Complete {
        /// What the objectives of the search say of it; at least one.
        objectives: Vec<ObjectiveValue>,
        /// The key of the protocol by which it was evaluated; that evaluation must be in the pool by then.
        protocol: ContentHash,
    },
    /// Over a limit, or nothing that a device can run.
    Infeasible {
        /// Which, and why.
        reason: String,
        /// The limits that it does not keep, the furthest over first.
        violations: Vec<Violation>,
        /// What the objectives say of it, where it was evaluated all the same.
        objectives: Vec<ObjectiveValue>,
    },
    /// An error ended it.
    Failed {
        /// The error.
        reason: String,
    },
}

impl Outcome {
    /// The state of a trial that ended so.
    #[must_use]
    pub const fn state(&self) -> TrialState {
        match self {
            Self::Complete { .. } => TrialState::Complete,
            Self::Infeasible { .. } => TrialState::Infeasible,
            Self::Failed { .. } => TrialState::Failed,
        }
    }

    /// What the objectives of the search say; empty where the network was not evaluated.
    #[must_use]
    pub fn objectives(&self) -> &[ObjectiveValue] {
        match self {
            Self::Complete { objectives, .. } | Self::Infeasible { objectives, .. } => objectives,
            Self::Failed { .. } => &[],
        }
    }

    /// The limits that are not kept.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Infeasible { violations, .. } => violations,
            Self::Complete { .. } | Self::Failed { .. } => &[],
        }
    }

    /// The key of the protocol of the evaluation, of a complete trial.
    #[must_use]
    pub const fn protocol(&self) -> Option<ContentHash> {
        match self {
            Self::Complete { protocol, .. } => Some(*protocol),
            Self::Infeasible { .. } | Self::Failed { .. } => None,
        }
    }

    /// The reason, of one that was not completed.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Complete { .. } => None,
            Self::Infeasible { reason, .. } | Self::Failed { reason } => Some(reason),
        }
    }
}

/// A file that belongs to a finalist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// What it is: `onnx`, `checkpoint`.
    pub kind: String,
    /// Where it is, relative to the study's folder.
    pub path: String,
    /// The BLAKE3 hash of its bytes, in hexadecimal digits.
    pub blake3: String,
    /// Its length.
    pub length: Bytes,
}

/// A network that a run ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Finalist {
    /// The genotype in canonical form; a study holds one finalist for each, and writing it again replaces it.
    pub genotype: Genotype,
    /// A name for tables.
    pub name: String,
    /// What it won: `worst`, `average`, a device's name, `reference`.
    pub roles: Vec<String>,
    /// The network that it lowers to.
    pub network: ContentHash,
    /// Accuracy on the test split after fine-tuning, with how it came about.
    pub test_accuracy: Option<(Estimate<Accuracy>, Provenance)>,
    /// Costs taken again for the final network, by device.
    pub costs: Vec<(String, CostSummary)>,
    /// The files written for it.
    pub files: Vec<Artefact>,
    /// When it was last written.
    pub updated: Timestamp,
}

/// What an event says about its phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The phase began, or began again.
    Started,
    /// The phase is done and need not be repeated.
    Finished,
    /// Something worth keeping.
    Note,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Started, Self::Finished, Self::Note];

    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Finished => "finished",
            Self::Note => "note",
        }
    }
}

/// An entry of the study's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The phase of the run: `train`, `search worst`, `finalists`.
    pub phase: String,
    /// What happened to it.
    pub kind: EventKind,
    /// Details, in words or as JSON.
    pub detail: String,
    /// When.
    pub created: Timestamp,
}

/// One change to a study.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Another run file, space or dataset works on the study; when it was created stays.
    Renewed(Header),
    /// A subject is made of these inputs from now on. What was made of others stays in the study under its own key and is
    /// there again when the same inputs are; until then nobody is shown it.
    Based(Basis),
    /// Adds an evaluation to the pool. The first evaluation of a genotype by a protocol stays; another is ignored.
    Evaluated(Evaluation),
    /// Adds a cost. The first for a genotype, device and protocol stays; another is ignored.
    Costed(CostRecord),
    /// Adds a running trial, or takes up the same one again.
    Started {
        /// The search.
        search: String,
        /// The trial's number.
        number: u64,
        /// The genotype in canonical form.
        genotype: Genotype,
        /// The seed it is to be evaluated with.
        seed: u64,
        /// When.
        at: Timestamp,
    },
    /// Ends a running trial.
    Finished {
        /// The search.
        search: String,
        /// The trial's number.
        number: u64,
        /// How it ended.
        outcome: Outcome,
        /// When.
        at: Timestamp,
    },
    /// Writes a finalist, in place of one with the same genotype.
    Chosen(Finalist),
    /// Adds an entry to the log.
    Logged(Event),
}
