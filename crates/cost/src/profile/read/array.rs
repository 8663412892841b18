//! The four forms in which a profile may describe its array.

use panarch_toml::Table;

use super::figures::{Figures, MOST_LANES};
use super::{NOT_NEGATIVE, POSITIVE, SHARE, Unit};
use crate::profile::{
    Array, ArrayKind, DataflowChoice, Figure, Granule, Origin, OutputStage, PixelOrder, Sourced, Systolic,
};

impl Figures {
    pub(super) fn array(&self, table: &Table<'_>) -> Option<Array> {
        match table.one_of("kind", &ArrayKind::NAMES) {
            Some(ArrayKind::Lanes) => self.lanes(table),
            Some(ArrayKind::Grid) => self.grid(table),
            Some(ArrayKind::Cube) => self.cube(table),
            Some(ArrayKind::Systolic) => self.systolic(table),
            None => {
                // What else stands here cannot be judged without the kind: one mistake is one problem.
                for key in table.keys() {
                    let _ = table.has(&key.value);
                }
                None
            }
        }
    }

    fn lanes(&self, table: &Table<'_>) -> Option<Array> {
        let reduction_lanes = self.count(table, "reduction_lanes");
        let output_lanes = self.count(table, "output_lanes");
        let pixel_lanes_high = self.count(table, "pixel_lanes_high");
        let pixel_lanes_wide = self.count(table, "pixel_lanes_wide");
        let pixel_order = self.choice(table, "pixel_order", &PixelOrder::NAMES);
        let padding = self.granules(table);
        let timing = self.timing(table);
        Some(Array {
            kind: ArrayKind::Lanes,
            reduction_lanes: reduction_lanes?,
            output_lanes: output_lanes?,
            pixel_lanes_high: pixel_lanes_high?,
            pixel_lanes_wide: pixel_lanes_wide?,
            pixel_order: pixel_order?,
            padding: padding?,
            ..timing?
        })
    }

    /// PEs share out the positions, the lanes of their cores the output channels; a lane sums `ways` products.
    fn grid(&self, table: &Table<'_>) -> Option<Array> {
        let pe_rows = self.count(table, "pe_rows");
        let pe_columns = self.count(table, "pe_columns");
        let cores = self.count(table, "cores");
        let lanes = self.count(table, "lanes");
        let ways = self.count(table, "ways");
        let timing = self.timing(table);
        let (cores, lanes, ways) = (cores?, lanes?, ways?);
        let output_lanes = lanes.value.checked_mul(cores.value).filter(|all| *all <= MOST_LANES);
        let Some(output_lanes) = output_lanes else {
            let found = u64::from(lanes.value) * u64::from(cores.value);
            let message = format!("`cores` × `lanes` is {found}, more than {MOST_LANES}");
            table.problem("lanes", message, None);
            return None;
        };
        let granule = Granule {
            channels: ways.value,
            taps: 1,
        };
        Some(Array {
            kind: ArrayKind::Grid,
            pixel_lanes_high: pe_rows?,
            pixel_lanes_wide: pe_columns?,
            pixel_order: like(&lanes, PixelOrder::Block),
            output_lanes: like(&lanes, output_lanes),
            padding: like(&ways, vec![granule]),
            reduction_lanes: ways,
            ..timing?
        })
    }

    /// A matrix product of `rows`×`depth` by `depth`×`columns` every cycle; rows are positions.
    fn cube(&self, table: &Table<'_>) -> Option<Array> {
        let rows = self.count(table, "rows");
        let depth = self.count(table, "depth");
        let columns = self.count(table, "columns");
        let timing = self.timing(table);
        let (rows, depth) = (rows?, depth?);
        let granule = Granule {
            channels: depth.value,
            taps: 1,
        };
        Some(Array {
            kind: ArrayKind::Cube,
            output_lanes: columns?,
            pixel_lanes_high: like(&rows, 1),
            pixel_order: like(&rows, PixelOrder::Flat),
            pixel_lanes_wide: rows,
            padding: like(&depth, vec![granule]),
            reduction_lanes: depth,
            ..timing?
        })
    }

