//! The networks of the study.

use std::collections::HashSet;

use panarch_graph::{Network, stream};
use panarch_space::{Head, Space};
use rand::RngExt as _;

use panarch_run::Error;

/// Decides which networks are drawn.
const SEED: u64 = 55;
/// Two spaces that differ in what is hard for an accelerator: squeeze-and-excite, hard swish and kernels to 7 in the one,
/// fused and grouped convolutions and wide layers with ReLU in the other.
pub(super) const SPACES: [&str; 2] = ["ofa-mbv3-w1.0", "edgetpu"];
/// Heights and widths of images, one drawn for each network.
const RESOLUTIONS: [u32; 4] = [128, 160, 192, 224];

/// Colour images of a thousand classes.
const HEAD: Head = Head {
    classes: 1000,
    input_channels: 3,
};

/// A network of the study.
pub(super) struct Member {
    pub(super) space: &'static str,
    pub(super) genotype: String,
    pub(super) resolution: u32,
    pub(super) network: Network,
    /// Whether constants are fitted to it; all others are held out.
    pub(super) training: bool,
}

/// The first `count` different networks of each space, of which the first `training` are for fitting.
pub(super) fn draw(count: usize, training: usize) -> Result<Vec<Member>, Error> {
    let mut members = Vec::with_capacity(count * SPACES.len());
    for name in SPACES {
        let space = Space::preset(name)?;
        let mut rng = stream(SEED, &format!("panarch reproduce vela {name}"), 0);
        let mut seen = HashSet::new();
        while seen.len() < count {
            let genotype = space.canonical(&space.sample(&mut rng));
            let resolution = RESOLUTIONS[rng.random_range(0..RESOLUTIONS.len())];
            let network = space.lower(&genotype, HEAD, resolution)?;
            if seen.insert(network.content_hash()) {
                members.push(Member {
                    space: name,
                    genotype: genotype.to_string(),
                    resolution,
                    network,
                    training: seen.len() <= training,
                });
            }
        }
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_sample_begins_like_a_shorter_one() {
        let (short, long) = (draw(2, 1).unwrap(), draw(3, 1).unwrap());
        let of = |members: &[Member], space: &str| -> Vec<String> {
            let its = members.iter().filter(|it| it.space == space);
            its.map(|it| format!("{} {} {}", it.genotype, it.resolution, it.training))
                .collect()
        };
        for space in SPACES {
            assert_eq!(of(&short, space), of(&long, space)[..2]);
        }
        assert_eq!(long.iter().filter(|it| it.training).count(), 2);
    }
}
