use std::collections::HashSet;

use crate::{Conv2d, GraphError, Network, Node, NodeId, Op, Output, Padding, Pool, PoolKind, Shape, output};

/// Largest channel count or axis length that a network may have; keeps every product inside `u64`.
const LARGEST_AXIS: u32 = 1 << 20;

/// Builds a [`Network`] node by node, checking each against its inputs.
#[derive(Debug)]
pub struct NetworkBuilder {
    name: String,
    input: Shape,
    scope: String,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
    names: HashSet<String>,
}

impl NetworkBuilder {
    /// An empty network for images of shape `input`.
    #[must_use]
    pub fn new(name: impl Into<String>, input: Shape) -> Self {
        Self {
            name: name.into(),
            input,
            scope: "stem".to_owned(),
            nodes: Vec::new(),
            shapes: Vec::new(),
            names: HashSet::new(),
        }
    }

    /// Names the block that the following nodes belong to.
    pub fn scope(&mut self, block: impl Into<String>) -> &mut Self {
        self.scope = block.into();
        self
    }

    /// The input node; made on the first call.
    pub fn input(&mut self) -> NodeId {
        if self.nodes.is_empty() {
            self.names.insert("input".to_owned());
            self.nodes.push(Node {
                name: "input".to_owned(),
                op: Op::Input,
                inputs: Vec::new(),
                block: "input".to_owned(),
            });
            self.shapes.push(self.input);
        }
        NodeId(0)
    }

    /// The output shape of a node made so far.
    ///
    /// # Panics
    /// When the identifier comes from another builder and is out of range.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> Shape {
        self.shapes[id.index()]
    }

    /// Adds a node in the current block.
    ///
    /// # Errors
    /// When the name is taken, an input does not exist, or shapes and attributes do not fit.
    pub fn add(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        self.input();
        let block = self.scope.clone();
        self.push(Node {
            name: name.into(),
            op,
            inputs: inputs.to_vec(),
            block,
        })
    }

    /// Adds a node as it is, with its own block.
    ///
    /// # Errors
    /// As [`NetworkBuilder::add`].
    pub fn push(&mut self, mut node: Node) -> Result<NodeId, GraphError> {
        if matches!(node.op, Op::Input) && self.nodes.is_empty() {
            check_axes(&node.name, "input", self.input)?;
            self.names.insert(node.name.clone());
            self.nodes.push(node);
            self.shapes.push(self.input);
            return Ok(NodeId(0));
        }
        self.input();
        if self.names.contains(&node.name) {
            return Err(GraphError::DuplicateName { name: node.name });
        }
        let mut shapes = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            match self.shapes.get(input.index()) {
                Some(shape) => shapes.push(*shape),
                None => {
                    return Err(GraphError::UnknownInput {
                        node: node.name,
                        input: input.index(),
                    });
                }
            }
        }
        if let Op::Pool(pool) = &mut node.op {
            // Pools that compute the same are the same.
            pool.count_padding |= pool.kind == PoolKind::Max || pool.padding == Padding::NONE;
        }
        let shape = infer_checked(&node, &shapes)?;
        let id = NodeId(self.nodes.len() as u32);
        self.names.insert(node.name.clone());
        self.nodes.push(node);
        self.shapes.push(shape);
        Ok(id)
    }

    /// The finished network, whose only result is `output`, under the name [`Output::DEFAULT`].
    ///
    /// # Errors
    /// When a node other than the output is never read.
    pub fn finish(self, output: NodeId) -> Result<Network, GraphError> {
        self.finish_with(vec![Output::new(Output::DEFAULT, output)])
    }

    /// The finished network with these outputs, in their order.
    ///
    /// # Errors
    /// When a node that is no output is never read; as [`Network::with_outputs`].
    pub fn finish_with(mut self, outputs: Vec<Output>) -> Result<Network, GraphError> {
        self.input();
        check_axes("input", "input", self.input)?;
        output::check(&outputs, &self.nodes)?;
        let mut used = vec![false; self.nodes.len()];
        for output in &outputs {
            used[output.node.index()] = true;
        }
        for node in &self.nodes {
            for input in &node.inputs {
                used[input.index()] = true;
            }
        }
        if let Some(index) = used.iter().position(|used| !used) {
            return Err(GraphError::Unused {
                node: self.nodes[index].name.clone(),
            });
        }
        Ok(Network::from_parts(self.name, self.nodes, self.shapes, outputs))
    }
}

