//! Reading a profile; every problem is recorded, none ends the reading.

mod allowed;
mod array;
mod command;
mod derivation;
mod ethos_u;
mod figures;
mod hierarchy;

use std::path::Path;

use panarch_graph::{ContentHash, Precision};
use panarch_toml::{AskedKey, Diagnostics, Document, Table, Unit};

use allowed::{BELOW_ONE, CLOCK, NOT_NEGATIVE, PASSES, POSITIVE, RATE, RELATIVE, REREADS, SHARE, SHORT};
use derivation::{Derived, MOST_FALLBACKS, Source};
use figures::Figures;

pub use derivation::ReadProfile;
pub(super) use derivation::is_path;

use super::keys::KEYS;
use super::{
    Accelerator, Blocking, Depthwise, DepthwiseMapping, DeviceKind, DeviceProfile, EnergyFigures, Figure, LinearTarget,
    MeasuredTarget, Memory, ModelError, Overhead, Pooling, SizeClass, Sourced, Support, VectorUnit, doubt::doubts,
    table,
};
use crate::Operator;

/// The version of the format that this code reads.
const FORMAT: u32 = 1;

/// Reads what a kind of device has besides the heading.
type ReadKind = fn(&Table<'_>, &Figures) -> Option<DeviceKind>;

/// The kinds of devices, each with its reader.
const KINDS: [(&str, ReadKind); 7] = [
    ("accelerator", |root, figures| {
        accelerator(root, figures).map(|it| DeviceKind::Accelerator(Box::new(it)))
    }),
    ("measured", |root, _| measured(root).map(DeviceKind::Measured)),
    ("table", |root, _| table::table(root).map(DeviceKind::Table)),
    ("linear", |root, figures| linear(root, figures).map(DeviceKind::Linear)),
    ("hierarchy", |root, figures| {
        hierarchy::hierarchy(root, figures).map(|it| DeviceKind::Hierarchy(Box::new(it)))
    }),
    ("command", |root, figures| {
        command::target(root, figures).map(|it| DeviceKind::Command(Box::new(it)))
    }),
    // All that there is to say of it stands in the table of that name.
    ("ethos_u", |root, _| root.table("ethos_u").map(|_| DeviceKind::EthosU)),
];

/// Reads the profile of a text, with the profiles that it names.
pub(super) fn profile(file_name: &str, text: &str, files: ReadProfile<'_>) -> Result<DeviceProfile, Diagnostics> {
    of_source(&Source::file(file_name, text), files, &[], None)
}

/// The same, and every key that was asked for, in the order of asking.
pub(super) fn profile_with_keys(
    file_name: &str,
    text: &str,
    files: ReadProfile<'_>,
) -> Result<(DeviceProfile, Vec<KeyRead>), Diagnostics> {
    let mut keys = Vec::new();
    let profile = of_source(&Source::file(file_name, text), files, &[], Some(&mut keys))?;
    Ok((profile, keys))
}

/// Every key that the reader of a text asks for, whether the text is a profile or not.
pub(super) fn keys_of(text: &str) -> Vec<AskedKey> {
    let mut keys = Vec::new();
    let files: ReadProfile<'_> = &|_| Err("no file is read here".to_owned());
    let _ = of_source(&Source::file("profile.toml", text), files, &[], Some(&mut keys));
    keys.into_iter().map(|key| key.asked).collect()
}

/// A key of a profile that its reader asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRead {
    pub asked: AskedKey,
    /// The file that it stands in; none where it is absent.
    pub file: Option<String>,
    /// Its value as it is written.
    pub text: Option<String>,
}

