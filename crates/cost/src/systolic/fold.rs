use super::SramAccesses;

/// One fold: the part of a product that lies on the array at once.
///
/// It occupies the cycles `start .. start + load + stream + drain` of its product. With overlapped folds, these ranges
/// of two neighbours overlap; their loads do not, and neither do their streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold {
    /// Which fold along the array's rows, from 0.
    pub row_fold: u64,
    /// Which fold along the array's columns, from 0.
    pub column_fold: u64,
    /// Rows of the array that hold something.
    pub rows_used: u64,
    /// Columns of the array that hold something.
    pub columns_used: u64,
    /// The cycle in which it begins, counted from the product's begin.
    pub start: u64,
    /// Cycles in which the stationary operand enters, row after row; 0 when outputs are stationary.
    pub load: u64,
    /// Cycles in which the other operands enter: the temporal dimension T.
    pub stream: u64,
    /// Cycles from the last operand's entry to the last result's exit: the skew across rows and columns.
    pub drain: u64,
    /// What it reads and writes of the on-chip memories.
    pub accesses: SramAccesses,
}
