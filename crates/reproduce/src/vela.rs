//! Our own models of Ethos-U accelerators against the vendor's compiler, Vela, on networks that they were not fitted to.

mod answers;
mod operator_class;
mod sample;
mod tables;

use std::path::Path;

use panarch_report::{Format, Panel, Series, Table, panels_svg};

use panarch_run::Error;
use panarch_run::event::Watch;

use answers::Answers;
use sample::{SPACES, draw};

/// A device of the study.
struct Studied {
    device: &'static str,
    clock_hz: f64,
    /// Networks of each space.
    networks: usize,
    /// Those of them that constants are fitted to.
    training: usize,
    /// The constants that are fitted, and where the fit begins: the compiler's configuration, its published model, or the
    /// figure of `ethos-u55-128`.
    figures: &'static [(&'static str, f64)],
}

static STUDIED: [Studied; 2] = [
    Studied {
        device: "ethos-u55-256",
        clock_hz: 500e6,
        networks: 160,
        training: 30,
        figures: &[
            ("vector.group_passes", 1.0),
            ("memory.activation_rereads", 1.0),
            ("memory.weight_stream_bytes_per_s", 0.5e9),
        ],
    },
    Studied {
        device: "ethos-u65-512",
        clock_hz: 1e9,
        networks: 60,
        training: 15,
        figures: &[
            ("vector.group_passes", 1.0),
            ("memory.activation_rereads", 1.0),
            ("memory.off_chip_bytes_per_s", 3.75e9),
        ],
    },
];

pub(super) fn run(folder: &Path, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    let mut all = Vec::new();
    for studied in &STUDIED {
        let members = draw(studied.networks, studied.training)?;
        all.push(Answers::new(studied, members, watch)?);
    }
    std::fs::create_dir_all(folder).map_err(Error::writing(folder))?;
    let mut closeness = tables::closeness(&all);
    for answers in &all {
        let provenance = answers.theirs.first().map(|cost| &cost.provenance);
        let version = provenance.map_or("", |it| it.version.as_str());
        closeness.note(format!(
            "{}: estimates of vela {version}, no measurements; analytic and cycle: the profile as it is",
            answers.studied.device
        ));
    }
    let (constants, operators) = (tables::constants(&all), tables::operators(&all));
    let networks = tables::networks(&all);
    for (name, table) in [
        ("networks.csv", &networks),
        ("closeness.csv", &closeness),
        ("constants.csv", &constants),
        ("operators.csv", &operators),
    ] {
        let text = table.render(Format::Csv, None, false);
        panarch_format::atomic_write(folder.join(name), text.as_bytes())?;
    }
    let picture = panels_svg("Latency of networks that nothing was fitted to", &panels(&all));
    panarch_format::atomic_write(folder.join("held-out.svg"), picture.as_bytes())?;
    Ok(vec![closeness, constants, operators])
}

/// For each device, what MACs alone and the closed form foresee of the networks that were held out.
fn panels(all: &[Answers]) -> Vec<Panel> {
    let mut panels = Vec::new();
    for answers in all {
        let longest = answers.theirs.iter().map(|it| it.latency.value.millis());
        let longest = longest.fold(0.0, f64::max);
        let shown = |name: &&str| ["MACs alone", "analytic"].contains(name);
        for (name, latencies) in answers.estimates().into_iter().filter(|(name, _)| shown(name)) {
            let of_space = |space: &'static str| {
                let members = answers.members.iter().zip(&answers.theirs).zip(&latencies);
                let held_out = members.filter(|((member, _), _)| !member.training && member.space == space);
                Series {
                    name: space.to_owned(),
                    points: held_out
                        .map(|((_, theirs), ours)| (theirs.latency.value.millis(), ours.millis()))
                        .collect(),
                    joined: false,
                }
            };
            let mut series: Vec<Series> = SPACES.into_iter().map(of_space).collect();
            series.push(Series {
                name: "equal".to_owned(),
                points: vec![(0.0, 0.0), (longest, longest)],
                joined: true,
            });
            panels.push(Panel {
                title: format!("{}: {name}", answers.studied.device),
                x: "Vela (ms)".to_owned(),
                y: "ours (ms)".to_owned(),
                series,
            });
        }
    }
    panels
}
