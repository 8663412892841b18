/// How an inner width is rounded to the multiple that hardware likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounding {
    /// Widths are multiples of this.
    pub multiple: u32,
    /// Which multiple is taken.
    pub rule: RoundingRule,
}

/// Which multiple a width is rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundingRule {
    /// The nearest, halves up, at least one multiple (TuNAS).
    Nearest,
    /// The nearest, halves up; the next one when that would lose more than a tenth (`make_divisible` of the MobileNet
    /// family).
    KeepNineTenths,
}

impl RoundingRule {
    /// The name used in space files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::KeepNineTenths => "keep-nine-tenths",
        }
    }
}

impl Rounding {
    /// The rounded width of `value` channels; never 0.
    #[must_use]
    pub fn round(self, value: f64) -> u32 {
        // Products such as 0.35 · 100 must not fall below their exact value.
        let value = (value * 1e6).round() / 1e6;
        let multiple = f64::from(self.multiple.max(1));
        let mut rounded = ((value / multiple + 0.5).floor() * multiple).max(multiple);
        if self.rule == RoundingRule::KeepNineTenths && rounded < 0.9 * value {
            rounded += multiple;
        }
        rounded as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_widths() {
        let divisible = Rounding {
            multiple: 8,
            rule: RoundingRule::KeepNineTenths,
        };
        let cases = [(19.2, 24), (134.4, 136), (31.2, 32), (20.8, 24), (4.0, 8), (12.0, 16)];
        for (value, width) in cases {
            assert_eq!(divisible.round(value), width, "{value}");
        }
        let nearest = Rounding {
            multiple: 32,
            rule: RoundingRule::Nearest,
        };
        for (value, width) in [(1.0, 32), (47.9, 32), (48.0, 64), (96.0, 96), (111.0, 96)] {
            assert_eq!(nearest.round(value), width, "{value}");
        }
    }
}
