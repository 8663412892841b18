//! From the settings of a space file to elements and decisions.

use std::collections::{BTreeSet, HashMap, HashSet};

use panarch_graph::Activation;
use panarch_toml::{At, Document};

use crate::decision::Property;
use crate::element::edge::Edge;
use crate::element::operator::Operator;
use crate::element::{Alternative, Element, ExpansionBase, Fixed, Inner, Residual, Shortcut, Slot, Source};
use crate::read::lookup::{Lookup, Spot};
use crate::read::properties::{NO_ACTIVATION, Properties, residual_text};
use crate::read::setting::{Scope, Setting, Spread};
use crate::read::stage_settings::{StageSettings, Variant, Variants};
use crate::read::width::{Scale, Width, width_text};

/// A property with several choices, before ties are known.
#[derive(Debug, Clone)]
pub(crate) struct OpenChoice {
    pub name: String,
    pub property: Property,
    pub choices: Vec<String>,
    /// The position of the element that asks for it first; of a depth or width, of the last element that it is for.
    pub element: usize,
}

/// Collects elements and open choices; in its sources, a decision is the position of an open choice.
#[derive(Debug)]
pub(crate) struct Compiler<'d> {
    document: &'d Document,
    pub variants: &'d Variants,
    scale: Scale,
    /// Whether the file lies over a base, whose keys may have lost their effect.
    pub derived: bool,
    pub elements: Vec<Element>,
    pub open: Vec<OpenChoice>,
    /// For each name of a decision, where in the file it comes from and its position.
    positions: HashMap<String, (At, usize)>,
    missing: BTreeSet<String>,
    /// The `each` lists that have been reported, with the depth that they do not have.
    lengths: HashSet<(At, u32)>,
}

/// One stage, or one layer of the stem or head.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// `stage1`, `stem`, `head`: what blocks are named after.
    pub block: &'a str,
    /// What decisions are named after.
    pub name: &'a str,
    /// What node names begin with.
    pub prefix: &'a str,
    pub settings: &'a StageSettings,
    pub at: At,
    pub stride: u32,
    /// Whether there is a bias when the file is silent.
    pub bias: bool,
}

impl<'d> Compiler<'d> {
    pub(crate) fn new(document: &'d Document, variants: &'d Variants, scale: Scale) -> Self {
        Self {
            document,
            variants,
            scale,
            derived: false,
            elements: Vec::new(),
            open: Vec::new(),
            positions: HashMap::new(),
            missing: BTreeSet::new(),
            lengths: HashSet::new(),
        }
    }

    /// Adds a layer of the stem or head.
    pub(crate) fn layer(&mut self, place: &Place<'_>, defaults: &StageSettings) {
        let name = place.name.to_owned();
        self.check_lengths(place.settings, 1);
        let width = self.width(place, defaults, &name, &name, 0);
        let spot = Spot {
            names: (&name, &name),
            position: 0,
            depth: 1,
            stride: place.stride,
            residual_allowed: place.settings.all().any(|it| it.residual.is_some()),
        };
        let element = self.element(place, defaults, &spot, width);
        self.elements.extend(element);
    }

    /// Adds a stage: as many elements as it is deep at most.
    pub(crate) fn stage(&mut self, place: &Place<'_>, defaults: &StageSettings) {
        let name = place.name.to_owned();
        let Some(setting) = place.settings.depth.as_ref().or(defaults.depth.as_ref()) else {
            return self.report_missing(place, &[&place.settings.shared, &defaults.shared], "depth");
        };
        let Spread::Same(depths) = &setting.choices else {
            return self.document.problem_at(
                setting.at,
                "a stage has one depth; `each` is for what its blocks choose",
                None,
            );
        };
        let (least, most) = (depths[0], depths[depths.len() - 1]);
        if most == 0 {
            return self
                .document
                .problem_at(setting.at, "a stage has at least one block at its largest depth", None);
        }
        if least == 0 && place.stride > 1 {
            let message = format!(
                "`{name}` has stride {}, so that it cannot be left out: its depth must be 1 or more",
                place.stride
            );
            self.document.problem_at(setting.at, message, None);
        }
        self.check_lengths(place.settings, most);
        let start = self.elements.len();
        let depth = self.slot(
            format!("{name}.depth"),
            Property::Depth,
            (setting.at, depths),
            u32::to_string,
        );
        let first = place.settings.residual_in_first_block;
        let first = first.or(defaults.residual_in_first_block).unwrap_or(true);
        for position in 0..most {
            let block = format!("{name}.block{}", position + 1);
            let width = self.width(place, defaults, &name, &block, position);
            let spot = Spot {
                names: (&name, &block),
                position,
                depth: most,
                stride: if position == 0 { place.stride } else { 1 },
                residual_allowed: first || position > 0,
            };
            let Some(mut element) = self.element(place, defaults, &spot, width) else {
                return;
            };
            element.block.clone_from(&block);
            element.prefix = block;
            element.depth = Some((depth.clone(), position));
            self.elements.push(element);
        }
        let last = self.elements.len().saturating_sub(1);
        for open in &mut self.open {
            let of_stage = matches!(open.property, Property::Depth | Property::Width);
            if of_stage && open.element == start && open.name.starts_with(&format!("{name}.")) {
                open.element = last;
            }
        }
    }

