//! How a value of an ONNX graph lies in memory, in terms of a network's images.
//!
//! A network's values are images of channels, rows and columns. An ONNX tensor is such an image seen through its axes:
//! in another order, without axes of length 1 or with further ones, or with all of them in one. Operators that only
//! change the axes make another view of the same value; they leave no node in the network.

use panarch_graph::{ImageAxis, Shape};

/// What an axis of a tensor runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The images of a batch.
    Batch,
    /// Channels.
    Channels,
    /// Rows; their number is the height.
    Rows,
    /// Columns; their number is the width.
    Columns,
    /// Nothing; of length 1.
    Unit,
    /// All values of an image.
    Flat(Order),
    /// All positions of an image, row by row.
    Positions,
    /// An axis of the image cut into parts of this length: which part.
    Part(ImageAxis, u32),
    /// And the place within a part of this length.
    Within(ImageAxis, u32),
    /// The channels of a part of this length, with all their positions.
    Group(u32),
}

impl Axis {
    /// Whether it is an axis of the image as it is, or of length 1: none that was cut or joined.
    pub const fn is_whole(self) -> bool {
        match self {
            Self::Batch | Self::Channels | Self::Rows | Self::Columns | Self::Unit => true,
            Self::Flat(_) | Self::Positions | Self::Part(..) | Self::Within(..) | Self::Group(_) => false,
        }
    }

    /// The axis of the image that a whole axis is.
    pub const fn of_image(self) -> Option<ImageAxis> {
        match self {
            Self::Channels => Some(ImageAxis::Channels),
            Self::Rows => Some(ImageAxis::Height),
            Self::Columns => Some(ImageAxis::Width),
            _ => None,
        }
    }
}

/// The whole axis of an image.
pub const fn whole(axis: ImageAxis) -> Axis {
    match axis {
        ImageAxis::Channels => Axis::Channels,
        ImageAxis::Height => Axis::Rows,
        ImageAxis::Width => Axis::Columns,
    }
}

/// What a Reshape makes of an image: the axes, and what has to be done to the image before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshaped {
    pub axes: Vec<Axis>,
    pub moved: Option<Moved>,
}

/// A way in which a Reshape behind a Transpose moves values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The channels of so many groups are shuffled.
    Shuffle(u32),
    /// Blocks of so many rows and columns become channels, the place in the block first.
    BlocksFirst([u32; 2]),
    /// The same, the place in the block last.
    BlocksLast([u32; 2]),
}

/// The order of an image's values, the last axis contiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Channels, rows, columns.
    ChannelsFirst,
    /// Rows, columns, channels.
    ChannelsLast,
}

impl Order {
    /// The three axes in this order.
    pub const fn axes(self) -> [Axis; 3] {
        match self {
            Self::ChannelsFirst => [Axis::Channels, Axis::Rows, Axis::Columns],
            Self::ChannelsLast => [Axis::Rows, Axis::Columns, Axis::Channels],
        }
    }
}

/// The axes of an image batch as convolutions read it.
pub const IMAGE: [Axis; 4] = [Axis::Batch, Axis::Channels, Axis::Rows, Axis::Columns];
/// The axes of a batch of vectors.
pub const VECTOR: [Axis; 2] = [Axis::Batch, Axis::Channels];

/// The axes of a tensor over images of a shape in batches of a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axes {
    pub axes: Vec<Axis>,
    pub shape: Shape,
    pub batch: u64,
}

impl Axes {
    /// The length of an axis.
    pub fn length(&self, axis: Axis) -> u64 {
        match axis {
            Axis::Batch => self.batch,
            Axis::Channels => u64::from(self.shape.channels),
            Axis::Rows => u64::from(self.shape.height),
            Axis::Columns => u64::from(self.shape.width),
            Axis::Unit => 1,
            Axis::Flat(_) => self.shape.elements(),
            Axis::Positions => self.shape.pixels(),
            Axis::Part(axis, length) => self.length(whole(axis)) / u64::from(length.max(1)),
            Axis::Within(_, length) => u64::from(length),
            Axis::Group(length) => u64::from(length) * self.shape.pixels(),
        }
    }

    /// The lengths of all axes.
    pub fn lengths(&self) -> Vec<u64> {
        self.axes.iter().map(|axis| self.length(*axis)).collect()
    }

    /// Whether two axes run over the same values of this shape in the same order.
    pub fn same(&self, a: Axis, b: Axis) -> bool {
        if a == b {
            return true;
        }
        if a == Axis::Batch || b == Axis::Batch {
            return false;
        }
        let (first, second) = (self.parts(a), self.parts(b));
        first == second
    }

