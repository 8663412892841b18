use serde::Serialize;

use super::Sourced;

/// How a layer is cut into blocks of results that wait in the array for their last product.
///
/// Every block reads its input anew: once for each block of output channels, and with the seams between blocks of
/// positions, where a kernel reaches over them. Absent from machines whose `activation_rereads` say it all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Blocking {
    /// Results that wait at once: rows × columns × output channels of a block.
    pub accumulators: Sourced<u32>,
    /// The most rows of a block.
    pub rows: Sourced<u32>,
    /// The most columns of a block.
    pub columns: Sourced<u32>,
}
