use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use panarch_graph::{Op, Padding, Shape};

use super::super::attributes::Attributes;
use super::super::data_files::DataFiles;
use super::super::limits;
use super::super::messages::{NodeProto, TensorProto};
use super::allowance::Allowance;
use super::array::Array;
use super::draft::{Draft, Step};
use super::notes::Notes;
use super::site::Site;
use super::view::{Axes, Axis, IMAGE, Order, VECTOR};
use super::{folding, view};
use crate::FormatError;

/// What a name stands for while a graph is read.
#[derive(Debug, Clone)]
pub enum Value {
    /// A constant of the file, which is read where it is needed.
    Stored(usize),
    /// A constant that was computed.
    Constant(Rc<Array>),
    /// A value that depends on the image.
    View(View),
}

/// A value of the draft seen through some axes.
#[derive(Debug, Clone)]
pub struct View {
    pub node: usize,
    pub axes: Vec<Axis>,
    /// The ONNX node that put all values of an image into one axis.
    pub flattened: Option<Rc<str>>,
    /// A Softmax that was left out because it should be the last node.
    pub softmax: Option<Rc<str>>,
}

/// Turns the nodes of a graph into a draft, one after the other.
pub struct Interpreter<'a> {
    pub batch: u64,
    pub draft: Draft,
    pub notes: Notes,
    pub allowance: Allowance,
    stored: &'a [TensorProto],
    files: &'a DataFiles,
    values: HashMap<&'a str, Value>,
    /// ReLU nodes that quantisation had absorbed.
    pub restored: HashSet<usize>,
    /// Flatten nodes that were added, by what they flatten.
    flattened: HashMap<usize, usize>,
}

