//! Reading a topology; every problem is recorded, none ends the reading.

use panarch_toml::Diagnostics;

use super::{ConvolutionRow, GemmRow, Topology};
use crate::scalesim::Noted;
use crate::scalesim::problems::{Problems, column, excerpt, lines, whole_number};
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

/// Fields of a line that are looked at: name, seven numbers, a second stride, and one to spare.
const MOST_FIELDS: usize = 10;

/// Longest name of a layer, in bytes.
const MOST_NAME: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Convolution,
    Gemm,
}

/// A line with its fields, none of them trimmed.
struct Line<'a> {
    number: u32,
    text: &'a str,
    fields: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn new(number: u32, text: &'a str) -> Self {
        // What stands further right is never looked at, and a line may hold millions of commas.
        let fields = text.split(',').take(MOST_FIELDS).collect();
        Self { number, text, fields }
    }

    fn field(&self, index: usize) -> &'a str {
        self.fields.get(index).map_or("", |field| field.trim())
    }

    /// Where a field stands; one that is missing, where it should.
    fn place(&self, index: usize) -> (u32, u32) {
        let offset = match self.fields.get(index) {
            Some(field) => {
                let start: usize = self.fields.iter().take(index).map(|field| field.len() + 1).sum();
                start + field.len() - field.trim_start().len()
            }
            None => self.text.len(),
        };
        (self.number, column(self.text, offset))
    }

    /// How many numbers follow the name without a gap.
    fn numbers(&self) -> usize {
        let after_name = self.fields.iter().skip(1);
        after_name.take_while(|field| whole_number(field).is_some()).count()
    }
}

pub(super) fn topology(file_name: &str, text: &str) -> Result<Noted<Topology>, Diagnostics> {
    let mut problems = Problems::new(file_name, text)?;
    let mut notes = Vec::new();
    let mut lines = lines(text)
        .filter(|(_, line)| line.chars().any(|c| c != ',' && !c.is_whitespace()))
        .map(|(number, line)| Line::new(number, line))
        .peekable();
    let is_layer = |line: &Line<'_>| line.numbers() >= GEMM_FIELDS.len();
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
        None if lines.peek().is_none() => {
            problems.whole("has no layers: a header line and one line a layer are expected");
            None
        }
        None => {
            problems.whole(
                "is no topology: a layer is a name and either IFMAP height, width, filter height, width, channels, \
                 filters, stride or M, N, K",
            );
            None
        }
    };
    let empty = match &topology {
        Some(Topology::Convolutions(rows)) => rows.is_empty(),
        Some(Topology::Gemms(rows)) => rows.is_empty(),
        None => false,
    };
    if empty && problems.none() {
        problems.whole("has no layers: a header line and one line a layer are expected");
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
    header
        .fields
        .iter()
        .any(|field| of_convolution(&field))
        .then_some(Form::Convolution)
}

/// The form that a layer's length tells.
fn form_of_layer(layer: &Line<'_>) -> Option<Form> {
    match layer.numbers() {
        numbers if numbers >= CONVOLUTION_FIELDS.len() => Some(Form::Convolution),
        numbers if numbers == GEMM_FIELDS.len() => Some(Form::Gemm),
        _ => None,
    }
}

fn gemms<'a>(lines: impl Iterator<Item = Line<'a>>, problems: &mut Problems<'_>) -> Vec<GemmRow> {
    let mut rows = Vec::new();
    for line in lines {
        if problems.enough() {
            break;
        }
        let name = name(&line, problems);
        let numbers = numbers(&line, &GEMM_FIELDS, problems);
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
        let name = name(&line, problems);
        let numbers = numbers(&line, &CONVOLUTION_FIELDS, problems);
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

fn name(line: &Line<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let name = line.field(0);
    if name.len() > MOST_NAME {
        problems.at(line.place(0), format!("a layer's name has at most {MOST_NAME} bytes"));
        return None;
    }
    if name.chars().any(char::is_control) {
        problems.at(line.place(0), "a layer's name holds a control character");
        return None;
    }
    Some(name.to_owned())
}

/// The numbers behind the name; a problem for each field that is missing, no whole number, or out of range.
fn numbers<const N: usize>(line: &Line<'_>, names: &[&str; N], problems: &mut Problems<'_>) -> Option<[u32; N]> {
    if line.fields.iter().skip(1).take(N).all(|field| field.trim().is_empty()) {
        problems.at(
            line.place(1),
            format!("{} numbers are missing: {}", N, names.join(", ")),
        );
        return None;
    }
    let mut numbers = [0; N];
    let mut complete = true;
    for (index, (number, name)) in numbers.iter_mut().zip(names).enumerate() {
        let field = line.field(index + 1);
        match whole_number(field).and_then(|value| u32::try_from(value).ok()) {
            Some(value @ 1..) => *number = value,
            _ => {
                let message = if field.is_empty() {
                    format!("the {name} is missing")
                } else {
                    format!(
                        "the {name} must be a whole number from 1 to {}, not `{}`",
                        u32::MAX,
                        excerpt(field)
                    )
                };
                problems.at(line.place(index + 1), message);
                complete = false;
            }
        }
    }
    complete.then_some(numbers)
}
