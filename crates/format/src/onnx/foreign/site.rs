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

    pub fn unsupported(&self) -> FormatError {
        FormatError::UnsupportedOperator {
            node: self.name.clone(),
            operator: self.operator.to_owned(),
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
