//! Certificates of exact searches. What is accepted is compared with a list of all members, where these are few.

use panarch_search::exact::{Budget, Certificate, CostLimit, Factor, Factored, Problem, Tables};
use panarch_space::Subspace;
use panarch_testkit::{certificate_holds, toy_space};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{texts, with_text};
use crate::Target;

pub const CERTIFICATE: Target = Target {
    name: "certificate",
    seeds: || texts((0..6).filter_map(seed)),
    run: |bytes| {
        with_text(bytes, |text| {
            let Ok(certificate) = Certificate::from_json(text) else {
                return;
            };
            if let Err(error) = certificate.check() {
                let _ = error.to_string();
            }
            // Nearly every change breaks the hash; with the hash mended it has to be refused for what it is.
            let Ok(certificate) = certificate.sealed() else { return };
            if certificate.check().is_ok() {
                let text = certificate.to_json().unwrap_or_default();
                assert!(certificate_holds(&text), "a certificate that is wrong is accepted");
            }
        });
    },
};

/// A certificate of the toy space with tables at random: of an optimum, or that nothing keeps the limits.
fn seed(number: u64) -> Option<String> {
    let space = toy_space();
    let rng = &mut panarch_graph::stream(number, "certificate seed", 0);
    let count = |decision: usize| space.decisions().get(decision).map_or(1, |it| it.choices.len() + 1);
    let table = |rng: &mut ChaCha8Rng| {
        let mut scopes: Vec<Vec<usize>> = (0..space.decisions().len()).map(|it| vec![it]).collect();
        scopes.push(vec![0, space.decisions().len() - 1]);
        let factors = scopes.into_iter().map(|decisions| {
            let size = decisions.iter().map(|it| count(*it)).product();
            Factor {
                values: (0..size).map(|_| f64::from(rng.random_range(0..9_u8))).collect(),
                decisions,
            }
        });
        Factored {
            constant: 1.0,
            factors: factors.collect(),
        }
    };
    let tables = Tables {
        resolution: 28,
        accuracy: table(rng),
        costs: vec![table(rng), table(rng)],
    };
    let limits = ["latency", "energy"].map(|name| CostLimit {
        name: name.to_owned(),
        // From those that nothing keeps to those that nearly everything does.
        most: 34.0 + 5.0 * number as f64,
    });
    let problem = Problem::in_stages(&Subspace::whole(&space), &[tables], &limits, 1).ok()?;
    let solution = problem.optimum(&Budget::UNLIMITED).ok()?;
    Certificate::new(&problem, &solution, 10_000).ok()?.to_json().ok()
}
