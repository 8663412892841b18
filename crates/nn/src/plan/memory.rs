use super::{Group, LINE, Source, lines};
use crate::ActivationStorage;
use crate::simd::Level;

/// Hands out offsets and takes them back, first fit; the same requests get the same offsets.
#[derive(Debug, Default)]
pub(crate) struct Allocator {
    /// Free stretches (start, end) below `top`, sorted, never adjacent.
    free: Vec<(usize, usize)>,
    top: usize,
}

impl Allocator {
    /// A place for `floats` values, in whole cache lines.
    pub(crate) fn take(&mut self, floats: usize) -> usize {
        let size = lines(floats);
        let place = self.free.iter().position(|(start, end)| end - start >= size);
        if let Some(index) = place {
            let start = self.free[index].0;
            self.free[index].0 += size;
            if self.free[index].0 == self.free[index].1 {
                self.free.remove(index);
            }
            return start;
        }
        let start = self.top;
        self.top += size;
        start
    }

    /// Takes back what [`Allocator::take`] gave for the same number of values.
    pub(crate) fn give(&mut self, start: usize, floats: usize) {
        let end = start + lines(floats);
        if start == end {
            return;
        }
        let index = self.free.partition_point(|(other, _)| *other < start);
        self.free.insert(index, (start, end));
        if index + 1 < self.free.len() && self.free[index].1 == self.free[index + 1].0 {
            self.free[index].1 = self.free[index + 1].1;
            self.free.remove(index + 1);
        }
        if index > 0 && self.free[index - 1].1 == self.free[index].0 {
            self.free[index - 1].1 = self.free[index].1;
            self.free.remove(index);
        }
    }

    /// One more than the largest offset ever in use.
    pub(crate) const fn top(&self) -> usize {
        self.top
    }
}

/// Where one group's numbers lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupMemory {
    /// The raw value, `[batch, height, width, channels]`, and whether it is kept as bf16.
    pub(crate) value: usize,
    pub(crate) bf16: bool,
    /// The gradient of the group's value, with a line of slack: weight gradients read whole vectors.
    pub(crate) gradient: usize,
    /// Normalisation vectors, [`NORM_VECTORS`] of them.
    pub(crate) norm: usize,
    /// Scale and shift of a scaling.
    pub(crate) scale: usize,
    /// Packed weights, forward and for the data gradient.
    pub(crate) packed: usize,
    pub(crate) gradient_packed: usize,
    /// The bias vector.
    pub(crate) bias: usize,
    /// f64 sums: three vectors for each share.
    pub(crate) doubles: usize,
    /// What a group whose value is not kept needs instead.
    pub(crate) expansion: Option<ExpansionMemory>,
}

/// Where the numbers of a 1×1 convolution lie whose value is computed again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExpansionMemory {
    /// Channels of its input, and the same in whole vectors.
    pub(crate) inputs: usize,
    pub(crate) wide: usize,
    /// Weights `[outputs, inputs]`; the same times the input's covariance; scaled by the batch
    /// normalisation's scale, and by the coefficient b of its backward pass.
    pub(crate) weights: usize,
    pub(crate) with_covariance: usize,
    pub(crate) scaled: usize,
    pub(crate) spread: usize,
    /// Mean of the input; a square matrix, and its packed form.
    pub(crate) mean: usize,
    pub(crate) square: usize,
    pub(crate) square_packed: usize,
    /// What the input's gradient gets besides the packed matrix times the input.
    pub(crate) start: usize,
    /// f64 sums of each share: Σ x and Σ x·xᵀ.
    pub(crate) doubles: usize,
}

