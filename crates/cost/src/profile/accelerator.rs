use panarch_graph::Activation;
use serde::Serialize;

use super::{Blocking, Figure, Sourced};
use crate::Operator;
use crate::systolic::Dataflow;

/// A machine described by its parts, for models to compute with.
///
/// Processors without a matrix unit fit as well: their vector lanes are the array.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Accelerator {
    /// Clock of array and vector unit, in hertz.
    pub clock_hz: Figure,
    /// The unit that runs dense convolutions and linear layers.
    pub array: Array,
    /// How layers are cut into blocks, where that decides what they read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocking: Option<Blocking>,
    /// How depthwise convolutions run.
    pub depthwise: Depthwise,
    /// The unit that runs everything else.
    pub vector: VectorUnit,
    /// On-chip memory and the ways to and from it.
    pub memory: Memory,
    /// What is spent besides arithmetic and data movement.
    pub overhead: Overhead,
    /// Energy figures, where there are any.
    pub energy: Option<EnergyFigures>,
    /// How far the model is off.
    pub error: ModelError,
    /// What the machine can run.
    pub support: Support,
}

/// A grid of multipliers: reduction lanes (input channels), output lanes (output channels), pixel lanes (positions).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Array {
    /// The form in which the profile describes it.
    pub kind: ArrayKind,
    /// Products summed into one output each cycle.
    pub reduction_lanes: Sourced<u32>,
    /// Output channels worked on at once.
    pub output_lanes: Sourced<u32>,
    /// Rows of output positions worked on at once.
    pub pixel_lanes_high: Sourced<u32>,
    /// Columns of output positions worked on at once.
    pub pixel_lanes_wide: Sourced<u32>,
    /// Whether pixel lanes form a rectangle of positions or take them in a row across line ends.
    pub pixel_order: Sourced<PixelOrder>,
    /// The granules that a reduction is rounded up to; the cheapest is taken for each layer.
    pub padding: Sourced<Vec<Granule>>,
    /// Cycles to load the weights of one granule for all output lanes while the previous granule is processed.
    pub weight_load_cycles: Figure,
    /// Cycles before the first result of a layer and after its last product: filling and draining.
    pub startup_cycles: Figure,
    /// Results that the output stage (scaling, activation, writing) accepts each cycle.
    pub output_elements_per_cycle: Figure,
    /// Whether the output stage works beside the array or takes its turn.
    pub output_stage: Sourced<OutputStage>,
    /// Share of the cycles that the array really works, padding and loading apart.
    pub utilisation: Figure,
    /// How many such arrays share out every layer; 1 where the profile names none. Vector unit and memories are the whole
    /// machine's.
    pub count: Sourced<u32>,
    /// What only a systolic array has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub systolic: Option<Systolic>,
}

/// How layers run on an array whose cells pass operands on to their neighbours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Systolic {
    /// What stays in the cells.
    pub dataflow: Sourced<DataflowChoice>,
    /// Whether the next fold fills while the one before drains.
    pub fold_overlap: Sourced<bool>,
    /// Whether a layer may run on a part of the rows and columns where that takes fewer cycles (so where the profile says
    /// nothing); else every fold is charged for the whole array, as SCALE-Sim does.
    pub partial: Sourced<bool>,
    /// Bytes in which partial sums of 4 bytes wait for the next fold of the reduction. What has more of them is worked off
    /// in blocks. All of `memory.activation_bytes` where the profile says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulator_bytes: Option<Figure>,
}

/// The dataflows that a systolic array has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataflowChoice {
    /// One for all layers.
    Fixed(Dataflow),
    /// For each layer the one that takes the fewest cycles.
    Best,
}

impl DataflowChoice {
    /// Every choice with its name in profiles.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("os", Self::Fixed(Dataflow::OutputStationary)),
        ("ws", Self::Fixed(Dataflow::WeightStationary)),
        ("is", Self::Fixed(Dataflow::InputStationary)),
        ("best", Self::Best),
    ];

    /// The dataflows among which a layer may choose.
    #[must_use]
    pub fn dataflows(self) -> Vec<Dataflow> {
        match self {
            Self::Fixed(dataflow) => vec![dataflow],
            Self::Best => Dataflow::NAMES.map(|(_, dataflow)| dataflow).to_vec(),
        }
    }
}