    /// Whether the tensor's axes are these.
    pub fn fits(&self, wanted: &[Axis]) -> bool {
        self.axes.len() == wanted.len()
            && self
                .axes
                .iter()
                .zip(wanted)
                .all(|(found, wanted)| self.same(*found, *wanted))
    }

    /// Whether the same values lie along some axes and along others, in whatever order.
    pub fn cover(&self, some: &[Axis], others: &[Axis]) -> bool {
        let [some, others] =
            [some, others].map(|axes| -> Vec<Axis> { axes.iter().flat_map(|axis| self.parts(*axis)).collect() });
        some.len() == others.len() && some.iter().all(|part| others.contains(part))
    }

    /// The axes longer than 1 that an axis is made of.
    fn parts(&self, axis: Axis) -> Vec<Axis> {
        let mut parts = match axis {
            Axis::Flat(order) => order.axes().to_vec(),
            Axis::Positions => vec![Axis::Rows, Axis::Columns],
            Axis::Group(length) => vec![Axis::Within(ImageAxis::Channels, length), Axis::Rows, Axis::Columns],
            other => vec![other],
        };
        parts.retain(|part| self.length(*part) > 1);
        parts
    }

    /// Which number an axis written as in ONNX, where negative ones count from the end, is.
    pub fn position(&self, axis: i64) -> Option<usize> {
        position(axis, self.axes.len())
    }

    /// The axes in another order.
    pub fn transpose(&self, order: &[i64]) -> Option<Vec<Axis>> {
        let mut seen = vec![false; self.axes.len()];
        let mut axes = Vec::with_capacity(order.len());
        for from in order {
            let from = usize::try_from(*from).ok()?;
            if std::mem::replace(seen.get_mut(from)?, true) {
                return None;
            }
            axes.push(*self.axes.get(from)?);
        }
        (axes.len() == self.axes.len()).then_some(axes)
    }

    /// The axes without those of these numbers, or without all of length 1; the batch always stays.
    pub fn squeeze(&self, which: Option<&[i64]>) -> Option<Vec<Axis>> {
        let mut dropped = vec![false; self.axes.len()];
        match which {
            Some(which) => {
                for axis in which {
                    let position = self.position(*axis)?;
                    let axis = self.axes[position];
                    if axis == Axis::Batch || self.length(axis) != 1 {
                        return None;
                    }
                    dropped[position] = true;
                }
            }
            None => {
                for (dropped, axis) in dropped.iter_mut().zip(&self.axes) {
                    *dropped = *axis != Axis::Batch && self.length(*axis) == 1;
                }
            }
        }
        let kept = self.axes.iter().zip(dropped).filter(|(_, dropped)| !dropped);
        Some(kept.map(|(axis, _)| *axis).collect())
    }

    /// The axes with further ones of length 1 at these places of the result.
    pub fn unsqueeze(&self, which: &[i64]) -> Option<Vec<Axis>> {
        let count = self.axes.len() + which.len();
        if count > super::super::limits::AXES {
            return None;
        }
        let mut places: Vec<usize> = which.iter().map(|axis| position(*axis, count)).collect::<Option<_>>()?;
        places.sort_unstable();
        let mut axes = self.axes.clone();
        for place in places {
            if place > axes.len() {
                return None;
            }
            axes.insert(place, Axis::Unit);
        }
        Some(axes)
    }

    /// The axes after a Reshape to these lengths, of which one may be −1 and 0 keeps a length.
    ///
    /// None where that would cut or join axes in a way that an image has no name for.
    pub fn reshape(&self, target: &[i64]) -> Option<Reshaped> {
        let lengths = self.resolve(target)?;
        let (first, rest) = lengths.split_first()?;
        if self.axes.first() != Some(&Axis::Batch) || *first != self.batch || rest.len() >= super::super::limits::AXES {
            return None;
        }
        let mut old: Vec<Axis> = self.axes[1..].iter().flat_map(|axis| self.parts(*axis)).collect();
        old.reverse();
        let mut axes = vec![Axis::Batch];
        let mut moved = None;
        for length in rest {
            let mut taken: Vec<Axis> = Vec::new();
            let mut reached = 1;
            while reached < *length {
                let part = old.pop()?;
                let (part, left) = self.cut(part, *length / reached)?;
                old.extend(left);
                reached *= self.length(part);
                taken.push(part);
            }
            if reached != *length {
                return None;
            }
            let (axis, how) = self.join(taken)?;
            if how.is_some() && moved.is_some() {
                return None;
            }
            moved = moved.or(how);
            axes.push(axis);
        }
        if !old.is_empty() {
            return None;
        }
        if let Some(Moved::BlocksFirst(block) | Moved::BlocksLast(block)) = moved {
            // What is left of rows and columns is that of the smaller image.
            let parts = [(ImageAxis::Height, block[0]), (ImageAxis::Width, block[1])];
            for axis in &mut axes {
                if let Some((of, _)) = parts.iter().find(|(of, length)| *axis == Axis::Part(*of, *length)) {
                    *axis = whole(*of);
                }
            }
            if !axes
                .iter()
                .all(|axis| matches!(axis, Axis::Batch | Axis::Channels | Axis::Rows | Axis::Columns))
            {
                return None;
            }
        }
        Some(Reshaped { axes, moved })
    }

