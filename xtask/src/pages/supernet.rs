use anyhow::Result;

use super::figures::{number, range};
use super::statistics::mean;
use super::{Figures, Page, Tables, fine_tuning, ranking};

pub const PAGE: Page = Page {
    path: "docs/concepts/supernet.md",
    tables: &[
        "docs/reproductions/ranking/alone.csv",
        "docs/reproductions/ranking/inherited.csv",
        "docs/reproductions/fine-tuning/fine-tuning.csv",
    ],
    figures,
};

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let (alone, inherited) = (tables.csv("alone.csv")?, tables.csv("inherited.csv")?);
    let schedules = ranking::schedules(&alone, &inherited)?;
    let (mut taus, mut gaps, mut holding) = (Vec::new(), Vec::new(), 0.0);
    for (_, pairs) in &schedules {
        let tau = ranking::agreement(pairs);
        holding += f64::from(u8::from(tau.low < 0.0 && tau.high > 0.0));
        taus.push(tau.value);
        gaps.push(mean(&pairs.iter().map(|(taken, own)| taken - own).collect::<Vec<_>>()));
    }
    figures.number("networks", alone.len() as f64, 0);
    figures.number("schedules", schedules.len() as f64, 0);
    figures.set("taus", range(&taus, 2));
    figures.number("holding", holding, 0);
    figures.set("gaps", range(&gaps, 2));
    let (deviation, standard_error) = ranking::noise(&alone)?;
    figures.number("deviation", deviation, 2);
    figures.number("standard-error", standard_error, 2);
    let tuned = tables.csv("fine-tuning.csv")?;
    for (name, epochs) in [("gain-one", "1"), ("gain-four", "4")] {
        figures.set(name, number(mean(&fine_tuning::gains(&tuned, epochs, "0")?), 1));
    }
    Ok(figures)
}
