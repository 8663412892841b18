//! The names of Python objects that a pickle may mention: a closed list, none of which runs anything.

use std::borrow::Cow;

use super::node::Node;
use super::readable;
use crate::FormatError;
use crate::typed_tensor::ElementType;

/// What stands for one of the allowed names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Global {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2`
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`
    RebuildParameter,
    /// `torch.Size`
    Size,
    /// `torch.FloatStorage` and the like
    Storage(ElementType),
}

/// The node that a name stands for.
///
/// # Errors
/// When the name is not on the list.
pub fn global<'a>(module: &[u8], name: &[u8]) -> Result<Node<'a>, FormatError> {
    let known = match (module, name) {
        (b"collections", b"OrderedDict") => Global::OrderedDict,
        (b"torch._utils", b"_rebuild_tensor_v2") => Global::RebuildTensor,
        (b"torch._utils", b"_rebuild_parameter") => Global::RebuildParameter,
        (b"torch", b"Size") => Global::Size,
        (b"torch", name) => match (storage(name), element_type(name)) {
            (Some(element_type), _) => Global::Storage(element_type),
            (_, Some(text)) => return Ok(Node::Text(Cow::Borrowed(text))),
            _ => return Err(refused(module, name)),
        },
        _ => return Err(refused(module, name)),
    };
    Ok(Node::Global(known))
}

fn refused(module: &[u8], name: &[u8]) -> FormatError {
    FormatError::TorchGlobal {
        global: format!("{}.{}", readable(module), readable(name)),
    }
}

fn storage(name: &[u8]) -> Option<ElementType> {
    Some(match name {
        b"FloatStorage" => ElementType::F32,
        b"DoubleStorage" => ElementType::F64,
        b"HalfStorage" => ElementType::F16,
        b"BFloat16Storage" => ElementType::BF16,
        b"CharStorage" => ElementType::I8,
        b"ByteStorage" => ElementType::U8,
        b"ShortStorage" => ElementType::I16,
        b"IntStorage" => ElementType::I32,
        b"LongStorage" => ElementType::I64,
        b"BoolStorage" => ElementType::Bool,
        _ => return None,
    })
}

/// A `torch.element_type` is data here, and becomes the text that Python prints for it.
fn element_type(name: &[u8]) -> Option<&'static str> {
    Some(match name {
        b"float32" => "torch.float32",
        b"float64" => "torch.float64",
        b"float16" => "torch.float16",
        b"bfloat16" => "torch.bfloat16",
        b"int8" => "torch.int8",
        b"uint8" => "torch.uint8",
        b"int16" => "torch.int16",
        b"int32" => "torch.int32",
        b"int64" => "torch.int64",
        b"bool" => "torch.bool",
        _ => return None,
    })
}
