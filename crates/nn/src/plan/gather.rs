use panarch_graph::{Border, ImageAxis, Resize, ResizeTap, Shape, Slice};

/// Where each position and channel of an image comes from: a part of another image, in another order, with repetitions
/// or with zeros between.
#[derive(Debug, Clone)]
pub(crate) struct Gather {
    /// For each row and each column of the result that of the input; none is a zero.
    pub(crate) rows: Vec<Option<usize>>,
    pub(crate) columns: Vec<Option<usize>>,
    /// For each channel of the result that of the input; none where all stay as they are.
    pub(crate) channels: Option<Vec<usize>>,
    /// Width and channels of the input.
    pub(crate) from: [usize; 2],
}

impl Gather {
    fn all(input: Shape) -> Self {
        let all = |length: u32| (0..length as usize).map(Some).collect();
        Self {
            rows: all(input.height),
            columns: all(input.width),
            channels: None,
            from: [input.width as usize, input.channels as usize],
        }
    }

    pub(crate) fn slice(slice: &Slice, input: Shape) -> Self {
        let taken = |length: u32| {
            let end = length.saturating_sub(slice.after) as usize;
            (slice.before as usize..end).step_by(slice.step.max(1) as usize)
        };
        let mut gather = Self::all(input);
        match slice.axis {
            ImageAxis::Channels => gather.channels = Some(taken(input.channels).collect()),
            ImageAxis::Height => gather.rows = taken(input.height).map(Some).collect(),
            ImageAxis::Width => gather.columns = taken(input.width).map(Some).collect(),
        }
        gather
    }

    /// Channels of groups become groups of channels: channel k·G + g comes from g·(C/G) + k.
    pub(crate) fn shuffle(groups: u32, input: Shape) -> Self {
        let groups = groups.max(1) as usize;
        let each = input.channels as usize / groups;
        let order = (0..input.channels as usize).map(|to| to % groups * each + to / groups);
        Self {
            channels: Some(order.collect()),
            ..Self::all(input)
        }
    }

    pub(crate) fn border(border: &Border, input: Shape) -> Self {
        Self {
            rows: border.sources(0, input.height),
            columns: border.sources(1, input.width),
            ..Self::all(input)
        }
    }

    /// A resize that takes the nearest positions.
    pub(crate) fn nearest(resize: &Resize, input: Shape, output: Shape) -> Self {
        let taken = |from, to| {
            let taps = resize.taps(from, to).into_iter();
            taps.map(|tap: ResizeTap| Some(tap.first)).collect()
        };
        Self {
            rows: taken(input.height, output.height),
            columns: taken(input.width, output.width),
            ..Self::all(input)
        }
    }

    /// Channels of the result.
    fn width(&self) -> usize {
        self.channels.as_ref().map_or(self.from[1], Vec::len)
    }

    /// Calls `f(input position, output position)` for each that has an input.
    fn for_each(&self, mut f: impl FnMut(usize, usize)) {
        for (y, row) in self.rows.iter().enumerate() {
            for (x, column) in self.columns.iter().enumerate() {
                if let (Some(row), Some(column)) = (row, column) {
                    f(row * self.from[0] + column, y * self.columns.len() + x);
                }
            }
        }
    }

    /// Fills `output`, an image of rows of channels, from `input`.
    pub(crate) fn run(&self, input: &[f32], output: &mut [f32]) {
        let (ins, outs) = (self.from[1], self.width());
        output.fill(0.0);
        self.for_each(|from, to| {
            let from = &input[from * ins..(from + 1) * ins];
            let to = &mut output[to * outs..(to + 1) * outs];
            match &self.channels {
                None => to.copy_from_slice(from),
                Some(channels) => {
                    for (value, channel) in to.iter_mut().zip(channels) {
                        *value = from[*channel];
                    }
                }
            }
        });
    }

    /// Gives each output's gradient to where it came from; `input_gradient` is overwritten.
    pub(crate) fn backward(&self, gradient: &[f32], input_gradient: &mut [f32]) {
        let (ins, outs) = (self.from[1], self.width());
        input_gradient.fill(0.0);
        self.for_each(|to, from| {
            let to = &mut input_gradient[to * ins..(to + 1) * ins];
            let from = &gradient[from * outs..(from + 1) * outs];
            match &self.channels {
                None => to.iter_mut().zip(from).for_each(|(sum, value)| *sum += value),
                Some(channels) => {
                    for (value, channel) in from.iter().zip(channels) {
                        to[*channel] += value;
                    }
                }
            }
        });
    }
}

/// A bilinear resize: what each row and column of the result is made of.
#[derive(Debug, Clone)]
pub(crate) struct Bilinear {
    rows: Vec<ResizeTap>,
    columns: Vec<ResizeTap>,
    /// Width of the input.
    width: usize,
}

impl Bilinear {
    pub(crate) fn new(resize: &Resize, input: Shape, output: Shape) -> Self {
        Self {
            rows: resize.taps(input.height, output.height),
            columns: resize.taps(input.width, output.width),
            width: input.width as usize,
        }
    }

    /// Calls `f(input position, output position, share)` for the four neighbours of each output position.
    fn for_each(&self, mut f: impl FnMut(usize, usize, f32)) {
        for (y, row) in self.rows.iter().enumerate() {
            for (x, column) in self.columns.iter().enumerate() {
                let to = y * self.columns.len() + x;
                for (line, down) in [(row.first, 1.0 - row.weight), (row.second, row.weight)] {
                    for (place, across) in [(column.first, 1.0 - column.weight), (column.second, column.weight)] {
                        f(line * self.width + place, to, down * across);
                    }
                }
            }
        }
    }

    /// Fills `output` from `input`, both rows of so many channels.
    pub(crate) fn run(&self, channels: usize, input: &[f32], output: &mut [f32]) {
        output.fill(0.0);
        self.for_each(|from, to, share| {
            let from = &input[from * channels..(from + 1) * channels];
            let to = &mut output[to * channels..(to + 1) * channels];
            to.iter_mut().zip(from).for_each(|(sum, value)| *sum += share * value);
        });
    }

    /// Gives each output's gradient to its neighbours; `input_gradient` is overwritten.
    pub(crate) fn backward(&self, channels: usize, gradient: &[f32], input_gradient: &mut [f32]) {
        input_gradient.fill(0.0);
        self.for_each(|to, from, share| {
            let to = &mut input_gradient[to * channels..(to + 1) * channels];
            let from = &gradient[from * channels..(from + 1) * channels];
            to.iter_mut().zip(from).for_each(|(sum, value)| *sum += share * value);
        });
    }
}
