//! A device behind a command.

mod cache;
mod csv;
mod found;
mod lock;
mod network_file;
mod output_file;
mod place;
mod process;
mod program;
mod run;
mod tool;
mod value;
mod vela;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use panarch_cost::profile::command::Answer;
use panarch_cost::{CommandTarget, Cost, CostError, CostSource, DeviceProfile};
use panarch_graph::{ContentHash, Network, ProvenanceKind, Weights};

use crate::{Machine, MeasureError};

use cache::{AnswerCache, Known};
use lock::PATIENCE;

pub use place::Places;
pub use process::kill_commands;
pub use tool::{ToolState, ToolStatus, tools};
pub use value::value as read_answer;

/// Says what the answers depend on besides profile and network; changed when costs are computed otherwise.
const ANSWERS: &str = "panarch answer of a command, key v4";

/// A device for which a program answers, as its profile says.
///
/// For each network: its file is written, `prepare` is run, the command is run `warmup` and `repeat` times, the answer is
/// read each time, `cleanup` is run. Latency is the median of the repeats. Peak memory and traffic are counted unless the
/// profile says where to read the memory; what nothing is known about (time that no network can avoid, utilisation without
/// an accelerator's tables) is zero, and the note says so. Answers are kept on disk and given again for the same network,
/// weights, profile and version of the tool, and for measurements the same machine.
pub struct CommandDevice {
    profile: DeviceProfile,
    target: CommandTarget,
    program: PathBuf,
    places: Places,
    patience: Duration,
    machine: Machine,
    version: OnceLock<Result<String, CostError>>,
}

impl CommandDevice {
    /// The device of a profile whose kind is `command`. Nothing is run yet.
    ///
    /// # Errors
    /// When the profile is of another kind or for several images an inference, its program is not on this machine (with how
    /// to get it).
    pub fn from_profile(profile: &DeviceProfile) -> Result<Self, MeasureError> {
        Self::with_places(profile, Places::from_environment())
    }

    /// The same with answers and locks in folders of the caller's choice.
    ///
    /// # Errors
    /// As [`CommandDevice::from_profile`].
    pub fn with_places(profile: &DeviceProfile, places: Places) -> Result<Self, MeasureError> {
        let device = profile.name().to_owned();
        let Some(target) = profile.command() else {
            return Err(MeasureError::NotACommand { device });
        };
        if profile.batch() != 1 {
            return Err(MeasureError::Batch {
                device,
                batch: profile.batch(),
            });
        }
        Ok(Self {
            target: target.clone(),
            program: program::program(target)?,
            profile: profile.clone(),
            places,
            patience: PATIENCE,
            machine: Machine::detect(),
            version: OnceLock::new(),
        })
    }

    /// How long another process may keep the device's lock before that is an error; an hour unless said otherwise.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The version that the tool states; `unknown` when the profile does not say how to ask.
    ///
    /// # Errors
    /// When the command for it fails.
    pub fn version(&self) -> Result<&str, CostError> {
        let version = self.version.get_or_init(|| match &self.target.version {
            None => Ok("unknown".to_owned()),
            Some(arguments) => self
                .ask_version(arguments)
                .map_err(|error| error.into_cost(self.profile.name())),
        });
        version.as_deref().map_err(Clone::clone)
    }

    /// Identifies what answers depend on besides the network: name, precision and command of the profile, version of the
    /// tool and, where they are measured, this machine. Of an accelerator's tables only the peak rate counts, to which
    /// utilisation is relative: a model that is fitted to the answers does not make them be asked for again.
    ///
    /// # Errors
    /// As [`CommandDevice::version`].
    fn protocol_hash(&self) -> Result<ContentHash, CostError> {
        let machine = match self.target.answers {
            ProvenanceKind::Measured => self.machine.to_string(),
            _ => String::new(),
        };
        let peak = match (&self.target.result, &self.target.accelerator) {
            (Answer::Value(_), Some(machine)) => machine.array.macs_per_cycle() * machine.clock_hz.value,
            // Vela states the multipliers itself.
            _ => 0.0,
        };
        let target = CommandTarget {
            accelerator: None,
            ..self.target.clone()
        };
        let target = serde_json::to_string(&target).map_err(|error| CostError::Failed {
            device: self.profile.name().to_owned(),
            reason: format!("what its answers depend on cannot be written down: {error}"),
        })?;
        let (name, precision) = (self.profile.name(), self.profile.precision());
        let version = self.version()?;
        let program = program::identity(&self.target).map_err(|error| error.into_cost(name))?;
        let text = format!("{name}\n{precision}\n{target}\n{peak:e}\n{version}\n{program}\n{machine}");
        Ok(ContentHash::of(ANSWERS, text.as_bytes()))
    }

