mod read;

use std::fmt::Write as _;

use panarch_toml::Diagnostics;

use super::Noted;
use crate::CostError;
use crate::systolic::Gemm;

/// A topology: the layers of a network, all as convolutions or all as matrix products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// Rows of eight fields: name, input, filter, channels, filters, stride.
    Convolutions(Vec<ConvolutionRow>),
    /// Rows of four fields: name, M, N, K.
    Gemms(Vec<GemmRow>),
}

/// A convolution. The input includes its padding, which the format has no field for. Pairs are (height, width).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvolutionRow {
    /// The layer's name. One that contains `DP` is a depthwise layer: each channel is a layer of its own.
    pub name: String,
    /// Size of the padded input.
    pub ifmap: [u32; 2],
    /// Size of the filter.
    pub filter: [u32; 2],
    /// Input channels.
    pub channels: u32,
    /// Filters; those of one channel in a depthwise layer.
    pub filters: u32,
    /// Stride of both axes.
    pub stride: u32,
}

impl ConvolutionRow {
    /// True when SCALE-Sim takes it for depthwise: the name contains `DP`.
    #[must_use]
    pub fn is_depthwise(&self) -> bool {
        self.name.contains("DP")
    }

    /// The matrix product of the layer, or of one channel of a depthwise layer.
    ///
    /// The output has ⌈(input − filter + stride) / stride⌉ positions on an axis: where the stride does not divide, one
    /// more than a convolution has.
    ///
    /// # Errors
    /// A filter larger than its input, a dimension of 0, counts beyond 64 bits.
    pub fn gemm(&self) -> Result<Gemm, CostError> {
        let positions = |axis: usize| -> u64 {
            match (self.ifmap[axis].checked_sub(self.filter[axis]), self.stride) {
                (Some(rest), stride @ 1..) => u64::from(rest.div_ceil(stride)) + 1,
                _ => 0,
            }
        };
        let channels = if self.is_depthwise() {
            1
        } else {
            u64::from(self.channels)
        };
        let window = u128::from(self.filter[0]) * u128::from(self.filter[1]) * u128::from(channels);
        let pixels = u128::from(positions(0)) * u128::from(positions(1));
        let n = u64::from(self.filters);
        match (u64::try_from(pixels), u64::try_from(window)) {
            (Ok(m), Ok(k)) => Gemm::new(m, n, k),
            (m, k) => Err(CostError::HugeGemm {
                m: m.unwrap_or(u64::MAX),
                n,
                k: k.unwrap_or(u64::MAX),
            }),
        }
    }
}

/// A matrix product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GemmRow {
    /// The layer's name.
    pub name: String,
    /// Rows of the first operand.
    pub m: u32,
    /// Columns of the second operand.
    pub n: u32,
    /// The dimension that is summed over.
    pub k: u32,
}

/// A row as arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologyLayer {
    /// The row's name.
    pub name: String,
    /// The matrix product that it stands for; of a depthwise layer, that of one channel.
    pub gemm: Gemm,
    /// How often it runs: the channels of a depthwise layer, otherwise 1.
    pub repeats: u32,
}

impl Topology {
    /// Reads a topology of either form; `file_name` only appears in messages.
    ///
    /// The first line is the header and tells the form; where it does not, the first row's length does. Columns have fixed
    /// places. Blank rows, rows of commas, a missing last comma or line end, `\r\n`, spaces and columns beyond the known
    /// ones are fine. Of two strides the first is taken for both axes, as SCALE-Sim does; a note says where they differ.
    ///
    /// # Errors
    /// All problems at once, each with its line: missing fields, what is no number, sizes out of range, filters larger
    /// than their input, layers of more than 2⁶⁴ multiply-accumulates.
    pub fn read(file_name: &str, text: &str) -> Result<Noted<Self>, Diagnostics> {
        read::topology(file_name, text)
    }

    /// The rows as arithmetic, in order.
    ///
    /// # Errors
    /// Dimensions that no layer has; reading has ruled them out.
    pub fn layers(&self) -> Result<Vec<TopologyLayer>, CostError> {
        match self {
            Self::Convolutions(rows) => rows
                .iter()
                .map(|row| {
                    Ok(TopologyLayer {
                        name: row.name.clone(),
                        gemm: row.gemm()?,
                        repeats: if row.is_depthwise() { row.channels } else { 1 },
                    })
                })
                .collect(),
            Self::Gemms(rows) => rows
                .iter()
                .map(|row| {
                    Ok(TopologyLayer {
                        name: row.name.clone(),
                        gemm: Gemm::new(row.m.into(), row.n.into(), row.k.into())?,
                        repeats: 1,
                    })
                })
                .collect(),
        }
    }

    /// The text of the CSV file. Every row ends with a comma: SCALE-Sim drops what follows the last one. Commas and
    /// control characters in names become `_`.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Convolutions(rows) => {
                text.push_str("Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, ");
                text.push_str("Channels, Num Filter, Strides,\n");
                for row in rows {
                    let ([high, wide], [filter_high, filter_wide]) = (row.ifmap, row.filter);
                    let _ = writeln!(
                        text,
                        "{}, {high}, {wide}, {filter_high}, {filter_wide}, {}, {}, {},",
                        written_name(&row.name),
                        row.channels,
                        row.filters,
                        row.stride,
                    );
                }
            }
            Self::Gemms(rows) => {
                text.push_str("Layer, M, N, K,\n");
                for row in rows {
                    let _ = writeln!(text, "{}, {}, {}, {},", written_name(&row.name), row.m, row.n, row.k);
                }
            }
        }
        text
    }
}

fn written_name(name: &str) -> String {
    let plain = |c: char| if c == ',' || panarch_toml::is_hidden(c) { '_' } else { c };
    name.trim().chars().map(plain).collect()
}
