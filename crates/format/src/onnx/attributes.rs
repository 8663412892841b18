use panarch_graph::Padding;

use super::limits;
use super::messages::{AttributeProto, NodeProto, TensorProto, attribute_type};
use crate::FormatError;

/// The attributes of one node while it is read: each is asked for once, and what nobody asked for is an error.
pub struct Attributes<'a> {
    node: &'a str,
    operator: &'a str,
    left: Vec<&'a AttributeProto>,
}

impl<'a> Attributes<'a> {
    /// Of a node that has a name.
    pub fn new(node: &'a str, operator: &'a str, proto: &'a NodeProto) -> Self {
        Self {
            node,
            operator,
            left: proto.attribute.iter().collect(),
        }
    }

    /// An integer, or its default.
    pub fn int(&mut self, name: &str, default: i64) -> Result<i64, FormatError> {
        self.take(name, attribute_type::INT)?.map_or(Ok(default), |found| {
            found.i.ok_or_else(|| self.error(name, "has no value"))
        })
    }

    /// An integer that may only have one value.
    pub fn int_must_be(&mut self, name: &str, default: i64, required: i64) -> Result<(), FormatError> {
        match self.int(name, default)? {
            found if found == required => Ok(()),
            found => Err(self.error(name, format!("only {required} is supported, found {found}"))),
        }
    }

    /// A float, or its default.
    pub fn float(&mut self, name: &str, default: f32) -> Result<f32, FormatError> {
        self.take(name, attribute_type::FLOAT)?.map_or(Ok(default), |found| {
            found.f.ok_or_else(|| self.error(name, "has no value"))
        })
    }

    /// A float that may only have one value.
    pub fn float_must_be(&mut self, name: &str, default: f32, required: f32) -> Result<(), FormatError> {
        match self.float(name, default)? {
            found if (found - required).abs() <= 1e-6 => Ok(()),
            found => Err(self.error(name, format!("only {required} is supported, found {found}"))),
        }
    }

    /// Two sizes of at least one for height and width, or the default; none when there is neither.
    pub fn pair(&mut self, name: &str, default: Option<[u32; 2]>) -> Result<[u32; 2], FormatError> {
        match (self.take(name, attribute_type::INTS)?, default) {
            (Some(found), _) => match found.ints[..] {
                [height, width] => Ok([self.size(name, height, 1)?, self.size(name, width, 1)?]),
                _ => Err(self.error(name, format!("needs 2 integers, found {}", found.ints.len()))),
            },
            (None, Some(default)) => Ok(default),
            (None, None) => Err(self.error(name, "is missing")),
        }
    }

    /// An integer that is 0 or 1.
    pub fn flag(&mut self, name: &str, default: bool) -> Result<bool, FormatError> {
        match self.int(name, i64::from(default))? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(self.error(name, format!("must be 0 or 1, found {found}"))),
        }
    }

    /// A list of integers; none when it is absent.
    pub fn ints(&mut self, name: &str) -> Result<Option<&'a [i64]>, FormatError> {
        Ok(self.take(name, attribute_type::INTS)?.map(|found| &found.ints[..]))
    }

    /// A float; none when it is absent.
    pub fn optional_float(&mut self, name: &str) -> Result<Option<f32>, FormatError> {
        let found = self.take(name, attribute_type::FLOAT)?;
        found
            .map(|found| found.f.ok_or_else(|| self.error(name, "has no value")))
            .transpose()
    }

    /// A list of floats; none when it is absent.
    pub fn floats(&mut self, name: &str) -> Result<Option<&'a [f32]>, FormatError> {
        Ok(self.take(name, attribute_type::FLOATS)?.map(|found| &found.floats[..]))
    }

    /// A text, or its default.
    pub fn text(&mut self, name: &str, default: &str) -> Result<String, FormatError> {
        let found = self.take(name, attribute_type::STRING)?;
        Ok(found.map_or(default.to_owned(), |found| {
            String::from_utf8_lossy(found.s.as_deref().unwrap_or_default()).into_owned()
        }))
    }

    /// A tensor; none when it is absent.
    pub fn tensor(&mut self, name: &str) -> Result<Option<&'a TensorProto>, FormatError> {
        Ok(self
            .take(name, attribute_type::TENSOR)?
            .and_then(|found| found.t.as_ref()))
    }

    /// Lets an attribute be whatever it is, because the result does not depend on it.
    pub fn ignore(&mut self, name: &str) {
        self.left.retain(|found| found.name.as_deref() != Some(name));
    }

    /// The padding of both axes; also refuses automatic padding.
    pub fn padding(&mut self) -> Result<Padding, FormatError> {
        if self.text("auto_pad", "NOTSET")? != "NOTSET" {
            return Err(self.error("auto_pad", "only NOTSET is supported"));
        }
        self.pads()
    }

    /// The padding of both axes as it is listed.
    pub fn pads(&mut self) -> Result<Padding, FormatError> {
        let Some(found) = self.take("pads", attribute_type::INTS)? else {
            return Ok(Padding::NONE);
        };
        match found.ints[..] {
            [top, left, bottom, right] => Ok(Padding {
                before: [self.size("pads", top, 0)?, self.size("pads", left, 0)?],
                after: [self.size("pads", bottom, 0)?, self.size("pads", right, 0)?],
            }),
            _ => Err(self.error("pads", format!("needs 4 integers, found {}", found.ints.len()))),
        }
    }

    /// An error about one attribute of this node.
    pub fn error(&self, attribute: &str, reason: impl Into<String>) -> FormatError {
        FormatError::Attribute {
            node: self.node.to_owned(),
            operator: self.operator.to_owned(),
            attribute: attribute.to_owned(),
            reason: reason.into(),
        }
    }

    /// Refuses what has not been asked for.
    pub fn finish(self) -> Result<(), FormatError> {
        match self.left.first() {
            Some(unknown) => Err(self.error(unknown.name.as_deref().unwrap_or_default(), "is not supported")),
            None => Ok(()),
        }
    }

    fn size(&self, name: &str, value: i64, least: i64) -> Result<u32, FormatError> {
        match u32::try_from(value) {
            Ok(size) if (least..=limits::WINDOW).contains(&value) => Ok(size),
            _ => Err(self.error(
                name,
                format!("must be from {least} to {}, found {value}", limits::WINDOW),
            )),
        }
    }

    fn take(&mut self, name: &str, expected: i32) -> Result<Option<&'a AttributeProto>, FormatError> {
        let Some(position) = self.left.iter().position(|found| found.name.as_deref() == Some(name)) else {
            return Ok(None);
        };
        let found = self.left.swap_remove(position);
        if found
            .ref_attr_name
            .as_ref()
            .is_some_and(|reference| !reference.is_empty())
        {
            return Err(self.error(name, "refers to a function's attribute, which is not supported"));
        }
        if found.r#type != Some(expected) {
            let found = found.r#type.unwrap_or(0);
            return Err(self.error(name, format!("must be of type {expected}, found type {found}")));
        }
        Ok(Some(found))
    }
}
