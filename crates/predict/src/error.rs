use panarch_cost::CostError;
use panarch_graph::ContentHash;
use panarch_space::SpaceError;

/// What can go wrong when a model is fitted, read or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// Too few measurements to fit anything.
    #[error("{found} measurement(s) are too few to fit a table, at least {needed} are needed")]
    TooFew {
        /// The number of measurements.
        found: usize,
        /// The least number.
        needed: usize,
    },
    /// A measurement is not a finite number, or its weight is not positive.
    #[error("measurement {row} ({genotype}): {reason}")]
    Measurement {
        /// Which measurement, from 0.
        row: usize,
        /// Its genotype.
        genotype: String,
        /// What is wrong.
        reason: String,
    },
    /// A genotype is not of the model's space.
    #[error(transparent)]
    Genotype(#[from] SpaceError),
    /// The device's model has no answer.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// The choices at one place of a space are too many to be numbered.
    #[error("the choices at {place} of space {space} are too many to keep a table of blocks")]
    Choices {
        /// The space.
        space: String,
        /// The place.
        place: String,
    },
    /// Too many rows for a predictor.
    #[error("{found} rows are too many to train a predictor on, at most {most} are possible; give a part of them")]
    TooMany {
        /// The number of rows.
        found: usize,
        /// The most.
        most: usize,
    },
    /// A predictor is asked for what it has never seen.
    #[error("out of the predictor's range: {what}; it was trained on {known}")]
    OutOfRange {
        /// What it has not seen.
        what: String,
        /// What it has seen instead.
        known: String,
    },
    /// A line of a table of measured networks is not what it should be.
    #[error("line {line}: {reason}")]
    Table {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A table has no column of this name.
    #[error("the table has no column `{name}`{}", meant(suggestion.as_deref()))]
    NoColumn {
        /// The name that was given.
        name: String,
        /// A column whose name is close.
        suggestion: Option<String>,
    },
    /// Rows or points are not what a model takes.
    #[error("{reason}")]
    Inputs {
        /// What is wrong.
        reason: String,
    },
    /// The equations could not be solved.
    #[error("the fit failed: the equations are not positive definite at any ridge tried")]
    Singular,
    /// A level of confidence is not between 0 and 1.
    #[error("the level {level} of an interval must lie between 0 and 1")]
    Level {
        /// The level.
        level: f64,
    },
    /// A table was asked with another number of covariates than it was fitted with.
    #[error("the table has {expected} covariate(s), {found} were given")]
    Covariates {
        /// The table's number.
        expected: usize,
        /// The number given.
        found: usize,
    },
    /// The model was fitted on another space.
    #[error("the table was fitted on space `{stored}` ({}), this is `{given}` ({}); fit it again", stored_hash.short(), given_hash.short())]
    OtherSpace {
        /// The name of the model's space.
        stored: String,
        /// Its hash.
        stored_hash: ContentHash,
        /// The name of the space it is to be used with.
        given: String,
        /// Its hash.
        given_hash: ContentHash,
    },
    /// A block cannot be looked up in a table.
    #[error("block `{block}` has no key in the table: {reason}")]
    Block {
        /// The block.
        block: String,
        /// Why not.
        reason: String,
    },
    /// A table has no entry for a block.
    #[error("block `{block}` is not in the table: there is no `{key}`{}", nearest_key(nearest.as_deref()))]
    NotInTable {
        /// The block.
        block: String,
        /// Its key.
        key: String,
        /// The key of the table that is most like it.
        nearest: Option<String>,
    },
    /// A predictor said nothing of a genotype.
    #[error("the predictor gave no answer")]
    NoAnswer,
    /// The file's version is not known.
    #[error("version {found} of the table's format is not known, only {known}")]
    Version {
        /// The file's version.
        found: u32,
        /// The version that is known.
        known: u32,
    },
    /// The file is not what it should be.
    #[error("the table cannot be read: {reason}")]
    Format {
        /// What is wrong.
        reason: String,
    },
}

fn nearest_key(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |key| format!("; the nearest is `{key}`"))
}

fn meant(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
