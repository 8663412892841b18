//! A real machine in a run: a table answers while searching, the machine itself at the end, both in units of one anchor.

use panarch_cost::{Cost, CostSource, DeviceProfile, Pairs};
use panarch_graph::{Bytes, ContentHash, Estimate, Latency, Network, Provenance, Weights, stream};
use panarch_measure::{AnchorReadings, HostDevice, Measurement, Protocol};
use panarch_predict::{AdditiveLatency, PredictError, Predictor, design_of_experiments};
use panarch_report::run_report::MeasurementQuality;
use panarch_space::Genotype;
use panarch_study::{CostRecord, CostSummary, Timestamp};
use panarch_train::TrainedNetwork;

use super::paired_table::{self, LARGEST_SPREAD, PairedTable, Subject};
use super::{Setup, Watch};
use crate::{Error, device_source};

/// How many networks are measured against each other at once.
const MEASURED_TOGETHER: usize = 8;
/// Inferences before those that count.
const WARM_UP: u32 = 10;

pub(super) struct Machine {
    host: HostDevice,
    anchor: Genotype,
    /// The anchor's latency. Where the anchor is the target it is what latencies are compared with, and exact.
    scale: Estimate<Latency>,
    table: AdditiveLatency,
    /// The networks that the table was fitted from.
    measured: Vec<(Genotype, CostSummary)>,
    quality: MeasurementQuality,
    fixed: Latency,
}

impl Machine {
    /// Measures and fits the table of a machine, going on from what the study holds.
    pub fn open(setup: &Setup, profile: &DeviceProfile, watch: &mut Watch<'_>) -> Result<Self, Error> {
        let settings = &setup.file.measure;
        let protocol = Protocol::new(WARM_UP, settings.repeats, Protocol::ROUNDS)?;
        let (anchor_name, anchor) = setup.anchor()?;
        let host = device_source::host(profile, protocol)?.with_anchor(setup.network(&anchor)?);
        let device = profile.name();
        watch.step(format!(
            "Measuring {} networks on {device}, each in pairs with {anchor_name}",
            settings.samples
        ));
        let mut rng = stream(setup.file.seed, "design of experiments", 0);
        let mut genotypes = design_of_experiments(&setup.space, settings.samples, &mut rng)?;
        genotypes.retain(|genotype| *genotype != anchor);
        let protocol = setup.cost_key(host.protocol_hash()?);
        let scale_key = ContentHash::of("panarch latency of an anchor v1", protocol.to_string().as_bytes());
        let known_scale = setup.study.cost(&anchor, device, scale_key)?;
        let subject = Subject {
            device,
            space: &setup.space,
            head: setup.head,
            resolution: setup.resolution,
            anchor: (&anchor_name, &anchor),
            scale: known_scale.map(|record| record.summary.latency),
        };
        let PairedTable {
            table,
            scale,
            measured,
            quality,
        } = paired_table::fit(&subject, &genotypes, watch, |watch, round, genotypes| {
            measure(setup, &host, key_of_round(protocol, round), genotypes, watch)
        })?;
        if let Some(moved) = subject.scale.and_then(|scale| moved(&host.readings(), scale)) {
            watch.note(format!("{device}: {moved}"));
        }
        if subject.scale.is_none() {
            let provenance = measured
                .first()
                .map_or_else(|| table.provenance(), |(_, cost)| cost.provenance.clone());
            let summary = CostSummary::of_latency(scale, provenance);
            setup.study.add_costs(&[record(&anchor, device, scale_key, summary)])?;
        }
        watch.done(describe(&table, &quality));
        let fixed = median(measured.iter().filter_map(|(_, cost)| cost.fixed).collect());
        // Where the anchor sets the targets, its latency is the scale itself.
        let scale = match setup.file.devices.targets.reference {
            Some(_) => Estimate {
                low: scale.value,
                high: scale.value,
                ..scale
            },
            None => scale,
        };
        Ok(Self {
            host: host.with_scale(scale),
            anchor,
            scale,
            table,
            measured,
            quality,
            fixed,
        })
    }

    /// What the search goes by: the table's estimate; for the anchor its own latency, which is known.
    pub fn cost(&self, genotype: &Genotype) -> Result<CostSummary, Error> {
        let latency = if *genotype == self.anchor {
            self.quality.widened(self.scale)
        } else {
            self.predict_one(genotype)?
        };
        let mut summary = CostSummary::of_latency(latency, self.table.provenance());
        summary.fixed = Some(self.fixed);
        Ok(summary)
    }

