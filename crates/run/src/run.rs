//! The run itself: propose → cost → evaluate → store → finalists → report.
//!
//! Each step keeps what it finds in the study or in files that are written whole or not at all, so that a run that was
//! killed goes on where it was.

mod agreement;
mod assemble;
mod cost_tables;
mod devices;
mod export;
mod facts;
mod finalists;
pub mod guard_band;
mod inputs;
mod limits;
mod machine;
mod overrun;
mod paired_table;
mod pool;
mod problems;
mod proof;
mod requirements;
mod reward;
mod seal;
mod search;
mod setup;
mod sums;
mod supernet;
mod training_log;

use std::path::PathBuf;

use panarch_format::FileKind;
use panarch_report::{RunReport, report_html};
use panarch_study::Metric;

use crate::event::Watch;
use crate::run_file::Goal;
use crate::{Error, RunFile};

pub use devices::{Device, Devices};
pub use finalists::Finished;
pub(crate) use paired_table::LARGEST_SPREAD;
use problems::Problems;
pub use reward::DeviceRewarder;
pub use search::{Searched, search_name};
pub use setup::Setup;

/// The study's database in the folder of a run.
pub const DATABASE: &str = "study.db";
/// The supernet's checkpoint in the folder of a run.
pub const SUPERNET: &str = "supernet.safetensors";
/// The folder with what the supernet's training says step by step: TensorBoard's event files, and JSON lines.
pub const EVENTS: &str = "events";
/// The folder with the weights of the finalists.
pub(crate) const FINALISTS: &str = "finalists";
/// The report in the folder of a run.
pub const REPORT: &str = "report.html";
/// The report's data in the folder of a run.
pub const REPORT_DATA: &str = "report.json";

/// The largest data of a report that are read, in bytes.
const LARGEST_DATA: u64 = 256 << 20;

/// What a whole run ends with.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that the report shows.
    pub report: RunReport,
    /// The report.
    pub report_file: PathBuf,
    /// The exported file of the recommended network.
    pub onnx_file: Option<PathBuf>,
}

/// Trains the supernet of a run file, going on from its checkpoint.
///
/// # Errors
/// Bad input, a missing dataset or device, a diverged training, or [`Error::Interrupted`].
pub fn train(file: &RunFile, watch: &mut Watch<'_>) -> Result<PathBuf, Error> {
    let setup = Setup::open(file, watch)?;
    supernet::trained(&setup, watch)?;
    Ok(setup.folder.join(SUPERNET))
}

/// Whether a run has a supernet in training, or trained.
#[must_use]
pub fn has_begun(file: &RunFile) -> bool {
    file.output.directory.join(SUPERNET).is_file()
}

/// Searches with the supernet of a run file, which is trained first if it is not.
///
/// # Errors
/// As [`train`], and [`Error::Search`] when no network keeps all limits.
pub fn search(file: &RunFile, watch: &mut Watch<'_>) -> Result<Vec<Searched>, Error> {
    let setup = Setup::open(file, watch)?;
    let devices = Devices::open(&setup, watch)?;
    agreement::judge(&setup, &devices, watch)?;
    search::check_limits(&setup, &devices, watch)?;
    let supernet = supernet::trained(&setup, watch)?;
    search::all(&setup, &devices, &supernet, watch)
}