/// `before` are the profiles whose fallbacks led here; `keys` get every key that is asked for.
fn of_source(
    own: &Source,
    files: ReadProfile<'_>,
    before: &[&str],
    keys: Option<&mut Vec<KeyRead>>,
) -> Result<DeviceProfile, Diagnostics> {
    let mut derived = derivation::derived(own, files)?;
    derived.document = derived.document.with_keys(KEYS.iter().map(|known| known.key));
    if keys.is_some() {
        derived.document = derived.document.recording();
    }
    let document = &derived.document;
    let root = document.root();
    let base = root.optional_string("base");
    let _ = root.u32_in("format", FORMAT..=FORMAT);
    let name = name(&root, own, base.is_some());
    let description = match &base {
        Some(base) => root
            .optional_string("description")
            .or_else(|| Some(format!("over {base}"))),
        None => root.string("description"),
    };
    let class = root.one_of("class", &SizeClass::NAMES);
    let precision = root.one_of("precision", &Precision::ALL.map(|p| (p.name(), p)));
    let batch = root.optional_u32_in("batch", 1..=65_536).unwrap_or(1);
    let figures = Figures::new(&root);
    let kind = root.one_of("kind", &KINDS).and_then(|read| read(&root, &figures));
    let described = root.has("ethos_u");
    let ethos_u = described.then(|| ethos_u::table(&figures, &root).map(Box::new));
    let kind = kind.map(|kind| in_its_folder(kind, &root, |name| derived.source(own, name).folder.as_deref()));
    let (fallback, problems) = match fallback(&root, &derived, own, files, before) {
        Ok(fallback) => (fallback, Diagnostics::new()),
        Err(problems) => (None, problems),
    };
    let is_described = kind.as_ref().is_some_and(DeviceKind::is_described);
    if fallback.is_some() && kind.is_some() && !is_described {
        let message =
            "only a device that is described by its parts can have a `fallback`: nothing else is asked layer by layer";
        root.problem("fallback", message, None);
    }
    let numbers = figures.finish(&root);
    if root.value("kind").is_some_and(|kind| !kind.is_inherited()) {
        pass_over_other_kinds(&root);
    }
    if root.optional_table("change").is_some() && base.is_none() {
        root.problem(
            "change",
            "`change` is for the memories of a `base`; this file has none",
            None,
        );
    }
    if let Some(keys) = keys {
        keys.extend(keys_read(document));
    }
    if root.has("kind") {
        root.finish();
    }
    let bases = derived.bases.iter().map(|base| base.text.as_bytes());
    let profile = (|| {
        Some(DeviceProfile {
            name: name?,
            description: description?,
            class: class?,
            precision: precision?,
            batch,
            kind: kind?,
            ethos_u: match ethos_u {
                Some(ethos_u) => Some(ethos_u?),
                None => None,
            },
            hash: hash(&own.text, bases.collect(), fallback.as_ref()),
            fallback: fallback.map(Box::new),
            doubts: doubts(&numbers),
        })
    })();
    match (derived.document.finish(profile), problems.is_empty()) {
        (Ok(profile), true) => Ok(profile),
        (Ok(_), false) => Err(problems),
        (Err(mut own), _) => {
            own.merge(problems);
            Err(own)
        }
    }
}

/// Where a profile is of another kind than its base, what the base says of that kind does not matter.
fn pass_over_other_kinds(root: &Table<'_>) {
    const PARTS: [&str; 18] = [
        "objective",
        "ethos_u",
        "measured",
        "table",
        "linear",
        "command",
        "clock",
        "array",
        "blocking",
        "depthwise",
        "vector",
        "memory",
        "overhead",
        "energy",
        "error",
        "support",
        "memories",
        "sources",
    ];
    for part in PARTS {
        if root.peek(part).is_some_and(|value| value.is_inherited()) {
            root.has(part);
        }
    }
}

/// The file that a profile names, if it names one, in the folder of the text that names it.
fn in_its_folder<'a>(
    mut kind: DeviceKind,
    root: &Table<'_>,
    folder_of: impl Fn(&str) -> Option<&'a Path>,
) -> DeviceKind {
    let (part, file) = match &mut kind {
        DeviceKind::Table(target) => ("table", &mut target.file),
        DeviceKind::Linear(target) => ("linear", &mut target.file),
        _ => return kind,
    };
    let named = root.value(part).and_then(|value| value.table()?.value("file"));
    if let Some(folder) = named.and_then(|value| folder_of(value.file_name())) {
        *file = folder.join(&*file);
    }
    kind
}

/// Every key that was asked for, with the file that it stands in.
fn keys_read(document: &Document) -> Vec<KeyRead> {
    let asked = document.asked().into_iter();
    let read = asked.map(|asked| KeyRead {
        file: document.file_of(&asked.path).map(str::to_owned),
        text: document.text_of(&asked.path).map(str::to_owned),
        asked,
    });
    read.collect()
}

