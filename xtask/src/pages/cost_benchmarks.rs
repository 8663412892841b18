use anyhow::Result;

use super::figures::{number, range, thousands};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/results/cost-benchmarks.md",
    tables: &[
        "docs/results/costs/estimates.csv",
        "docs/results/costs/parallel.csv",
        "docs/results/costs/scalesim.csv",
        "docs/results/costs/zigzag.csv",
    ],
    figures,
};

const ROWS: [(&str, &str, &str); 5] = [
    ("cycle simulation of MobileNetV2-224", "cycle", "mobilenet-v2"),
    (
        "cycle simulation of a member of OFA-MobileNetV3",
        "cycle",
        "ofa-mbv3-w1.0 member",
    ),
    ("analytic model, MobileNetV2-224", "analytic", "mobilenet-v2"),
    (
        "analytic model, a member of OFA-MobileNetV3",
        "analytic",
        "ofa-mbv3-w1.0 member",
    ),
    (
        "the same from planned blocks (`BlockCache`, warm)",
        "blocks",
        "ofa-mbv3-w1.0 member",
    ),
];

/// In the unit that suits it.
fn time(ms: f64) -> String {
    match ms {
        ms if ms < 1e-3 => format!("{} µs", number(1e3 * ms, 2)),
        ms if ms < 0.1 => format!("{} µs", number(1e3 * ms, 0)),
        ms if ms < 1.0 => format!("{} ms", number(ms, 2)),
        ms => format!("{} ms", number(ms, 1)),
    }
}

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let estimates = tables.csv("estimates.csv")?;
    let devices = estimates.different("device")?;
    let mut rows = Vec::new();
    for (name, what, network) in ROWS {
        let mut row = vec![name.to_owned()];
        for device in &devices {
            row.push(time(
                estimates.number(&[("what", what), ("network", network), ("device", device)], "ms")?,
            ));
        }
        rows.push(row);
    }
    let columns: Vec<&str> = ["|what"]
        .into_iter()
        .chain(devices.iter().map(String::as_str))
        .collect();
    figures.table("estimates", &columns, rows);
    let simulated = estimates.with(&[("what", "cycle"), ("network", "mobilenet-v2")])?;
    figures.set("simulated", range(&simulated.numbers("ms")?, 2));
    figures.number(
        "simulated-systolic",
        simulated.number(&[("device", "systolic-32")], "ms")?,
        2,
    );

    let parallel = tables.csv("parallel.csv")?;
    for what in ["analytic", "cycle"] {
        let of = |threads: &str| parallel.number(&[("what", what), ("threads", threads)], "ms");
        for (name, value) in [("one", of("1")?), ("two", of("2")?)] {
            figures.number(format!("{what}-{name}"), value, usize::from(value < 100.0));
        }
        figures.number(format!("{what}-times"), of("1")? / of("2")?, 1);
    }

    let scalesim = tables.csv("scalesim.csv")?;
    let mut rows = Vec::new();
    for files in scalesim.different("files")? {
        let of = |column: &str| scalesim.number(&[("files", &files)], column);
        rows.push(vec![
            files.clone(),
            number(of("layers")?, 0),
            thousands(of("cycles")?),
            number(of("largest_difference")?, 0),
            format!("{} s", number(of("scalesim_s")?, 1)),
            format!("{} s", number(of("panarch_s")?, 3)),
        ]);
    }
    let columns = [
        "|files",
        "layers",
        "cycles of both",
        "largest difference",
        "SCALE-Sim",
        "Panarch, with starting it",
    ];
    figures.table("scalesim", &columns, rows);

    let zigzag = tables.csv("zigzag.csv")?.with(&[("machine", "Edge-TPU-like")])?;
    let of = |column: &str| Ok::<f64, anyhow::Error>(zigzag.numbers(column)?[0]);
    let rows = vec![
        vec![
            "ZigZag 3.9.1, LOMA, lpf_limit 4".to_owned(),
            thousands(of("zigzag_by_zigzag_cycles")?),
            number(of("zigzag_least_s")?, 1),
        ],
        vec![
            format!("Panarch's mapper (its bound: {})", thousands(of("bound_cycles")?)),
            thousands(of("ours_cycles")?),
            number(of("ours_s")?, 3),
        ],
        vec![
            "Panarch's mappings as ZigZag's own cost model counts them".to_owned(),
            thousands(of("ours_by_zigzag_cycles")?),
            "–".to_owned(),
        ],
    ];
    figures.table("zigzag", &["|", "cycles", "seconds"], rows);
    figures.number("zigzag-busy", of("zigzag_most_s")?, 0);
    Ok(figures)
}
