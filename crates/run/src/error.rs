use std::path::{Path, PathBuf};

use panarch_cost::CostError;
use panarch_data::DataError;
use panarch_measure::MeasureError;
use panarch_search::SearchError;
use panarch_study::StudyError;
use panarch_toml::Diagnostics;
use panarch_train::TrainError;

/// What can end a run or a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, a name or an option is wrong.
    #[error("{0}")]
    Input(String),
    /// A TOML document has problems; all of them are listed.
    #[error("{0}")]
    Diagnostics(#[from] Diagnostics),
    /// The machine lacks something that the run needs.
    #[error("{0}")]
    Environment(String),
    /// The run is valid and has no feasible result.
    #[error("{0}")]
    Infeasible(String),
    /// A check of a result failed.
    #[error("{0}")]
    CheckFailed(String),
    /// The run was asked to stop and can go on later.
    #[error("stopped; run the same command to go on")]
    Interrupted,
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A genotype does not fit its space, or a space is unknown.
    #[error(transparent)]
    Space(#[from] panarch_space::SpaceError),
    /// A device cannot run a network, or is unknown.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// A network cannot be built.
    #[error(transparent)]
    Graph(#[from] panarch_graph::GraphError),
    /// An ONNX file or another artefact cannot be read or written.
    #[error(transparent)]
    Format(#[from] panarch_format::FormatError),
    /// A file that was given is not what it should be.
    #[error("{}: {source}", path.display())]
    Artefact {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<panarch_format::FormatError>,
    },
    /// More memory would be needed than there is.
    #[error(transparent)]
    Memory(#[from] panarch_measure::memory::MemoryError),
    /// Measuring failed.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// Fitting or predicting failed.
    #[error(transparent)]
    Predict(#[from] panarch_predict::PredictError),
    /// The study cannot be used.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A dataset cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A search cannot go on.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The report cannot be written.
    #[error(transparent)]
    Report(#[from] panarch_report::ReportError),
}

/// Whether other pictures or other settings would mend it, and not another machine.
fn is_bad_input(error: &DataError) -> bool {
    matches!(
        error,
        DataError::Setting { .. }
            | DataError::Split { .. }
            | DataError::Mismatch { .. }
            | DataError::UnknownDataset { .. }
            | DataError::Picture { .. }
            | DataError::Occupied { .. }
            | DataError::Damaged { .. }
            | DataError::Layout { .. }
            | DataError::TooFew { .. }
    )
}

impl Error {
    /// The exit code of the binary: 1 no feasible result or failed check, 2 bad input, 3 environment, 130 interrupted.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Format(error)
            | Self::Data(DataError::File(error))
            | Self::Train(TrainError::File(error) | TrainError::Data(DataError::File(error)))
            | Self::Measure(MeasureError::Format(error))
            | Self::Study(StudyError::File(error)) => {
                if error.is_of_the_machine() {
                    3
                } else {
                    2
                }
            }
            Self::Cost(CostError::Failed { .. }) => 3,
            Self::Infeasible(_)
            | Self::CheckFailed(_)
            | Self::Search(
                SearchError::Infeasible { .. }
                | SearchError::Unsupported { .. }
                | SearchError::Exhausted { .. }
                | SearchError::Unsettled
                | SearchError::Unproven
                | SearchError::Refuted { .. },
            )
            | Self::Train(TrainError::Diverged { .. } | TrainError::Answer { .. }) => 1,
            Self::Input(_)
            | Self::Diagnostics(_)
            | Self::Space(_)
            | Self::Cost(_)
            | Self::Graph(_)
            | Self::Artefact { .. }
            | Self::Predict(_)
            | Self::Search(
                SearchError::Settings { .. } | SearchError::NotExact { .. } | SearchError::Certificate { .. },
            )
            | Self::Study(StudyError::Exists { .. } | StudyError::NotAStudy { .. })
            | Self::Train(
                TrainError::Setting { .. }
                | TrainError::Mismatch { .. }
                | TrainError::CheckpointOfAnother { .. }
                | TrainError::CheckpointOfAnotherSpace { .. }
                | TrainError::CheckpointContent { .. }
                | TrainError::PublishedTensors(_)
                | TrainError::Engine(panarch_nn::NnError::NotTrained { .. })
                | TrainError::NoPublishedName { .. }
                | TrainError::PublishedConfig { .. }
                | TrainError::Space(_),
            ) => 2,
            Self::Data(error) | Self::Train(TrainError::Data(error)) if is_bad_input(error) => 2,
            Self::Environment(_)
            | Self::Memory(_)
            | Self::File { .. }
            | Self::Measure(_)
            | Self::Study(_)
            | Self::Data(_)
            | Self::Train(_)
            | Self::Search(_)
            | Self::Report(_) => 3,
            Self::Interrupted => 130,
        }
    }

    /// A file that is not what it should be.
    pub(crate) fn artefact(path: &Path) -> impl Fn(panarch_format::FormatError) -> Self + use<> {
        let path = path.to_owned();
        move |source| match source {
            source if source.names_file() => Self::Format(source),
            source => Self::Artefact {
                path: path.clone(),
                source: Box::new(source),
            },
        }
    }

    /// A failed write.
    pub fn writing(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File {
            action: "write",
            path,
            source,
        }
    }
}
