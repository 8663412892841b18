//! Tables of networks whose costs were measured.

use std::collections::BTreeMap;

use panarch_format::{FileKind, read_text};
use panarch_predict::{Member, Rows};
use panarch_run::Error;
use panarch_space::{Head, Space};

use crate::reference_data;

/// What a search looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// Measured accuracy in per cent, which is predicted too.
    Accuracy,
    /// MACs in millions, which are known: they stand for the accuracy in a table that has none.
    Macs,
}

/// Networks with what each is worth and costs on each device.
pub(super) struct Pool {
    pub(super) space: Space,
    pub(super) members: Vec<Member>,
    pub(super) kind: Worth,
    pub(super) worth: Vec<f64>,
    /// A throughput counts as the cost 1 / throughput.
    pub(super) costs: Vec<(String, Vec<f64>)>,
}

/// Where a pool is.
struct Source {
    space: &'static str,
    file: &'static str,
    accuracy: Option<&'static str>,
    latencies: &'static [&'static str],
    throughputs: &'static [&'static str],
}

const ACCEL_NASBENCH: Source = Source {
    space: "mnasnet-anb-table",
    file: "anb/accelnasbench.csv",
    accuracy: Some("val_top1"),
    latencies: &["latency_zcu102", "latency_vck190"],
    throughputs: &[
        "throughput_a100",
        "throughput_3090",
        "throughput_tpuv2",
        "throughput_tpuv3",
    ],
};

const OFA_GPUS: Source = Source {
    space: "ofa-mbv3-w1.0",
    file: "ofa/mbv3_gpu_latency_ms.csv",
    accuracy: None,
    latencies: &[
        "2080ti_1",
        "2080ti_32",
        "2080ti_64",
        "titan_rtx_1",
        "titan_rtx_32",
        "titan_rtx_64",
    ],
    throughputs: &[],
};

const HEAD: Head = Head {
    classes: 1000,
    input_channels: 3,
};

impl Pool {
    /// Reads the networks that have all values, each once with the means of its rows.
    pub(super) fn read(name: &str) -> Result<Self, Error> {
        let source = match name {
            "accel-nasbench" => ACCEL_NASBENCH,
            _ => OFA_GPUS,
        };
        let space = Space::preset(source.space)?;
        let devices = source.latencies.iter().chain(source.throughputs);
        let devices: Vec<&str> = devices.copied().collect();
        let columns: Vec<&str> = devices.iter().copied().chain(source.accuracy).collect();
        let text = read_text(&reference_data::path(source.file)?, FileKind::TEXT)?;
        let rows = Rows::read(&space, &text, &columns)?;
        let mut sums: BTreeMap<Member, (f64, Vec<f64>)> = BTreeMap::new();
        for row in rows.rows {
            let values: Option<Vec<f64>> = row.values.into_iter().collect();
            let Some(mut values) = values else { continue };
            for (value, column) in values.iter_mut().zip(&columns) {
                if source.throughputs.contains(column) {
                    *value = 1.0 / *value;
                }
            }
            let sum = sums
                .entry(row.member)
                .or_insert_with(|| (0.0, vec![0.0; columns.len()]));
            sum.0 += 1.0;
            sum.1.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        let mut costs: Vec<(String, Vec<f64>)> = devices.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
        let (mut members, mut worth) = (Vec::new(), Vec::new());
        for (member, (count, sums)) in sums {
            let mut means = sums.into_iter().map(|sum| sum / count);
            for ((_, costs), mean) in costs.iter_mut().zip(&mut means) {
                costs.push(mean);
            }
            worth.push(match means.next() {
                Some(accuracy) => accuracy,
                None => {
                    let resolution = member.resolution.unwrap_or_else(|| space.default_resolution());
                    space.lower(&member.genotype, HEAD, resolution)?.macs().0 as f64 / 1e6
                }
            });
            members.push(member);
        }
        Ok(Self {
            space,
            members,
            kind: match source.accuracy {
                Some(_) => Worth::Accuracy,
                None => Worth::Macs,
            },
            worth,
            costs,
        })
    }
}
