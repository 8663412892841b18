//! `panarch cost --gemms`.

use std::path::Path;

use panarch::Error;
use panarch::products::{self, ProductCost, ProductSum};
use panarch_cost::{Cost, CostError, DeviceProfile, Model};
use panarch_report::{Cell, Column, Format, Table};
use serde::Serialize;

use crate::cli::output::{Printer, say};

/// What one device, or one model of it, says of all products.
struct OfDevice {
    device: String,
    model: Option<Model>,
    costs: Vec<ProductCost>,
    sum: ProductSum,
}

/// The same as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    device: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Model>,
    products: Vec<Product<'a>>,
    sum: &'a ProductSum,
}

#[derive(Serialize)]
struct Product<'a> {
    line: u32,
    m: u64,
    n: u64,
    k: u64,
    cycles: Option<f64>,
    #[serde(flatten)]
    cost: Option<&'a Cost>,
    error: Option<String>,
}

/// Asks every device for every product of a list.
pub(super) fn costs(
    file: &Path,
    profiles: &[DeviceProfile],
    models: &[Option<Model>],
    doubts: &[String],
    printer: Printer,
) -> anyhow::Result<()> {
    let listed = products::read(file)?;
    let mut all = Vec::new();
    for profile in profiles {
        for model in models {
            let costs = products::costs(profile, *model, &listed)?;
            all.push(OfDevice {
                device: profile.name().to_owned(),
                model: *model,
                sum: ProductSum::of(&costs),
                costs,
            });
        }
    }
    match printer.format() {
        Format::Json => printer.json(&all.iter().map(as_json).collect::<Vec<_>>())?,
        Format::Csv => {
            printer.table(&table(file, &all));
            for of in &all {
                say(&format!("note: {}", sum_in_words(of)));
            }
        }
        Format::Table => {
            let mut table = table(file, &all);
            for of in &all {
                table.note(sum_in_words(of));
            }
            for doubt in doubts {
                table.note(doubt);
            }
            printer.table(&table);
        }
    }
    if all.iter().any(|of| of.sum.products > 0) {
        return Ok(());
    }
    let errors: Vec<&CostError> = all
        .iter()
        .filter_map(|of| of.costs.first()?.answer.as_ref().err())
        .collect();
    let reasons: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let reasons = reasons.join("; ");
    Err(
        if errors.iter().all(|error| matches!(error, CostError::Failed { .. })) {
            Error::Environment(reasons)
        } else {
            Error::Infeasible(format!("no device can run any of the products: {reasons}"))
        }
        .into(),
    )
}

fn as_json(of: &OfDevice) -> Answer<'_> {
    let product = |cost: &'_ ProductCost| -> (u32, [u64; 3]) {
        let gemm = cost.product.gemm;
        (cost.product.line, [gemm.m(), gemm.n(), gemm.k()])
    };
    let products = of.costs.iter().map(|cost| {
        let (line, [m, n, k]) = product(cost);
        Product {
            line,
            m,
            n,
            k,
            cycles: cost.cycles,
            cost: cost.answer.as_ref().ok(),
            error: cost.answer.as_ref().err().map(ToString::to_string),
        }
    });
    Answer {
        device: &of.device,
        model: of.model,
        products: products.collect(),
        sum: &of.sum,
    }
}

fn table(file: &Path, all: &[OfDevice]) -> Table {
    let mut table = Table::new(
        format!("Matrix products of {}", file.display()),
        vec![
            Column::text("device"),
            Column::raw("model"),
            Column::raw("line"),
            Column::number("m"),
            Column::number("n"),
            Column::number("k"),
            Column::quantity("latency", "µs").with_key("latency_s"),
            Column::raw("latency_low_s"),
            Column::raw("latency_high_s"),
            Column::number("cycles"),
            Column::number("MACs").with_key("macs"),
            Column::quantity("traffic", "KiB").with_key("traffic_bytes"),
            Column::quantity("utilisation", "%").with_key("utilisation"),
            Column::text("bound"),
            Column::text("how it is known").with_key("provenance"),
            Column::raw("error"),
        ],
    );
    for of in all {
        for cost in &of.costs {
            let gemm = cost.product.gemm;
            let mut cells = vec![
                Cell::text(&of.device),
                of.model.map_or_else(Cell::missing, |model| Cell::text(model.name())),
                Cell::count(u64::from(cost.product.line)),
                Cell::count(gemm.m()),
                Cell::count(gemm.n()),
                Cell::count(gemm.k()),
            ];
            match &cost.answer {
                Ok(answer) => {
                    let seconds = answer.latency.value.seconds();
                    let bytes = answer.traffic.0 as f64;
                    cells.extend([
                        Cell::number(seconds, format!("{:.2}", seconds * 1e6)),
                        Cell::decimal(answer.latency.low.seconds(), 12),
                        Cell::decimal(answer.latency.high.seconds(), 12),
                        cost.cycles
                            .map_or_else(Cell::missing, |cycles| Cell::number(cycles, format!("{cycles:.0}"))),
                        Cell::count(gemm.macs().0),
                        Cell::number(bytes, format!("{:.1}", bytes / 1024.0)),
                        Cell::number(answer.utilisation, format!("{:.1}", answer.utilisation * 100.0)),
                        answer
                            .per_layer
                            .first()
                            .map_or_else(Cell::missing, |layer| Cell::text(layer.bound.name())),
                        Cell::text(answer.provenance.kind.to_string() + ": " + &answer.provenance.tool),
                        Cell::missing(),
                    ]);
                }
                Err(error) => {
                    cells.resize_with(14, Cell::missing);
                    cells.extend([Cell::text(error.to_string()), Cell::text(error.to_string())]);
                }
            }
            table.push(cells);
        }
    }
    table
}

fn sum_in_words(of: &OfDevice) -> String {
    let ProductSum {
        products,
        macs,
        latency,
        cycles,
        traffic,
    } = of.sum;
    let model = of.model.map_or_else(String::new, |model| format!(" ({model})"));
    let cycles = cycles.map_or_else(String::new, |cycles| format!(", {cycles:.0} cycles"));
    let all = of.costs.len();
    let answered = if products == all {
        format!("{all}")
    } else {
        format!("{products} of {all}")
    };
    format!(
        "{}{model}: {answered} products, {macs}, {latency} in all{cycles}, {traffic} off chip.",
        of.device
    )
}