    /// What the command says of a file that is there already, such as another tool's. The answer is not kept. `network` is
    /// what the file holds, where that is known: layers are then named after it.
    ///
    /// # Errors
    /// When the command fails or gives no answer.
    pub fn estimate_file(&self, file: &Path, network: Option<&Network>) -> Result<Cost, CostError> {
        self.answer(file, network, "a file of the user's")
    }

    /// The answers in the order of the questions. An estimate is the same whatever else the machine does, so that several
    /// are asked for at once; measurements are taken one by one.
    fn answers<Q: Sync>(
        &self,
        questions: &[Q],
        answer: impl Fn(&Q) -> Result<Cost, CostError> + Sync,
    ) -> Vec<Result<Cost, CostError>> {
        let alone = self.target.answers == ProvenanceKind::Measured || self.target.lock.is_some();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers = if alone { 1 } else { cores.min(questions.len()) };
        if workers <= 1 {
            return questions.iter().map(answer).collect();
        }
        let next = AtomicUsize::new(0);
        let slots: Vec<OnceLock<Result<Cost, CostError>>> = questions.iter().map(|_| OnceLock::new()).collect();
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some((question, slot)) = questions.get(index).zip(slots.get(index)) else {
                    break;
                };
                slot.get_or_init(|| answer(question));
            }
        };
        thread::scope(|scope| {
            for _ in 1..workers {
                // Where a thread cannot be started, the others do its part.
                let _ = thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        let missing = || CostError::Failed {
            device: self.profile.name().to_owned(),
            reason: "no answer".to_owned(),
        };
        slots
            .into_iter()
            .map(|slot| slot.into_inner().unwrap_or_else(|| Err(missing())))
            .collect()
    }

    /// A question that is answered from the cache where that knows it.
    fn cost(&self, network: &Network, weights: Option<&Weights>) -> Result<Cost, CostError> {
        let device = self.profile.name();
        let own = weights.map_or_else(String::new, |weights| weights_hash(weights).to_string());
        // The content hash leaves names out; an answer by layers holds them.
        let names: Vec<&str> = network.nodes().iter().map(|node| node.name.as_str()).collect();
        let text = format!(
            "{}\n{}\n{own}\n{}",
            self.protocol_hash()?,
            network.content_hash(),
            names.join("\n")
        );
        let key = ContentHash::of(ANSWERS, text.as_bytes());
        let cache = self.places.answers().map(AnswerCache::new);
        let damaged = match cache.as_ref().map_or(Known::Nothing, |cache| cache.get(key)) {
            Known::Answer(cost) => return Ok(*cost),
            Known::Damaged => true,
            Known::Nothing => false,
        };
        let note = if weights.is_some() {
            "own weights"
        } else {
            "random weights"
        };
        let written = self.write(network, weights).map_err(|error| error.into_cost(device))?;
        let mut cost = self
            .answer(&written.file, Some(network), note)?
            .possible(device, network)?;
        let kept = cache.map_or(Ok(()), |cache| cache.put(key, &cost));
        let mut further = |note: String| {
            if let Some(all) = &mut cost.provenance.note {
                *all = format!("{all}; {note}");
            }
        };
        if damaged {
            further("a damaged answer in the cache was replaced".to_owned());
        }
        // An answer that cannot be kept is as good; it only has to be asked for again.
        if let Err(error) = kept {
            further(format!("the answer could not be kept: {error}"));
        }
        Ok(cost)
    }
}

impl CostSource for CommandDevice {
    fn device(&self) -> &str {
        self.profile.name()
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        self.answers(networks, |network| self.cost(network, None))
    }

    fn estimate_with_weights(&self, networks: &[(&Network, &Weights)]) -> Vec<Result<Cost, CostError>> {
        self.answers(networks, |(network, weights)| self.cost(network, Some(weights)))
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        self.protocol_hash()
    }

    fn takes_time(&self) -> bool {
        true
    }
}

fn weights_hash(weights: &Weights) -> ContentHash {
    let mut bytes = Vec::new();
    for (name, tensor) in weights.iter() {
        bytes.extend_from_slice(format!("{name} {:?}\n", tensor.shape).as_bytes());
        bytes.extend(tensor.data.iter().flat_map(|value| value.to_le_bytes()));
    }
    ContentHash::of("panarch weights v1", &bytes)
}
