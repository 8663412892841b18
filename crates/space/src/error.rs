use panarch_graph::GraphError;
use panarch_toml::Diagnostics;

/// What can be wrong with a space, a genotype or the network that it lowers to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// The TOML text of a space has mistakes.
    #[error("{0}")]
    Spec(#[from] Diagnostics),
    /// A character that is not a digit of a genotype.
    #[error("`{character}` at position {position} of a genotype is not one of 0–9, a–z or a separator")]
    GenotypeText {
        /// The character.
        character: char,
        /// Its position, counted from 1.
        position: usize,
    },
    /// A genotype of another length than the space has decisions.
    #[error("a genotype of `{space}` has {expected} digits, one a decision; this one has {found}")]
    GenotypeLength {
        /// The space's name.
        space: String,
        /// The number of decisions.
        expected: usize,
        /// The number of digits found.
        found: usize,
    },
    /// A digit beyond the choices of its decision.
    #[error("decision `{decision}` has {choices} choices, the genotype asks for number {found}, counted from 0")]
    ChoiceOutOfRange {
        /// The decision's name.
        decision: String,
        /// How many choices it has.
        choices: usize,
        /// The digit found.
        found: u8,
    },
    /// The last open choice of a decision would be closed.
    #[error("decision `{decision}` has no open choice left; leave at least one open")]
    NothingOpen {
        /// The decision's name.
        decision: String,
    },
    /// What is open was not said once for every decision.
    #[error("`{space}` has {expected} decisions; what is open was given for {found}")]
    ListsOfChoices {
        /// The space's name.
        space: String,
        /// The number of decisions.
        expected: usize,
        /// The number of lists found.
        found: usize,
    },
    /// A choice that is listed twice as open.
    #[error("choice number {choice} of decision `{decision}`, counted from 0, is listed as open twice")]
    OpenTwice {
        /// The decision's name.
        decision: String,
        /// The choice.
        choice: u8,
    },
    /// A name that is no decision of the space.
    #[error("`{space}` has no decision `{name}`{}", meant(.suggestion))]
    UnknownDecision {
        /// The space's name.
        space: String,
        /// The name that was given.
        name: String,
        /// A decision whose name is close.
        suggestion: Option<String>,
    },
    /// A text that is no choice of a decision.
    #[error("decision `{decision}` has no choice `{choice}`; it has {}", .choices.join(", "))]
    UnknownChoice {
        /// The decision's name.
        decision: String,
        /// The choice that was given.
        choice: String,
        /// The choices that it has.
        choices: Vec<String>,
    },
    /// An active decision was left open.
    #[error("decision `{decision}` is active and not chosen")]
    NotChosen {
        /// The decision's name.
        decision: String,
    },
    /// An image size that the space does not allow.
    #[error("`{space}` is not for images of {resolution} pixels; it allows {}", sizes(.allowed))]
    Resolution {
        /// The space's name.
        space: String,
        /// Height and width that were asked for, in pixels.
        resolution: u32,
        /// The sizes that the space allows.
        allowed: Vec<u32>,
    },
    /// No embedded space has this name.
    #[error("there is no preset space `{name}`{}", meant(.suggestion))]
    UnknownPreset {
        /// The name that was given.
        name: String,
        /// A preset whose name is close.
        suggestion: Option<String>,
    },
    /// No network of the zoo has this name.
    #[error("there is no network `{name}` in the zoo{}", meant(.suggestion))]
    UnknownNetwork {
        /// The name that was given.
        name: String,
        /// A network whose name is close.
        suggestion: Option<String>,
    },
    /// A space has more blocks than can be listed.
    #[error("the blocks of space {space} are too many to list: more than {most} combinations of choices")]
    TooManyBlocks {
        /// The space.
        space: String,
        /// How many combinations are looked at.
        most: usize,
    },
    /// The space is that of a table: its members have published values and no network.
    #[error("members of `{space}` have no network: the space is that of a published table; ask its table instead")]
    TableOnly {
        /// The space's name.
        space: String,
    },
    /// The network could not be built.
    #[error("the network could not be built")]
    Graph(#[from] GraphError),
}

fn meant(suggestion: &Option<String>) -> String {
    suggestion
        .as_ref()
        .map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn sizes(sizes: &[u32]) -> String {
    match sizes {
        [first, .., last] if sizes.len() > 8 => {
            format!("{} sizes from {first} to {last}", sizes.len())
        }
        _ => {
            let texts: Vec<String> = sizes.iter().map(u32::to_string).collect();
            texts.join(", ")
        }
    }
}
