//! What can go wrong when data is read, a network is trained or a checkpoint is opened.

use std::path::PathBuf;

use panarch_data::DataError;
use panarch_format::FormatError;
use panarch_graph::Shape;
use panarch_nn::NnError;
use panarch_space::SpaceError;

/// The error of this crate. Every variant about a file names the file and the reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A dataset cannot be read, parted or loaded.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file or folder could not be read or written.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted, as a verb ("read", "create").
        action: &'static str,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// What was named is no file, too large, the pointer of one, or the operating system refused.
    #[error(transparent)]
    File(#[from] FormatError),
    /// A log of events cannot be continued.
    #[error("{}: not a log of events that can be continued: {reason}; move it away", path.display())]
    Events {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A network does not fit the images or the classes it is used with.
    #[error("the network `{network}` takes {expects}, the data gives {gives}")]
    Mismatch {
        /// The network.
        network: String,
        /// What the network takes.
        expects: String,
        /// What the data gives.
        gives: String,
    },
    /// A checkpoint cannot be written or read.
    #[error("{}: {source}", path.display())]
    CheckpointFile {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with the file.
        source: FormatError,
    },
    /// A checkpoint can be read but is not complete or consistent.
    #[error("{}: not a usable checkpoint: {reason}", path.display())]
    CheckpointContent {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A checkpoint belongs to another training.
    #[error(
        "{}: the checkpoint is of another training and cannot be continued by this one: {changed}{}; \
         use what it was made with, or another file",
        path.display(),
        in_brackets(differences)
    )]
    CheckpointOfAnother {
        /// The checkpoint.
        path: PathBuf,
        /// Which inputs changed, in words: `the training pictures changed`.
        changed: String,
        /// What differs, as "key: in the checkpoint …, here …".
        differences: Vec<String>,
    },
    /// Published tensors are not those of a space or network.
    #[error(transparent)]
    PublishedTensors(Box<OtherTensors>),
    /// A network has a layer that published networks do not have.
    #[error(
        "`{parameter}` has no name in published checkpoints, which know the networks of Once-for-All and ProxylessNAS"
    )]
    NoPublishedName {
        /// The parameter.
        parameter: String,
    },
    /// A published description of a network cannot be understood.
    #[error("the description of a network: {reason}")]
    PublishedConfig {
        /// What is wrong.
        reason: String,
    },
    /// A supernet's checkpoint belongs to another space.
    #[error(
        "{}: these are weights of space {theirs}, not of {ours}; weights mean nothing in another space, or in another version \
         of it",
        path.display()
    )]
    CheckpointOfAnotherSpace {
        /// The checkpoint.
        path: PathBuf,
        /// The space in the checkpoint: name and hash.
        theirs: String,
        /// The space that was asked for.
        ours: String,
    },
    /// The loss is no longer a number.
    #[error(
        "training diverged: the loss of step {step} is {loss}; lower the learning rate or clip the gradients{}",
        kept(checkpoint.as_deref())
    )]
    Diverged {
        /// The step, from zero.
        step: u64,
        /// The loss.
        loss: f32,
        /// Where the last good state is kept, if anywhere.
        checkpoint: Option<PathBuf>,
    },
    /// A network answers an image with what is no finite number, so that it has no accuracy.
    #[error(
        "network `{network}` answers an image with {logit}, which is no finite number; its weights are damaged or its training \
         has diverged"
    )]
    Answer {
        /// The network.
        network: String,
        /// The first such logit.
        logit: f32,
    },
    /// The latency or reward of a network could not be found out.
    #[error("the reward of a network: {0}")]
    Reward(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The training engine refused.
    #[error(transparent)]
    Engine(#[from] NnError),
    /// The search space refused.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// A setting of the training has no meaning.
    #[error("training setting `{setting}`: {reason}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

fn in_brackets(differences: &[String]) -> String {
    match differences {
        [] => String::new(),
        some => format!(" ({})", some.join("; ")),
    }
}

fn kept(checkpoint: Option<&std::path::Path>) -> String {
    checkpoint.map_or_else(String::new, |path| {
        format!("; the last good state is kept in {}", path.display())
    })
}

/// How published tensors differ from those of a space or network. The text cuts each list after a few.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tensors are not those of {subject}: {}", self.lists())]
pub struct OtherTensors {
    /// The space or network.
    pub subject: String,
    /// What it needs and the file lacks, with shapes.
    pub missing: Vec<String>,
    /// What the file has and nothing needs, with shapes.
    pub surplus: Vec<String>,
    /// What has another shape.
    pub misshapen: Vec<String>,
}

impl OtherTensors {
    fn lists(&self) -> String {
        const SHOWN: usize = 8;
        let list = |(what, names): (&str, &Vec<String>)| {
            let more = names.len().saturating_sub(SHOWN);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
            (!names.is_empty()).then(|| format!("{} {what}: {}{more}", names.len(), shown.join(", ")))
        };
        let lists = [
            ("missing", &self.missing),
            ("superfluous", &self.surplus),
            ("of another shape", &self.misshapen),
        ];
        lists.into_iter().filter_map(list).collect::<Vec<_>>().join("; ")
    }
}

impl TrainError {
    /// An [`TrainError::Io`], for `map_err`.
    pub(crate) fn io(path: impl Into<PathBuf>, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, action, source }
    }

    /// A [`TrainError::Mismatch`] of image shapes.
    pub(crate) fn image_shape(network: &str, expects: Shape, gives: Shape) -> Self {
        let text = |shape: Shape| {
            format!(
                "images of {} channels, {} × {} pixels",
                shape.channels, shape.height, shape.width
            )
        };
        Self::Mismatch {
            network: network.to_owned(),
            expects: text(expects),
            gives: text(gives),
        }
    }
}
