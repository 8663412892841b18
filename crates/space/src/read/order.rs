//! The order of the decisions in a genotype.

use crate::decision::Property;
use crate::element::{Element, Source};
use crate::read::compile::OpenChoice;
use crate::read::width::Width;

/// Which decision comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GenotypeOrder {
    /// What holds for a whole stage, then each block: what stands there, then its properties.
    Pre,
    /// A block's properties, then what stands there; a stage's blocks, then what holds for all of them (TuNAS).
    Post,
}

impl GenotypeOrder {
    pub(crate) const NAMES: [(&str, Self); 2] = [("pre", Self::Pre), ("post", Self::Post)];
}

/// Puts choices that were collected in pre-order into post-order, and lets the elements refer to their new places.
pub(crate) fn to_post_order(open: &mut Vec<OpenChoice>, elements: &mut [Element]) {
    let place = |choice: &OpenChoice| {
        let rank = match choice.property {
            Property::Width => 3,
            Property::Depth => 2,
            Property::Operator => 1,
            _ => 0,
        };
        let keeps = |element: &&Element| element.width.choices == [Width::Input];
        let element = match choice.property {
            // A width also holds for the places behind it that keep it.
            Property::Width => {
                let behind = elements.iter().skip(choice.element + 1);
                choice.element + behind.take_while(keeps).count()
            }
            _ => choice.element,
        };
        (element, rank)
    };
    let mut order: Vec<usize> = (0..open.len()).collect();
    order.sort_by_key(|index| place(&open[*index]));
    let mut new_places = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        new_places[*old] = new;
    }
    *open = order.iter().map(|old| open[*old].clone()).collect();
    for element in elements {
        element.sources(&mut |source| {
            if let Source::Decision(decision) = source {
                *decision = new_places[*decision];
            }
        });
    }
}