/// Identifies a profile: its text alone, or with the texts of its bases and the hash of its fallback.
fn hash(text: &str, bases: Vec<&[u8]>, fallback: Option<&DeviceProfile>) -> ContentHash {
    if bases.is_empty() && fallback.is_none() {
        return ContentHash::of("panarch device profile v1", text.as_bytes());
    }
    let fallback = fallback.map(|profile| profile.hash);
    let fallback = fallback.iter().map(|hash| hash.as_bytes().as_slice());
    let parts = std::iter::once(text.as_bytes()).chain(bases);
    ContentHash::of_parts(
        "panarch device profile over others v1",
        parts.chain([&b"fallback"[..]]).chain(fallback),
    )
}

/// The name, which a profile over a base may leave to its file.
fn name(root: &Table<'_>, own: &Source, derived: bool) -> Option<String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = |name: &str| !name.is_empty() && name.len() <= 64 && name.chars().all(plain);
    if derived && root.optional_value("name").is_none() {
        let stem = Path::new(&own.name).file_stem().map(|stem| stem.to_string_lossy());
        let stem = stem.unwrap_or_default().to_lowercase().replace(['_', ' ', '.'], "-");
        if fits(&stem) {
            return Some(stem);
        }
    }
    let name = root.string_spanned("name")?;
    if !fits(&name.value) {
        let message = "a device name is 1 to 64 small letters, digits and hyphens";
        root.problem_at(name.at, message, None);
        return None;
    }
    Some(name.value)
}

/// The profile that `fallback` names.
///
/// # Errors
/// The problems of that profile; those of the key itself are in the document.
fn fallback(
    root: &Table<'_>,
    derived: &Derived,
    own: &Source,
    files: ReadProfile<'_>,
    before: &[&str],
) -> Result<Option<DeviceProfile>, Diagnostics> {
    let name = root.optional_string("fallback");
    let (Some(name), Some(value)) = (name, root.value("fallback")) else {
        return Ok(None);
    };
    let source = match derived.source(own, value.file_name()).named(&name, files) {
        Ok(source) => source,
        Err((message, meant)) => {
            value.problem(format!("`fallback`: {message}"), meant.as_deref());
            return Ok(None);
        }
    };
    let trail: Vec<&str> = before.iter().copied().chain([own.name.as_str()]).collect();
    if trail.contains(&source.name.as_str()) {
        let message = format!(
            "`fallback` leads back to where it began: {} → {}",
            trail.join(" → "),
            source.name
        );
        value.problem(message, None);
        return Ok(None);
    }
    if trail.len() > MOST_FALLBACKS {
        let message = format!("more than {MOST_FALLBACKS} devices fall back on one another");
        value.problem(message, None);
        return Ok(None);
    }
    let profile = of_source(&source, files, &trail, None)?;
    if profile.accelerator().is_none() && profile.hierarchy().is_none() {
        let message = format!(
            "`fallback` must be a device that is described by its parts, for which a model answers layer by layer, such as \
             `cortex-a53`; `{name}` is not"
        );
        value.problem(message, None);
        return Ok(None);
    }
    Ok(Some(profile))
}

fn measured(root: &Table<'_>) -> Option<MeasuredTarget> {
    let table = root.table("measured")?;
    let runtime = table.string("runtime");
    let threads = table.u32_in("threads", 1..=1024);
    table.finish();
    Some(MeasuredTarget {
        runtime: runtime?,
        threads: threads?,
    })
}

fn linear(root: &Table<'_>, figures: &Figures) -> Option<LinearTarget> {
    let error = figures.part(root, "error", Figures::error);
    table::linear(root, error)
}

fn accelerator(root: &Table<'_>, figures: &Figures) -> Option<Accelerator> {
    // Every part is read before any is missed, so that all problems are found.
    let clock = figures.part(root, "clock", |f, t| f.number(t, "frequency_hz", CLOCK));
    let array = figures.part(root, "array", Figures::array);
    let blocking = root
        .optional_value("blocking")
        .map(|_| figures.part(root, "blocking", Figures::blocking));
    let depthwise = figures.part(root, "depthwise", Figures::depthwise);
    let vector = figures.part(root, "vector", Figures::vector);
    let memory = figures.part(root, "memory", Figures::memory);
    let overhead = figures.part(root, "overhead", Figures::overhead);
    let energy = root
        .optional_value("energy")
        .map(|_| figures.part(root, "energy", Figures::energy));
    let error = figures.part(root, "error", Figures::error);
    let support = figures.part(root, "support", Figures::support);
    if let (Some(vector), Some(support)) = (&vector, &support) {
        check_activations(root, vector, support);
    }
    Some(Accelerator {
        clock_hz: clock?,
        array: array?,
        blocking: match blocking {
            Some(blocking) => Some(blocking?),
            None => None,
        },
        depthwise: depthwise?,
        vector: vector?,
        memory: memory?,
        overhead: overhead?,
        energy: match energy {
            Some(energy) => Some(energy?),
            None => None,
        },
        error: error?,
        support: support?,
    })
}