/// The output shape of a node, within what a network may have.
pub(crate) fn infer_checked(node: &Node, shapes: &[Shape]) -> Result<Shape, GraphError> {
    let shape = infer(node, shapes)?;
    check_axes(&node.name, node.op.name(), shape)?;
    Ok(shape)
}

fn check_axes(node: &str, operator: &'static str, shape: Shape) -> Result<(), GraphError> {
    let axes = [shape.channels, shape.height, shape.width];
    if axes.iter().any(|axis| *axis == 0 || *axis > LARGEST_AXIS) {
        let reason = format!("shape {shape} has an axis outside 1..={LARGEST_AXIS}");
        return Err(GraphError::Attribute {
            node: node.to_owned(),
            operator,
            reason,
        });
    }
    Ok(())
}

fn infer(node: &Node, shapes: &[Shape]) -> Result<Shape, GraphError> {
    let operator = node.op.name();
    let arity = |expected: &'static str| GraphError::Arity {
        node: node.name.clone(),
        operator,
        expected,
        found: shapes.len(),
    };
    let misfit = |reason: &str| GraphError::Shape {
        node: node.name.clone(),
        operator,
        reason: reason.to_owned(),
        shapes: shapes.to_vec(),
    };
    let attribute = |reason: String| GraphError::Attribute {
        node: node.name.clone(),
        operator,
        reason,
    };
    let window = |input: Shape, window: [AxisWindow; 2]| {
        let height = window[0].output(input.height).map_err(&attribute)?;
        let width = window[1].output(input.width).map_err(&attribute)?;
        Ok::<_, GraphError>((height, width))
    };
    match (&node.op, shapes) {
        (Op::Input, _) => Err(GraphError::Input),
        (Op::Conv2d(conv), &[input]) => {
            if conv.groups == 0 || conv.out == 0 || input.channels % conv.groups != 0 || conv.out % conv.groups != 0 {
                return Err(misfit(&format!(
                    "{} groups do not divide the input's channels and {} outputs",
                    conv.groups, conv.out
                )));
            }
            let (height, width) = window(input, [0, 1].map(|axis| AxisWindow::of_convolution(conv, axis)))?;
            Ok(Shape::new(conv.out, height, width))
        }
        (Op::BatchNorm(bn), &[input]) => {
            if !(bn.eps.is_finite() && bn.eps > 0.0 && (0.0..=1.0).contains(&bn.momentum)) {
                return Err(attribute("eps must be positive and momentum from 0 to 1".to_owned()));
            }
            Ok(input)
        }
        (Op::Activation(_), &[input]) => Ok(input),
        (Op::Add, &[a, b]) => {
            if a == b {
                Ok(a)
            } else {
                Err(misfit("both inputs must have the same shape"))
            }
        }
        (Op::Mul, &[a, b]) => {
            if a == b || (b.is_vector() && a.channels == b.channels) {
                Ok(a)
            } else {
                Err(misfit(
                    "the second input must have the first one's shape or be a gate of (C, 1, 1)",
                ))
            }
        }
        (Op::Concat, inputs) if inputs.len() >= 2 => {
            let first = inputs[0];
            if inputs
                .iter()
                .any(|shape| (shape.height, shape.width) != (first.height, first.width))
            {
                return Err(misfit("all inputs must have the same height and width"));
            }
            let channels: u64 = inputs.iter().map(|shape| u64::from(shape.channels)).sum();
            Ok(Shape {
                channels: u32::try_from(channels).unwrap_or(u32::MAX),
                ..first
            })
        }
        (Op::Pool(pool), &[input]) => {
            check_pool(pool).map_err(&attribute)?;
            let (height, width) = window(input, [0, 1].map(|axis| AxisWindow::of_pool(pool, axis)))?;
            Ok(Shape { height, width, ..input })
        }
        (Op::GlobalAvgPool, &[input]) => Ok(Shape::vector(input.channels)),
        (Op::Flatten, &[input]) => Ok(Shape::vector(u32::try_from(input.elements()).unwrap_or(u32::MAX))),
        (Op::Linear(linear), &[input]) => {
            if input.is_vector() {
                Ok(Shape::vector(linear.out))
            } else {
                Err(misfit("the input must be a vector; pool or flatten it first"))
            }
        }
        (Op::Slice(slice), &[input]) => slice.output(input).map_err(attribute),
        (Op::Shuffle { groups }, &[input]) => {
            if *groups > 0 && input.channels.is_multiple_of(*groups) {
                Ok(input)
            } else {
                Err(misfit(&format!("{groups} groups do not divide the input's channels")))
            }
        }
        (Op::Resize(resize), &[input]) => Ok(resize.output(input)),
        (Op::Pad(border), &[input]) => border.output(input).map_err(attribute),
        (Op::LayerNorm(norm), &[input]) => norm.output(input).map_err(attribute),
        (Op::Affine(affine), &[input]) => affine.output(input).map_err(attribute),
        (Op::Add | Op::Mul, _) => Err(arity("2")),
        (Op::Concat, _) => Err(arity("2 or more")),
        (
            Op::Conv2d(_)
            | Op::BatchNorm(_)
            | Op::Activation(_)
            | Op::Pool(_)
            | Op::GlobalAvgPool
            | Op::Flatten
            | Op::Linear(_)
            | Op::Slice(_)
            | Op::Shuffle { .. }
            | Op::Resize(_)
            | Op::Pad(_)
            | Op::LayerNorm(_)
            | Op::Affine(_),
            _,
        ) => Err(arity("1")),
    }
}

