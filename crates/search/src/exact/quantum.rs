use super::Factored;

/// The largest sum of the sizes of a table's values, in multiples of its quantum: small enough that a multiple is exact as
/// `f64` and leaves room for multipliers in `i64`.
const LARGEST: f64 = 1e12;

/// More than any sum, in multiples; larger limits forbid nothing and are cut to this.
pub(super) const WIDE: i64 = 4_000_000_000_000;

/// The power of ten whose negative is the quantum of these tables: the finest in which their sums stay small enough, and the
/// limit on them where that is of the same size.
pub(super) fn decimals<'a>(tables: impl Iterator<Item = &'a Factored>, limit: f64) -> i32 {
    let largest = tables.map(magnitude).fold(0.0, f64::max);
    let largest = largest.max(limit.min(4.0 * largest));
    if largest <= 0.0 {
        return 0;
    }
    ((LARGEST / largest).log10().floor() as i32).clamp(-250, 250)
}

/// No member's value is larger, nor any partial sum of it.
fn magnitude(table: &Factored) -> f64 {
    let factors = table.factors.iter();
    table.constant.abs()
        + factors
            .map(|factor| largest(factor.values.iter().map(|value| value.abs())))
            .sum::<f64>()
}

/// A table in multiples of its quantum.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rounded {
    pub constant: i64,
    /// The values of each factor, in the order of the table.
    pub factors: Vec<Vec<i64>>,
    /// No member's value has moved by more, in multiples.
    pub moved: f64,
}

impl Rounded {
    pub fn new(table: &Factored, decimals: i32) -> Self {
        let scale = 10f64.powi(decimals);
        let off = |value: &f64| (value * scale - (value * scale).round()).abs();
        let round = |value: &f64| (value * scale).round() as i64;
        let factors = table.factors.iter();
        Self {
            constant: round(&table.constant),
            factors: factors
                .clone()
                .map(|factor| factor.values.iter().map(round).collect())
                .collect(),
            moved: off(&table.constant)
                + factors
                    .map(|factor| largest(factor.values.iter().map(off)))
                    .sum::<f64>(),
        }
    }
}

/// The multiples that a limit allows. A member that keeps the limit by the tables as given keeps this one: what rounding may
/// have moved is allowed for.
pub(super) fn limit(most: f64, decimals: i32, moved: f64) -> i64 {
    // And for what the last digit of such a sum as a floating-point number makes, of which a multiple has ten thousand.
    ((most * 10f64.powi(decimals) + moved + 0.01).floor() as i64).min(WIDE)
}

pub(super) fn value(multiples: i64, decimals: i32) -> f64 {
    // Division by a power of ten that is exact gives the nearest number to the decimal.
    if decimals >= 0 {
        multiples as f64 / 10f64.powi(decimals)
    } else {
        multiples as f64 * 10f64.powi(-decimals)
    }
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, f64::max)
}
