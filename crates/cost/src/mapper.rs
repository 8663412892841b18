//! Mapping layers onto a spatial array and a memory hierarchy, and what the best mapping costs.
//!
//! A machine is a [`Hierarchy`](crate::profile::Hierarchy). A layer is a [`LoopNest`]. A *mapping* lays some loops side by
//! side on the array ([`Unrolling`]), puts the others in an order, and says for each operand which of them each memory
//! holds the data of. [`Evaluator`] counts the cycles of a mapping the way ZigZag 3.9.1 does (Mei et al. 2021 and 2022),
//! which the tests show on mappings that ZigZag chose; [`best_mapping`] finds the best one. The concept page `mapping.md`
//! says what is counted and where we are stricter.

mod accesses;
mod bound;
mod enumeration;
mod evaluate;
mod flow;
mod idle_lanes;
mod load;
mod machine;
mod model;
mod nest;
mod objective;
mod order;
mod packing;
mod search;
mod stall;
mod unrolling;

pub use accesses::StoreTraffic;
pub use evaluate::{Cycles, Evaluator};
pub use flow::Cuts;
pub use machine::{MOST_LEVELS, Machine, Port, Store, Way};
pub use model::MappedModel;
pub(crate) use model::REVISION;
pub use nest::{DIMS, LoopDim, LoopNest, Operand, Relevance};
pub use objective::Objective;
pub use order::{Loop, MOST_LOOPS, TiledOrder};
pub use packing::best_packed_mapping;
pub use search::{Mapping, best_mapping};
pub use unrolling::{Rounding, Unrolling};
