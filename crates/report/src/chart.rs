//! Charts as static SVG. Colours, strokes and fonts are classes that the page's style sheet sets,
//! so that one drawing serves light and dark; shapes and hatching repeat what colour says.

mod axis;
mod blocks;
mod correlation;
mod diagram;
mod dumbbell;
mod front;
mod history;
mod layer_cost;
mod mark;
mod panels;
mod prediction;
mod ratio;
mod strips;
mod svg;

pub(crate) use correlation::{correlation, fixed_shares};
pub(crate) use diagram::diagram;
pub(crate) use dumbbell::dumbbell;
pub(crate) use front::front;
pub(crate) use history::history;
pub(crate) use layer_cost::layer_cost;
pub(crate) use mark::{Mark, device_mark};
pub use panels::{Panel, Series, panels_svg};
pub(crate) use prediction::prediction;
pub(crate) use ratio::ratios;
pub(crate) use strips::strips;
pub(crate) use svg::swatch;
