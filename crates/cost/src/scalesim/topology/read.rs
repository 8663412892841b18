//! Reading a topology; every problem is recorded, none ends the reading.

mod line;

use panarch_toml::Diagnostics;

use line::Line;

use super::{ConvolutionRow, GemmRow, Topology};
use crate::scalesim::Noted;
use crate::scalesim::problems::{Problems, lines, whole_number};
use crate::systolic::Gemm;

/// The numbers of a row of each form, in their order.
const CONVOLUTION_FIELDS: [&str; 7] = [
    "IFMAP height",
    "IFMAP width",
    "filter height",
    "filter width",
    "channels",
    "number of filters",
    "stride",
];
const GEMM_FIELDS: [&str; 3] = ["M", "N", "K"];

const NO_LAYERS: &str = "has no layers: a header line and one line a layer are expected";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Convolution,
    Gemm,
}

pub(super) fn topology(file_name: &str, text: &str) -> Result<Noted<Topology>, Diagnostics> {
    let mut problems = Problems::new(file_name, text)?;
    let mut notes = Vec::new();
    let mut lines = lines(text)
        .filter(|(_, line)| line.chars().any(|c| c != ',' && !c.is_whitespace()))
        .map(|(number, line)| Line::new(number, line))
        .peekable();
    // Broken layers count too: none may pass for a header and be dropped.
    let is_layer = |line: &Line<'_>| (1..=CONVOLUTION_FIELDS.len()).any(|it| whole_number(line.field(it)).is_some());
    // SCALE-Sim drops the first line whatever it is, a blank one too.
    let header = lines.next_if(|first| first.number == 1 || !is_layer(first));
    if let Some(header) = header.as_ref().filter(|header| is_layer(header)) {
        let message = "the first line is taken for the header but reads like a layer: put a header before it";
        problems.at(header.place(0), message);
    }
    let named = header.as_ref().and_then(|header| form_of_header(header, &mut problems));
    let form = named.or_else(|| form_of_layer(lines.peek()?));
    let topology = match form {
        Some(Form::Gemm) => Some(Topology::Gemms(gemms(lines, &mut problems))),
        Some(Form::Convolution) => {
            let second_stride = header.is_some_and(|header| header.field(8).to_lowercase().contains("stride"));
            Some(Topology::Convolutions(convolutions(
                lines,
                second_stride,
                &mut problems,
                &mut notes,
            )))
        }
        None => {
            match lines.peek() {
                None => problems.whole(NO_LAYERS),
                Some(line) => problems.at(
                    line.place(0),
                    "tells neither form: a layer is a name and then either IFMAP height, width, filter height, width, \
                     channels, filters, stride or M, N, K",
                ),
            }
            None
        }
    };
    let empty = match &topology {
        Some(Topology::Convolutions(rows)) => rows.is_empty(),
        Some(Topology::Gemms(rows)) => rows.is_empty(),
        None => false,
    };
    if empty && problems.none() {
        problems.whole(NO_LAYERS);
    }
    let noted = topology.map(|value| Noted { value, notes });
    problems.finish(noted)
}

/// The form that a header names, if it names one.
fn form_of_header(header: &Line<'_>, problems: &mut Problems<'_>) -> Option<Form> {
    let names: [String; 3] = [1, 2, 3].map(|index| header.field(index).to_lowercase());
    let mut sorted = names.clone();
    sorted.sort();
    if sorted == ["k", "m", "n"] {
        if names != ["m", "n", "k"] {
            let message = "columns have fixed places and are read as M, N, K: put them in that order";
            problems.at(header.place(1), message);
        }
        return Some(Form::Gemm);
    }
    let of_convolution = |field: &&str| {
        let field = field.to_lowercase();
        ["ifmap", "filter", "stride", "channel"]
            .iter()
            .any(|word| field.contains(word))
    };
    header.fields.iter().any(of_convolution).then_some(Form::Convolution)
}

/// The form that a layer's length tells: of products, a ratio of sparsity may follow.
fn form_of_layer(layer: &Line<'_>) -> Option<Form> {
    match layer.filled() {
        filled if filled >= CONVOLUTION_FIELDS.len() => Some(Form::Convolution),
        3 | 4 => Some(Form::Gemm),
        _ => None,
    }
}

fn gemms<'a>(lines: impl Iterator<Item = Line<'a>>, problems: &mut Problems<'_>) -> Vec<GemmRow> {
    let mut rows = Vec::new();
    for line in lines {
        if problems.enough() {
            break;
        }
        let name = line.name(problems);
        let numbers = line.dimensions(&GEMM_FIELDS, problems);
        if let (Some(name), Some([m, n, k])) = (name, numbers) {
            match Gemm::new(m.into(), n.into(), k.into()) {
                Ok(_) => rows.push(GemmRow { name, m, n, k }),
                Err(error) => problems.at(line.place(1), error.to_string()),
            }
        }
    }
    rows
}

fn convolutions<'a>(
    lines: impl Iterator<Item = Line<'a>>,
    second_stride: bool,
    problems: &mut Problems<'_>,
    notes: &mut Vec<String>,
) -> Vec<ConvolutionRow> {
    let mut rows = Vec::new();
    let (mut strides_differ, mut many_filters) = (0_u64, 0_u64);
    for line in lines {
        if problems.enough() {
            break;
        }
        let name = line.name(problems);
        let numbers = line.dimensions(&CONVOLUTION_FIELDS, problems);
        let (Some(name), Some([high, wide, filter_high, filter_wide, channels, filters, stride])) = (name, numbers)
        else {
            continue;
        };
        let sizes = [("height", 3, filter_high, high), ("width", 4, filter_wide, wide)];
        let mut fits = true;
        for (axis, index, filter, input) in sizes.into_iter().filter(|(_, _, filter, input)| filter > input) {
            let message = format!(
                "the filter's {axis} {filter} is larger than the input's {input}; inputs include their padding here"
            );
            problems.at(line.place(index), message);
            fits = false;
        }
        let row = ConvolutionRow {
            name,
            ifmap: [high, wide],
            filter: [filter_high, filter_wide],
            channels,
            filters,
            stride,
        };
        if !fits {
            continue;
        }
        if let Err(error) = row.gemm() {
            problems.at(line.place(1), error.to_string());
            continue;
        }
        strides_differ += u64::from(second_stride && whole_number(line.field(8)).is_some_and(|it| it != stride.into()));
        many_filters += u64::from(row.is_depthwise() && row.filters > 1);
        rows.push(row);
    }
    if strides_differ > 0 {
        notes.push(format!(
            "{strides_differ} rows have a second stride unlike the first; SCALE-Sim takes the first for both axes, and so does this"
        ));
    }
    if many_filters > 0 {
        notes.push(format!(
            "{many_filters} depthwise (DP) rows have more than one filter: every one of their channels gets that many"
        ));
    }
    rows
}