impl ExpansionMemory {
    fn new(level: Level, group: &Group, shares: usize, fixed: &mut Allocator, doubles: &mut usize) -> Option<Self> {
        let conv = group.source.convolution().filter(|_| group.is_recomputed)?;
        let (inputs, wide) = (conv.inputs, conv.inputs.next_multiple_of(level.lanes()));
        let start = *doubles;
        *doubles += shares * Self::sums(inputs);
        let mut take = |floats: usize| fixed.take(floats + LINE);
        Some(Self {
            inputs,
            wide,
            weights: take(conv.outputs * inputs),
            with_covariance: take(conv.outputs * inputs),
            scaled: take(conv.outputs * inputs),
            spread: take(conv.outputs * inputs),
            mean: take(inputs),
            square: take(inputs * wide),
            square_packed: take(inputs * wide),
            start: take(inputs),
            doubles: start,
        })
    }

    /// f64 sums of one share.
    pub(crate) const fn sums(inputs: usize) -> usize {
        inputs * (inputs + 1)
    }
}

/// Number of vectors kept for a normalised group.
pub(crate) const NORM_VECTORS: usize = 10;

/// Where everything lies during training.
#[derive(Debug)]
pub(crate) struct TrainingMemory {
    pub(crate) groups: Vec<GroupMemory>,
    /// Weight-gradient sums: offset, and floats of one share.
    pub(crate) sums: [usize; 2],
    /// The same for a group whose value is computed again, while its reader's are in use.
    pub(crate) expansion_sums: [usize; 2],
    /// Scratch: offset, and floats of one share.
    pub(crate) scratch: [usize; 2],
    /// A parameter on its way between store and packed form.
    pub(crate) staging: usize,
    pub(crate) floats: usize,
    pub(crate) doubles: usize,
}

/// Where everything lies during evaluation: each share takes a few images at a time through the whole network.
#[derive(Debug)]
pub(crate) struct EvaluationMemory {
    pub(crate) groups: Vec<GroupMemory>,
    /// Images that a share takes at a time.
    pub(crate) chunk: usize,
    /// Values of all groups: offset, and floats of one share. Group offsets are relative to the share's.
    pub(crate) values: [usize; 2],
    pub(crate) scratch: [usize; 2],
    pub(crate) staging: usize,
    pub(crate) floats: usize,
}

/// Values of a share's chunk should stay within this many floats (512 KB).
const CHUNK_FLOATS: usize = 1 << 17;

/// Images of a chunk at most.
const CHUNK_IMAGES: usize = 16;

impl TrainingMemory {
    pub(crate) fn new(
        level: Level,
        groups: &[Group],
        outputs: &[usize],
        batch: usize,
        shares: usize,
        staging: usize,
        storage: ActivationStorage,
    ) -> Self {
        let mut fixed = Allocator::default();
        let mut doubles = 0;
        let mut memory: Vec<GroupMemory> = groups
            .iter()
            .enumerate()
            .map(|(index, group)| {
                let mut place = parameters(group, &mut fixed, true);
                // Vectors cost nothing, and the input and the outputs are the caller's.
                let is_map = group.pixels() > 1 && index > 0 && !outputs.contains(&index);
                place.bf16 = storage == ActivationStorage::Bf16 && is_map;
                let elements = if group.is_recomputed {
                    0
                } else {
                    batch * group.elements()
                };
                place.value = fixed.take(if place.bf16 { elements.div_ceil(2) } else { elements });
                place.doubles = doubles;
                doubles += shares * 3 * group.channels;
                place.expansion = ExpansionMemory::new(level, group, shares, &mut fixed, &mut doubles);
                place
            })
            .collect();
        let convolutions = groups.iter().filter_map(|group| group.source.convolution());
        let sums = convolutions.map(|conv| conv.sums + lines(level.lanes() + conv.outputs));
        let sums = lines(sums.max().unwrap_or(0));
        let sums = [fixed.take(shares * sums), sums];
        let recomputed = groups.iter().filter(|group| group.is_recomputed);
        let recomputed = recomputed.filter_map(|group| group.source.convolution());
        let expansion_sums = lines(recomputed.map(|conv| conv.sums + level.lanes()).max().unwrap_or(0));
        let expansion_sums = [fixed.take(shares * expansion_sums), expansion_sums];
        let scratch = scratch(level, groups) + expansion_scratch(level, groups);
        let scratch = [fixed.take(shares * scratch), scratch];
        let staging = fixed.take(staging);
        let gradients = gradients(groups, outputs, batch, &mut memory);
        let base = fixed.take(gradients);
        for place in &mut memory {
            place.gradient += base;
        }
        Self {
            groups: memory,
            sums,
            expansion_sums,
            scratch,
            staging,
            // Weight gradients read whole vectors beyond the last channel.
            floats: fixed.top() + 64,
            doubles,
        }
    }
}