fn check_pool(pool: &Pool) -> Result<(), String> {
    let Padding { before, after } = pool.padding;
    let too_much = |axis: usize| before[axis].max(after[axis]) > pool.kernel[axis] / 2;
    match pool.kind {
        PoolKind::Max | PoolKind::Average if too_much(0) || too_much(1) => Err(format!(
            "padding {before:?} before and {after:?} after is more than half the window {:?}",
            pool.kernel
        )),
        _ => Ok(()),
    }
}

/// A sliding window along one axis.
struct AxisWindow {
    kernel: u32,
    stride: u32,
    before: u32,
    after: u32,
    dilation: u32,
    ceil: bool,
}

impl AxisWindow {
    fn of_convolution(conv: &Conv2d, axis: usize) -> Self {
        Self {
            kernel: conv.kernel[axis],
            stride: conv.stride[axis],
            before: conv.padding.before[axis],
            after: conv.padding.after[axis],
            dilation: conv.dilation[axis],
            ceil: false,
        }
    }

    fn of_pool(pool: &Pool, axis: usize) -> Self {
        Self {
            kernel: pool.kernel[axis],
            stride: pool.stride[axis],
            before: pool.padding.before[axis],
            after: pool.padding.after[axis],
            dilation: 1,
            ceil: pool.ceil,
        }
    }

    /// ⌊(n + before + after − d(k − 1) − 1) / s⌋ + 1, or why there is no such size; rounded up if `ceil`, and then less
    /// by one when the last window would begin behind n + before.
    fn output(&self, size: u32) -> Result<u32, String> {
        let Self {
            kernel,
            stride,
            before,
            after,
            dilation,
            ceil,
        } = *self;
        let limit = LARGEST_AXIS;
        if [kernel, stride, dilation].contains(&0)
            || [kernel, stride, dilation, before, after]
                .iter()
                .any(|value| *value > limit)
        {
            return Err(format!(
                "kernel {kernel}, stride {stride}, dilation {dilation} must be at least 1, and with padding {before} and \
                 {after} at most {limit}"
            ));
        }
        let [size, before, after, stride] = [size, before, after, stride].map(u64::from);
        let padded = size + before + after;
        let extent = u64::from(dilation) * (u64::from(kernel) - 1) + 1;
        let slack = if ceil { stride - 1 } else { 0 };
        if extent > padded + slack {
            return Err(format!(
                "a window of {extent} does not fit into {padded} padded positions"
            ));
        }
        let steps = (padded + slack - extent) / stride;
        let surplus = ceil && steps > 0 && steps * stride >= size + before;
        Ok((steps + 1 - u64::from(surplus)) as u32)
    }
}
