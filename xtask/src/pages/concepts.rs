use anyhow::Result;

use super::figures::{number, range, thousands};
use super::matrix_efficiency;
use super::statistics::{least, most};
use super::{Figures, Page, Tables};

pub const CYCLE_SIMULATOR: Page = Page {
    path: "docs/concepts/cycle-simulator.md",
    tables: &[
        "docs/reproductions/analytic-model/machines.csv",
        "docs/reproductions/analytic-model/depthwise.csv",
        "docs/results/costs/estimates.csv",
    ],
    figures: cycle_simulator,
};

pub const MAPPING: Page = Page {
    path: "docs/concepts/mapping.md",
    tables: &["docs/results/costs/zigzag.csv"],
    figures: mapping,
};

pub const MATRIX_EFFICIENCY: Page = Page {
    path: "docs/concepts/matrix-efficiency.md",
    tables: &[
        "docs/concepts/matrix-efficiency/spaces.csv",
        "docs/concepts/matrix-efficiency/spaces-analytic.csv",
        "docs/concepts/matrix-efficiency/spaces-cycle.csv",
        "docs/concepts/matrix-efficiency/isynet-n0.csv",
        "docs/reproductions/matrix-efficiency/fits.csv",
        "docs/reproductions/matrix-efficiency/networks.csv",
        "docs/reproductions/published-latencies/networks.csv",
    ],
    figures: spaces,
};

fn cycle_simulator(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let depthwise = tables.csv("depthwise.csv")?;
    for (name, mapping) in [("per-channel", "per_channel"), ("packed", "channel_packed")] {
        figures.set(name, thousands(depthwise.number(&[("mapping", mapping)], "cycles")?));
    }
    let machines = tables.csv("machines.csv")?;
    for (name, column) in [
        ("median", "layer_median"),
        ("p95", "layer_p95"),
        ("worst", "layer_worst"),
    ] {
        figures.number(name, 100.0 * most(&machines.numbers(column)?), 1);
    }
    figures.number("tau", least(&machines.numbers("tau")?), 3);
    let blocks = tables
        .csv("estimates.csv")?
        .with(&[("what", "blocks")])?
        .numbers("ms")?;
    figures.set(
        "blocks",
        range(&blocks.iter().map(|ms| 1e3 * ms).collect::<Vec<_>>(), 1),
    );
    Ok(figures)
}

fn mapping(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let machines = tables.csv("zigzag.csv")?;
    let mut rows = Vec::new();
    for machine in machines.different("machine")? {
        let of = |column: &str| machines.number(&[("machine", &machine)], column);
        let mut row = vec![machine.clone()];
        for column in [
            "zigzag_by_zigzag_cycles",
            "ours_by_zigzag_cycles",
            "ours_cycles",
            "bound_cycles",
        ] {
            row.push(thousands(of(column)?));
        }
        let seconds = [of("zigzag_least_s")?, of("zigzag_most_s")?];
        row.push(if seconds[0] == seconds[1] {
            number(seconds[0], 0)
        } else {
            range(&seconds, 0)
        });
        let ours = of("ours_s")?;
        row.push(number(
            ours,
            if ours < 0.01 {
                3
            } else if ours < 1.0 {
                2
            } else {
                1
            },
        ));
        rows.push(row);
        let behind = 100.0 * (of("ours_by_zigzag_cycles")? / of("zigzag_by_zigzag_cycles")? - 1.0);
        match machine.as_str() {
            "Tesla-NPU-like" => figures.number("tesla-behind", behind, 2),
            "Ascend-like" => figures.number("ascend-behind", behind, 1),
            _ => {}
        }
    }
    let columns = [
        "|machine",
        "ZigZag's mappings, ZigZag's count",
        "our mappings, ZigZag's count",
        "our mappings, our count",
        "our bound",
        "ZigZag, s",
        "ours, s",
    ];
    figures.table("machines", &columns, rows);
    Ok(figures)
}

const DEVICES: [(&str, &str); 3] = [
    ("ascend-310", "ascend_310"),
    ("edgetpu-v1", "edgetpu_v1"),
    ("systolic-32", "systolic_32"),
];