/// Every supported activation must have a cost.
fn check_activations(root: &Table<'_>, vector: &VectorUnit, support: &Support) {
    for operator in &support.operators.value {
        let known = |wanted: Operator| {
            let listed = |(of, _): &(Operator, Figure)| *of == wanted;
            vector.fused_activations.value.contains(&wanted) || vector.activation_passes.iter().any(listed)
        };
        if Operator::ACTIVATIONS.contains(operator) && !known(*operator) && !operator.stands_in().is_some_and(known) {
            let message = format!(
                "`support.operators` has `{operator}`, but it is neither in `vector.fused_activations` nor in `vector.activation_passes`"
            );
            root.problem("vector", message, None);
        }
    }
}

/// The parts of an accelerator.
impl Figures {
    fn operators(&self, table: &Table<'_>, key: &str, of: &[Operator]) -> Option<Sourced<Vec<Operator>>> {
        let names: Vec<(&str, Operator)> = of.iter().map(|op| (op.name(), *op)).collect();
        self.sourced(table, key, |figure, value| figure.list_of(value, &names))
    }

    fn blocking(&self, table: &Table<'_>) -> Option<Blocking> {
        let accumulators = self.count(table, "accumulators");
        let rows = self.count(table, "rows");
        let columns = self.count(table, "columns");
        Some(Blocking {
            accumulators: accumulators?,
            rows: rows?,
            columns: columns?,
        })
    }

    fn depthwise(&self, table: &Table<'_>) -> Option<Depthwise> {
        let mapping = self.choice(table, "mapping", &DepthwiseMapping::NAMES);
        let simd = mapping.as_ref().map(|it| it.value) == Some(DepthwiseMapping::SimdLanes);
        // Other mappings leave them unused, so that a mapping can be changed alone.
        let lanes = |key: &str| {
            if table.optional_value(key).is_some() || simd {
                self.count(table, key).map(Some)
            } else {
                Some(None)
            }
        };
        let channel_lanes = lanes("channel_lanes");
        let tap_padding = lanes("tap_padding");
        let utilisation = self.number(table, "utilisation", SHARE);
        Some(Depthwise {
            mapping: mapping?,
            channel_lanes: channel_lanes?,
            tap_padding: tap_padding?,
            utilisation: utilisation?,
        })
    }

    fn vector(&self, table: &Table<'_>) -> Option<VectorUnit> {
        let elements_per_cycle = self.number(table, "elements_per_cycle", POSITIVE);
        let channel_padding = self.count(table, "channel_padding");
        let add_passes = self.number(table, "add_passes", PASSES);
        let mul_passes = self.number(table, "mul_passes", PASSES);
        let concat_passes = self.number(table, "concat_passes", PASSES);
        let group_passes = self.optional_number(table, "group_passes", PASSES);
        let tap_passes = self.number(table, "tap_passes", PASSES);
        let pooling = self.choice(table, "pooling", &Pooling::NAMES);
        let activations = &Operator::ACTIVATIONS;
        let fused_activations = self.operators(table, "fused_activations", activations);
        let mut activation_passes = Vec::new();
        let mut complete = true;
        if let Some(passes) = table.optional_table("activation_passes") {
            for activation in activations {
                match self.optional_number(&passes, activation.name(), PASSES) {
                    Some(Some(figure)) => activation_passes.push((*activation, figure)),
                    Some(None) => {}
                    None => complete = false,
                }
            }
            passes.finish();
        }
        Some(VectorUnit {
            elements_per_cycle: elements_per_cycle?,
            channel_padding: channel_padding?,
            add_passes: add_passes?,
            mul_passes: mul_passes?,
            concat_passes: concat_passes?,
            group_passes: group_passes?,
            tap_passes: tap_passes?,
            pooling: pooling?,
            fused_activations: fused_activations?,
            activation_passes: complete.then_some(activation_passes)?,
        })
    }

