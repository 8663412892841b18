//! The table of a real machine: measured in pairs with an anchor, fitted, judged, and measured again where it is poor.

use panarch_graph::{Estimate, Latency};
use panarch_measure::{AnchorReadings, ratio};
use panarch_predict::{AdditiveLatency, Predictor as _};
use panarch_report::run_report::MeasurementQuality;
use panarch_space::{Genotype, Head, Space};
use panarch_study::CostSummary;

use super::Watch;
use crate::Error;

#[cfg(test)]
mod tests;

/// The largest left-out error of a table that can be trusted. A table that fits is off by 2 to 3 %; from
/// 10 % on, errors are as large as the differences between the networks that a search has to choose from.
const LARGEST_ERROR: f64 = 0.10;
/// The smallest Kendall's τ of a table that can be trusted: nine of ten pairs of networks in the right order. A table
/// that fits has more than 0.9.
const SMALLEST_TAU: f64 = 0.80;
/// The largest spread of the anchor on a machine that kept its pace, which has 1 to 5 %. Beyond 10 % the scale, a decile of
/// the readings, may be off by as much.
pub(crate) const LARGEST_SPREAD: f64 = 0.10;
/// How often networks are measured again before a run goes on with what there is.
const FURTHER_ROUNDS: u32 = 3;
/// The part of the networks that are measured again each time, the noisiest first.
const AGAIN: f64 = 1.0 / 3.0;

/// What is measured.
pub(super) struct Subject<'a> {
    pub device: &'a str,
    pub space: &'a Space,
    pub head: Head,
    pub resolution: u32,
    /// The network that everything is measured beside, with its name. It is not measured itself: it takes one of its own
    /// units.
    pub anchor: (&'a str, &'a Genotype),
    /// The anchor's latency, where it was found before.
    pub scale: Option<Estimate<Latency>>,
}

/// A fitted table and what it was fitted from.
pub(super) struct PairedTable {
    pub table: AdditiveLatency,
    /// The anchor's latency.
    pub scale: Estimate<Latency>,
    /// Every measured network, on that scale.
    pub measured: Vec<(Genotype, CostSummary)>,
    pub quality: MeasurementQuality,
}

/// Measures and fits until the table can be trusted, or [`FURTHER_ROUNDS`] are used up.
///
/// `measure` is given the number of the round and the networks, and answers in their order with costs that hold their
/// pairs. What is measured again is added to what is known, never put in its place, so that nothing is picked.
pub(super) fn fit(
    subject: &Subject<'_>,
    genotypes: &[Genotype],
    watch: &mut Watch<'_>,
    mut measure: impl FnMut(&mut Watch<'_>, u32, &[Genotype]) -> Result<Vec<CostSummary>, Error>,
) -> Result<PairedTable, Error> {
    let summaries = measure(watch, 0, genotypes)?;
    let mut measured: Vec<(Genotype, CostSummary)> = genotypes.iter().cloned().zip(summaries).collect();
    let mut round = 0;
    loop {
        let fitted = fitted(subject, &mut measured, round)?;
        if (fitted.quality.ranks() && fitted.quality.steady()) || round == FURTHER_ROUNDS {
            if round > 0 {
                watch.note(in_words(subject, &fitted.quality));
            }
            return Ok(fitted);
        }
        round += 1;
        let again = noisiest(&fitted)?;
        watch.note(format!(
            "{}; measuring {} of {} networks again, the noisiest first (round {round} of at most {FURTHER_ROUNDS})",
            in_words(subject, &fitted.quality),
            again.len(),
            measured.len(),
        ));
        let more = measure(watch, round, &again)?;
        for (genotype, more) in again.iter().zip(more) {
            if let Some((_, known)) = measured.iter_mut().find(|(known, _)| known == genotype) {
                pool(known, &more);
            }
        }
    }
}

fn in_words(subject: &Subject<'_>, quality: &MeasurementQuality) -> String {
    format!("{}: {}; {}", subject.device, quality.verdict(), quality.figures())
}

fn fitted(
    subject: &Subject<'_>,
    measured: &mut [(Genotype, CostSummary)],
    further_rounds: u32,
) -> Result<PairedTable, Error> {
    let mut readings = AnchorReadings::default();
    for pairs in measured.iter().filter_map(|(_, summary)| summary.pairs.as_ref()) {
        readings.extend(pairs.anchor.iter().copied());
    }
    let nothing = || Error::Environment(format!("{} measured nothing", subject.device));
    let scale = subject.scale.or_else(|| readings.latency()).ok_or_else(nothing)?;
    measured.iter_mut().for_each(|(_, summary)| on_scale(summary, scale));
    let (_, first) = measured.first().ok_or_else(nothing)?;
    let mut rows: Vec<(Genotype, Latency)> = measured
        .iter()
        .map(|(genotype, cost)| (genotype.clone(), cost.latency.value))
        .collect();
    rows.push((subject.anchor.1.clone(), scale.value));
    let table = AdditiveLatency::fit(
        subject.space,
        subject.head,
        subject.resolution,
        &first.provenance,
        &rows,
    )?;
    let held_out = table.table().held_out();
    let quality = MeasurementQuality {
        anchor: subject.anchor.0.to_owned(),
        anchor_latency: scale,
        readings: u32::try_from(readings.len()).unwrap_or(u32::MAX),
        spread: readings.spread(),
        drift: readings.drift(),
        left_out_error: held_out.mape,
        kendall_tau: held_out.kendall_tau,
        further_rounds,
        spread_limit: LARGEST_SPREAD,
        error_limit: LARGEST_ERROR,
        kendall_limit: SMALLEST_TAU,
    };
    Ok(PairedTable {
        table,
        scale,
        measured: measured.to_vec(),
        quality,
    })
}

/// The networks to measure again: those whose ratio is least certain or furthest from the table.
fn noisiest(fitted: &PairedTable) -> Result<Vec<Genotype>, Error> {
    let mut doubts = Vec::new();
    for (genotype, summary) in &fitted.measured {
        let Estimate { value, low, high, .. } = summary.latency;
        let predicted = fitted.table.predict_one(genotype)?.value;
        let doubt = (high - low) / value + 2.0 * (predicted / value - 1.0).abs();
        doubts.push((doubt, genotype));
    }
    doubts.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let count = (doubts.len() as f64 * AGAIN).ceil() as usize;
    Ok(doubts
        .into_iter()
        .take(count)
        .map(|(_, genotype)| genotype.clone())
        .collect())
}

/// A latency as its ratio times the scale; the share that no network can avoid stays what it is.
///
/// The interval is the ratio's: what is not known of the scale moves all latencies of the device alike.
pub(super) fn on_scale(summary: &mut CostSummary, scale: Estimate<Latency>) {
    let Some(pairs) = &summary.pairs else { return };
    let before = summary.latency.value;
    summary.latency = ratio(pairs).map(|ratio| scale.value * ratio);
    summary.fixed = summary.fixed.map(|fixed| summary.latency.value * (fixed / before));
}

/// Adds another measurement of the same network.
fn pool(known: &mut CostSummary, more: &CostSummary) {
    if let (Some(known), Some(more)) = (&mut known.pairs, &more.pairs) {
        known.extend(more);
    }
    let repeats = &mut known.provenance.repeats;
    *repeats = repeats
        .zip(more.provenance.repeats)
        .map(|(known, more)| known + more)
        .or(*repeats);
}