    fn systolic(&self, table: &Table<'_>) -> Option<Array> {
        let rows = self.count(table, "rows");
        let columns = self.count(table, "columns");
        let dataflow = self.choice(table, "dataflow", &DataflowChoice::NAMES);
        let fold_overlap = self.sourced(table, "fold_overlap", |figure, value| figure.bool(value));
        let partial = self.or_assumed(
            table,
            "partial",
            true,
            "a scheduler leaves idle what would only be filled",
            |figure, value| figure.bool(value),
        );
        let accumulator_bytes = self.optional_number(table, "accumulator_bytes", POSITIVE.of(Unit::Bytes));
        let utilisation = self.number(table, "utilisation", SHARE);
        let count = self.arrays(table);
        let (rows, columns) = (rows?, columns?);
        let granule = Granule { channels: 1, taps: 1 };
        let zero = Figure {
            value: 0.0,
            origin: rows.origin.clone(),
        };
        Some(Array {
            kind: ArrayKind::Systolic,
            pixel_lanes_high: like(&rows, 1),
            pixel_lanes_wide: like(&rows, 1),
            pixel_order: like(&rows, PixelOrder::Flat),
            padding: like(&rows, vec![granule]),
            weight_load_cycles: zero.clone(),
            startup_cycles: zero,
            output_elements_per_cycle: Figure {
                value: f64::from(columns.value),
                origin: columns.origin.clone(),
            },
            output_stage: like(&rows, OutputStage::Beside),
            utilisation: utilisation?,
            reduction_lanes: rows,
            output_lanes: columns,
            count: count?,
            systolic: Some(Systolic {
                dataflow: dataflow?,
                fold_overlap: fold_overlap?,
                partial: partial?,
                accumulator_bytes: accumulator_bytes?,
            }),
        })
    }

    fn arrays(&self, table: &Table<'_>) -> Option<Sourced<u32>> {
        self.or_assumed(table, "count", 1, "the profile describes one array", |figure, value| {
            figure.u32_in(value, 1..=MOST_LANES)
        })
    }

    /// A figure that may be left out, and what is assumed then.
    fn or_assumed<T>(
        &self,
        table: &Table<'_>,
        key: &str,
        otherwise: T,
        assumption: &str,
        read: impl Fn(&Table<'_>, &str) -> Option<T>,
    ) -> Option<Sourced<T>> {
        if table.optional_value(key).is_some() {
            return self.sourced(table, key, read);
        }
        Some(Sourced {
            value: otherwise,
            origin: Origin::Assumption(assumption.to_owned()),
        })
    }

    fn granules(&self, table: &Table<'_>) -> Option<Sourced<Vec<Granule>>> {
        self.sourced(table, "padding", |figure, _| {
            let channels = figure.list_in("channels", 1..=MOST_LANES);
            let taps = figure.list_in("taps", 1..=MOST_LANES);
            let (channels, taps) = (channels?, taps?);
            if channels.is_empty() || channels.len() != taps.len() {
                let message = "`channels` and `taps` must be of one length, at least 1";
                figure.problem("taps", message, None);
                return None;
            }
            let granule = |(channels, taps)| Granule { channels, taps };
            Some(channels.into_iter().zip(taps).map(granule).collect())
        })
    }

    /// What lanes, grid and cube have in common; the lanes themselves are left to the caller.
    fn timing(&self, table: &Table<'_>) -> Option<Array> {
        let weight_load_cycles = self.number(table, "weight_load_cycles", NOT_NEGATIVE.of(Unit::Cycles));
        let startup_cycles = self.number(table, "startup_cycles", NOT_NEGATIVE.of(Unit::Cycles));
        let output_elements_per_cycle = self.number(table, "output_elements_per_cycle", POSITIVE);
        let output_stage = self.choice(table, "output_stage", &OutputStage::NAMES);
        let utilisation = self.number(table, "utilisation", SHARE);
        let count = self.arrays(table);
        let output_stage = output_stage?;
        Some(Array {
            kind: ArrayKind::Lanes,
            reduction_lanes: like(&output_stage, 1),
            output_lanes: like(&output_stage, 1),
            pixel_lanes_high: like(&output_stage, 1),
            pixel_lanes_wide: like(&output_stage, 1),
            pixel_order: like(&output_stage, PixelOrder::Flat),
            padding: like(&output_stage, Vec::new()),
            weight_load_cycles: weight_load_cycles?,
            startup_cycles: startup_cycles?,
            output_elements_per_cycle: output_elements_per_cycle?,
            output_stage,
            utilisation: utilisation?,
            count: count?,
            systolic: None,
        })
    }
}

/// A value that follows from a figure has its origin.
fn like<T, U>(figure: &Sourced<T>, value: U) -> Sourced<U> {
    Sourced {
        value,
        origin: figure.origin.clone(),
    }
}
