//! From real numbers to int8 (Jacob et al. 2018, equations 1 and 11; symmetric kernels as in TFLite's specification).

use super::source::Rows;
use super::structure::Quantisation;

/// Real value = scale · (int8 − zero point).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    pub scale: f32,
    pub zero_point: i8,
}

impl Affine {
    /// What TFLite demands of the result of LOGISTIC: from 0 to 255/256.
    pub const LOGISTIC: Self = Self {
        scale: 1.0 / 256.0,
        zero_point: -128,
    };

    /// The quantisation that spreads a range, widened to hold 0, over all 256 numbers; 0 itself is exact.
    pub fn spread(low: f32, high: f32) -> Self {
        let (low, high) = (f64::from(low.min(0.0)), f64::from(high.max(0.0)));
        // Narrower ranges would underflow in the products of scales.
        let scale = ((high - low) / 255.0).max(1e-12);
        let zero_point = (-128.0 - low / scale).round().clamp(-128.0, 127.0);
        Self {
            scale: scale as f32,
            zero_point: zero_point as i8,
        }
    }

    pub fn quantisation(self) -> Quantisation {
        Quantisation {
            scales: vec![self.scale],
            zero_points: vec![i64::from(self.zero_point)],
            axis: 0,
        }
    }
}

/// A kernel in int8, symmetric around 0 for each output channel, with its bias in int32.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// In the order of the file.
    pub values: Vec<u8>,
    /// One for each output channel.
    pub scales: Vec<f32>,
    /// With scale input scale · weight scale; one for each output channel.
    pub bias: Vec<i32>,
}

/// The largest magnitude of a quantised bias: half of what int32 holds, so that the sum of products fits beside it.
const BIAS_LIMIT: f64 = (1 << 30) as f64;

/// Quantises the rows of a kernel, one for each output channel.
///
/// `place` says where the value at a position of a row goes: (channel, position) → index in the file.
pub fn kernel(
    mut rows: Rows<'_>,
    bias: Option<&[f32]>,
    input: Affine,
    place: impl Fn(usize, usize) -> usize,
) -> Kernel {
    let (channels, length) = (rows.count(), rows.length());
    let mut kernel = Kernel {
        values: vec![0; channels * length],
        scales: Vec::with_capacity(channels),
        bias: Vec::with_capacity(channels),
    };
    let mut row = Vec::with_capacity(length);
    for channel in 0..channels {
        rows.next(&mut row);
        let bias = bias
            .and_then(|bias| bias.get(channel))
            .map_or(0.0, |bias| f64::from(*bias));
        let most = row.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        // A row of zeros, or one that is tiny beside its bias, takes the scale that the bias needs.
        let least = (bias.abs() / (f64::from(input.scale) * BIAS_LIMIT)).max(1e-12);
        let scale = (f64::from(most) / 127.0).max(least) as f32;
        for (position, value) in row.iter().enumerate() {
            let rounded = (value / scale).round().clamp(-127.0, 127.0) as i8;
            if let Some(slot) = kernel.values.get_mut(place(channel, position)) {
                *slot = rounded as u8;
            }
        }
        kernel.scales.push(scale);
        kernel
            .bias
            .push((bias / (f64::from(input.scale) * f64::from(scale))).round() as i32);
    }
    kernel
}

impl Kernel {
    /// How the kernel's numbers are meant, with output channels along this axis.
    pub fn quantisation(&self, axis: u32) -> Quantisation {
        Quantisation {
            scales: self.scales.clone(),
            zero_points: vec![0; self.scales.len()],
            axis,
        }
    }

    /// How the bias's numbers are meant.
    pub fn bias_quantisation(&self, input: Affine) -> Quantisation {
        Quantisation {
            scales: self.scales.iter().map(|scale| scale * input.scale).collect(),
            zero_points: vec![0; self.scales.len()],
            axis: 0,
        }
    }

    /// The bytes of the bias.
    pub fn bias_bytes(&self) -> Vec<u8> {
        self.bias.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_exact_and_the_ends_are_reached() {
        for (low, high, zero_point) in [(0.0, 6.0, -128), (-1.0, 1.0, 0), (-6.0, 0.0, 127), (2.0, 6.0, -128)] {
            let affine = Affine::spread(low, high);
            assert!(
                (i32::from(affine.zero_point) - zero_point).abs() <= 1,
                "{low} to {high}: {affine:?}"
            );
            let reached = affine.scale * (127 - i32::from(affine.zero_point)) as f32;
            assert!(
                (reached - high.max(0.0)).abs() <= affine.scale,
                "{low} to {high}: {reached}"
            );
        }
        assert!(Affine::spread(0.0, 0.0).scale > 0.0);
    }

    #[test]
    fn each_channel_has_a_scale_of_its_own() {
        let values = [1.0, -2.0, 0.5, 0.25, 0.0, 0.0];
        let input = Affine::spread(0.0, 2.55);
        let found = kernel(
            Rows::given(&values, 2),
            Some(&[0.1, -0.1, 3.0]),
            input,
            |channel, position| position * 3 + channel,
        );
        assert_eq!(found.values, [64, 127, 0, -127_i8 as u8, 64, 0]);
        for (channel, bias) in [0.1, -0.1, 3.0].into_iter().enumerate() {
            let scale = f64::from(found.scales[channel]) * f64::from(input.scale);
            assert!((f64::from(found.bias[channel]) * scale - bias).abs() <= scale);
        }
    }
}
