//! A training step: forward pass with the batch's statistics, backward pass.

use super::backward::{Backward, Edge, Finish, OwnGradient, Place};
use super::forward::Forward;
use super::operand::Operand;
use super::share::{Shared, for_each_share, images_of};
use super::{Executor, normalise, packing};
use crate::kernels::elementwise::{From, Rows, To, affine};
use crate::plan::{Convolution, Group, GroupMemory, Source, TrainingMemory, head};
use crate::simd::Level;
use crate::{Gradients, NnError, Store, Views};

/// What the steps of a pass share.
#[derive(Clone, Copy)]
struct Pass<'a> {
    level: Level,
    groups: &'a [Group],
    memory: &'a TrainingMemory,
    floats: Shared<f32>,
    doubles: Shared<f64>,
    shares: usize,
    images: usize,
    output: usize,
}

impl Executor {
    /// Forward pass in training mode: batch normalisation uses the statistics of this batch.
    ///
    /// Keeps what [`Executor::backward`] needs. The store's running statistics do not change; see
    /// [`Executor::update_running_statistics`].
    ///
    /// # Errors
    /// When the input is not 1 to `batch` images, or views, store and network do not belong together.
    pub fn train(&mut self, store: &Store, views: &Views, input: &[f32]) -> Result<&[f32], NnError> {
        self.check(store, views)?;
        self.images = self.count_images(input)?;
        self.trained = false;
        self.workspace.reserve(self.training.floats, self.training.doubles);
        let (pass, logits) = self.pass();
        // One entry into the pool for the whole pass.
        rayon::join(|| pass.forward(store, views, input, logits), || ());
        self.trained = true;
        Ok(self.logits())
    }

    /// Backward pass of the last training forward pass: adds the gradients of all parameters to `gradients` and, when
    /// asked, writes that of the input (NHWC).
    ///
    /// `output_gradient` is the loss's gradient over the result, `[images, outputs]`.
    ///
    /// # Errors
    /// When there was no training forward pass, or slices and buffers do not fit.
    pub fn backward(
        &mut self,
        store: &Store,
        views: &Views,
        output_gradient: &[f32],
        gradients: &mut Gradients,
        input_gradient: Option<&mut [f32]>,
    ) -> Result<(), NnError> {
        self.require_training("the backward pass")?;
        self.check(store, views)?;
        gradients.check(store)?;
        let length = |what, group: usize, found| {
            let expected = self.images * self.groups[group].elements();
            if found == expected {
                Ok(())
            } else {
                Err(NnError::Length { what, expected, found })
            }
        };
        length("the gradient of the logits", self.output, output_gradient.len())?;
        if let Some(input_gradient) = &input_gradient {
            length("the gradient of the input", 0, input_gradient.len())?;
        }
        for (readers, group) in self.readers.iter_mut().zip(&self.groups) {
            *readers = group.readers;
        }
        self.written.fill(false);
        let mut order = Order {
            written: std::mem::take(&mut self.written),
            readers: std::mem::take(&mut self.readers),
            edges: std::mem::take(&mut self.edges),
        };
        let (pass, _) = self.pass();
        let input_gradient = input_gradient.map(|slice| Shared::new(slice.as_mut_ptr()));
        rayon::join(
            || pass.backward(views, output_gradient, gradients, input_gradient, &mut order),
            || (),
        );
        self.written = order.written;
        self.readers = order.readers;
        self.edges = order.edges;
        Ok(())
    }

    fn pass(&mut self) -> (Pass<'_>, &mut [f32]) {
        let pass = Pass {
            level: self.level,
            groups: &self.groups,
            memory: &self.training,
            floats: Shared::new(self.workspace.floats()),
            doubles: Shared::new(self.workspace.doubles()),
            shares: self.workspace.shares(),
            images: self.images,
            output: self.output,
        };
        (pass, &mut self.logits)
    }

    /// A vector of a normalised group of the last training pass.
    pub(super) fn norm_vector(&self, group: usize, which: usize) -> &[f32] {
        let place = &self.training.groups[group];
        let group = &self.groups[group];
        let start = place.norm + which * crate::plan::lines(group.channels);
        self.workspace.slice(start, group.channels)
    }
}