    /// An open choice under a name, or a fixed one when there is nothing to choose.
    fn slot<T: Clone>(
        &mut self,
        name: String,
        property: Property,
        (at, choices): (At, &[T]),
        text: impl Fn(&T) -> String,
    ) -> Slot<T> {
        if choices.len() == 1 {
            return Slot::fixed(choices[0].clone());
        }
        let choices = choices.to_vec();
        let position = match self.positions.get(&name) {
            Some((first, position)) => {
                if *first != at {
                    let message =
                        format!("`{name}` would be the name of two decisions; call an operator or layer otherwise");
                    self.document.problem_at(at, message, None);
                }
                *position
            }
            None => {
                self.positions.insert(name.clone(), (at, self.open.len()));
                self.open.push(OpenChoice {
                    name,
                    property,
                    choices: choices.iter().map(text).collect(),
                    element: self.elements.len(),
                });
                self.open.len() - 1
            }
        };
        Slot {
            choices,
            source: Source::Decision(position),
        }
    }

    fn width(
        &mut self,
        place: &Place<'_>,
        defaults: &StageSettings,
        stage: &str,
        block: &str,
        position: u32,
    ) -> Option<Slot<Width>> {
        let setting = place.settings.width.as_ref().or(defaults.width.as_ref())?;
        let name = match setting.scope {
            Scope::Stage => format!("{stage}.width"),
            Scope::Block => format!("{block}.width"),
        };
        // `each` makes the width a matter of the block, whatever the scope.
        let name = if matches!(setting.choices, Spread::Each(_)) {
            format!("{block}.width")
        } else {
            name
        };
        let scale = self.scale_of(place, defaults);
        let choices = (setting.at, setting.of(position));
        let slot = self.slot(name, Property::Width, choices, width_text);
        Some(slot.map(|choice| scale.width(choice)))
    }

    fn scale_of(&self, place: &Place<'_>, defaults: &StageSettings) -> Scale {
        let scales = place.settings.scale_width.or(defaults.scale_width);
        if scales.unwrap_or(true) {
            self.scale
        } else {
            self.scale.unscaled()
        }
    }

