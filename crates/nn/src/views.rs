use panarch_graph::{Network, NodeId, ParameterRole, ParameterSpec, Tensor, Weights};

use crate::{Layout, NnError, Store, TensorId, TensorKind};

/// Where one parameter of a network lies in a store: the leading channels and the centre of the kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    name: String,
    node: NodeId,
    role: ParameterRole,
    tensor: TensorId,
    kind: TensorKind,
    shape: Vec<usize>,
    stored: Vec<usize>,
    /// The shape as `[out, in, height, width]`, missing axes 1.
    extent: [usize; 4],
    /// Strides of the stored tensor along the first three axes (the last is contiguous).
    strides: [usize; 3],
    /// First stored element of the view (kernel crop).
    offset: usize,
    /// The parameter is the stored value times this.
    scale: f32,
}

impl View {
    /// The parameter's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The node that the parameter belongs to.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// What the parameter is for.
    #[must_use]
    pub const fn role(&self) -> ParameterRole {
        self.role
    }

    /// The store tensor behind the view.
    #[must_use]
    pub const fn tensor(&self) -> TensorId {
        self.tensor
    }

    /// What the tensor is.
    #[must_use]
    pub const fn kind(&self) -> TensorKind {
        self.kind
    }

    /// The parameter's shape, as the network needs it.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The parameter is the stored value times this.
    #[must_use]
    pub const fn scale(&self) -> f32 {
        self.scale
    }

    /// For each value of the parameter, row-major in its shape, its place among the stored tensor's values.
    #[must_use]
    pub fn places(&self) -> Vec<usize> {
        let mut places = Vec::with_capacity(self.elements());
        self.runs(|_, from, length| places.extend(from..from + length));
        places
    }

    /// Number of values.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.extent.iter().product()
    }

    /// Calls `run(view offset, store offset, length)` for every contiguous run of the view.
    fn runs(&self, mut run: impl FnMut(usize, usize, usize)) {
        if self.shape == self.stored {
            run(0, 0, self.elements());
            return;
        }
        let [outs, ins, height, width] = self.extent;
        let mut position = 0;
        for out in 0..outs {
            for input in 0..ins {
                for y in 0..height {
                    let start = self.offset + out * self.strides[0] + input * self.strides[1] + y * self.strides[2];
                    run(position, start, width);
                    position += width;
                }
            }
        }
    }

    /// Copies the view out of its stored tensor into `out`, row-major.
    pub(crate) fn gather(&self, stored: &[f32], out: &mut [f32]) {
        self.runs(|at, from, length| {
            out[at..at + length].copy_from_slice(&stored[from..from + length]);
        });
        if self.scale != 1.0 {
            out.iter_mut().for_each(|value| *value *= self.scale);
        }
    }

    /// Adds `values`, the gradient of the parameter, row-major in the view's shape, to that of the stored tensor.
    pub(crate) fn scatter_add(&self, values: &[f32], stored: &mut [f32]) {
        self.runs(|at, to, length| {
            for (target, value) in stored[to..to + length].iter_mut().zip(&values[at..at + length]) {
                *target += self.scale * value;
            }
        });
    }

    /// Overwrites the view's part of the stored tensor.
    pub(crate) fn scatter(&self, values: &[f32], stored: &mut [f32]) {
        self.runs(|at, to, length| {
            stored[to..to + length].copy_from_slice(&values[at..at + length]);
        });
    }
}

/// Which stored tensor a parameter of a network is taken from, where that is not the one of its own name.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// The name of the stored tensor.
    pub tensor: String,
    /// The parameter is the stored value times this.
    pub scale: f32,
}

/// The views of all parameters of one network into one store, in the order of [`Network::parameters`].
#[derive(Debug, Clone, PartialEq)]
pub struct Views {
    views: Vec<View>,
    tensors: usize,
}

impl Views {
    /// Finds every parameter of `network` in `store` by name.
    ///
    /// A stored tensor may be larger on any axis: channels are taken from the front, kernels from the centre
    /// (rounded towards the front when the difference is odd).
    ///
    /// # Errors
    /// When a tensor is absent, of another kind, or too small.
    pub fn resolve(network: &Network, store: &Store) -> Result<Self, NnError> {
        Self::resolve_in(network, &store.layout(), &|_| None)
    }