impl EvaluationMemory {
    pub(crate) fn new(
        level: Level,
        groups: &[Group],
        outputs: &[usize],
        batch: usize,
        shares: usize,
        staging: usize,
    ) -> Self {
        let mut fixed = Allocator::default();
        let mut memory: Vec<GroupMemory> = groups
            .iter()
            .map(|group| parameters(group, &mut fixed, false))
            .collect();
        let one = values(groups, outputs, 1, &mut memory);
        let chunk = (CHUNK_FLOATS / one.max(1))
            .clamp(1, CHUNK_IMAGES)
            .min(batch.div_ceil(shares));
        let values = lines(values(groups, outputs, chunk, &mut memory));
        let values = [fixed.take(shares * values), values];
        let scratch = scratch(level, groups);
        let scratch = [fixed.take(shares * scratch), scratch];
        let staging = fixed.take(staging);
        Self {
            groups: memory,
            chunk,
            values,
            scratch,
            staging,
            floats: fixed.top() + 64,
        }
    }
}

fn parameters(group: &Group, fixed: &mut Allocator, training: bool) -> GroupMemory {
    let norm = if group.norm.is_some() {
        NORM_VECTORS * lines(group.channels)
    } else {
        0
    };
    let scale = group.source.scaling().map_or(0, |_| 2 * lines(group.channels));
    let [packed, gradient_packed, bias] = group.source.convolution().map_or([0; 3], |conv| {
        let bias = if conv.bias.is_some() { lines(conv.outputs) } else { 0 };
        [conv.packed, if training { conv.gradient_packed } else { 0 }, bias]
    });
    GroupMemory {
        value: 0,
        bf16: false,
        gradient: 0,
        norm: fixed.take(norm),
        scale: fixed.take(scale),
        packed: fixed.take(packed),
        gradient_packed: fixed.take(gradient_packed),
        bias: fixed.take(bias),
        doubles: 0,
        expansion: None,
    }
}

/// Places the gradients: each lives from the first reader that the backward pass meets to its own group's turn.
fn gradients(groups: &[Group], outputs: &[usize], batch: usize, memory: &mut [GroupMemory]) -> usize {
    let mut allocator = Allocator::default();
    let mut placed = vec![false; groups.len()];
    let mut place = |index: usize, allocator: &mut Allocator, memory: &mut [GroupMemory]| {
        // The input's gradient goes straight to the caller, and that of what is computed again is never whole.
        if index > 0 && !groups[index].is_recomputed && !std::mem::replace(&mut placed[index], true) {
            memory[index].gradient = allocator.take(batch * groups[index].elements() + LINE);
        }
    };
    for output in outputs {
        place(*output, &mut allocator, memory);
    }
    for index in (0..groups.len()).rev() {
        for input in &groups[index].inputs {
            place(*input, &mut allocator, memory);
        }
        // Before a recomputed group's turn its reader has written the gradient of its input already.
        if index > 0 && groups[index - 1].is_recomputed {
            for input in &groups[index - 1].inputs {
                place(*input, &mut allocator, memory);
            }
        }
        if index > 0 && !groups[index].is_recomputed {
            allocator.give(memory[index].gradient, batch * groups[index].elements() + LINE);
        }
    }
    allocator.top()
}