    /// An axis that is at most as long as wanted, and what is left of it: a whole axis of an image can be cut in two.
    fn cut(&self, part: Axis, wanted: u64) -> Option<(Axis, Option<Axis>)> {
        let length = self.length(part);
        if length <= wanted {
            return Some((part, None));
        }
        let axis = part.of_image()?;
        let within = u32::try_from(length.checked_div(wanted)?).ok()?;
        if wanted == 1 || !length.is_multiple_of(wanted) {
            return None;
        }
        Some((Axis::Part(axis, within), Some(Axis::Within(axis, within))))
    }

    /// One axis of several, and how values have to move for that.
    fn join(&self, taken: Vec<Axis>) -> Option<(Axis, Option<Moved>)> {
        let mut parts: Vec<Axis> = Vec::with_capacity(taken.len());
        for part in taken {
            match (parts.last(), part) {
                (Some(Axis::Part(before, part_length)), Axis::Within(axis, length))
                    if *before == axis && *part_length == length =>
                {
                    parts.pop();
                    parts.push(whole(axis));
                }
                _ => parts.push(part),
            }
        }
        Some(match parts[..] {
            [] => (Axis::Unit, None),
            [one] => (one, None),
            [
                Axis::Within(ImageAxis::Channels, within),
                Axis::Part(ImageAxis::Channels, length),
            ] if within == length => {
                let groups = u32::try_from(self.length(Axis::Part(ImageAxis::Channels, length))).ok()?;
                (Axis::Channels, Some(Moved::Shuffle(groups)))
            }
            [
                Axis::Within(ImageAxis::Height, high),
                Axis::Within(ImageAxis::Width, wide),
                Axis::Channels,
            ] => (Axis::Channels, Some(Moved::BlocksFirst([high, wide]))),
            [
                Axis::Channels,
                Axis::Within(ImageAxis::Height, high),
                Axis::Within(ImageAxis::Width, wide),
            ] => (Axis::Channels, Some(Moved::BlocksLast([high, wide]))),
            _ => {
                let mut known = vec![
                    Axis::Positions,
                    Axis::Flat(Order::ChannelsFirst),
                    Axis::Flat(Order::ChannelsLast),
                ];
                if let Some(Axis::Within(ImageAxis::Channels, length)) = parts.first() {
                    known.push(Axis::Group(*length));
                }
                (known.into_iter().find(|axis| self.parts(*axis) == parts)?, None)
            }
        })
    }

    /// The lengths that a Reshape asks for; none where they hold another number of values.
    pub fn resolve(&self, target: &[i64]) -> Option<Vec<u64>> {
        let old = self.lengths();
        let total = old.iter().product::<u64>();
        let mut lengths = Vec::with_capacity(target.len());
        let mut open = None;
        for (place, length) in target.iter().enumerate() {
            match length {
                -1 if open.is_none() => {
                    open = Some(place);
                    lengths.push(1);
                }
                0 => lengths.push(*old.get(place)?),
                _ => lengths.push(u64::try_from(*length).ok()?),
            }
        }
        let known = lengths
            .iter()
            .try_fold(1_u64, |product, length| product.checked_mul(*length))?;
        if let Some(open) = open {
            *lengths.get_mut(open)? = total.checked_div(known)?;
        }
        let reached = lengths
            .iter()
            .try_fold(1_u64, |product, length| product.checked_mul(*length))?;
        (reached == total).then_some(lengths)
    }
}

