//! The steps of a training pass over all groups, and over the shares of each.

use super::backward::{Backward, Edge, Expansion, Finish, OwnGradient, Place};
use super::forward::Forward;
use super::operand::{Destination, Operand};
use super::share::{Shared, for_each_share, images_of};
use super::{OutputPlace, normalise, packing};
use crate::kernels::elementwise::{Rows, RowsIn, RowsOut, affine};
use crate::kernels::product::Ends;
use crate::kernels::saved::SavedRows;
use crate::observer::{Observer, Phase, observed};
use crate::plan::{Group, GroupMemory, TrainingMemory, head};
use crate::simd::Level;
use crate::{Gradients, Store, Views};

/// What the steps of a pass share.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) level: Level,
    pub(super) groups: &'a [Group],
    pub(super) memory: &'a TrainingMemory,
    pub(super) floats: Shared<f32>,
    pub(super) doubles: Shared<f64>,
    pub(super) shares: usize,
    pub(super) images: usize,
    pub(super) outputs: &'a [OutputPlace],
}

/// Which gradients have been written and which readers are still to come.
pub(super) struct Order {
    pub(super) written: Vec<bool>,
    pub(super) readers: Vec<usize>,
    pub(super) edges: Vec<(bool, bool)>,
}

impl Pass<'_> {
    /// A stretch of memory as a slice.
    ///
    /// # Safety
    /// Nobody else may use the stretch while the slice lives.
    pub(super) unsafe fn slice<'b>(&self, start: usize, length: usize) -> &'b mut [f32] {
        unsafe { std::slice::from_raw_parts_mut(self.floats.at(start), length) }
    }

    /// The raw value of a group, as it is kept.
    const fn value(&self, group: &Group, place: &GroupMemory) -> SavedRows {
        SavedRows::new(self.floats.at(place.value), group.channels, place.bf16)
    }

    pub(super) fn operand(&self, group: usize) -> Operand {
        let (place, group) = (&self.memory.groups[group], &self.groups[group]);
        Operand {
            data: self.value(group, place),
            map: normalise::map(self.floats, group, place),
            channels: group.channels,
            pixels: group.pixels(),
        }
    }

    /// This share's scratch: the head for short sums, and the rest.
    pub(super) fn scratch(&self, share: usize) -> (*mut f32, *mut f32) {
        let [start, length] = self.memory.scratch;
        let start = start + share * length;
        (self.floats.at(start), self.floats.at(start + head(self.groups)))
    }

    /// This share's f64 sums of a group.
    pub(super) fn sums(&self, group: usize, share: usize) -> *mut f64 {
        let channels = self.groups[group].channels;
        self.doubles
            .at(self.memory.groups[group].doubles + share * 3 * channels)
    }

    pub(super) fn forward(
        &self,
        store: &Store,
        views: &Views,
        input: &[f32],
        results: &mut [f32],
        mut observer: Option<&mut dyn Observer>,
    ) {
        // SAFETY: the workspace was reserved for this plan; nothing runs beside this.
        unsafe {
            self.slice(self.memory.groups[0].value, input.len())
                .copy_from_slice(input);
            self.doubles.at(0).write_bytes(0, self.memory.doubles);
        }
        for (group, place) in self.groups.iter().zip(&self.memory.groups) {
            observed(&mut observer, Phase::Prepare, &group.name, || {
                self.prepare(group, place, store, views);
            });
        }
        for index in 1..self.groups.len() {
            observed(&mut observer, Phase::Forward, &self.groups[index].name, || {
                self.forward_group(index);
            });
        }
        for output in self.outputs {
            let operand = self.operand(output.group);
            let size = Rows {
                rows: self.images * operand.pixels,
                channels: operand.channels,
            };
            let to = RowsOut {
                data: results[output.range(self.images)].as_mut_ptr(),
                stride: operand.channels,
            };
            // SAFETY: a result's place holds its images.
            unsafe { affine(self.level, size, operand.rows(0), to, &operand.map, false) }
        }
    }

    /// Gathers, packs and places the parameters of a group.
    fn prepare(&self, group: &Group, place: &GroupMemory, store: &Store, views: &Views) {
        let gather = |parameter: usize, start: usize| {
            let view = &views.as_slice()[parameter];
            // SAFETY: parameters have their own places; nothing runs beside this.
            let out = unsafe { self.slice(start, view.elements()) };
            view.gather(store.tensors()[view.tensor().index()].data(), out);
            out
        };
        if let Some(norm) = &group.norm {
            for (parameter, which) in [(0, normalise::WEIGHT), (1, normalise::BIAS)] {
                let start = place.norm + which * crate::plan::lines(group.channels);
                gather(norm.parameters[parameter], start);
            }
        }
        if let Some(conv) = group.source.convolution() {
            if let Some(memory) = &place.expansion {
                // Packed when the batch's statistics are known.
                gather(conv.weight, memory.weights);
                return;
            }
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

    /// The raw value of a group and, when it has a batch normalisation, the map from it to the value.
    fn forward_group(&self, index: usize) {
        if let Some(memory) = &self.memory.groups[index].expansion {
            for_each_share(self.shares, &|share| self.observe_input(index, memory, share));
            // SAFETY: all shares are done.
            unsafe { self.settle_expansion(index, memory) };
            return;
        }
        for_each_share(self.shares, &|share| self.forward_share(index, share));
        let group = &self.groups[index];
        if let Some(norm) = &group.norm {
            // SAFETY: all shares are done.
            unsafe {
                let (place, sums) = (&self.memory.groups[index], self.sums(index, 0));
                normalise::settle(self.floats, group, place, sums, self.shares, norm.eps);
            }
        }
    }

    fn bias(&self, group: &Group, place: &GroupMemory) -> *const f32 {
        match group.source.convolution() {
            Some(conv) if conv.bias.is_some() => self.floats.at(place.bias),
            _ => std::ptr::null(),
        }
    }

    fn forward_share(&self, index: usize, share: usize) {
        let (group, place) = (&self.groups[index], &self.memory.groups[index]);
        let (head, scratch) = self.scratch(share);
        let value = self.floats.at(place.value);
        let out = if place.bf16 {
            Destination::Bf16(value.cast())
        } else {
            Destination::F32(value)
        };
        let forward = Forward {
            level: self.level,
            group,
            operand: &|input| self.operand(group.inputs[input]),
            expand: self.expand(group),
            out,
            packed: self.floats.at(place.packed),
            // A scaling is not trained.
            scale: [std::ptr::null(); 2],
            ends: Ends {
                start: self.bias(group, place),
                limits: None,
            },
            images: images_of(share, self.shares, self.images),
            scratch,
            is_far: true,
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

    pub(super) fn backward(
        &self,
        views: &Views,
        output_gradient: &[f32],
        gradients: &mut Gradients,
        input_gradient: Option<Shared<f32>>,
        order: &mut Order,
        mut observer: Option<&mut dyn Observer>,
    ) {
        // SAFETY: nothing runs beside this.
        unsafe { self.doubles.at(0).write_bytes(0, self.memory.doubles) };
        for output in self.outputs {
            let given = &output_gradient[output.range(self.images)];
            let output = output.group;
            // SAFETY: as above.
            unsafe { self.slice(self.memory.groups[output].gradient, given.len()) }.copy_from_slice(given);
            order.written[output] = true;
            if order.readers[output] == 0 && self.groups[output].is_mapped() {
                for_each_share(self.shares, &|share| self.finish_output(output, share));
            }
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
            let again = self.groups[index - 1].is_recomputed.then_some(index - 1);
            let is_added = again.is_some_and(|input| order.written[self.groups[input].inputs[0]]);
            let edges = &order.edges;
            observed(&mut observer, Phase::Backward, &group.name, || {
                if let Some(memory) = &place.expansion {
                    // SAFETY: all shares are done.
                    unsafe { self.settle_expansion_backward(index, memory) };
                } else if group.norm.is_some() {
                    let count = (self.images * group.pixels()) as f64;
                    let sums = self.sums(index, 0);
                    // SAFETY: all shares are done.
                    unsafe {
                        normalise::settle_backward(self.floats, group, place, sums, self.shares, count);
                    }
                }
                for_each_share(self.shares, &|share| {
                    self.backward_share(index, share, edges, is_added, input_gradient);
                });
            });
            observed(&mut observer, Phase::Collect, &group.name, || {
                self.collect(index, views, gradients);
            });
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
            value: self.value(group, place),
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

    fn backward_share(
        &self,
        index: usize,
        share: usize,
        edges: &[(bool, bool)],
        is_added: bool,
        input_gradient: Option<Shared<f32>>,
    ) {
        let (group, place) = (&self.groups[index], &self.memory.groups[index]);
        let (head, scratch) = self.scratch(share);
        let edge = |input: usize| {
            let target = group.inputs[input];
            if self.groups[target].is_recomputed {
                return None;
            }
            let (accumulate, finish) = edges[input];
            let data = self.gradient_of(target, input_gradient)?;
            let finish = finish.then(|| self.finish(target, share));
            Some(Edge {
                data,
                accumulate,
                finish,
            })
        };
        if let Some(memory) = &place.expansion {
            if let Some(edge) = edge(0) {
                // SAFETY: shares have disjoint images, scratch and sums.
                unsafe { self.complete_gradient(index, memory, share, &edge) };
            }
            return;
        }
        let coefficients = if group.norm.is_some() {
            normalise::COEFFICIENTS.map(|which| normalise::vector(self.floats, group, place, which).cast_const())
        } else {
            [std::ptr::null(); 3]
        };
        let sums = self.weight_sums(share);
        if let Some(conv) = group.source.convolution() {
            // SAFETY: the share's own sums.
            unsafe { sums.write_bytes(0, self.memory.sums[1].min(conv.sums + conv.outputs)) };
        }
        let backward = Backward {
            level: self.level,
            group,
            own: OwnGradient {
                data: self.floats.at(place.gradient),
                value: self.value(group, place),
                coefficients,
            },
            operand: &|input| self.operand(group.inputs[input]),
            edge: &edge,
            expansion: self.expansion(group, share, is_added, input_gradient),
            packed: self.floats.at(place.gradient_packed),
            sums,
            images: images_of(share, self.shares, self.images),
            head,
            scratch,
        };
        // SAFETY: shares have disjoint images, scratch and sums.
        unsafe { backward.run() }
    }

    /// Where the gradient of a group's value goes: the input's to the caller, if it wants it.
    fn gradient_of(&self, group: usize, input_gradient: Option<Shared<f32>>) -> Option<*mut f32> {
        match group {
            0 => Some(input_gradient?.at(0)),
            _ => Some(self.floats.at(self.memory.groups[group].gradient)),
        }
    }

    /// What the backward pass of the reader of an expansion does for it; `is_added`: the gradient of the expansion's input
    /// has been written by another reader.
    fn expansion(
        &self,
        group: &Group,
        share: usize,
        is_added: bool,
        input_gradient: Option<Shared<f32>>,
    ) -> Option<Expansion> {
        let expand = self.expand(group)?;
        let input = group.inputs[0];
        let (place, expansion) = (&self.memory.groups[input], &self.groups[input]);
        let (memory, conv) = (place.expansion.as_ref()?, expansion.source.convolution()?);
        let [start, length] = self.memory.expansion_sums;
        let products = self.floats.at(start + share * length);
        // SAFETY: the share's own sums.
        unsafe { products.write_bytes(0, conv.sums) };
        let data = self.gradient_of(expansion.inputs[0], input_gradient);
        Some(Expansion {
            expand,
            packed: self.floats.at(place.gradient_packed),
            wide: memory.wide,
            data: data.unwrap_or(std::ptr::null_mut()),
            accumulate: is_added,
            products,
            outputs: conv.gradient_pixel,
            sums: self.sums(input, share),
        })
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
        if let (Some(memory), Some(conv)) = (&self.memory.groups[index].expansion, group.source.convolution()) {
            add(conv.weight, self.expansion_weights(index, memory, conv));
        }
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
        if let Some(conv) = group.source.convolution().filter(|_| !group.is_recomputed) {
            self.join(self.memory.sums, conv.sums + conv.outputs);
            // SAFETY: nothing writes to the sums before the next group.
            let sums = unsafe { self.slice(self.memory.sums[0], conv.sums + conv.outputs) };
            // SAFETY: nothing runs beside this.
            let staging = unsafe { self.slice(self.memory.staging, views.as_slice()[conv.weight].elements()) };
            packing::unpack(self.level, conv, sums, staging);
            add(conv.weight, staging);
            if let Some(bias) = conv.bias {
                add(bias, &sums[conv.sums..conv.sums + conv.outputs]);
            }
        }
    }

    /// Adds the shares' sums to the first share's, in the order of the shares: the first `used` of each.
    pub(super) fn join(&self, [start, length]: [usize; 2], used: usize) {
        let parts = if used > 4096 { self.shares } else { 1 };
        for_each_share(parts, &|part| {
            let range = images_of(part, parts, used);
            let channels = range.len();
            let of = |share: usize| self.floats.at(start + share * length + range.start);
            let to = RowsOut { data: of(0), stride: 0 };
            for share in 1..self.shares {
                let from = RowsIn {
                    data: of(share),
                    stride: 0,
                };
                let map = crate::kernels::elementwise::Affine::IDENTITY;
                // SAFETY: parts are disjoint.
                unsafe { affine(self.level, Rows { rows: 1, channels }, from.into(), to, &map, true) }
            }
        });
    }
}
