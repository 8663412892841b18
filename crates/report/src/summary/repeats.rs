//! The outcome over several search seeds.

use crate::run_report::{Repeat, Role};
use crate::table::{Cell, Column, Table};

use super::finalists::{mean, worst};

/// One row a role: test accuracy, r on each device, average and worst r, each as mean ± sample
/// standard deviation over the seeds. `devices` are the names that the ratios belong to.
///
/// JSON and CSV carry mean and standard deviation in columns of their own.
pub fn repeats_table(devices: &[String], repeats: &[Repeat]) -> Table {
    let mut columns = vec![Column::text("network found for").with_key("role"), Column::raw("seeds")];
    let mut quantity = |name: String, unit: Option<&str>, key: String| {
        let mean = match unit {
            Some(unit) => Column::quantity(name, unit),
            None => Column::number(name),
        };
        let deviation = format!("{key}_standard_deviation");
        columns.push(mean.with_key(key));
        columns.push(Column::raw(deviation));
    };
    quantity("test accuracy".into(), Some("%"), "test_accuracy_percent".into());
    for device in devices {
        quantity(format!("r {device}"), None, format!("r_{device}"));
    }
    quantity("average r".into(), None, "average_r".into());
    quantity("worst r".into(), None, "worst_r".into());
    quantity("MACs".into(), Some("M"), "macs".into());
    quantity("parameters".into(), Some("k"), "parameters".into());
    let seeds: Vec<String> = repeats.iter().map(|repeat| repeat.seed.to_string()).collect();
    let title = format!("Outcome over {} search seeds ({})", repeats.len(), seeds.join(", "));
    let mut table = Table::new(title, columns);
    let mut roles: Vec<&Role> = Vec::new();
    for outcome in repeats.iter().flat_map(|repeat| &repeat.outcomes) {
        if !roles.contains(&&outcome.role) {
            roles.push(&outcome.role);
        }
    }
    for role in roles {
        let outcomes: Vec<_> = repeats
            .iter()
            .flat_map(|repeat| &repeat.outcomes)
            .filter(|outcome| outcome.role == *role)
            .collect();
        let name = match outcomes.len() {
            all if all == repeats.len() => role.to_string(),
            some => format!("{role} ({some} of {} seeds)", repeats.len()),
        };
        let mut cells = vec![
            Cell::text(role.to_string()).shown_as(name),
            Cell::count(outcomes.len() as u64),
        ];
        let mut add = |values: Vec<f64>, scale: f64, decimals: usize| {
            let (mean, deviation) = (mean(&values), standard_deviation(&values));
            let mut text = format!("{:.decimals$}", mean / scale);
            if let Some(deviation) = deviation {
                text.push_str(&format!(" ± {:.decimals$}", deviation / scale));
            }
            cells.push(Cell::number(mean, text));
            cells.push(deviation.map_or_else(Cell::missing, |value| Cell::decimal(value, decimals)));
        };
        add(outcomes.iter().map(|o| o.test_accuracy.percent()).collect(), 1.0, 2);
        for device in 0..devices.len() {
            let ratios = outcomes.iter().filter_map(|outcome| outcome.ratios.get(device));
            add(ratios.copied().collect(), 1.0, 3);
        }
        add(outcomes.iter().map(|o| self::mean(&o.ratios)).collect(), 1.0, 3);
        add(outcomes.iter().map(|o| worst(&o.ratios)).collect(), 1.0, 3);
        add(outcomes.iter().map(|o| o.macs.0 as f64).collect(), 1e6, 2);
        add(outcomes.iter().map(|o| o.parameters as f64).collect(), 1e3, 1);
        table.push(cells);
    }
    table.note("Mean ± sample standard deviation over the seeds.");
    table
}

/// Sample standard deviation; `None` for fewer than two values.
fn standard_deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| f64::sqrt(squares / (values.len() - 1) as f64))
}

#[cfg(test)]
mod tests {
    use super::standard_deviation;

    #[test]
    fn deviation_by_hand() {
        assert_eq!(standard_deviation(&[1.0]), None);
        assert_eq!(standard_deviation(&[1.0, 2.0, 3.0]), Some(1.0));
    }
}
