//! Evaluation: batch normalisation is a fixed map that goes into the weights of a convolution, so that every share takes a few images at a time through the whole
//! network, in near caches.

use super::forward::Forward;
use super::operand::{Destination, Operand};
use super::share::{Shared, for_each_share, images_of};
use super::{Executor, OutputPlace, normalise, packing};
use crate::kernels::activation::{NONE, limits};
use crate::kernels::elementwise::{Affine, Rows, RowsIn, RowsOut, affine};
use crate::kernels::product::Ends;
use crate::kernels::saved::SavedRows;
use crate::plan::{EvaluationMemory, Group, Norm, Scaling, head, lines};
use crate::simd::Level;
use crate::{BnStatistics, NnError, Store, Views};

#[derive(Clone, Copy)]
struct Pass<'a> {
    level: Level,
    groups: &'a [Group],
    memory: &'a EvaluationMemory,
    floats: Shared<f32>,
    outputs: &'a [OutputPlace],
    images: usize,
}

impl Executor {
    /// Forward pass in evaluation mode, with the store's running statistics or, when given, a network's own.
    ///
    /// # Errors
    /// When the input is not 1 to `batch` images, views, store and network do not belong together, or a batch
    /// normalisation is absent from the statistics.
    pub fn evaluate(
        &mut self,
        store: &Store,
        views: &Views,
        statistics: Option<&BnStatistics>,
        input: &[f32],
    ) -> Result<&[f32], NnError> {
        self.check(store, views)?;
        let images = self.count_images(input)?;
        if let Some(statistics) = statistics {
            let known = |index: usize, norm: &Norm| {
                let moments = statistics.moments.get(&norm.name);
                moments.is_some_and(|moments| moments.mean.len() == self.groups[index].channels)
            };
            if !self.norms().all(|(index, norm)| known(index, norm)) {
                return Err(NnError::Mismatch {
                    what: "a set of statistics",
                });
            }
        }
        self.trained = false;
        self.prepared = false;
        self.workspace.reserve(self.evaluation.floats, 0)?;
        self.evaluation_pass(images).prepare(store, views, statistics);
        self.prepared = true;
        self.run_evaluation(input, images);
        Ok(self.results())
    }

    /// Forward pass in evaluation mode with the parameters and statistics of the last [`Executor::evaluate`], as they were
    /// then: for many small batches, whose time would go into preparing them.
    ///
    /// # Errors
    /// When the input is not 1 to `batch` images, or the last pass was no evaluation.
    pub fn evaluate_again(&mut self, input: &[f32]) -> Result<&[f32], NnError> {
        if !self.prepared {
            return Err(NnError::NoEvaluation);
        }
        let images = self.count_images(input)?;
        self.run_evaluation(input, images);
        Ok(self.results())
    }

    fn evaluation_pass(&mut self, images: usize) -> Pass<'_> {
        Pass {
            level: self.level,
            groups: &self.groups,
            memory: &self.evaluation,
            floats: Shared::new(self.workspace.floats()),
            outputs: &self.outputs,
            images,
        }
    }

    fn run_evaluation(&mut self, input: &[f32], images: usize) {
        self.images = images;
        let shares = self.workspace.shares();
        let results = Shared::new(self.results.as_mut_ptr());
        let pass = self.evaluation_pass(images);
        let body = || {
            for_each_share(shares, &|share| {
                let images = images_of(share, shares, images);
                for start in images.clone().step_by(pass.memory.chunk) {
                    let count = pass.memory.chunk.min(images.end - start);
                    pass.run(share, input, start, count, results);
                }
            });
        };
        rayon::join(body, || ());
    }
}

