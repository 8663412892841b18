//! Which numbers a figure may be, and what they are counted in.

use std::ops::Bound;

use panarch_toml::{Table, Unit};

/// A range of numbers.
pub(super) type Range = (Bound<f64>, Bound<f64>);

/// The numbers that a figure may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowed {
    /// From the lowest to the highest.
    pub range: Range,
    /// What they are counted in; none for ratios and counts.
    pub unit: Option<Unit>,
}

impl Allowed {
    /// From a lowest to a highest number, both included.
    pub const fn within(low: f64, high: f64) -> Self {
        Self {
            range: (Bound::Included(low), Bound::Included(high)),
            unit: None,
        }
    }

    /// The same numbers, counted in a unit.
    pub const fn of(self, unit: Unit) -> Self {
        Self {
            unit: Some(unit),
            ..self
        }
    }

    /// Reads such a number, with the unit or without it.
    pub fn read(self, table: &Table<'_>, key: &str) -> Option<f64> {
        match self.unit {
            Some(unit) => table.quantity_in(key, unit, self.range),
            None => table.f64_in(key, self.range),
        }
    }
}

// Wider than any machine; beyond them, sums of a network would no longer be numbers.
pub(super) const CLOCK: Allowed = Allowed::within(1e3, 1e12).of(Unit::Hertz);
pub(super) const NOT_NEGATIVE: Allowed = Allowed::within(0.0, 1e15);
pub(super) const POSITIVE: Allowed = Allowed::within(1e-6, 1e15);
pub(super) const RATE: Allowed = Allowed::within(1.0, 1e18).of(Unit::BytesPerSecond);
pub(super) const REREADS: Allowed = Allowed::within(1e-6, 1e6);
pub(super) const PASSES: Allowed = Allowed::within(0.0, 1e6);
pub(super) const SHORT: Allowed = Allowed::within(0.0, 1.0).of(Unit::Seconds);
pub(super) const SHARE: Allowed = Allowed::within(1e-6, 1.0).of(Unit::Share);
/// Half an interval's width in ratio.
pub(super) const RELATIVE: Allowed = Allowed {
    range: (Bound::Excluded(0.0), Bound::Included(10.0)),
    unit: Some(Unit::Share),
};
pub(super) const BELOW_ONE: Allowed = Allowed {
    range: (Bound::Excluded(0.0), Bound::Excluded(1.0)),
    unit: Some(Unit::Share),
};