    /// The element of one block.
    fn element(
        &mut self,
        place: &Place<'_>,
        defaults: &StageSettings,
        spot: &Spot<'_>,
        width: Option<Slot<Width>>,
    ) -> Option<Element> {
        let (settings, names) = (place.settings, spot.names);
        let Some(setting) = settings.operator.as_ref().or(defaults.operator.as_ref()) else {
            self.report_missing(place, &[&place.settings.shared, &defaults.shared], "operator");
            return None;
        };
        let variants: Vec<(usize, Variant)> = setting
            .of(spot.position)
            .iter()
            .filter_map(|number| Some((*number, self.variants.0.get(*number)?.clone())))
            .collect();
        let scope = scoped(setting, names);
        let numbers: Vec<usize> = (0..variants.len()).collect();
        let choices = (setting.at, &numbers[..]);
        let operator = self.slot(format!("{scope}.operator"), Property::Operator, choices, |number| {
            variants[*number].1.name.clone()
        });
        if width.is_none() && variants.iter().any(|(_, variant)| variant.operator.has_width()) {
            self.report_missing(place, &[&place.settings.shared, &defaults.shared], "width");
        }
        let mut alternatives = Vec::new();
        for (number, variant) in &variants {
            let look = Lookup {
                number: *number,
                variant,
                settings,
                defaults,
                spot,
            };
            alternatives.push(self.alternative(&look, place));
        }
        let fixed = Fixed {
            stride: spot.stride,
            stride_in_first: settings.stride_in_first.or(defaults.stride_in_first).unwrap_or(false),
            padding: settings.padding.or(defaults.padding),
            ceil: settings.ceil.or(defaults.ceil).unwrap_or(false),
            shortcut: settings.shortcut.or(defaults.shortcut).unwrap_or(Shortcut::Conv),
            batch_norm: settings.batch_norm.or(defaults.batch_norm).unwrap_or(true),
            bias: settings.bias.or(defaults.bias).unwrap_or(place.bias),
        };
        let base = settings.expansion_of.or(defaults.expansion_of);
        let expansion_base = match base.unwrap_or(ExpansionBase::Input) {
            ExpansionBase::Declared(channels) => {
                ExpansionBase::Declared(self.scale_of(place, defaults).channels(channels))
            }
            base => base,
        };
        Some(Element {
            block: place.block.to_owned(),
            prefix: place.prefix.to_owned(),
            depth: None,
            width: width.unwrap_or_else(|| Slot::fixed(Width::Input)),
            operator,
            alternatives,
            residual_allowed: spot.residual_allowed,
            expansion_base,
            fixed,
        })
    }

    fn alternative(&mut self, look: &Lookup<'_>, place: &Place<'_>) -> Alternative {
        let operator = look.variant.operator;
        self.check_kernel(look, place);
        let kernel = self.property(look, Property::Kernel, |it| it.kernel.as_ref(), u32::to_string);
        let inner = self.property(look, look.inner_property(), |it| it.inner.as_ref(), inner_text);
        let edges = [0, 1, 2, 3].map(|edge: usize| {
            self.property(
                look,
                Property::EDGES[edge],
                |it| it.edges.get(edge).and_then(Option::as_ref),
                Edge::to_string,
            )
        });
        let group_width = self.property(look, Property::GroupWidth, |it| it.group_width.as_ref(), u32::to_string);
        let squeeze_excite = self.property(
            look,
            Property::SqueezeExcite,
            |it| it.squeeze_excite.as_ref(),
            f64::to_string,
        );
        let activation = self.property(look, Property::Activation, |it| it.activation.as_ref(), activation_text);
        let last_activation = self.property(
            look,
            Property::LastActivation,
            |it| it.last_activation.as_ref(),
            activation_text,
        );
        let residual = self.property(look, Property::Residual, |it| it.residual.as_ref(), residual_text);
        let no_edge = operator == Operator::EdgeChain && edges.iter().all(Option::is_none);
        let needed = [
            ("kernel", operator.has_kernel() && kernel.is_none()),
            ("expansion", operator.expands() && inner.is_none()),
            ("activation", operator.has_activation() && activation.is_none()),
            ("edge1", no_edge),
        ];
        for (key, missing) in needed {
            if missing {
                self.report_missing(place, &look.tables(), key);
            }
        }
        let scale = self.scale_of(place, look.defaults);
        let inner = inner.unwrap_or_else(|| Slot::fixed(Inner::Times(1.0)));
        let activation = activation.unwrap_or_else(|| Slot::fixed(None));
        // A chain ends as its other convolutions do unless the file says otherwise.
        let last_activation = last_activation.unwrap_or_else(|| match operator {
            Operator::EdgeChain => activation.clone(),
            _ => Slot::fixed(None),
        });
        let residual_by_default = if operator.residual_by_default() {
            Residual::Add
        } else {
            Residual::None
        };
        Alternative {
            operator,
            kernel: kernel.unwrap_or_else(|| Slot::fixed(1)),
            inner: inner.map(|inner| match inner {
                Inner::Channels(channels) => Inner::Channels(scale.channels(*channels)),
                Inner::Times(ratio) => Inner::Times(*ratio),
            }),
            edges: edges.map(|edge| edge.unwrap_or_else(|| Slot::fixed(Edge::Identity))),
            group_width: group_width.unwrap_or_else(|| Slot::fixed(0)),
            squeeze_excite: squeeze_excite.unwrap_or_else(|| Slot::fixed(0.0)),
            activation,
            last_activation,
            residual: residual.unwrap_or_else(|| Slot::fixed(residual_by_default)),
        }
    }

