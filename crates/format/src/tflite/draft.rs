use super::quantise::Affine;
use super::structure::{Element, Operator, OperatorKind, Quantisation, Tensor};

/// A graph under construction: tensors with the bytes of constants, operators in order.
#[derive(Debug, Default)]
pub struct Draft {
    pub tensors: Vec<(Tensor, Option<Vec<u8>>)>,
    pub operators: Vec<Operator>,
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
    /// The names of the outputs, where the file is to say them.
    pub output_names: Vec<String>,
}

impl Draft {
    /// Adds an int8 value that is computed; gives its number.
    pub fn value(&mut self, name: String, shape: Vec<u32>, affine: Affine) -> usize {
        self.push(
            Tensor {
                name,
                shape,
                element: Element::Int8,
                quantisation: Some(affine.quantisation()),
                constant_bytes: None,
            },
            None,
        )
    }

    /// Adds a constant; gives its number.
    pub fn constant(
        &mut self,
        name: String,
        shape: Vec<u32>,
        element: Element,
        quantisation: Option<Quantisation>,
        data: Vec<u8>,
    ) -> usize {
        self.push(
            Tensor {
                name,
                shape,
                element,
                quantisation,
                constant_bytes: Some(data.len() as u64),
            },
            Some(data),
        )
    }

    /// Adds a constant of whole numbers without quantisation; gives its number.
    pub fn indices(&mut self, name: String, shape: Vec<u32>, values: &[i32]) -> usize {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, shape, Element::Int32, None, data)
    }

    /// Adds an operator with one result.
    pub fn operator(&mut self, kind: OperatorKind, inputs: &[usize], output: usize) {
        self.operators.push(Operator {
            kind,
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: vec![output],
        });
    }

    /// At least the bytes that the file will have.
    pub fn estimated_bytes(&self) -> u64 {
        let tensors = self.tensors.iter().map(|(tensor, _)| {
            let scales = tensor.quantisation.as_ref().map_or(0, |it| it.scales.len() as u64);
            tensor.constant_bytes.unwrap_or(0) + 12 * scales + 4 * tensor.shape.len() as u64 + tensor.name.len() as u64
        });
        let fixed = 4096 + 256 * (self.tensors.len() + self.operators.len()) as u64;
        let inputs: u64 = self.operators.iter().map(|it| 4 * it.inputs.len() as u64).sum();
        tensors.sum::<u64>() + fixed + inputs
    }

    fn push(&mut self, tensor: Tensor, data: Option<Vec<u8>>) -> usize {
        self.tensors.push((tensor, data));
        self.tensors.len() - 1
    }
}