impl<'a> Interpreter<'a> {
    /// An interpreter that knows the constants of the file and the input, which has these axes.
    pub fn new(
        (stored, files): (&'a [TensorProto], &'a DataFiles),
        (input, shape, axes, batch): (&'a str, Shape, Vec<Axis>, u64),
        allowance: Allowance,
    ) -> Result<Self, FormatError> {
        let mut values = HashMap::with_capacity(stored.len() + 1);
        for (index, tensor) in stored.iter().enumerate() {
            let name = tensor.name.as_deref().unwrap_or_default();
            if values.insert(name, Value::Stored(index)).is_some() {
                return Err(FormatError::tensor(name, "occurs twice"));
            }
        }
        let root = View {
            node: 0,
            axes,
            flattened: None,
            softmax: None,
        };
        values.insert(input, Value::View(root));
        Ok(Self {
            batch,
            draft: Draft::new(input, shape),
            notes: Notes::default(),
            allowance,
            stored,
            files,
            values,
            restored: HashSet::new(),
            flattened: HashMap::new(),
        })
    }

    /// Reads the next node.
    pub fn node(&mut self, index: usize, proto: &'a NodeProto) -> Result<(), FormatError> {
        let site = Site::new(index, proto)?;
        let Some(output) = proto.output.first().filter(|name| !name.is_empty()) else {
            return Err(site.error("has no output"));
        };
        let mut attributes = Attributes::new(&site.name, site.operator, proto);
        if site.operator == "Split" && self.is_view(&site, 0) {
            let parts = self.split(&site, &mut attributes)?;
            attributes.finish()?;
            let named = proto.output.iter().zip(parts).filter(|(name, _)| !name.is_empty());
            return named
                .into_iter()
                .try_for_each(|(name, part)| self.name(&site, name, Value::View(part)));
        }
        let value = self.value(&site, &mut attributes)?;
        attributes.finish()?;
        self.name(&site, output, value)
    }

    /// Gives a value its name.
    fn name(&mut self, site: &Site<'_>, output: &'a str, value: Value) -> Result<(), FormatError> {
        match self.values.insert(output, value) {
            Some(_) => Err(site.error("its output has the name of another value")),
            None => Ok(()),
        }
    }

    /// The value of this name, which must depend on the image.
    pub fn result(&self, name: &str) -> Result<View, FormatError> {
        match self.values.get(name) {
            Some(Value::View(view)) => Ok(view.clone()),
            Some(_) => Err(FormatError::model(format!("the output `{name}` is a constant"))),
            None => Err(FormatError::model(format!("no node computes the output `{name}`"))),
        }
    }

    fn value(&mut self, site: &Site<'a>, attributes: &mut Attributes<'_>) -> Result<Value, FormatError> {
        if site.operator == "Constant" {
            let array = folding::constant(site, attributes, &mut self.allowance)?;
            return Ok(Value::Constant(Rc::new(array)));
        }
        let mut constants = Vec::new();
        let mut all = site.input_count() > 0;
        for position in 0..site.input_count() {
            let known = site.input(position).map(|name| (name, self.values.get(name)));
            match known {
                None => constants.push(None),
                Some((_, Some(Value::View(_)))) => {
                    all = false;
                    break;
                }
                Some((_, Some(_))) => constants.push(self.array(site, position)?),
                Some((name, None)) => {
                    return Err(site.error(format!("reads `{name}`, which nothing before it computes")));
                }
            }
        }
        if !all {
            return self
                .operator(site, attributes)
                .map(Value::View)
                .or_else(|stop| match stop {
                    Stop::Constant(array) => Ok(Value::Constant(Rc::new(array))),
                    Stop::Error(error) => Err(error),
                });
        }
        if matches!(site.operator, "QuantizeLinear" | "DequantizeLinear") {
            let array = self.quantised_constant(site, attributes, &constants)?;
            return Ok(Value::Constant(Rc::new(array)));
        }
        let inputs: Vec<Option<&Array>> = constants.iter().map(Option::as_deref).collect();
        match folding::fold(site, attributes, &inputs, &mut self.allowance)? {
            Some(array) => Ok(Value::Constant(Rc::new(array))),
            None => Err(site.unsupported()),
        }
    }

    /// The constant at an input; none when it is left out or not constant.
    pub fn array(&mut self, site: &Site<'_>, position: usize) -> Result<Option<Rc<Array>>, FormatError> {
        let Some(name) = site.input(position) else {
            return Ok(None);
        };
        match self.values.get(name) {
            Some(Value::Constant(array)) => Ok(Some(Rc::clone(array))),
            Some(Value::Stored(index)) => {
                let array = Array::read(&self.stored[*index], self.files, &mut self.allowance)?;
                Ok(Some(Rc::new(array)))
            }
            _ => Ok(None),
        }
    }

    /// The constant at an input, which must be there.
    pub fn constant(&mut self, site: &Site<'_>, position: usize, what: &str) -> Result<Rc<Array>, FormatError> {
        self.array(site, position)?
            .ok_or_else(|| site.error(format!("needs {what} that is constant")))
    }

    /// The integers of an attribute or of a constant input, as newer operator sets have it; none when both are absent.
    pub fn integers(
        &mut self,
        site: &Site<'_>,
        attributes: &mut Attributes<'_>,
        name: &str,
        position: usize,
    ) -> Result<Option<Vec<i64>>, FormatError> {
        if let Some(listed) = attributes.ints(name)? {
            return Ok(Some(listed.to_vec()));
        }
        if site.input(position).is_none() {
            return Ok(None);
        }
        let array = self.constant(site, position, name)?;
        match array.as_integers() {
            Some(values) => Ok(Some(values.to_vec())),
            None => Err(site.error(format!("needs {name} of integers"))),
        }
    }

    /// Whether an input depends on the image.
    pub fn is_view(&self, site: &Site<'_>, position: usize) -> bool {
        let value = site.input(position).and_then(|name| self.values.get(name));
        matches!(value, Some(Value::View(_)))
    }

    /// The value at an input, which must depend on the image.
    pub fn view(&self, site: &Site<'_>, position: usize) -> Result<View, FormatError> {
        let Some(name) = site.input(position) else {
            return Err(site.error(format!("input {position} is missing")));
        };
        match self.values.get(name) {
            Some(Value::View(view)) => Ok(view.clone()),
            Some(_) => Err(site.error(format!("reads the constant `{name}` where a computed value is needed"))),
            None => Err(site.error(format!("reads `{name}`, which nothing before it computes"))),
        }
    }

    /// The value at an input for an operator that computes with it.
    pub fn operand(&self, site: &Site<'_>, position: usize) -> Result<View, FormatError> {
        let view = self.view(site, position)?;
        match &view.softmax {
            Some(softmax) => Err(site.error(format!(
                "computes with the result of `{softmax}`; a Softmax is supported only as the last node"
            ))),
            None => Ok(view),
        }
    }

    /// The axes of a view with their lengths.
    pub fn axes(&self, view: &View) -> Axes {
        Axes {
            axes: view.axes.clone(),
            shape: self.draft.nodes[view.node].shape,
            batch: self.batch,
        }
    }

    /// The node behind an input that must be a batch of images with channels first.
    pub fn image(&self, site: &Site<'_>, position: usize) -> Result<usize, FormatError> {
        let view = self.operand(site, position)?;
        if self.axes(&view).fits(&IMAGE) {
            return Ok(view.node);
        }
        Err(site.error(format!(
            "needs [batch, channels, height, width], found axes {:?}",
            view.axes
        )))
    }

    /// The same value with its channels as one axis, where all values of an image were put into one: by a Flatten of the
    /// network, unless the image is one position.
    pub fn settle(&mut self, site: &Site<'_>, view: View) -> Result<View, FormatError> {
        let axes = self.axes(&view);
        let flat = view.axes.iter().position(|axis| matches!(axis, Axis::Flat(_)));
        let Some(place) = flat else { return Ok(view) };
        let mut settled = view;
        if axes.same(settled.axes[place], Axis::Channels) {
            settled.axes[place] = Axis::Channels;
            return Ok(settled);
        }
        if !axes.same(settled.axes[place], Axis::Flat(Order::ChannelsFirst)) {
            return Err(site.error("computes with an image that was flattened with its channels last"));
        }
        settled.node = self.flatten(&settled)?;
        settled.axes[place] = Axis::Channels;
        Ok(settled)
    }

    /// The Flatten of a value, made once.
    pub fn flatten(&mut self, view: &View) -> Result<usize, FormatError> {
        if let Some(made) = self.flattened.get(&view.node) {
            return Ok(*made);
        }
        let name = view.flattened.as_deref().unwrap_or("flatten");
        let made = self.draft.push(name, Step::Plain(Op::Flatten), vec![view.node])?;
        self.flattened.insert(view.node, made);
        Ok(made)
    }

    /// A node of one input that keeps the axes.
    pub fn along(&mut self, site: &Site<'_>, view: View, step: Step) -> Result<View, FormatError> {
        let node = self.draft.push(&site.name, step, vec![view.node])?;
        // What is computed on a flattened image is computed on the image; it is flattened afterwards.
        Ok(View { node, ..view })
    }

    /// A view of a node as a batch of images.
    pub fn as_image(&self, node: usize) -> View {
        View {
            node,
            axes: IMAGE.to_vec(),
            flattened: None,
            softmax: None,
        }
    }

    /// A view of a node as a batch of vectors.
    pub fn as_vectors(&self, node: usize) -> View {
        View {
            axes: VECTOR.to_vec(),
            ..self.as_image(node)
        }
    }

    /// The four sides of a border that is listed as the axes' sides before and then their sides after.
    pub fn border(&self, site: &Site<'_>, view: &View, sides: &[i64]) -> Result<Padding, FormatError> {
        let count = view.axes.len();
        if sides.len() != 2 * count {
            return Err(site.error(format!("needs {} widths, found {}", 2 * count, sides.len())));
        }
        let mut padding = Padding::NONE;
        for (place, axis) in view.axes.iter().enumerate() {
            let (before, after) = (sides[place], sides[place + count]);
            let which = match axis {
                Axis::Rows => 0,
                Axis::Columns => 1,
                _ if before == 0 && after == 0 => continue,
                _ => return Err(site.error("pads an axis that is neither height nor width")),
            };
            if !(0..=limits::WINDOW).contains(&before) || !(0..=limits::WINDOW).contains(&after) {
                return Err(site.error(format!(
                    "has widths {sides:?}; each must be from 0 to {}",
                    limits::WINDOW
                )));
            }
            padding.before[which] = before as u32;
            padding.after[which] = after as u32;
        }
        Ok(padding)
    }
}

/// Why an operator yields no view: it was an error, or the result does not depend on the image's values.
pub enum Stop {
    Constant(Array),
    Error(FormatError),
}

impl From<FormatError> for Stop {
    fn from(error: FormatError) -> Self {
        Self::Error(error)
    }
}

/// Which number of the view's axes an ONNX axis is.
pub fn axis_of(site: &Site<'_>, axis: i64, count: usize) -> Result<usize, FormatError> {
    view::position(axis, count).ok_or_else(|| site.error(format!("has no axis {axis}, only {count}")))
}