fn spaces(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let spaces = tables.csv("spaces.csv")?;
    let mut rows = Vec::new();
    let drawn = most(&spaces.numbers("networks")?);
    figures.number("drawn", drawn, 0);
    for space in spaces.different("space")? {
        let text = |column: &str| spaces.text(&[("space", &space)], column);
        let spread = |mean: &str, deviation: &str, scale: f64| -> Result<String> {
            let of = |column: &str| -> Result<f64> { Ok(scale * text(column)?.parse::<f64>()?) };
            Ok(format!("{} ± {}", number(of(mean)?, 1), number(of(deviation)?, 1)))
        };
        let mut row = vec![
            format!("`{space}`"),
            spread("raw_macs_per_element", "raw_deviation_macs_per_element", 1.0)?,
        ];
        for (device, key) in DEVICES {
            let refused = text(&format!("{key}_not_run"))?.parse::<f64>().unwrap_or(0.0);
            row.push(if refused >= drawn {
                "runs none".to_owned()
            } else {
                let share = spread(&format!("{key}_share"), &format!("{key}_share_deviation"), 100.0)?;
                let useful = spread(
                    &format!("{key}_useful_share"),
                    &format!("{key}_useful_share_deviation"),
                    100.0,
                )?;
                let part = if refused > 0.0 {
                    format!(" (of {})", drawn - refused)
                } else {
                    String::new()
                };
                format!("{share}, {useful}{part}")
            });
            for (name, wanted) in [("isynet", "isynet"), ("resnet50", "ofa-resnet50")] {
                if device == "ascend-310" && space == wanted {
                    let useful = text(&format!("{key}_useful_share"))?.parse::<f64>()?;
                    figures.number(format!("useful-{name}"), 100.0 * useful, 0);
                }
            }
            if device == "edgetpu-v1" && space == "edgetpu" {
                figures.number("edgetpu-runs", drawn - refused, 0);
            }
        }
        rows.push(row);
    }
    let columns = DEVICES.map(|(device, _)| format!("|`{device}`: in unit, useful (%)"));
    let columns: Vec<&str> = ["|space", "|raw"]
        .into_iter()
        .chain(columns.iter().map(String::as_str))
        .collect();
    figures.table("spaces", &columns, rows);

    let [formula, simulated] = ["spaces-analytic.csv", "spaces-cycle.csv"].map(|name| tables.csv(name));
    let (formula, simulated) = (formula?, simulated?);
    let mut apart: f64 = 0.0;
    for (_, key) in DEVICES {
        for column in ["share", "useful_share"].map(|of| format!("{key}_{of}")) {
            // Empty where none runs, with both.
            let both = formula.texts(&column)?.into_iter().zip(simulated.texts(&column)?);
            for (formula, simulated) in both.filter(|(formula, _)| !formula.is_empty()) {
                apart = apart.max(100.0 * (formula.parse::<f64>()? - simulated.parse::<f64>()?).abs());
            }
        }
    }
    figures.number("simulator-apart", apart, 1);
    let compared: Vec<String> = simulated
        .texts("space")?
        .iter()
        .map(|space| format!("`{space}`"))
        .collect();
    figures.set("simulator-spaces", compared.join(", "));
    figures.number("simulator-drawn", most(&simulated.numbers("networks")?), 0);

    let stages = tables.csv("isynet-n0.csv")?.with(&[("by", "stage")])?;
    let stages = stages.numbers("edgetpu_v1_lane_use")?;
    let stages = &stages[..stages.len() - 1];
    figures.set(
        "lanes",
        stages
            .iter()
            .map(|it| number(100.0 * it, 0))
            .collect::<Vec<_>>()
            .join(", "),
    );

    let laws = ["MACs", "MACs·a + b", "MACs + vector", "MACs + data", "analytic model"];
    let rows: Vec<Vec<String>> = laws
        .iter()
        .map(|law| matrix_efficiency::row(tables, law))
        .collect::<Result<_>>()?;
    figures.table("laws", &matrix_efficiency::COLUMNS, rows);
    Ok(figures)
}
