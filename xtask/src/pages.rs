//! Figures of the pages, computed anew from the tables beside them.
//!
//! A page marks what is computed: `<!--=NAME-->…<!--/-->`, within a sentence or around a whole table. What stands between the
//! marks is written by `cargo xtask pages` and compared by `cargo xtask pages --check`. Every page has one function that
//! computes its figures from its tables, in a file of this folder.

mod analytic_model;
mod compofa;
mod compofa_search;
mod concepts;
mod cost_benchmarks;
mod csv;
mod demo;
mod devices;
mod engine_benchmarks;
mod figures;
mod fine_tuning;
mod guard_band;
mod marks;
mod matrix_efficiency;
mod measuring;
mod pools;
mod published_latencies;
mod ranking;
mod readme;
mod statistics;
mod supernet;
mod tables;
#[cfg(test)]
mod tests;
mod tunas;
mod vela;

use std::path::Path;

use anyhow::{Context, Result};

use figures::Figures;
use tables::Tables;

/// A page and where its figures come from.
struct Page {
    /// From the root of the tree.
    path: &'static str,
    /// The tables that it is made from, from the root of the tree.
    tables: &'static [&'static str],
    figures: fn(&Tables) -> Result<Figures>,
}

const PAGES: [Page; 22] = [
    readme::PAGE,
    demo::PAGE,
    devices::PAGE,
    supernet::PAGE,
    analytic_model::PAGE,
    compofa::PAGE,
    compofa_search::PAGE,
    fine_tuning::PAGE,
    guard_band::PAGE,
    matrix_efficiency::PAGE,
    published_latencies::PAGE,
    ranking::PAGE,
    tunas::PAGE,
    vela::PAGE,
    pools::KNOWN_OPTIMA,
    pools::SILICON,
    concepts::CYCLE_SIMULATOR,
    concepts::MAPPING,
    concepts::MATRIX_EFFICIENCY,
    measuring::PAGE,
    cost_benchmarks::PAGE,
    engine_benchmarks::PAGE,
];

/// Writes every page anew, or only names those that do not follow their tables; whether all do.
pub fn run(root: &Path, check: bool) -> Result<bool> {
    let mut current = true;
    for page in &PAGES {
        let path = root.join(page.path);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", page.path))?;
        let made = match Tables::read(root, page.tables).and_then(|tables| page.made(&text, &tables)) {
            Ok(made) => made,
            Err(error) => {
                println!("{}: {error:#}", page.path);
                current = false;
                continue;
            }
        };
        for (name, line, was, is) in marks::changes(&text, &made) {
            println!("{}:{line}: {name}: `{was}` is `{is}` by its tables", page.path);
        }
        if made == text {
            continue;
        }
        if check {
            current = false;
        } else {
            std::fs::write(&path, made).with_context(|| format!("cannot write {}", page.path))?;
        }
    }
    match current {
        true => println!("pages: all {} follow their tables", PAGES.len()),
        false => println!("pages: not all follow their tables; `cargo xtask pages` writes them anew"),
    }
    Ok(current)
}

impl Page {
    /// The page's text with every figure as its tables have it.
    fn made(&self, text: &str, tables: &Tables) -> Result<String> {
        let mut figures = (self.figures)(tables)?;
        // A page names its tables, or only holds their sums.
        match text.contains("<!--=sums-->") {
            true => figures.set("sums", tables.sums()),
            false => figures.set("tables", tables.links(self.path)),
        }
        figures.put_into(text)
    }
}
