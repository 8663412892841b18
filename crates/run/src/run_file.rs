//! The run file: everything that decides what `panarch run FILE` does, as one TOML document.
//!
//! Every section but `[data]`, `[space]` and `[devices]` has a default for each key; [`RunFile::resolved_toml`] writes
//! the file with all of them filled in. Each section's keys stand in one module, the reading beside the writing.
//! Paths are relative to the folder that the command is started in.
//!
//! ```toml
//! name = "fashion-mnist"            # of the study and the files; letters, digits, `-`, `_`
//! seed = 1                          # of training and of everything drawn besides the searches
//!
//! [data]
//! dataset = "fashion-mnist"         # or "cifar-10", "cifar-100", or the path of a folder
//!
//! [space]
//! preset = "multi-hardware-small"   # or file = "my-space.toml"
//!
//! [devices]
//! names = ["ethos-u55-128", "host"] # presets, or paths of .toml files
//!
//! [devices.targets]
//! reference = "mobilenet-v2-like"   # as fast as this member of the space; or a limit for each: host = "5 ms"
//! ```

mod augmentation;
mod data;
mod devices;
mod finalists;
mod limits;
mod measure;
mod output;
mod recipe;
mod reference;
mod search;
mod space;
#[cfg(test)]
mod tests;
mod train;
mod write;

use panarch_toml::{Diagnostics, Document, Table};

pub use data::DataSection;
pub use devices::{DevicesSection, Target, Targets};
pub use finalists::FinalistsSection;
pub use limits::LimitsSection;
pub use measure::MeasureSection;
pub use output::OutputSection;
pub use recipe::Recipe;
pub use reference::reference;
pub(crate) use search::forget_other_settings;
pub use search::{Goal, SearchSection};
pub use space::{SpaceSection, SpaceSource};
pub use train::TrainSection;

use write::Writer;

/// The version of the format that is written; a file that names another is refused.
pub const FORMAT: u32 = 1;

/// A run file, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFile {
    /// Name of the study and of the files that the run writes: letters, digits, `-` and `_`.
    pub name: String,
    /// Seed of the split, of training and of everything drawn besides the searches. Default 1.
    pub seed: u64,
    /// The images.
    pub data: DataSection,
    /// The search space.
    pub space: SpaceSection,
    /// The devices and what they allow.
    pub devices: DevicesSection,
    /// What every network that is found must keep.
    pub limits: LimitsSection,
    /// Training of the supernet.
    pub train: TrainSection,
    /// Measuring on real devices.
    pub measure: MeasureSection,
    /// The searches.
    pub search: SearchSection,
    /// What happens to the networks that were found.
    pub finalists: FinalistsSection,
    /// Where the run writes.
    pub output: OutputSection,
}

impl RunFile {
    /// Reads a run file from its text and applies overrides of the form `key.path=value`.
    ///
    /// Presets of spaces, devices and datasets are looked up; files that the run file names are not opened.
    ///
    /// # Errors
    /// Every problem of the file and of the overrides at once.
    pub fn parse<S: AsRef<str>>(file_name: &str, text: &str, overrides: &[S]) -> Result<Self, Diagnostics> {
        let document = Document::parse(file_name, text)?
            .with_keys(reference::keys())
            .with_overrides(overrides);
        let root = document.root();
        let run = Self::read(&root);
        root.finish();
        document.finish(run)
    }

    /// The file with every default filled in; reading it gives the same run.
    #[must_use]
    pub fn resolved_toml(&self) -> String {
        let mut writer = Writer::default();
        writer.key("format", FORMAT);
        writer.text("name", &self.name);
        writer.key("seed", self.seed);
        self.data.write(writer.section("data"));
        self.space.write(writer.section("space"));
        self.devices.write(writer.section("devices"));
        self.limits.write(&mut writer);
        self.train.write(writer.section("train"));
        self.measure.write(writer.section("measure"));
        self.search.write(writer.section("search"));
        self.finalists.write(writer.section("finalists"));
        self.output.write(writer.section("output"));
        writer.finish()
    }

    fn read(root: &Table<'_>) -> Option<Self> {
        if let Some(format) = root.optional_u32("format").filter(|format| *format != FORMAT) {
            let message = format!("`format` is {format}, this version reads format {FORMAT}");
            root.problem("format", message, Some(&FORMAT.to_string()));
        }
        let name = root.string("name");
        if name.as_deref().is_some_and(|name| !is_file_name(name)) {
            let message = "`name` must be 1 to 64 letters, digits, `-` or `_`, since files are named after it";
            root.problem("name", message, None);
        }
        let seed = root.optional_u64("seed").unwrap_or(1);
        let space_table = root.table("space");
        let (space, preset) = space_table.map(SpaceSection::read).unwrap_or_default();
        let data = root
            .table("data")
            .and_then(|table| DataSection::read(table, preset.as_ref()));
        let devices = root
            .table("devices")
            .and_then(|table| DevicesSection::read(table, preset.as_ref()));
        let train = TrainSection::read(root.table_or_empty("train"));
        let measure = MeasureSection::read(root.table_or_empty("measure"));
        let names = devices.as_ref().map(|devices| devices.names.as_slice());
        let limits = LimitsSection::read(root.table_or_empty("limits"), names);
        let search = SearchSection::read(root.table_or_empty("search"), names);
        let targets = devices.as_ref().map(|devices| &devices.targets);
        let finalists = FinalistsSection::read(root.table_or_empty("finalists"), targets, preset.as_ref());
        let output = OutputSection::read(root.table_or_empty("output"), name.as_deref());
        Some(Self {
            name: name?,
            seed,
            data: data?,
            space: space?,
            devices: devices?,
            limits,
            train,
            measure,
            search,
            finalists,
            output,
        })
    }
}

fn is_file_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}