/// The whole way of a run file.
///
/// # Errors
/// As [`search`], and [`Error::CheckFailed`] when an exported file does not compute what the engine computes.
pub fn run(file: &RunFile, command: &str, watch: &mut Watch<'_>) -> Result<Outcome, Error> {
    let setup = Setup::open(file, watch)?;
    let devices = Devices::open(&setup, watch)?;
    let agreement = agreement::judge(&setup, &devices, watch)?;
    search::check_limits(&setup, &devices, watch)?;
    let supernet = supernet::trained(&setup, watch)?;
    let searched = search::all(&setup, &devices, &supernet, watch)?;
    let mut problems = Problems::default();
    let finished = finalists::finish(&setup, &devices, &supernet, &searched, &mut problems, watch)?;
    let mut report = assemble::report(&setup, &devices, agreement, &searched, &finished, &problems, command)?;
    overrun::note(&setup, &mut report, watch);
    within_limits(&setup, &report, &mut problems);
    limits::check(&setup, &devices, report.chosen, &finished, &mut problems);
    for inconsistency in report.inconsistencies() {
        problems.add(Error::CheckFailed(inconsistent(inconsistency)));
    }
    report.problems = problems.texts();
    let report_file = write_report(&setup, &report, &mut problems);
    let onnx_file = report
        .chosen()
        .and_then(|chosen| chosen.export.as_ref())
        .map(|export| setup.folder.join(&export.file));
    problems.into_result(&report_file)?;
    Ok(Outcome {
        report,
        report_file,
        onnx_file,
    })
}

/// A hard limit that held by prediction has to hold for the finished network too.
fn within_limits(setup: &Setup, report: &RunReport, problems: &mut Problems) {
    let goals = &setup.file.search.goals;
    if !goals.contains(&Goal::All(Metric::Each)) {
        return;
    }
    let role = panarch_report::run_report::Role::Other {
        name: finalists::LIMITS.to_owned(),
    };
    let Some(finalist) = report.finalist(&role) else {
        return;
    };
    for (device, on) in report.devices.iter().zip(&finalist.latency) {
        if on.latency.value > device.target {
            problems.add(Error::Infeasible(format!(
                "`{}` vetoes the network that was found: it takes {} there, the limit is {}; the report is written all the same",
                device.name, on.latency.value, device.target
            )));
        }
    }
}

/// Draws the report of a finished run again, from its data.
///
/// # Errors
/// When the run has not been finished, a file cannot be read or written, or as [`Error::CheckFailed`] when the report is of
/// other inputs than the present run file and pictures. What is wrong with the report is among its problems.
pub fn redraw(file: &RunFile, watch: &mut Watch<'_>) -> Result<(RunReport, PathBuf), Error> {
    let data = file.output.directory.join(REPORT_DATA);
    if !data.is_file() {
        let advice = "`panarch run` on the same file writes it";
        return Err(Error::Input(format!("there is no {}; {advice}", data.display())));
    }
    seal::check(file, watch)?;
    let text = panarch_format::read_text(&data, FileKind::new("data of a report", LARGEST_DATA))?;
    let mut report = RunReport::from_json(&text)?;
    for found in report.inconsistencies().into_iter().map(inconsistent) {
        if !report.problems.contains(&found) {
            report.problems.push(found);
        }
    }
    let path = file.output.directory.join(REPORT);
    panarch_format::atomic_write(&path, report_html(&report).as_bytes())?;
    Ok((report, path))
}

fn inconsistent(place: String) -> String {
    format!("the report does not agree with itself: {place}")
}

/// Writes both forms of the report; a failure to write one does not stop the other.
fn write_report(setup: &Setup, report: &RunReport, problems: &mut Problems) -> PathBuf {
    let path = setup.folder.join(REPORT);
    let json = report.to_json().map_err(Error::from);
    let json = json.and_then(|json| {
        Ok(panarch_format::atomic_write(
            setup.folder.join(REPORT_DATA),
            json.as_bytes(),
        )?)
    });
    let html = panarch_format::atomic_write(&path, report_html(report).as_bytes());
    let html = problems.take(html.map_err(Error::from));
    if problems.take(json).is_some() && html.is_some() {
        let exported = report.finalists.iter().filter_map(|finalist| finalist.export.as_ref());
        let mut files = vec![REPORT_DATA.to_owned()];
        let proofs = report.searches.iter().filter_map(|search| search.proof.as_ref());
        files.extend(proofs.filter_map(|proof| proof.certificate.clone()));
        files.extend(exported.map(|export| export.file.clone()));
        problems.take(seal::write(setup, &files));
    }
    path
}