impl Pass<'_> {
    /// Gathers, packs and places the parameters.
    fn prepare(&self, store: &Store, views: &Views, statistics: Option<&BnStatistics>) {
        for (group, place) in self.groups.iter().zip(&self.memory.groups) {
            let gather = |parameter: usize, start: usize| {
                let view = &views.as_slice()[parameter];
                // SAFETY: parameters have their own places; nothing runs beside this.
                let out = unsafe { std::slice::from_raw_parts_mut(self.floats.at(start), view.elements()) };
                view.gather(store.tensors()[view.tensor().index()].data(), out);
                out
            };
            if let Some(norm) = &group.norm {
                let vector = |which| place.norm + which * lines(group.channels);
                let weight = gather(norm.parameters[0], vector(normalise::WEIGHT));
                let bias = gather(norm.parameters[1], vector(normalise::BIAS));
                let mean = gather(norm.parameters[2], vector(normalise::MEAN));
                let variance = gather(norm.parameters[3], vector(normalise::VARIANCE));
                let own = statistics.and_then(|statistics| statistics.moments.get(&norm.name));
                // SAFETY: as above; these are other vectors.
                let [scale, shift] = [normalise::SCALE, normalise::SHIFT]
                    .map(|which| unsafe { normalise::slice(self.floats, group, place, which) });
                for channel in 0..group.channels {
                    let (mean, variance) = own.map_or_else(
                        || (f64::from(mean[channel]), f64::from(variance[channel])),
                        |own| (own.mean[channel], own.variance[channel]),
                    );
                    let factor = f64::from(weight[channel]) / (variance + f64::from(norm.eps)).sqrt();
                    scale[channel] = factor as f32;
                    shift[channel] = (f64::from(bias[channel]) - mean * factor) as f32;
                }
            }
            if let Some(both) = group.source.scaling() {
                for (which, scaling) in both.iter().enumerate() {
                    let start = place.scale + which * lines(group.channels);
                    match scaling {
                        Scaling::Vector(parameter) => {
                            gather(*parameter, start);
                        }
                        // SAFETY: as above.
                        Scaling::Constant(value) => unsafe {
                            std::slice::from_raw_parts_mut(self.floats.at(start), group.channels).fill(*value);
                        },
                    }
                }
            }
            if let Some(conv) = group.source.convolution() {
                let weights = gather(conv.weight, self.memory.staging);
                let bias = conv.bias.map(|bias| gather(bias, place.bias));
                if group.norm.is_some() {
                    // SAFETY: as above.
                    let [scale, shift] = [normalise::SCALE, normalise::SHIFT]
                        .map(|which| unsafe { normalise::slice(self.floats, group, place, which) });
                    let each = weights.len() / conv.outputs;
                    for (weights, scale) in weights.chunks_exact_mut(each).zip(scale.iter()) {
                        weights.iter_mut().for_each(|weight| *weight *= scale);
                    }
                    if let Some(bias) = bias {
                        for ((shift, scale), bias) in shift.iter_mut().zip(scale.iter()).zip(bias) {
                            *shift += *scale * *bias;
                        }
                    }
                }
                // SAFETY: packed weights have their own place.
                let packed = unsafe { std::slice::from_raw_parts_mut(self.floats.at(place.packed), conv.packed) };
                packing::forward(self.level, conv, weights, packed);
            }
        }
    }

    /// Takes `count` images from `start` on through the network.
    fn run(&self, share: usize, input: &[f32], start: usize, count: usize, results: Shared<f32>) {
        let [values, length] = self.memory.values;
        let values = values + share * length;
        let data = |index: usize| {
            let (place, group) = (&self.memory.groups[index], &self.groups[index]);
            if index == 0 {
                input[start * group.elements()..].as_ptr()
            } else {
                self.floats.at(values + place.value).cast_const()
            }
        };
        let operand = |index: usize| {
            let group = &self.groups[index];
            Operand {
                data: SavedRows::new(data(index), group.channels, false),
                map: Affine::IDENTITY,
                channels: group.channels,
                pixels: group.pixels(),
            }
        };
        let [scratch, length] = self.memory.scratch;
        let scratch = self.floats.at(scratch + share * length + head(self.groups));
        for (group, place) in self.groups.iter().zip(&self.memory.groups) {
            let mut map = normalise::map(self.floats, group, place);
            let mut ends = Ends::NONE;
            if let Some(conv) = group.source.convolution() {
                // The normalisation is in the weights; what is left of it is where the sums begin.
                ends.start = if group.norm.is_some() {
                    map.shift
                } else if conv.bias.is_some() {
                    self.floats.at(place.bias)
                } else {
                    std::ptr::null()
                };
                (map.scale, map.shift) = (std::ptr::null(), std::ptr::null());
                ends.limits = limits(map.activation);
                if ends.limits.is_some() {
                    map.activation = NONE;
                }
            }
            let forward = Forward {
                level: self.level,
                group,
                operand: &|input| operand(group.inputs[input]),
                expand: None,
                out: Destination::F32(self.floats.at(values + place.value)),
                packed: self.floats.at(place.packed),
                scale: [0, lines(group.channels)].map(|at| self.floats.at(place.scale + at).cast_const()),
                ends,
                images: 0..count,
                scratch,
                is_far: false,
            };
            let at = |vector: *const f32, channel: usize| {
                if vector.is_null() {
                    vector
                } else {
                    vector.wrapping_add(channel)
                }
            };
            // SAFETY: shares have disjoint values and scratch.
            unsafe {
                forward.run(&mut |block| {
                    if !map.is_identity() {
                        let map = Affine {
                            scale: at(map.scale, block.first_channel),
                            shift: at(map.shift, block.first_channel),
                            activation: map.activation,
                        };
                        let size = Rows {
                            rows: block.rows,
                            channels: block.channels,
                        };
                        let from = RowsIn {
                            data: block.data,
                            stride: block.stride,
                        };
                        let to = RowsOut {
                            data: block.data,
                            stride: block.stride,
                        };
                        affine(self.level, size, from.into(), to, &map, false);
                    }
                });
            }
        }
        for output in self.outputs {
            // SAFETY: shares write disjoint images of each result.
            unsafe {
                let to = results.at(output.range(self.images).start + start * output.elements);
                std::ptr::copy_nonoverlapping(data(output.group), to, count * output.elements);
            }
        }
    }
}