    fn memory(&self, table: &Table<'_>) -> Option<Memory> {
        let activation_bytes = self.number(table, "activation_bytes", POSITIVE.of(Unit::Bytes));
        let weight_cache_bytes = self.number(table, "weight_cache_bytes", NOT_NEGATIVE.of(Unit::Bytes));
        let shared = self.sourced(table, "shared", |figure, value| figure.bool(value));
        let on_chip = self.number(table, "on_chip_bytes_per_s", RATE);
        let activation_rereads = self.number(table, "activation_rereads", REREADS);
        let off_chip = self.number(table, "off_chip_bytes_per_s", RATE);
        let stream = self.optional_number(table, "weight_stream_bytes_per_s", RATE);
        let link = self.optional_number(table, "host_link_bytes_per_s", RATE);
        let channel_side_bytes = self.number(table, "channel_side_bytes", PASSES.of(Unit::Bytes));
        let accumulators = self.optional_number(table, "accumulator_bytes_per_s", RATE);
        let weight_buffer_bytes = self.number(table, "weight_buffer_bytes", POSITIVE.of(Unit::Bytes));
        let off_chip_latency = self.number(table, "off_chip_latency_s", SHORT);
        let fetch_ahead = self.sourced(table, "fetch_ahead", |figure, value| figure.bool(value));
        let chain_fusion = self.sourced(table, "chain_fusion", |figure, value| figure.bool(value));
        Some(Memory {
            activation_bytes: activation_bytes?,
            weight_cache_bytes: weight_cache_bytes?,
            shared: shared?,
            on_chip_bytes_per_s: on_chip?,
            activation_rereads: activation_rereads?,
            off_chip_bytes_per_s: off_chip?,
            weight_stream_bytes_per_s: stream?,
            host_link_bytes_per_s: link?,
            channel_side_bytes: channel_side_bytes?,
            weight_buffer_bytes: weight_buffer_bytes?,
            off_chip_latency_s: off_chip_latency?,
            accumulator_bytes_per_s: accumulators?,
            fetch_ahead: fetch_ahead?,
            chain_fusion: chain_fusion?,
        })
    }

    fn overhead(&self, table: &Table<'_>) -> Option<Overhead> {
        let inference_s = self.number(table, "inference_s", SHORT);
        let layer_s = self.number(table, "layer_s", SHORT);
        Some(Overhead {
            inference_s: inference_s?,
            layer_s: layer_s?,
        })
    }

    fn energy(&self, table: &Table<'_>) -> Option<EnergyFigures> {
        let mac_j = self.number(table, "mac_j", NOT_NEGATIVE.of(Unit::Joules));
        let on_chip_byte_j = self.number(table, "on_chip_byte_j", NOT_NEGATIVE.of(Unit::Joules));
        let weight_byte_j = self.optional_number(table, "weight_byte_j", NOT_NEGATIVE.of(Unit::Joules));
        let accumulator_byte_j = self.optional_number(table, "accumulator_byte_j", NOT_NEGATIVE.of(Unit::Joules));
        let off_chip_byte_j = self.number(table, "off_chip_byte_j", NOT_NEGATIVE.of(Unit::Joules));
        let static_w = self.number(table, "static_w", NOT_NEGATIVE.of(Unit::Watts));
        Some(EnergyFigures {
            mac_j: mac_j?,
            on_chip_byte_j: on_chip_byte_j?,
            weight_byte_j: weight_byte_j?,
            accumulator_byte_j: accumulator_byte_j?,
            off_chip_byte_j: off_chip_byte_j?,
            static_w: static_w?,
        })
    }

    fn error(&self, table: &Table<'_>) -> Option<ModelError> {
        let relative = self.number(table, "relative", RELATIVE);
        let level = self.number(table, "level", BELOW_ONE);
        Some(ModelError {
            relative: relative?,
            level: level?,
        })
    }

    fn support(&self, table: &Table<'_>) -> Option<Support> {
        let operators = self.operators(table, "operators", &Operator::ALL);
        let largest_kernel = self.count(table, "largest_kernel");
        Some(Support {
            operators: operators?,
            largest_kernel: largest_kernel?,
        })
    }
}