    fn property<T: Clone>(
        &mut self,
        look: &Lookup<'_>,
        property: Property,
        get: impl Fn(&Properties) -> Option<&Setting<T>>,
        text: impl Fn(&T) -> String,
    ) -> Option<Slot<T>> {
        if !look.applies(property) {
            return None;
        }
        let (setting, own) = look.find(get)?;
        self.check_length(Some(setting), look.spot.depth);
        let scope = scoped(setting, look.spot.names);
        let name = if own {
            format!("{scope}.{}.{}", look.variant.short(), property.name())
        } else {
            format!("{scope}.{}", property.name())
        };
        Some(self.slot(name, property, (setting.at, setting.of(look.spot.position)), text))
    }

    /// Reports once for a place an even kernel that was meant for the pools of another one.
    fn check_kernel(&mut self, look: &Lookup<'_>, place: &Place<'_>) {
        let operator = look.variant.operator;
        if !operator.has_kernel() || operator.is_pool() {
            return;
        }
        let Some((setting, _)) = look.find(|it| it.kernel.as_ref()) else {
            return;
        };
        let even = setting.of(look.spot.position).iter().find(|kernel| **kernel % 2 == 0);
        let name = place.name;
        if let Some(kernel) = even.filter(|kernel| self.missing.insert(format!("{name}.kernel {kernel}"))) {
            let message = format!(
                "`{name}` would have a kernel of {kernel} in `{}`: only those of pools may be even",
                look.variant.name
            );
            self.document.problem_at(setting.at, message, None);
        }
    }

    /// Reports once for a place that none of the tables gives a property it needs; a key that is there all the same is
    /// wrong and was reported before.
    fn report_missing(&mut self, place: &Place<'_>, tables: &[&Properties], key: &str) {
        let keys: &[&str] = match key {
            "expansion" => &["expansion", "inner_width"],
            "edge1" => &["edge1", "edge2", "edge3", "edge4"],
            _ => &[key],
        };
        let mentioned = tables
            .iter()
            .any(|table| keys.iter().any(|key| table.given.contains(key)));
        let name = place.name;
        if !mentioned && self.missing.insert(format!("{name}.{key}")) {
            let message = format!("`{name}` has no `{key}`, neither here nor in `[block]`");
            self.document.problem_at(place.at, message, None);
        }
    }

    fn check_lengths(&mut self, settings: &StageSettings, depth: u32) {
        for properties in settings.all() {
            self.check_length(properties.kernel.as_ref(), depth);
            self.check_length(properties.inner.as_ref(), depth);
            for edge in &properties.edges {
                self.check_length(edge.as_ref(), depth);
            }
            self.check_length(properties.group_width.as_ref(), depth);
            self.check_length(properties.squeeze_excite.as_ref(), depth);
            self.check_length(properties.activation.as_ref(), depth);
            self.check_length(properties.last_activation.as_ref(), depth);
            self.check_length(properties.residual.as_ref(), depth);
        }
        self.check_length(settings.operator.as_ref(), depth);
        self.check_length(settings.width.as_ref(), depth);
    }

    fn check_length<T>(&mut self, setting: Option<&Setting<T>>, depth: u32) {
        if let Some(Setting {
            choices: Spread::Each(lists),
            at,
            ..
        }) = setting
            && lists.len() != depth as usize
            && self.lengths.insert((*at, depth))
        {
            let message = format!(
                "`each` has {} entries, there {} at the largest depth",
                lists.len(),
                if depth == 1 {
                    "is 1 block".to_owned()
                } else {
                    format!("are {depth} blocks")
                }
            );
            self.document.problem_at(*at, message, None);
        }
    }
}

/// The name that a decision of this setting begins with.
fn scoped<'a, T>(setting: &Setting<T>, names: (&'a str, &'a str)) -> &'a str {
    match (setting.scope, &setting.choices) {
        (Scope::Stage, Spread::Same(_)) => names.0,
        _ => names.1,
    }
}

/// An inner width as a choice is written.
pub(crate) fn inner_text(inner: &Inner) -> String {
    match inner {
        Inner::Times(ratio) => ratio.to_string(),
        Inner::Channels(channels) => channels.to_string(),
    }
}

/// An activation as a choice is written.
pub(crate) fn activation_text(activation: &Option<Activation>) -> String {
    activation.map_or(NO_ACTIVATION, Activation::name).to_owned()
}