/// Places the values of `images` images: each lives to its last reader, an output for ever.
fn values(groups: &[Group], outputs: &[usize], images: usize, memory: &mut [GroupMemory]) -> usize {
    let mut allocator = Allocator::default();
    let mut left: Vec<usize> = groups.iter().map(|group| group.readers).collect();
    for output in outputs {
        left[*output] += 1;
    }
    for (index, group) in groups.iter().enumerate() {
        // The input is read where the caller has it.
        if index > 0 {
            memory[index].value = allocator.take(images * group.elements());
        }
        for input in &group.inputs {
            left[*input] -= 1;
            if left[*input] == 0 && *input > 0 {
                allocator.give(memory[*input].value, images * groups[*input].elements());
            }
        }
    }
    allocator.top()
}

/// Rows that a product takes at a time, so that both operands stay in a near cache.
pub(crate) const fn block_rows(inputs: usize, outputs: usize) -> usize {
    let rows = 65_536 / (inputs + outputs) / 24 * 24;
    if rows < 24 {
        24
    } else if rows > 384 {
        384
    } else {
        rows
    }
}

/// Floats of the sums at the head of a share's scratch: two vectors for each of two groups.
pub(crate) fn head(groups: &[Group]) -> usize {
    let widest = groups.iter().map(|group| group.channels).max().unwrap_or(0);
    2 * lines(2 * widest + 16)
}

fn scratch(level: Level, groups: &[Group]) -> usize {
    let need = |group: &Group| match &group.source {
        Source::Input => 0,
        Source::Convolution(conv) if group_is_pointwise(conv) => {
            let outputs = conv.outputs.next_multiple_of(level.lanes());
            let rows = block_rows(conv.inputs, conv.outputs);
            lines(rows * conv.inputs) + lines(rows * outputs)
        }
        Source::Convolution(conv) => {
            lines(conv.padded[0] * conv.padded[1] * conv.pixel)
                + lines(conv.gradient_padded[0] * conv.gradient_padded[1] * conv.gradient_pixel)
        }
        // Images of the inputs and of the output, each twice.
        Source::Copy
        | Source::Add
        | Source::Multiply(_)
        | Source::Concat
        | Source::MaxPool(_)
        | Source::AveragePool(..)
        | Source::GlobalAverage
        | Source::Flatten
        | Source::Gather(_)
        | Source::Bilinear(_)
        | Source::LayerNorm(_)
        | Source::Scale(_) => {
            let inputs: usize = group.inputs.iter().map(|input| lines(groups[*input].elements())).sum();
            2 * (inputs + lines(group.elements()))
        }
    };
    head(groups) + groups.iter().map(need).max().unwrap_or(0) + 64
}

/// Floats beyond those of [`scratch`] that the groups around a recomputed one use: an image of its input, and a block of its
/// value and of that value's gradient; or rows of its input and the sum of their products.
fn expansion_scratch(level: Level, groups: &[Group]) -> usize {
    let need = |pair: &[Group]| match [&pair[0].source, &pair[1].source].map(Source::convolution) {
        [Some(conv), Some(reader)] if pair[0].is_recomputed => {
            let pixels = pair[0].pixels();
            let square = conv.inputs * conv.inputs.next_multiple_of(level.lanes());
            lines(pixels * conv.inputs + LINE) + 2 * lines(pixels * reader.pixel + LINE) + lines(square)
        }
        _ => 0,
    };
    groups.windows(2).map(need).max().unwrap_or(0)
}

fn group_is_pointwise(conv: &super::Convolution) -> bool {
    conv.form == super::Form::Pointwise
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_places_are_joined_and_reused() {
        let mut allocator = Allocator::default();
        let (a, b, c) = (allocator.take(10), allocator.take(16), allocator.take(17));
        assert_eq!([a, b, c, allocator.top()], [0, 16, 32, 64]);
        allocator.give(a, 10);
        allocator.give(b, 16);
        assert_eq!(allocator.take(32), 0);
        allocator.give(c, 17);
        assert_eq!(allocator.take(20), 32);
        assert_eq!(allocator.top(), 64);
    }
}
