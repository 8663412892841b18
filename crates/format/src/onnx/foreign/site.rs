use super::super::messages::NodeProto;
use crate::FormatError;

/// One ONNX node with what every error about it needs.
pub struct Site<'a> {
    pub proto: &'a NodeProto,
    pub name: String,
    pub operator: &'a str,
}

impl<'a> Site<'a> {
    /// A node; one without a name is called after its first output.
    pub fn new(index: usize, proto: &'a NodeProto) -> Result<Self, FormatError> {
        let operator = proto.op_type.as_deref().unwrap_or_default();
        let own = proto.name.as_deref().filter(|name| !name.is_empty());
        let output = proto.output.iter().map(String::as_str).find(|name| !name.is_empty());
        let name = own
            .or(output)
            .map_or_else(|| format!("node{index}"), |name| name.to_owned());
        match proto.domain.as_deref() {
            None | Some("" | "ai.onnx") => Ok(Self { proto, name, operator }),
            Some(domain) => Err(FormatError::UnsupportedOperator {
                node: name,
                operator: format!("{domain}.{operator}"),
            }),
        }
    }

    pub fn error(&self, reason: impl Into<String>) -> FormatError {
        FormatError::Node {
            node: self.name.clone(),
            operator: self.operator.to_owned(),
            reason: reason.into(),
        }
    }

    /// The refusal of an operator that has no counterpart, with the way around where there is one.
    pub fn unsupported(&self) -> FormatError {
        match way_around(self.operator) {
            Some(way) => self.error(format!("is not supported; {way}")),
            None => FormatError::UnsupportedOperator {
                node: self.name.clone(),
                operator: self.operator.to_owned(),
            },
        }
    }

    /// The name of an input; none where it is left out.
    pub fn input(&self, position: usize) -> Option<&'a str> {
        let name = self.proto.input.get(position)?;
        (!name.is_empty()).then_some(name)
    }

    /// How many inputs there are; absent ones at the end do not count.
    pub fn input_count(&self) -> usize {
        let last = self.proto.input.iter().rposition(|input| !input.is_empty());
        last.map_or(0, |last| last + 1)
    }

    /// Refuses more inputs or fewer.
    pub fn expect_inputs(&self, numbers: std::ops::RangeInclusive<usize>) -> Result<(), FormatError> {
        let found = self.input_count();
        if numbers.contains(&found) {
            return Ok(());
        }
        let (least, most) = (numbers.start(), numbers.end());
        Err(self.error(format!("needs {least} to {most} inputs, found {found}")))
    }
}

/// What somebody can do who meets an operator that is refused.
fn way_around(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "Attention" | "MultiHeadAttention" | "RotaryEmbedding" | "Einsum" => {
            "attention has no counterpart here: take a member of the family that has convolutions alone"
        }
        "And" | "CumSum" | "Equal" | "Expand" | "GatherElements" | "GatherND" | "Greater" | "Less" | "Mod" | "Not"
        | "Or" | "Range" | "ScatterElements" | "ScatterND" | "Tile" | "Trilu" | "Where" => {
            "where it depends on sizes alone, a simplifier of ONNX files computes it beforehand; windows, masks and position \
             encodings of attention have no counterpart here"
        }
        "If" | "Loop" | "Scan" => {
            "export the network for one fixed image size, so that nothing is decided when it runs"
        }
        "ReduceL1" | "ReduceL2" | "ReduceSum" => {
            "norms and sums over an axis have no counterpart here, such as the response normalisation of ConvNeXt V2 and the \
             split attention of ResNeSt: take a member of the family without them"
        }
        "ConvTranspose" | "DepthToSpace" => "a Resize followed by a convolution takes its place",
        "NonMaxSuppression" | "RoiAlign" | "TopK" => "export the network without what selects its detections",
        _ => return None,
    })
}