/// Which number of `count` an axis written as in ONNX is.
pub fn position(axis: i64, count: usize) -> Option<usize> {
    let count = i64::try_from(count).ok()?;
    let place = if axis < 0 { axis.checked_add(count)? } else { axis };
    (0..count).contains(&place).then_some(place as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(axes: &[Axis], shape: [u32; 3], batch: u64) -> Axes {
        Axes {
            axes: axes.to_vec(),
            shape: Shape::new(shape[0], shape[1], shape[2]),
            batch,
        }
    }

    /// The axes of a Reshape that moves nothing.
    fn reshaped(axes: &Axes, target: &[i64]) -> Option<Vec<Axis>> {
        let made = axes.reshape(target)?;
        assert_eq!(made.moved, None);
        Some(made.axes)
    }

    #[test]
    fn channels_are_shuffled_and_blocks_become_channels() {
        let image = axes(&IMAGE, [6, 4, 8], 1);
        let parts = image.reshape(&[0, 2, 3, 4, 8]).unwrap();
        let channels = ImageAxis::Channels;
        let (part, within) = (Axis::Part(channels, 3), Axis::Within(channels, 3));
        assert_eq!(parts.axes, [Axis::Batch, part, within, Axis::Rows, Axis::Columns]);
        let turned = axes(&[Axis::Batch, within, part, Axis::Rows, Axis::Columns], [6, 4, 8], 1);
        let made = turned.reshape(&[1, -1, 4, 8]).unwrap();
        assert_eq!((&made.axes[..], made.moved), (&IMAGE[..], Some(Moved::Shuffle(2))));
        let cut = image.reshape(&[1, 6, 2, 2, 4, 2]).unwrap();
        for (order, moved) in [
            ([0, 3, 5, 1, 2, 4], Moved::BlocksFirst([2, 2])),
            ([0, 1, 3, 5, 2, 4], Moved::BlocksLast([2, 2])),
        ] {
            let turned = Axes {
                axes: cut.axes.clone(),
                ..image.clone()
            }
            .transpose(&order)
            .unwrap();
            let made = axes(&turned, [6, 4, 8], 1).reshape(&[1, 24, 2, 4]).unwrap();
            assert_eq!((&made.axes[..], made.moved), (&IMAGE[..], Some(moved)));
        }
        // Statistics of groups: [batch, groups, everything else] and back.
        let groups = image.reshape(&[0, 2, -1]).unwrap();
        assert_eq!(groups.axes, [Axis::Batch, part, Axis::Group(3)]);
        let back = axes(&groups.axes, [6, 4, 8], 1);
        assert_eq!(reshaped(&back, &[1, 6, 4, 8]), Some(IMAGE.to_vec()));
    }

    #[test]
    fn reshapes_flatten_and_come_back() {
        let image = axes(&IMAGE, [6, 3, 5], 2);
        let flat = vec![Axis::Batch, Axis::Flat(Order::ChannelsFirst)];
        for target in [[2, -1], [-1, 90], [0, 90]] {
            assert_eq!(reshaped(&image, &target), Some(flat.clone()), "{target:?}");
        }
        let flat = Axes {
            axes: flat,
            ..image.clone()
        };
        assert_eq!(reshaped(&flat, &[-1, 6, 3, 5]), Some(IMAGE.to_vec()));
        let last = Axes {
            axes: image.transpose(&[0, 2, 3, 1]).unwrap(),
            ..image.clone()
        };
        assert_eq!(
            reshaped(&last, &[0, -1]),
            Some(vec![Axis::Batch, Axis::Flat(Order::ChannelsLast)])
        );
        // A part of the channels with some of the rows, and a mixed batch have no name.
        for target in [
            &[0, 4, 45][..],
            &[0, 9, 2, 5],
            &[4, 45],
            &[90, 2],
            &[0, 0, 0, 7],
            &[0, -1, -1],
        ] {
            assert_eq!(image.reshape(target), None, "{target:?}");
        }
    }

    #[test]
    fn axes_of_length_1_come_and_go() {
        let pooled = axes(&IMAGE, [6, 1, 1], 1);
        assert_eq!(reshaped(&pooled, &[1, 6]), Some(VECTOR.to_vec()));
        assert_eq!(pooled.squeeze(None), Some(VECTOR.to_vec()));
        assert_eq!(pooled.squeeze(Some(&[-1, 2])), Some(VECTOR.to_vec()));
        assert_eq!(pooled.squeeze(Some(&[0])), None);
        assert_eq!(pooled.squeeze(Some(&[1])), None);
        let vector = Axes {
            axes: VECTOR.to_vec(),
            ..pooled
        };
        let image = vector.unsqueeze(&[2, 3]).unwrap();
        let image = Axes {
            axes: image,
            ..vector.clone()
        };
        assert!(image.fits(&IMAGE));
        assert!(vector.fits(&[Axis::Batch, Axis::Flat(Order::ChannelsLast)]));
        assert!(!image.fits(&[Axis::Batch, Axis::Rows, Axis::Columns, Axis::Channels]));
        assert_eq!(vector.unsqueeze(&[9]), None);
        // Of one channel, the order of the axes does not matter.
        let gray = axes(&[Axis::Batch, Axis::Rows, Axis::Columns, Axis::Channels], [1, 4, 4], 1);
        let turned = Axes {
            axes: reshaped(&gray, &[1, 1, 4, 4]).unwrap(),
            ..gray
        };
        assert!(turned.fits(&IMAGE));
    }
}