/// The machines whose arrays a profile can describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrayKind {
    /// Lanes for reduction, output channels and positions: the general form, processors included.
    Lanes,
    /// An Edge-TPU-class grid: PEs share out the positions, lanes of cores the output channels, ways the reduction.
    Grid,
    /// A matrix unit that multiplies two small matrices every cycle (Ascend-class).
    Cube,
    /// Cells that pass operands on to their neighbours, in folds of rows × columns.
    Systolic,
}

impl ArrayKind {
    /// Every form with its name in profiles.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("lanes", Self::Lanes),
        ("grid", Self::Grid),
        ("cube", Self::Cube),
        ("systolic", Self::Systolic),
    ];

    /// The name used in profiles and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lanes => "lanes",
            Self::Grid => "grid",
            Self::Cube => "cube",
            Self::Systolic => "systolic",
        }
    }
}

impl Array {
    /// Multiply-accumulates of a full cycle of all arrays.
    #[must_use]
    pub fn macs_per_cycle(&self) -> f64 {
        f64::from(self.count.value)
            * f64::from(self.reduction_lanes.value)
            * f64::from(self.output_lanes.value)
            * f64::from(self.pixel_lanes_high.value)
            * f64::from(self.pixel_lanes_wide.value)
    }
}

/// How positions are dealt to the pixel lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PixelOrder {
    /// A rectangle of positions; each axis is rounded up.
    Block,
    /// Consecutive positions; only the total is rounded up.
    Flat,
}

impl PixelOrder {
    /// Every order with its name in profiles.
    pub const NAMES: [(&'static str, Self); 2] = [("block", Self::Block), ("flat", Self::Flat)];
}

/// When results are scaled and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStage {
    /// A unit of its own: the slower of array and output stage rules.
    Beside,
    /// The same lanes do it, as on a processor: both times add up.
    After,
}

impl OutputStage {
    /// Every kind with its name in profiles.
    pub const NAMES: [(&'static str, Self); 2] = [("beside", Self::Beside), ("after", Self::After)];
}

/// What the reduction over input channels and kernel taps is rounded up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Granule {
    /// Input channels taken together.
    pub channels: u32,
    /// Kernel taps taken together.
    pub taps: u32,
}

/// The mapping of depthwise convolutions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Depthwise {
    /// Where and how they run.
    pub mapping: Sourced<DepthwiseMapping>,
    /// For `simd_lanes`: channels worked on at once.
    pub channel_lanes: Option<Sourced<u32>>,
    /// For `simd_lanes`: kernel taps are rounded up to this.
    pub tap_padding: Option<Sourced<u32>>,
    /// Share of the cycles that do work, apart from padding.
    pub utilisation: Figure,
}

/// The named mappings of depthwise convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DepthwiseMapping {
    /// Each channel is a convolution of its own on the array (SCALE-Sim's `DP` rows).
    PerChannel,
    /// Channels lie side by side in lanes, one product a lane and cycle.
    SimdLanes,
    /// A block of channels is run as a dense convolution whose weights are zero off the diagonal.
    ChannelPacked,
    /// The vector unit runs them, one pass a tap.
    VectorUnit,
}

impl DepthwiseMapping {
    /// Every mapping with its name in profiles.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("per_channel", Self::PerChannel),
        ("simd_lanes", Self::SimdLanes),
        ("channel_packed", Self::ChannelPacked),
        ("vector_unit", Self::VectorUnit),
    ];
}

/// The unit for element-wise work. A *pass* handles every element once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VectorUnit {
    /// Elements of one pass handled each cycle.
    pub elements_per_cycle: Figure,
    /// Channels are rounded up to this.
    pub channel_padding: Sourced<u32>,
    /// Passes over the output for each input added beyond the first.
    pub add_passes: Figure,
    /// Passes over the output of a product.
    pub mul_passes: Figure,
    /// Passes over the output of a concatenation; 0 when producers write to the right place.
    pub concat_passes: Figure,
    /// Passes over the output of a grouped convolution, on machines that run it group by group and put the results together;
    /// each group is then started for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_passes: Option<Figure>,
    /// Passes for each tap of a pooling window or of a depthwise kernel that runs here.
    pub tap_passes: Figure,
    /// Where pooling runs.
    pub pooling: Sourced<Pooling>,
    /// Activations that cost nothing after another operator.
    pub fused_activations: Sourced<Vec<Operator>>,
    /// Passes of the activations that are not fused; every supported one is either here or fused.
    pub activation_passes: Vec<(Operator, Figure)>,
}