    pub const fn table(&self) -> &AdditiveLatency {
        &self.table
    }

    pub fn measured(&self) -> &[(Genotype, CostSummary)] {
        &self.measured
    }

    pub const fn quality(&self) -> &MeasurementQuality {
        &self.quality
    }

    /// Finished networks with their own weights, measured against each other, once: the same networks again are answered
    /// from the study. The anchor is not measured against itself.
    pub fn measure_finished(
        &self,
        setup: &Setup,
        finished: &[(&Genotype, &TrainedNetwork)],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Cost>, Error> {
        let scale = self.scale.value.seconds();
        let mut together = format!("{} {scale:e}", self.host.protocol_hash()?);
        for (genotype, trained) in finished {
            let (network, weights) = (trained.network.content_hash(), trained.weights.content_hash());
            together += &format!(" {genotype} {network} {weights}");
        }
        let protocol = ContentHash::of("panarch finalists measured in pairs v1", together.as_bytes());
        let device = self.host.device();
        let known: Vec<Option<CostRecord>> = finished
            .iter()
            .map(|(genotype, _)| setup.study.cost(genotype, device, protocol))
            .collect::<Result<_, _>>()?;
        let known: Option<Vec<Cost>> = known
            .into_iter()
            .map(|record| record.map(|it| whole(it.summary)))
            .collect();
        if let Some(known) = known {
            return Ok(known);
        }
        let questions: Vec<(&Network, Option<&Weights>)> = finished
            .iter()
            .filter(|(genotype, _)| **genotype != self.anchor)
            .map(|(_, trained)| (&trained.network, Some(&trained.weights)))
            .collect();
        let mut measurements = self.host.in_pairs(&questions).into_iter();
        let mut readings = AnchorReadings::default();
        let (mut costs, mut records) = (Vec::new(), Vec::new());
        for (genotype, TrainedNetwork { network, weights }) in finished {
            let is_anchor = **genotype == self.anchor;
            let found = if is_anchor {
                itself(&self.quality)
            } else {
                let missing = || Err(Error::Environment(format!("{device} gave no answer for {genotype}")));
                measurements.next().map_or_else(missing, |found| Ok(found?))?
            };
            readings.extend(found.pairs.anchor.iter().copied());
            let mut cost = self.host.cost(network, Some(weights), &found, self.scale)?;
            cost.latency = self.quality.widened(cost.latency);
            if is_anchor && let Some(note) = &mut cost.provenance.note {
                *note += "; it is the anchor itself, which takes its own latency by definition";
            }
            let mut summary = CostSummary::from(&cost);
            summary.pairs = (!is_anchor).then_some(found.pairs);
            records.push(record(genotype, device, protocol, summary));
            costs.push(cost);
        }
        if let Some(moved) = moved(&readings, self.scale) {
            watch.note(format!("{device}: {moved}"));
        }
        setup.study.add_costs(&records)?;
        Ok(costs)
    }
}

/// The table's estimate, also for the anchor. No network is faster than what none can avoid; a table that extrapolates may
/// say otherwise.
impl Predictor<Latency> for Machine {
    fn predict(&self, genotypes: &[Genotype]) -> Vec<Result<Estimate<Latency>, PredictError>> {
        let Estimate { value, low, high, .. } = self.scale;
        let on_scale = |estimate: Estimate<Latency>| {
            let scaled = Estimate {
                low: estimate.low * (low / value),
                high: estimate.high * (high / value),
                ..estimate
            };
            self.quality.widened(scaled.map(|latency| latency.max(self.fixed)))
        };
        let answers = self.table.predict(genotypes).into_iter();
        answers.map(|answer| answer.map(on_scale)).collect()
    }

    fn provenance(&self) -> Provenance {
        self.table.provenance()
    }

