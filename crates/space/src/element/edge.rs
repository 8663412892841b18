//! The forms that one edge of a chain of convolutions may have.

use std::fmt;

/// One of up to four convolutions in series (ISyNet, Letunovskiy et al. 2022, §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Edge {
    /// Nothing.
    Identity,
    /// A square kernel of this size.
    Square(u32),
    /// A (k, 1) and a (1, k) convolution, nothing between them.
    Pair(u32),
}

impl Edge {
    /// Every form, under the name that space files use.
    pub(crate) fn named() -> Vec<(String, Self)> {
        let squares = [1, 3, 5, 7].map(Self::Square);
        let pairs = [3, 5, 7].map(Self::Pair);
        let all = std::iter::once(Self::Identity).chain(squares).chain(pairs);
        all.map(|edge| (edge.to_string(), edge)).collect()
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("identity"),
            Self::Square(k) => write!(f, "{k}x{k}"),
            Self::Pair(k) => write!(f, "1x{k}+{k}x1"),
        }
    }
}
