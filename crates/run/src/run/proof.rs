//! What an exact search proves of its winner, as a file that anyone can check.

use panarch_graph::Accuracy;
use panarch_report::run_report::ProofFacts;
use panarch_search::{Proof, SearchError, prove};
use panarch_space::Subspace;
use panarch_study::{ACCURACY, History, Observation};

use super::sums::GoalSums;
use super::{Setup, Watch};
use crate::Error;

/// The folder with the certificates in the folder of a run.
const CERTIFICATES: &str = "certificates";

/// Proves what no network within the limits of a winner can exceed by the tables of its search, and writes the certificate.
///
/// # Errors
/// When a table cannot be made, the certificate is wrong, or it cannot be written.
pub(super) fn of(
    setup: &Setup,
    sums: &GoalSums<'_, '_>,
    search: &str,
    history: &History,
    winner: &Observation,
    watch: &mut Watch<'_>,
) -> Result<Option<ProofFacts>, Error> {
    let Some(proof) = prove(&Subspace::whole(&setup.space), sums, history, &winner.genotype)? else {
        watch.note("nothing is proved: too few networks for a table, or no proof was found in time");
        return Ok(None);
    };
    let evaluated = winner.value(ACCURACY).map_or(f64::NAN, |value| value.value.number());
    let facts = ProofFacts {
        networks: proof.networks as u64,
        error: proof.error,
        best: proof.best.to_string(),
        best_accuracy: Accuracy::from_share(proof.best_accuracy),
        bound: Accuracy::from_share(proof.bound),
        winner_accuracy: Accuracy::from_share(proof.winner_accuracy),
        settled: evaluated.max(proof.winner_accuracy) + proof.error >= proof.bound,
        limits: sums.limits(&winner.genotype, &proof.prices)?,
        certificate: write(setup, search, &proof)?,
    };
    watch.note(format!(
        "by a table of {} networks (error {:.2} points) none within the winner's costs has more than {:.2} %; the winner has {:.2} %{}",
        facts.networks,
        facts.error * 100.0,
        facts.bound.percent(),
        evaluated * 100.0,
        facts
            .certificate
            .as_ref()
            .map_or_else(String::new, |file| format!("; certificate: {file}"))
    ));
    Ok(Some(facts))
}

/// Writes the certificate, which must prove what it says; nothing where there is none, or it is larger than a checker follows.
/// Gives its place in the folder of the run.
fn write(setup: &Setup, search: &str, proof: &Proof) -> Result<Option<String>, Error> {
    let Some(certificate) = &proof.certificate else {
        return Ok(None);
    };
    match certificate.check() {
        Ok(_) => {}
        Err(SearchError::Certificate { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let file = format!("{CERTIFICATES}/{}.json", search.chars().map(plain).collect::<String>());
    let path = setup.folder.join(&file);
    let folder = setup.folder.join(CERTIFICATES);
    std::fs::create_dir_all(&folder).map_err(Error::writing(&folder))?;
    panarch_format::atomic_write(&path, certificate.to_json()?.as_bytes())?;
    Ok(Some(file))
}
