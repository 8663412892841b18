//! How a value of an ONNX graph lies in memory, in terms of a network's images.
//!
//! A network's values are images of channels, rows and columns. An ONNX tensor is such an image seen through its axes:
//! in another order, without axes of length 1 or with further ones, or with all of them in one. Operators that only
//! change the axes make another view of the same value; they leave no node in the network.

use panarch_graph::Shape;

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

    /// The axes longer than 1 that an axis is made of.
    fn parts(&self, axis: Axis) -> Vec<Axis> {
        let mut parts = match axis {
            Axis::Flat(order) => order.axes().to_vec(),
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
    pub fn reshape(&self, target: &[i64]) -> Option<Vec<Axis>> {
        let lengths = self.resolve(target)?;
        let (first, rest) = lengths.split_first()?;
        if self.axes.first() != Some(&Axis::Batch) || *first != self.batch || rest.len() >= super::super::limits::AXES {
            return None;
        }
        let mut old: Vec<Axis> = self.axes[1..].iter().flat_map(|axis| self.parts(*axis)).collect();
        old.reverse();
        let mut axes = vec![Axis::Batch];
        for length in rest {
            let mut taken = Vec::new();
            let mut reached = 1;
            while reached < *length {
                let part = old.pop()?;
                reached *= self.length(part);
                taken.push(part);
            }
            if reached != *length {
                return None;
            }
            axes.push(match taken[..] {
                [] => Axis::Unit,
                [one] => one,
                _ => {
                    let orders = [Order::ChannelsFirst, Order::ChannelsLast].map(Axis::Flat);
                    *orders.iter().find(|flat| self.parts(**flat) == taken)?
                }
            });
        }
        old.is_empty().then_some(axes)
    }

    fn resolve(&self, target: &[i64]) -> Option<Vec<u64>> {
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

    #[test]
    fn reshapes_flatten_and_come_back() {
        let image = axes(&IMAGE, [6, 3, 5], 2);
        let flat = vec![Axis::Batch, Axis::Flat(Order::ChannelsFirst)];
        for target in [[2, -1], [-1, 90], [0, 90]] {
            assert_eq!(image.reshape(&target), Some(flat.clone()), "{target:?}");
        }
        let flat = Axes {
            axes: flat,
            ..image.clone()
        };
        assert_eq!(flat.reshape(&[-1, 6, 3, 5]), Some(IMAGE.to_vec()));
        let last = Axes {
            axes: image.transpose(&[0, 2, 3, 1]).unwrap(),
            ..image.clone()
        };
        assert_eq!(
            last.reshape(&[0, -1]),
            Some(vec![Axis::Batch, Axis::Flat(Order::ChannelsLast)])
        );
        // Groups of channels, rows and columns in one, and a mixed batch have no name.
        for target in [
            &[0, 2, 3, 3, 5][..],
            &[0, 6, 15],
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
        assert_eq!(pooled.reshape(&[1, 6]), Some(VECTOR.to_vec()));
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
            axes: gray.reshape(&[1, 1, 4, 4]).unwrap(),
            ..gray
        };
        assert!(turned.fits(&IMAGE));
    }
}
