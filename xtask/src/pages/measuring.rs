use anyhow::Result;

use super::figures::{number, range};
use super::{Figures, Page, Tables};

pub const PAGE: Page = Page {
    path: "docs/concepts/measuring.md",
    tables: &[
        "docs/concepts/measuring/tried.csv",
        "docs/concepts/measuring/mobilenet-v2.csv",
    ],
    figures,
};

fn figures(tables: &Tables) -> Result<Figures> {
    let mut figures = Figures::default();
    let tried = tables.csv("tried.csv")?;
    let mut rows = Vec::new();
    let mut apart: f64 = 0.0;
    for (what, column, decimals) in [
        ("mean error of networks left out (%)", "mean_error_left_out_percent", 1),
        ("Kendall's τ of networks left out", "tau_left_out", 2),
        ("spread of the anchor's turns (%)", "anchor_spread_percent", 1),
        ("r of the Ethos-U55's network", "r_ethos_u55_128", 3),
        ("r of the cube's network", "r_cube_16", 3),
        ("r of the Cortex-A53's network", "r_cortex_a53", 3),
    ] {
        let values = ["disturbed", "undisturbed"].map(|state| tried.number(&[("state", state)], column));
        let [disturbed, undisturbed] = values;
        let (disturbed, undisturbed) = (disturbed?, undisturbed?);
        if column.starts_with("r_") {
            apart = apart.max(100.0 * (disturbed / undisturbed - 1.0).abs());
        }
        rows.push(vec![
            what.to_owned(),
            number(disturbed, decimals),
            number(undisturbed, decimals),
        ]);
    }
    figures.table("tried", &["|", "disturbed", "undisturbed"], rows);
    figures.number("apart", apart, 0);
    let repeats = tables.csv("mobilenet-v2.csv")?;
    for (name, how, decimals) in [("alone", "alone", 0), ("pairs", "in pairs", 1)] {
        figures.set(name, range(&repeats.with(&[("how", how)])?.numbers("ms")?, decimals));
    }
    Ok(figures)
}