/// Which gradients have been written and which readers are still to come.
struct Order {
    written: Vec<bool>,
    readers: Vec<usize>,
    edges: Vec<(bool, bool)>,
}

impl Pass<'_> {
    /// A stretch of memory as a slice.
    ///
    /// # Safety
    /// Nobody else may use the stretch while the slice lives.
    unsafe fn slice<'b>(&self, start: usize, length: usize) -> &'b mut [f32] {
        unsafe { std::slice::from_raw_parts_mut(self.floats.at(start), length) }
    }

    fn operand(&self, group: usize) -> Operand {
        let (place, group) = (&self.memory.groups[group], &self.groups[group]);
        Operand {
            data: self.floats.at(place.value),
            map: normalise::map(self.floats, group, place),
            channels: group.channels,
            pixels: group.pixels(),
        }
    }

    /// This share's scratch: the head for short sums, and the rest.
    fn scratch(&self, share: usize) -> (*mut f32, *mut f32) {
        let [start, length] = self.memory.scratch;
        let start = start + share * length;
        (self.floats.at(start), self.floats.at(start + head(self.groups)))
    }

    /// This share's f64 sums of a group.
    fn sums(&self, group: usize, share: usize) -> *mut f64 {
        let channels = self.groups[group].channels;
        self.doubles
            .at(self.memory.groups[group].doubles + share * 3 * channels)
    }

    fn forward(&self, store: &Store, views: &Views, input: &[f32], logits: &mut [f32]) {
        // SAFETY: the workspace was reserved for this plan; nothing runs beside this.
        unsafe {
            self.slice(self.memory.groups[0].value, input.len())
                .copy_from_slice(input);
            self.doubles.at(0).write_bytes(0, self.memory.doubles);
        }
        self.prepare(store, views);
        for index in 1..self.groups.len() {
            for_each_share(self.shares, &|share| self.forward_share(index, share));
            if let Some(norm) = &self.groups[index].norm {
                let place = &self.memory.groups[index];
                // SAFETY: all shares are done.
                unsafe {
                    let sums = self.sums(index, 0);
                    let group = &self.groups[index];
                    normalise::settle(self.floats, group, place, sums, self.shares, norm.eps);
                }
            }
        }
        let operand = self.operand(self.output);
        let size = Rows {
            rows: self.images * operand.pixels,
            channels: operand.channels,
        };
        let to = To {
            data: logits.as_mut_ptr(),
            stride: operand.channels,
        };
        // SAFETY: the logits hold the planned batch.
        unsafe { affine(self.level, size, operand.rows(0), to, &operand.map, false) }
    }

    /// Gathers, packs and places the parameters.
    fn prepare(&self, store: &Store, views: &Views) {
        for (group, place) in self.groups.iter().zip(&self.memory.groups) {
            let gather = |parameter: usize, start: usize| {
                let view = &views.as_slice()[parameter];
                // SAFETY: parameters have their own places; nothing runs beside this.
                let out = unsafe { self.slice(start, view.elements()) };
                view.gather(store.tensors()[view.tensor().index()].data(), out);
                out
            };
            if let Some(norm) = &group.norm {
                for (parameter, which) in [(0, normalise::WEIGHT), (1, normalise::BIAS)] {
                    gather(
                        norm.parameters[parameter],
                        place.norm + which * crate::plan::lines(group.channels),
                    );
                }
            }
            if let Source::Convolution(conv) = &group.source {
                let weights = gather(conv.weight, self.memory.staging);
                // SAFETY: packed weights have their own places.
                let (forward, backward) = unsafe {
                    (
                        self.slice(place.packed, conv.packed),
                        self.slice(place.gradient_packed, conv.gradient_packed),
                    )
                };
                packing::forward(self.level, conv, weights, forward);
                packing::backward(self.level, conv, weights, backward);
                if let Some(bias) = conv.bias {
                    gather(bias, place.bias);
                }
            }
        }
    }

    fn bias(&self, group: &Group, place: &GroupMemory) -> *const f32 {
        match &group.source {
            Source::Convolution(conv) if conv.bias.is_some() => self.floats.at(place.bias),
            _ => std::ptr::null(),
        }
    }

    fn forward_share(&self, index: usize, share: usize) {
        let (group, place) = (&self.groups[index], &self.memory.groups[index]);
        let (head, scratch) = self.scratch(share);
        let forward = Forward {
            level: self.level,
            group,
            operand: &|input| self.operand(group.inputs[input]),
            out: self.floats.at(place.value),
            packed: self.floats.at(place.packed),
            bias: self.bias(group, place),
            images: images_of(share, self.shares, self.images),
            scratch,
        };
        let sums = self.sums(index, share);
        // SAFETY: shares have disjoint images, scratch and sums.
        unsafe {
            forward.run(&mut |block| {
                if group.norm.is_some() {
                    normalise::observe(self.level, group.channels, block, head, sums);
                }
            });
        }
    }

    fn backward(
        &self,
        views: &Views,
        output_gradient: &[f32],
        gradients: &mut Gradients,
        input_gradient: Option<Shared<f32>>,
        order: &mut Order,
    ) {
        let output = self.output;
        // SAFETY: nothing runs beside this.
        unsafe {
            self.doubles.at(0).write_bytes(0, self.memory.doubles);
            let start = self.memory.groups[output].gradient;
            self.slice(start, output_gradient.len())
                .copy_from_slice(output_gradient);
        }
        order.written[output] = true;
        if order.readers[output] == 0 && self.groups[output].is_mapped() {
            for_each_share(self.shares, &|share| self.finish_output(output, share));
        }
        for index in (1..self.groups.len()).rev() {
            let (group, place) = (&self.groups[index], &self.memory.groups[index]);
            order.edges.clear();
            for input in &group.inputs {
                order.readers[*input] -= 1;
                let accumulate = std::mem::replace(&mut order.written[*input], true);
                let finish = order.readers[*input] == 0 && self.groups[*input].is_mapped();
                order.edges.push((accumulate, finish));
            }
            if group.norm.is_some() {
                let count = (self.images * group.pixels()) as f64;
                let sums = self.sums(index, 0);
                // SAFETY: all shares are done.
                unsafe {
                    normalise::settle_backward(self.floats, group, place, sums, self.shares, count);
                }
            }
            let edges = &order.edges;
            for_each_share(self.shares, &|share| {
                self.backward_share(index, share, edges, input_gradient)
            });
            self.collect(index, views, gradients);
        }
    }

    fn finish(&self, index: usize, share: usize) -> Finish {
        let (group, place) = (&self.groups[index], &self.memory.groups[index]);
        let mean = if group.norm.is_some() {
            normalise::vector(self.floats, group, place, normalise::MEAN)
        } else {
            std::ptr::null_mut()
        };
        Finish {
            value: self.floats.at(place.value),
            map: normalise::map(self.floats, group, place),
            mean,
            sums: self.sums(index, share),
        }
    }

    fn finish_output(&self, output: usize, share: usize) {
        let group = &self.groups[output];
        let images = images_of(share, self.shares, self.images);
        let place = Place {
            stride: group.channels,
            row: images.start * group.pixels(),
            rows: images.len() * group.pixels(),
            channel: 0,
            channels: group.channels,
        };
        let data = self.floats.at(self.memory.groups[output].gradient);
        let (head, _) = self.scratch(share);
        // SAFETY: shares have disjoint images, scratch and sums.
        unsafe { self.finish(output, share).run(self.level, data, place, head) }
    }

    fn backward_share(&self, index: usize, share: usize, edges: &[(bool, bool)], input_gradient: Option<Shared<f32>>) {
        let (group, place) = (&self.groups[index], &self.memory.groups[index]);
        let (head, scratch) = self.scratch(share);
        let edge = |input: usize| {
            let target = group.inputs[input];
            let (accumulate, finish) = edges[input];
            let data = if target == 0 {
                input_gradient?.at(0)
            } else {
                self.floats.at(self.memory.groups[target].gradient)
            };
            let finish = finish.then(|| self.finish(target, share));
            Some(Edge {
                data,
                accumulate,
                finish,
            })
        };
        let coefficients = if group.norm.is_some() {
            normalise::COEFFICIENTS.map(|which| normalise::vector(self.floats, group, place, which).cast_const())
        } else {
            [std::ptr::null(); 3]
        };
        let sums = self.weight_sums(share);
        if let Source::Convolution(conv) = &group.source {
            // SAFETY: the share's own sums.
            unsafe { sums.write_bytes(0, self.memory.sums[1].min(conv.sums + conv.outputs)) };
        }
        let backward = Backward {
            level: self.level,
            group,
            own: OwnGradient {
                data: self.floats.at(place.gradient),
                value: self.floats.at(place.value),
                coefficients,
            },
            operand: &|input| self.operand(group.inputs[input]),
            edge: &edge,
            packed: self.floats.at(place.gradient_packed),
            sums,
            images: images_of(share, self.shares, self.images),
            head,
            scratch,
        };
        // SAFETY: shares have disjoint images, scratch and sums.
        unsafe { backward.run() }
    }

    fn weight_sums(&self, share: usize) -> *mut f32 {
        let [start, length] = self.memory.sums;
        self.floats.at(start + share * length)
    }

    /// Adds a group's parameter gradients to the store-wide ones.
    fn collect(&self, index: usize, views: &Views, gradients: &mut Gradients) {
        let group = &self.groups[index];
        let mut add = |parameter: usize, values: &[f32]| {
            let view = &views.as_slice()[parameter];
            view.scatter_add(values, gradients.get_mut(view.tensor()));
        };
        if let Some(norm) = &group.norm {
            let channels = group.channels;
            // SAFETY: nothing runs beside this.
            let staging = unsafe { self.slice(self.memory.staging, channels) };
            let place = &self.memory.groups[index];
            // SAFETY: as above.
            let inverse = unsafe { normalise::slice(self.floats, group, place, normalise::INVERSE) };
            let sums = self.sums(index, 0);
            for (channel, value) in staging.iter_mut().enumerate() {
                // SAFETY: two vectors of sums.
                *value = unsafe { *sums.add(channels + channel) * f64::from(inverse[channel]) } as f32;
            }
            add(norm.parameters[0], staging);
            for (channel, value) in staging.iter_mut().enumerate() {
                // SAFETY: as above.
                *value = unsafe { *sums.add(channel) } as f32;
            }
            add(norm.parameters[1], staging);
        }
        if let Source::Convolution(conv) = &group.source {
            let sums = self.join_sums(conv);
            // SAFETY: nothing runs beside this.
            let staging = unsafe { self.slice(self.memory.staging, views.as_slice()[conv.weight].elements()) };
            packing::unpack(self.level, conv, sums, staging);
            add(conv.weight, staging);
            if let Some(bias) = conv.bias {
                add(bias, &sums[conv.sums..conv.sums + conv.outputs]);
            }
        }
    }

    /// Adds the shares' weight-gradient sums to the first share's, in the order of the shares.
    fn join_sums(&self, conv: &Convolution) -> &[f32] {
        let length = conv.sums + conv.outputs;
        let parts = if length > 4096 { self.shares } else { 1 };
        for_each_share(parts, &|part| {
            let range = images_of(part, parts, length);
            let channels = range.len();
            let to = To {
                data: self.weight_sums(0).wrapping_add(range.start),
                stride: 0,
            };
            for share in 1..self.shares {
                let from = From {
                    data: self.weight_sums(share).wrapping_add(range.start),
                    stride: 0,
                };
                let map = crate::kernels::elementwise::Affine::IDENTITY;
                // SAFETY: parts are disjoint.
                unsafe { affine(self.level, Rows { rows: 1, channels }, from, to, &map, true) }
            }
        });
        // SAFETY: nothing writes to the sums before the next group.
        unsafe { std::slice::from_raw_parts(self.weight_sums(0), length) }
    }
}
