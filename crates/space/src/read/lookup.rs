//! Which setting holds for an operator at a block.

use crate::decision::Property;
use crate::element::Inner;
use crate::element::operator::Operator;
use crate::read::properties::Properties;
use crate::read::setting::Setting;
use crate::read::stage_settings::{StageSettings, Variant};

/// One block of a stage, or a layer of the stem or head.
#[derive(Debug)]
pub(crate) struct Spot<'a> {
    /// Of its stage and of itself.
    pub names: (&'a str, &'a str),
    /// Its number in the stage, from 0.
    pub position: u32,
    /// The stage's largest depth.
    pub depth: u32,
    pub stride: u32,
    pub residual_allowed: bool,
}

/// Where the properties of a variant at a block are looked up.
#[derive(Debug)]
pub(crate) struct Lookup<'a> {
    /// The variant's number in the file.
    pub number: usize,
    pub variant: &'a Variant,
    pub settings: &'a StageSettings,
    pub defaults: &'a StageSettings,
    pub spot: &'a Spot<'a>,
}

impl<'a> Lookup<'a> {
    /// Whether the variant has such a property here.
    pub(crate) fn applies(&self, property: Property) -> bool {
        let operator = self.variant.operator;
        match property {
            Property::Kernel => operator.has_kernel(),
            Property::Expansion | Property::InnerWidth => operator.expands(),
            Property::Edge1 | Property::Edge2 | Property::Edge3 | Property::Edge4 => operator == Operator::EdgeChain,
            Property::GroupWidth => operator.has_groups(),
            Property::SqueezeExcite => operator.has_squeeze_excite(),
            Property::Activation => operator.has_activation(),
            Property::LastActivation => operator.has_last_activation(),
            Property::Residual => {
                let possible = self.spot.residual_allowed && self.spot.stride == 1;
                operator.may_have_residual() && possible
            }
            Property::Depth | Property::Width | Property::Operator => true,
        }
    }

    /// The setting that holds, and whether it is the variant's own.
    ///
    /// First what the stage says of the variant, then the variant's definition, what the stage says of all variants,
    /// and the same two of `[block]`.
    pub(crate) fn find<T: 'a>(
        &self,
        get: impl Fn(&'a Properties) -> Option<&'a Setting<T>>,
    ) -> Option<(&'a Setting<T>, bool)> {
        let own = |settings: &'a StageSettings| settings.own(self.number).and_then(&get);
        let own_here = own(self.settings).or_else(|| get(&self.variant.properties));
        let shared_here = get(&self.settings.shared);
        let own_everywhere = own(self.defaults);
        let shared_everywhere = get(&self.defaults.shared);
        let candidates = [
            own_here.map(|setting| (setting, true)),
            shared_here.map(|setting| (setting, false)),
            own_everywhere.map(|setting| (setting, true)),
            shared_everywhere.map(|setting| (setting, false)),
        ];
        candidates.into_iter().flatten().next()
    }

    /// The tables that are asked, in no particular order.
    pub(crate) fn tables(&self) -> Vec<&'a Properties> {
        let own = [self.settings, self.defaults]
            .into_iter()
            .filter_map(|it| it.own(self.number));
        let shared = [&self.variant.properties, &self.settings.shared, &self.defaults.shared];
        own.chain(shared).collect()
    }

    /// How the variant's inner width is given.
    pub(crate) fn inner_property(&self) -> Property {
        let found = self.find(|properties| properties.inner.as_ref());
        match found.and_then(|(setting, _)| setting.values().next().copied()) {
            Some(Inner::Channels(_)) => Property::InnerWidth,
            _ => Property::Expansion,
        }
    }
}
