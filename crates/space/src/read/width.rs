//! Output widths, as space files write them.

use panarch_toml::{Table, Value};

use crate::element::rounding::Rounding;
use crate::read::properties::WIDEST;
use crate::read::setting::{Order, Scope, Setting, Spread, choices, ratio, scope_of, setting, whole};

/// One choice of an output width, before it is scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum WidthChoice {
    /// The channels that arrive.
    Input,
    Channels(u32),
    /// A multiple of a base width.
    Times {
        of: u32,
        ratio: f64,
    },
}

/// Only choices of one kind have an order.
impl PartialOrd for WidthChoice {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Channels(a), Self::Channels(b)) => a.partial_cmp(b),
            (Self::Times { ratio: a, .. }, Self::Times { ratio: b, .. }) => a.partial_cmp(b),
            _ => None,
        }
    }
}

/// The output width of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// The channels that arrive.
    Input,
    Channels(u32),
}

impl Width {
    pub(crate) fn channels(self, input: u32) -> u32 {
        match self {
            Self::Input => input,
            Self::Channels(channels) => channels,
        }
    }
}

/// Multiplies the widths of a whole space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub multiplier: f64,
    pub rounding: Rounding,
}

impl Scale {
    /// Leaves widths as they are.
    pub(crate) fn unscaled(self) -> Self {
        Self {
            multiplier: 1.0,
            ..self
        }
    }

    pub(crate) fn channels(self, channels: u32) -> u32 {
        if self.multiplier == 1.0 {
            return channels;
        }
        self.round(self.multiplier * f64::from(channels))
    }

    pub(crate) fn width(self, choice: &WidthChoice) -> Width {
        match *choice {
            WidthChoice::Input => Width::Input,
            WidthChoice::Channels(channels) => Width::Channels(self.channels(channels)),
            WidthChoice::Times { of, ratio } => Width::Channels(self.round(self.multiplier * ratio * f64::from(of))),
        }
    }

    fn round(self, width: f64) -> u32 {
        self.rounding.round(width).min(WIDEST)
    }
}

/// A choice as a genotype's description writes it: as the file does, not scaled.
pub(crate) fn width_text(choice: &WidthChoice) -> String {
    match choice {
        WidthChoice::Input => "input".to_owned(),
        WidthChoice::Channels(channels) => channels.to_string(),
        WidthChoice::Times { ratio, .. } => ratio.to_string(),
    }
}

/// Reads `width = 16`, `[16, 24]`, `"input"`, `{ of = 96, times = [0.5, 1] }` or any form that other properties have.
pub(crate) fn read(table: &Table<'_>) -> Option<Setting<WidthChoice>> {
    let times = table.value("width").and_then(|value| value.table());
    let Some(times) = times.filter(|inner| inner.has("times") || inner.has("of")) else {
        return setting(table, "width", Scope::Stage, Order::Increasing, one);
    };
    let of = times.u32_in("of", 1..=WIDEST);
    let scope = scope_of(&times, Scope::Stage);
    let list = times.value("times");
    if list.is_none() {
        times.problem("times", "`of` needs `times`, the multiples of the base width", None);
    }
    let at = table.value("width")?.at();
    let read = |value: &Value<'_>| {
        ratio(0.01, 64.0)(value).map(|ratio| WidthChoice::Times {
            of: of.unwrap_or(1),
            ratio,
        })
    };
    let list = list.and_then(|list| choices(&list, Order::Increasing, &read));
    times.finish();
    of?;
    Some(Setting {
        choices: Spread::Same(list?),
        scope,
        at,
    })
}

fn one(value: &Value<'_>) -> Option<WidthChoice> {
    if value.text() == Some("input") {
        return Some(WidthChoice::Input);
    }
    if !value.is_number() {
        value.mismatch("a whole number of channels, or \"input\" for as many as arrive");
        return None;
    }
    whole(1, WIDEST)(value).map(WidthChoice::Channels)
}