    /// As [`Views::resolve`] for tensors whose values are elsewhere. `bind` may say that a parameter lies elsewhere than under
    /// its own name. Several parameters may lie in one tensor; their gradients add up.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub fn resolve_in(
        network: &Network,
        layout: &Layout,
        bind: &dyn Fn(&ParameterSpec) -> Option<Binding>,
    ) -> Result<Self, NnError> {
        let mut views = Vec::new();
        for spec in network.parameters() {
            let wanted = TensorKind::of(network, &spec);
            let Binding { tensor, scale } = bind(&spec).unwrap_or_else(|| Binding {
                tensor: spec.name.clone(),
                scale: 1.0,
            });
            let Some(id) = layout.id(&tensor) else {
                return Err(NnError::MissingTensor { name: tensor });
            };
            let tensor = &layout.tensors()[id.index()];
            if !tensor.kind.serves_as(wanted) {
                return Err(NnError::Kind {
                    name: spec.name,
                    stored: tensor.kind,
                    wanted,
                });
            }
            let stored = &tensor.shape[..];
            let fits =
                stored.len() == spec.shape.len() && stored.iter().zip(&spec.shape).all(|(have, want)| have >= want);
            if !fits || spec.shape.len() > 4 {
                return Err(NnError::ViewShape {
                    name: spec.name,
                    stored: stored.to_vec(),
                    wanted: spec.shape,
                });
            }
            let mut view = view(spec.name, spec.node, spec.role, id, wanted, &spec.shape, stored);
            view.scale = scale;
            views.push(view);
        }
        Ok(Self {
            views,
            tensors: layout.tensors().len(),
        })
    }

    /// The views, in the order of [`Network::parameters`].
    #[must_use]
    pub fn as_slice(&self) -> &[View] {
        &self.views
    }

    /// Takes the network's own weights out of the store.
    ///
    /// # Errors
    /// When the store is not the one that the views were resolved in.
    pub fn extract(&self, store: &Store) -> Result<Weights, NnError> {
        self.check(store)?;
        let mut weights = Weights::new();
        for view in &self.views {
            let mut data = vec![0.0; view.elements()];
            view.gather(store.tensors()[view.tensor.index()].data(), &mut data);
            weights.insert(view.name.clone(), Tensor::new(view.shape.clone(), data)?);
        }
        Ok(weights)
    }

    /// Writes a network's weights into its part of the store.
    ///
    /// # Errors
    /// When a weight is absent or has another shape, or the store is not the one that the views were resolved in.
    pub fn write(&self, weights: &Weights, store: &mut Store) -> Result<(), NnError> {
        self.check(store)?;
        for view in &self.views {
            let tensor = weights.require(&view.name, &view.shape)?;
            view.scatter(&tensor.data, store.tensors_mut()[view.tensor.index()].data_mut());
        }
        Ok(())
    }

    /// Whether the views lie in tensors of this layout.
    #[must_use]
    pub fn fit(&self, layout: &Layout) -> bool {
        let tensors = layout.tensors();
        let lies = |view: &View| {
            tensors
                .get(view.tensor.index())
                .is_some_and(|it| it.shape == view.stored)
        };
        tensors.len() == self.tensors && self.views.iter().all(lies)
    }

    /// Fails when the store's tensors are not those that the views were resolved in.
    pub(crate) fn check(&self, store: &Store) -> Result<(), NnError> {
        let tensors = store.tensors();
        let same = tensors.len() == self.tensors
            && self
                .views
                .iter()
                .all(|view| tensors[view.tensor.index()].shape() == view.stored.as_slice());
        if same {
            Ok(())
        } else {
            Err(NnError::Mismatch { what: "the store" })
        }
    }
}

fn view(
    name: String,
    node: NodeId,
    role: ParameterRole,
    tensor: TensorId,
    kind: TensorKind,
    shape: &[usize],
    stored: &[usize],
) -> View {
    let mut extent = [1; 4];
    let mut full = [1; 4];
    extent[..shape.len()].copy_from_slice(shape);
    full[..stored.len()].copy_from_slice(stored);
    // A vector or matrix has its contiguous axis last.
    while full[3] == 1 && full.iter().any(|axis| *axis > 1) {
        full.rotate_right(1);
        extent.rotate_right(1);
    }
    let cropped = shape.len() == 4;
    let [height, width] = if cropped {
        [(stored[2] - shape[2]) / 2, (stored[3] - shape[3]) / 2]
    } else {
        [0, 0]
    };
    View {
        name,
        node,
        role,
        tensor,
        kind,
        shape: shape.to_vec(),
        stored: stored.to_vec(),
        extent,
        strides: [full[1] * full[2] * full[3], full[2] * full[3], full[3]],
        offset: if cropped { height * stored[3] + width } else { 0 },
        scale: 1.0,
    }
}
