use panarch_toml::Unit;
use serde::Serialize;

use super::keys;

/// A figure outside the range that such figures usually have: most likely a power of ten or a unit is missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Doubt {
    /// Path of the key, such as `memory.off_chip_bytes_per_s`.
    pub key: String,
    /// The figure, in the unit that its name says.
    pub value: f64,
    /// The lowest that is usual, 0 apart.
    pub usual_low: f64,
    /// The highest that is usual.
    pub usual_high: f64,
    #[serde(skip)]
    unit: Option<Unit>,
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |value: f64| match self.unit {
            Some(unit) => unit.show(value),
            None => value.to_string(),
        };
        write!(
            f,
            "`{}` is {}, where {} to {} is usual: is a power of ten or a unit missing?",
            self.key,
            show(self.value),
            show(self.usual_low),
            show(self.usual_high)
        )
    }
}

/// The figures among these numbers, each with the path of its key, that are far from the usual.
pub(super) fn doubts(numbers: &[(String, f64)]) -> Vec<Doubt> {
    let doubt = |(path, value): &(String, f64)| {
        let usual = keys::usual(path)?;
        let is_usual = *value == 0.0 || (usual.low..=usual.high).contains(value);
        (!is_usual).then(|| Doubt {
            key: path.clone(),
            value: *value,
            usual_low: usual.low,
            usual_high: usual.high,
            unit: usual.unit,
        })
    };
    numbers.iter().filter_map(doubt).collect()
}
