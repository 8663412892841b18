//! The tables of the study.

use std::collections::BTreeMap;

use panarch_cost::Cost;
use panarch_graph::{Latency, fused_layers};
use panarch_report::Table;

use super::answers::Answers;
use super::operator_class::operator_class;
use super::sample::SPACES;
use crate::statistics::kendall;
use crate::table::shown;

/// Every network with what everybody says of it.
pub(super) fn networks(all: &[Answers]) -> Table {
    let columns = [
        "device",
        "space",
        "genotype",
        "resolution",
        "split",
        "macs",
        "vela_cycles",
        "vela_ms",
        "analytic_ms",
        "cycle_ms",
        "unfitted_ms",
        "macs_alone_ms",
    ];
    let mut rows = Vec::new();
    for answers in all {
        let [macs, unfitted, analytic, cycle] = answers.estimates().map(|(_, latencies)| latencies);
        for (index, (member, theirs)) in answers.members.iter().zip(&answers.theirs).enumerate() {
            let theirs = theirs.latency.value;
            let millis = |latencies: &[Latency]| {
                let latency = latencies.get(index);
                latency.map_or_else(String::new, |latency| format!("{:.6}", latency.millis()))
            };
            rows.push(vec![
                answers.studied.device.to_owned(),
                member.space.to_owned(),
                member.genotype.clone(),
                member.resolution.to_string(),
                split(member.training).to_owned(),
                member.network.macs().0.to_string(),
                format!("{:.0}", theirs.seconds() * answers.studied.clock_hz),
                format!("{:.6}", theirs.millis()),
                millis(&analytic),
                millis(&cycle),
                millis(&unfitted),
                millis(&macs),
            ]);
        }
    }
    shown("Every network", &columns, rows)
}

const fn split(training: bool) -> &'static str {
    if training { "training" } else { "held out" }
}

/// How close each estimate comes to the compiler.
pub(super) fn closeness(all: &[Answers]) -> Table {
    let mut rows = Vec::new();
    for answers in all {
        for (name, latencies) in answers.estimates() {
            let mut parts: Vec<(String, Vec<usize>)> = Vec::new();
            let select = |training: bool, space: Option<&str>| -> Vec<usize> {
                let members = answers.members.iter().enumerate();
                members
                    .filter(|(_, it)| it.training == training && space.is_none_or(|space| it.space == space))
                    .map(|(index, _)| index)
                    .collect()
            };
            parts.push(("training".to_owned(), select(true, None)));
            parts.push(("held out".to_owned(), select(false, None)));
            for space in SPACES {
                parts.push((format!("held out, {space}"), select(false, Some(space))));
            }
            for (part, indices) in parts {
                let pairs: Vec<(f64, f64)> = indices
                    .iter()
                    .filter_map(|index| Some((latencies.get(*index)?, answers.theirs.get(*index)?)))
                    .map(|(ours, theirs)| (ours.seconds(), theirs.latency.value.seconds()))
                    .collect();
                let mut errors: Vec<f64> = pairs.iter().map(|(ours, theirs)| ours / theirs - 1.0).collect();
                let count = errors.len().max(1) as f64;
                let bias = errors.iter().sum::<f64>() / count;
                let mean = errors.iter().map(|error| error.abs()).sum::<f64>() / count;
                errors.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
                rows.push(vec![
                    answers.studied.device.to_owned(),
                    name.to_owned(),
                    part,
                    pairs.len().to_string(),
                    format!("{:.3}", kendall(&pairs)),
                    format!("{:.1}", mean * 100.0),
                    format!("{:+.1}", bias * 100.0),
                    format!("{:+.1}", errors.last().copied().unwrap_or(f64::NAN) * 100.0),
                ]);
            }
        }
    }
    let columns = [
        "device",
        "estimate",
        "networks of",
        "count",
        "τ",
        "MAPE (%)",
        "mean error (%)",
        "worst (%)",
    ];
    let mut table = shown("How close each estimate comes to the compiler's", &columns, rows);
    table.note("MAPE: mean of |ours / theirs − 1|; τ: Kendall's, within the part");
    table
}

/// The fitted constants.
pub(super) fn constants(all: &[Answers]) -> Table {
    let mut rows = Vec::new();
    for answers in all {
        rows.extend(answers.constants.iter().map(|it| {
            vec![
                answers.studied.device.to_owned(),
                it.path.to_owned(),
                format!("{:.4e}", it.before),
                format!("{:.4e}", it.fitted),
                format!("{:.4e}", it.committed),
            ]
        }));
    }
    let columns = ["device", "figure", "before", "this fit", "in the profile"];
    shown("Fitted constants", &columns, rows)
}

/// What layers of a class take, summed over the networks that were held out.
#[derive(Default)]
struct OfClass {
    layers: usize,
    theirs: f64,
    ours: [f64; 2],
    apart: [f64; 2],
}

/// Errors by class of layers, over the networks that were held out.
pub(super) fn operators(all: &[Answers]) -> Table {
    let mut rows = Vec::new();
    for answers in all {
        let classes = classes(answers);
        let whole: f64 = classes.values().map(|it| it.theirs).sum();
        for (class, it) in classes {
            let percent = |part: f64, of: f64| part / of * 100.0;
            let [analytic, cycle] = it.ours;
            let [analytic_apart, cycle_apart] = it.apart;
            rows.push(vec![
                answers.studied.device.to_owned(),
                class.to_owned(),
                it.layers.to_string(),
                format!("{:.1}", percent(it.theirs, whole)),
                format!("{:+.1}", percent(analytic - it.theirs, it.theirs)),
                format!("{:.1}", percent(analytic_apart, it.theirs)),
                format!("{:+.1}", percent(cycle - it.theirs, it.theirs)),
                format!("{:.1}", percent(cycle_apart, it.theirs)),
            ]);
        }
    }
    let columns = [
        "device",
        "class",
        "layers",
        "share of time (%)",
        "analytic: sum (%)",
        "analytic: layers (%)",
        "cycle: sum (%)",
        "cycle: layers (%)",
    ];
    let mut table = shown("Layers of the networks that were held out", &columns, rows);
    table.note("sum: Σ ours / Σ theirs − 1; layers: Σ |ours − theirs| / Σ theirs");
    table
}

fn classes(answers: &Answers) -> BTreeMap<&'static str, OfClass> {
    let mut classes: BTreeMap<&'static str, OfClass> = BTreeMap::new();
    for (index, member) in answers.members.iter().enumerate().filter(|(_, it)| !it.training) {
        let of = |costs: &[Cost]| -> BTreeMap<String, f64> {
            let layers = costs.get(index).into_iter().flat_map(|cost| &cost.per_layer);
            layers.map(|it| (it.name.clone(), it.latency.seconds())).collect()
        };
        let (theirs, ours) = (of(&answers.theirs), [of(&answers.analytic), of(&answers.cycle)]);
        for layer in fused_layers(&member.network) {
            let their = theirs.get(&layer.name).copied().unwrap_or(0.0);
            let class = classes.entry(operator_class(&member.network, &layer)).or_default();
            class.layers += 1;
            class.theirs += their;
            for (model, ours) in ours.iter().enumerate() {
                let our = ours.get(&layer.name).copied().unwrap_or(0.0);
                class.ours[model] += our;
                class.apart[model] += (our - their).abs();
            }
        }
    }
    classes.retain(|_, it| it.theirs > 0.0);
    classes
}
