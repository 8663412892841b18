use std::fmt;

use panarch_graph::Layer;

/// Groups that are written out; the others are counted.
const MOST_GROUPS: usize = 8;
/// Layers of a group that are named.
const MOST_NAMED: usize = 3;

/// Why a device cannot run layers of one operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The operator, as profiles write it, such as `depthwise_conv2d` or `hard_swish`.
    pub operator: String,
    /// Why it cannot, in words.
    pub reason: String,
    /// The first layers of which that holds, in the order of execution.
    pub layers: Vec<String>,
    /// How many there are.
    pub count: usize,
}

/// All layers of a network that a device cannot run, grouped by operator and reason; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    first: Box<Refusal>,
    others: Vec<Refusal>,
}

impl Refusals {
    /// One layer.
    pub fn of(layer: impl Into<String>, operator: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            first: Box::new(Refusal {
                operator: operator.into(),
                reason: reason.into(),
                layers: vec![layer.into()],
                count: 1,
            }),
            others: Vec::new(),
        }
    }

    /// The layers that are refused, each with the operator and the reason; none where none is.
    pub(crate) fn among<'a>(
        layers: impl IntoIterator<Item = (&'a Layer, Option<(&'static str, String)>)>,
    ) -> Option<Self> {
        let mut all: Option<Self> = None;
        for (layer, refused) in layers {
            let Some((operator, reason)) = refused else { continue };
            match &mut all {
                None => all = Some(Self::of(&layer.name, operator, reason)),
                Some(all) => all.add(&layer.name, operator, reason),
            }
        }
        all
    }

    fn add(&mut self, layer: &str, operator: &str, reason: String) {
        let mut groups = std::iter::once(self.first.as_mut()).chain(&mut self.others);
        match groups.find(|group| group.operator == operator && group.reason == reason) {
            Some(group) => {
                group.count += 1;
                if group.layers.len() < MOST_NAMED {
                    group.layers.push(layer.to_owned());
                }
            }
            None => self.others.push(Refusal {
                operator: operator.to_owned(),
                reason,
                layers: vec![layer.to_owned()],
                count: 1,
            }),
        }
    }

    /// The first in the order of execution.
    #[must_use]
    pub fn first(&self) -> &Refusal {
        &self.first
    }

    /// All of them, in the order in which they are first met.
    pub fn iter(&self) -> impl Iterator<Item = &Refusal> {
        std::iter::once(self.first.as_ref()).chain(&self.others)
    }

    /// How many layers are refused.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.iter().map(|group| group.count).sum()
    }

    /// The operators, each once, with how many layers of each: `21 of hard_swish, 8 of hard_sigmoid`.
    #[must_use]
    pub fn operators(&self) -> String {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for group in self.iter() {
            match counts.iter_mut().find(|(operator, _)| *operator == group.operator) {
                Some((_, count)) => *count += group.count,
                None => counts.push((&group.operator, group.count)),
            }
        }
        let words: Vec<String> = counts
            .iter()
            .map(|(operator, count)| format!("{count} of {operator}"))
            .collect();
        words.join(", ")
    }

    /// The operators and reasons in a few words: `hard_swish: the profile does not list the operator`.
    #[must_use]
    pub fn reasons(&self) -> String {
        let groups: Vec<String> = self
            .iter()
            .take(MOST_GROUPS)
            .map(|it| format!("{}: {}", it.operator, it.reason))
            .collect();
        groups.join("; ") + &self.further()
    }

    fn further(&self) -> String {
        match (1 + self.others.len()).saturating_sub(MOST_GROUPS) {
            0 => String::new(),
            further => format!("; and {further} more kinds"),
        }
    }
}

/// "layer `a` (hard_swish): why", or "9 layers: 7 of hard_swish (`a`, `b`, `c`, …): why; …".
impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ([layer], true, 1) = (self.first.layers.as_slice(), self.others.is_empty(), self.first.count) {
            return write!(f, "layer `{layer}` ({}): {}", self.first.operator, self.first.reason);
        }
        write!(f, "{} layers: ", self.layers())?;
        for (index, group) in self.iter().take(MOST_GROUPS).enumerate() {
            if index > 0 {
                write!(f, "; ")?;
            }
            let names: Vec<String> = group.layers.iter().map(|name| format!("`{name}`")).collect();
            let more = if group.count > names.len() { ", …" } else { "" };
            let (count, operator, reason) = (group.count, &group.operator, &group.reason);
            write!(f, "{count} of {operator} ({}{more}): {reason}", names.join(", "))?;
        }
        write!(f, "{}", self.further())
    }
}
