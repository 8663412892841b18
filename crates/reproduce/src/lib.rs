//! Reproductions of published claims on real images: what is behind the pages in `docs/reproductions/`.
//!
//! Those that train write CSV tables into a folder, row by row, and keeps its trainings as checkpoints there: it can be cut at any instant
//! and goes on where it was. Everything is chosen on validation images; the official test images are seen once, by what has been
//! chosen.

mod analytic_model;
mod bench;
mod compofa;
mod compofa_search;
mod fine_tuning;
mod front;
mod guard_band;
mod known_optima;
mod known_truth;
mod matrix_efficiency;
mod pools;
mod profile_text;
mod published_latencies;
mod ranking;
mod reference_data;
mod silicon;
mod statistics;
mod table;
mod tunas;
mod vela;

use std::path::Path;

use panarch_report::Table;

use panarch_run::Error;
use panarch_run::event::Watch;

use bench::{Bench, FASHION, Images};

/// A reproduction by name.
struct Reproduction {
    name: &'static str,
    claim: &'static str,
    way: Way,
}

/// What a reproduction needs.
enum Way {
    /// Images, and a folder for its trainings.
    Trained(Images, fn(&mut Bench, &mut Watch<'_>) -> Result<Vec<Table>, Error>),
    /// The same in parts that can be run one at a time, with their names.
    Parted(
        Images,
        fn() -> Vec<&'static str>,
        fn(&mut Bench, &mut Watch<'_>) -> Result<Vec<Table>, Error>,
    ),
    /// A folder; it is computed afresh every time.
    Computed(fn(&Path, &mut Watch<'_>) -> Result<Vec<Table>, Error>),
}

const ALL: [Reproduction; 13] = [
    Reproduction {
        name: "compofa",
        claim: "the compound schedule costs half of progressive shrinking and its front is no worse (Sahni et al. 2021)",
        way: Way::Trained(FASHION, compofa::run),
    },
    Reproduction {
        name: "compofa-search",
        claim: "a search in the compound space is 216 times faster than in Once-for-All's (Sahni et al. 2021)",
        way: Way::Computed(compofa_search::run),
    },
    Reproduction {
        name: "ranking",
        claim: "inherited weights rank networks as training them alone does (Cai et al. 2020, and others)",
        way: Way::Trained(FASHION, ranking::run),
    },
    Reproduction {
        name: "known-truth",
        claim: "inherited weights rank networks as training each of them alone does, where that is published for all of them (NAS-Bench-Macro)",
        way: Way::Parted(known_truth::IMAGES, known_truth::names, known_truth::run),
    },
    Reproduction {
        name: "tunas",
        claim: "one-shot reinforcement learning finds a network for several devices (Bender et al. 2020, Chu et al. 2020)",
        way: Way::Trained(FASHION, tunas::run),
    },
    Reproduction {
        name: "fine-tuning",
        claim: "what fine-tuning adds to inherited weights per epoch, with and without a teacher (Cai et al. 2020)",
        way: Way::Trained(FASHION, fine_tuning::run),
    },
    Reproduction {
        name: "matrix-efficiency",
        claim: "latency on a matrix machine follows matrix work and what is done besides, not MACs alone (Letunovskiy et al. 2022)",
        way: Way::Computed(matrix_efficiency::run),
    },
    Reproduction {
        name: "published-latencies",
        claim: "a model with a few fitted figures foresees the latencies of real devices that others published",
        way: Way::Computed(published_latencies::run),
    },
    Reproduction {
        name: "analytic-model",
        claim: "a closed form can stand in for the simulator: per layer within 5 % in the median and 15 % at the 95th percentile",
        way: Way::Computed(analytic_model::run),
    },
    Reproduction {
        name: "vela",
        claim: "six constants make a closed form follow the vendor's compiler for Ethos-U on networks it has not seen",
        way: Way::Computed(vela::run),
    },
    Reproduction {
        name: "known-optima",
        claim: "where every network is known, 50 to 200 evaluations find nearly the whole front (NAS-Bench-Macro, three devices)",
        way: Way::Computed(known_optima::run),
    },
    Reproduction {
        name: "silicon",
        claim: "one network for six measured devices is found in 200 evaluations, and is good on a device that was not searched for",
        way: Way::Computed(silicon::run),
    },
    Reproduction {
        name: "guard-band",
        claim: "a network that is chosen by predictors of 100 rows keeps all limits with the confidence that was asked for",
        way: Way::Computed(guard_band::run),
    },
];

/// Names and claims of all reproductions.
#[must_use]
pub fn list() -> Vec<(&'static str, &'static str)> {
    ALL.iter().map(|it| (it.name, it.claim)).collect()
}

/// Runs a reproduction, or goes on with it; gives its summary. `scale` multiplies all lengths of training: 1 is what the page
/// was made with, and it means nothing to those that train nothing. Of one that has parts, `only` may name one to be run; what is
/// there of the others stays.
///
/// # Errors
/// [`Error::Input`] for an unknown name or part, [`Error::Interrupted`] when it was cancelled, and whatever a part of it returns.
pub fn run(
    name: &str,
    folder: &Path,
    scale: f64,
    only: Option<&str>,
    watch: &mut Watch<'_>,
) -> Result<Vec<Table>, Error> {
    let known: Vec<&str> = ALL.iter().map(|it| it.name).collect();
    let Some(reproduction) = ALL.iter().find(|it| it.name == name) else {
        let meant = panarch_toml::did_you_mean(name, &known);
        let meant = meant.map_or_else(String::new, |meant| format!(" (did you mean `{meant}`?)"));
        let known = known.join(", ");
        return Err(Error::Input(format!(
            "there is no reproduction `{name}`{meant}; known are {known}"
        )));
    };
    let parts = match reproduction.way {
        Way::Parted(_, parts, _) => parts(),
        Way::Trained(..) | Way::Computed(_) => Vec::new(),
    };
    if let Some(only) = only.filter(|only| !parts.contains(only)) {
        return Err(Error::Input(match parts.is_empty() {
            true => format!("the reproduction `{name}` has no parts; leave out --only"),
            false => format!("`{name}` has no part `{only}`; its parts are {}", parts.join(", ")),
        }));
    }
    match reproduction.way {
        Way::Trained(images, run) | Way::Parted(images, _, run) => {
            let mut bench = Bench::open(folder, images, scale, watch)?;
            bench.only = only.map(str::to_owned);
            run(&mut bench, watch)
        }
        Way::Computed(run) => run(folder, watch),
    }
}