    fn protocol(&self) -> Result<ContentHash, PredictError> {
        let table = self.table.protocol()?;
        let Estimate { value, low, high, .. } = self.scale.map(Latency::seconds);
        let spread = self.quality.spread;
        let text = format!("{table} {} {value:e} {low:e} {high:e} {spread:e}", self.anchor);
        Ok(ContentHash::of("panarch table in pairs v1", text.as_bytes()))
    }
}

/// The anchor in its own units.
fn itself(quality: &MeasurementQuality) -> Measurement {
    Measurement {
        pairs: Pairs {
            ratios: vec![1.0],
            anchor: Vec::new(),
        },
        repeats: quality.readings,
    }
}

/// How far the anchor is from what it took before, in words, where that is more than a quiet machine's spread.
fn moved(readings: &AnchorReadings, scale: Estimate<Latency>) -> Option<String> {
    let now = readings.latency()?.value;
    let change = now / scale.value - 1.0;
    (change.abs() > LARGEST_SPREAD).then(|| {
        format!(
            "the anchor takes {now} now and took {} when the scale was set ({:+.0} %); what is measured now are ratios to it and stands on the same scale",
            scale.value,
            change * 100.0
        )
    })
}

/// The key of what is measured in a round; the first is the protocol's own.
fn key_of_round(protocol: ContentHash, round: u32) -> ContentHash {
    match round {
        0 => protocol,
        further => ContentHash::of("panarch further round v1", format!("{protocol} {further}").as_bytes()),
    }
}

fn record(genotype: &Genotype, device: &str, protocol: ContentHash, summary: CostSummary) -> CostRecord {
    CostRecord {
        genotype: genotype.clone(),
        device: device.to_owned(),
        protocol,
        summary,
        created: Timestamp::now(),
    }
}

/// The cost of a network that was measured as a whole, from what a study keeps of it.
pub(super) fn whole(summary: CostSummary) -> Cost {
    Cost {
        latency: summary.latency,
        fixed: summary.fixed.unwrap_or(Latency::ZERO),
        energy: summary.energy,
        energy_parts: None,
        fixed_energy: None,
        peak_memory: summary.peak_memory.unwrap_or(Bytes(0)),
        traffic: summary.traffic.unwrap_or(Bytes(0)),
        memory: Vec::new(),
        utilisation: summary.utilisation.unwrap_or(0.0),
        per_layer: Vec::new(),
        provenance: summary.provenance,
    }
}

/// Measures genotypes on a machine, a few at a time, keeping each with its pairs in the study. Latencies are on the scale
/// of the moment: the final one is known when all are measured.
fn measure(
    setup: &Setup,
    host: &HostDevice,
    protocol: ContentHash,
    genotypes: &[Genotype],
    watch: &mut Watch<'_>,
) -> Result<Vec<CostSummary>, Error> {
    let device = host.device();
    let known: Vec<Option<CostRecord>> = genotypes
        .iter()
        .map(|genotype| setup.study.cost(genotype, device, protocol))
        .collect::<Result<_, _>>()?;
    let mut summaries: Vec<Option<CostSummary>> = known.into_iter().map(|record| record.map(|it| it.summary)).collect();
    let missing: Vec<usize> = (0..genotypes.len())
        .filter(|index| summaries[*index].is_none())
        .collect();
    let mut done = genotypes.len() - missing.len();
    for together in missing.chunks(MEASURED_TOGETHER) {
        watch.check()?;
        let networks: Vec<Network> = together
            .iter()
            .map(|index| setup.network(&genotypes[*index]))
            .collect::<Result<_, _>>()?;
        let questions: Vec<_> = networks.iter().map(|network| (network, None)).collect();
        let scale = host.scale()?;
        let mut records = Vec::new();
        for ((index, network), found) in together.iter().zip(&networks).zip(host.in_pairs(&questions)) {
            let found = found?;
            let mut summary = CostSummary::from(&host.cost(network, None, &found, scale)?);
            summary.pairs = Some(found.pairs);
            records.push(record(&genotypes[*index], device, protocol, summary.clone()));
            summaries[*index] = Some(summary);
        }
        setup.study.add_costs(&records)?;
        done += together.len();
        watch.progress(done as u64, genotypes.len() as u64, "networks", "");
    }
    Ok(summaries.into_iter().flatten().collect())
}

fn median(mut values: Vec<Latency>) -> Latency {
    values.sort_by(|a, b| a.seconds().total_cmp(&b.seconds()));
    values.get(values.len() / 2).copied().unwrap_or(Latency::ZERO)
}

fn describe(table: &AdditiveLatency, quality: &MeasurementQuality) -> String {
    format!(
        "{}; {}; {}",
        table.provenance().tool,
        quality.verdict(),
        quality.figures()
    )
}
