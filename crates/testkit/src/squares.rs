//! A dataset in memory that a small network learns in seconds.

use panarch_data::{Dataset, ImageSet};
use panarch_graph::{Shape, random};
use rand::RngExt as _;

/// Images of `classes` classes that a small network can tell apart: a bright square whose place is the class, in noise.
pub fn squares(train: usize, test: usize, side: u32, classes: u16) -> Dataset {
    let set = |count: usize, index: u64| {
        let mut rng = random::stream(5, "squares", index);
        let labels: Vec<u16> = (0..count).map(|i| (i % usize::from(classes)) as u16).collect();
        let mut pixels = Vec::new();
        for &label in &labels {
            let across = side / 2;
            let (top, left) = (u32::from(label) / 2 % 2 * across, u32::from(label) % 2 * across);
            for y in 0..side {
                for x in 0..side {
                    let inside = (top..top + across).contains(&y) && (left..left + across).contains(&x);
                    pixels.push(rng.random_range(0..90_u8) + if inside { 90 } else { 0 });
                }
            }
        }
        ImageSet::new(Shape::new(1, side, side), pixels, labels).expect("an image for every label")
    };
    let names = (0..classes).map(|class| format!("square {class}")).collect();
    Dataset::new("squares", names, set(train, 0), None, set(test, 1)).expect("a dataset without faults")
}
