//! Marks: a shape and a colour class together, so that neither is the only cue.

use std::fmt::Write;

use super::svg::N;

/// The outline of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Diamond,
    Triangle,
    TriangleDown,
    Plus,
    Star,
}

/// Colour class and shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// A class of the style sheet that sets the colour.
    pub class: &'static str,
    /// The outline.
    pub shape: Shape,
}

impl Mark {
    pub const CHOSEN: Mark = Mark {
        class: "chosen",
        shape: Shape::Star,
    };
    pub const WINNER: Mark = Mark {
        class: "winner",
        shape: Shape::Diamond,
    };
    pub const OTHER_WINNER: Mark = Mark {
        class: "otherwinner",
        shape: Shape::Diamond,
    };
    pub const AVERAGE: Mark = Mark {
        class: "average",
        shape: Shape::Triangle,
    };
    pub const REFERENCE: Mark = Mark {
        class: "reference",
        shape: Shape::Square,
    };
    pub const FRONT: Mark = Mark {
        class: "frontpoint",
        shape: Shape::Circle,
    };
    pub const CLOUD: Mark = Mark {
        class: "cloud",
        shape: Shape::Circle,
    };
}

/// The mark of a device, by its place in the run.
pub(crate) fn device_mark(device: usize) -> Mark {
    const CLASSES: [&str; 7] = ["s0", "s1", "s2", "s3", "s4", "s5", "s6"];
    const SHAPES: [Shape; 6] = [
        Shape::Circle,
        Shape::Square,
        Shape::Triangle,
        Shape::Diamond,
        Shape::TriangleDown,
        Shape::Plus,
    ];
    Mark {
        class: CLASSES[device % CLASSES.len()],
        shape: SHAPES[device % SHAPES.len()],
    }
}

impl Shape {
    /// Path data of the shape around a point; shapes of one radius look equally big.
    pub fn path(self, (x, y): (f64, f64), radius: f64) -> String {
        let polygon = |points: &[(f64, f64)]| {
            let mut data = String::new();
            for (index, (dx, dy)) in points.iter().enumerate() {
                let command = if index == 0 { "M" } else { "L" };
                let _ = write!(data, "{command}{} {}", N(x + dx * radius), N(y + dy * radius));
            }
            data + "Z"
        };
        match self {
            Shape::Circle => {
                let (r, d) = (N(radius), N(2.0 * radius));
                format!("M{} {}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0Z", N(x - radius), N(y))
            }
            Shape::Square => polygon(&[(-0.89, -0.89), (0.89, -0.89), (0.89, 0.89), (-0.89, 0.89)]),
            Shape::Diamond => polygon(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
            Shape::Triangle => polygon(&[(0.0, -1.2), (1.15, 0.9), (-1.15, 0.9)]),
            Shape::TriangleDown => polygon(&[(0.0, 1.2), (1.15, -0.9), (-1.15, -0.9)]),
            Shape::Plus => polygon(&[
                (-0.4, -1.15),
                (0.4, -1.15),
                (0.4, -0.4),
                (1.15, -0.4),
                (1.15, 0.4),
                (0.4, 0.4),
                (0.4, 1.15),
                (-0.4, 1.15),
                (-0.4, 0.4),
                (-1.15, 0.4),
                (-1.15, -0.4),
                (-0.4, -0.4),
            ]),
            Shape::Star => {
                let points: Vec<(f64, f64)> = (0..10)
                    .map(|corner| {
                        let angle = std::f64::consts::PI * (f64::from(corner) / 5.0 - 0.5);
                        let reach = if corner % 2 == 0 { 1.55 } else { 0.68 };
                        (reach * angle.cos(), reach * angle.sin())
                    })
                    .collect();
                polygon(&points)
            }
        }
    }
}