impl VectorUnit {
    /// The operator that the profile has figures for: the activation's, or the one that stands for it.
    fn known(&self, operator: Operator) -> Operator {
        let own = self.fused_activations.value.contains(&operator)
            || self.activation_passes.iter().any(|(of, _)| *of == operator);
        operator.stands_in().filter(|_| !own).unwrap_or(operator)
    }

    /// Passes of an activation that follows an operator in the same layer.
    #[must_use]
    pub fn passes_behind(&self, activation: Activation) -> f64 {
        let operator = self.known(Operator::of_activation(activation));
        if self.fused_activations.value.contains(&operator) {
            return 0.0;
        }
        self.passes_alone(activation)
    }

    /// Passes of an activation that is a layer of its own; a fused one still has to copy its input.
    #[must_use]
    pub fn passes_alone(&self, activation: Activation) -> f64 {
        let operator = self.known(Operator::of_activation(activation));
        self.activation_passes
            .iter()
            .find(|(of, _)| *of == operator)
            .map_or(1.0, |(_, passes)| passes.value)
    }
}

/// Where pooling windows are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// As a depthwise convolution.
    Depthwise,
    /// On the vector unit, one pass a tap.
    VectorUnit,
}

impl Pooling {
    /// Every place with its name in profiles.
    pub const NAMES: [(&'static str, Self); 2] = [("depthwise", Self::Depthwise), ("vector_unit", Self::VectorUnit)];
}

/// Memories and the bandwidths between them. Rates are bytes a second, sizes bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Memory {
    /// On-chip memory that holds activations.
    pub activation_bytes: Figure,
    /// On-chip memory that holds weights from one inference to the next; 0 when all are streamed.
    pub weight_cache_bytes: Figure,
    /// Whether both are one memory: weights then get what the largest set of live activations leaves of
    /// `activation_bytes`, at most `weight_cache_bytes`.
    pub shared: Sourced<bool>,
    /// Between on-chip memory and the array.
    pub on_chip_bytes_per_s: Figure,
    /// How often an activation is read or written on chip, on average.
    pub activation_rereads: Figure,
    /// Between the chip and its main memory.
    pub off_chip_bytes_per_s: Figure,
    /// The way of streamed weights, where it is not the main memory's.
    pub weight_stream_bytes_per_s: Option<Figure>,
    /// The way of image and result, where they cross a link to a host.
    pub host_link_bytes_per_s: Option<Figure>,
    /// Bytes kept for each output channel besides the kernel: bias, scale, shift.
    pub channel_side_bytes: Figure,
    /// Holds streamed weights: those in use and those fetched ahead.
    pub weight_buffer_bytes: Figure,
    /// From asking main memory until the first byte comes, in seconds.
    pub off_chip_latency_s: Figure,
    /// Between a systolic array and the accumulators below its columns; as much as the array needs where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulator_bytes_per_s: Option<Figure>,
    /// Whether the weights of later layers are fetched while a layer runs.
    pub fetch_ahead: Sourced<bool>,
    /// Whether chains of layers are run tile by tile, so that what is between them never leaves the array's own buffers.
    pub chain_fusion: Sourced<bool>,
}

/// Costs besides arithmetic and movement, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overhead {
    /// Once an inference.
    pub inference_s: Figure,
    /// Once a layer: issuing it. Never hidden behind arithmetic or movement.
    pub layer_s: Figure,
}

/// Energy by counting accesses, in joules and watts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnergyFigures {
    /// Of one multiply-accumulate.
    pub mac_j: Figure,
    /// Of one byte read or written on chip.
    pub on_chip_byte_j: Figure,
    /// Of one byte of weights read on chip; `on_chip_byte_j` where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_byte_j: Option<Figure>,
    /// Of one byte of partial sums written to accumulators or read from there; `on_chip_byte_j` where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulator_byte_j: Option<Figure>,
    /// Of one byte that crosses the border of the chip.
    pub off_chip_byte_j: Figure,
    /// Power drawn all the time.
    pub static_w: Figure,
}

/// How far off the model is: the true latency t lies in v/(1 + relative) ≤ t ≤ v·(1 + relative) with share `level`.
///
/// The interval is symmetric in ratio, so that its lower end stays positive however large the error is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelError {
    /// Half width in ratio, such as 0.2.
    pub relative: Figure,
    /// Share of networks whose latency the interval is meant to contain.
    pub level: Figure,
}

/// What a machine runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Support {
    /// The operators; all others are refused.
    pub operators: Sourced<Vec<Operator>>,
    /// Largest kernel of a convolution on either axis.
    pub largest_kernel: Sourced<u32>,
}
