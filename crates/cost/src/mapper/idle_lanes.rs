/// Layers whose mappings leave most of the array idle, and how much of the time that takes.
#[derive(Default)]
pub struct IdleLanes {
    cycles: u64,
    idle_cycles: u64,
    layers: u32,
    idle_layers: u32,
    /// The layer that takes the most of that time: name, share of the multipliers at work, cycles.
    worst: Option<(String, f64, u64)>,
}

/// A mapping that keeps no more of the multipliers at work than this is worth a word.
const FEW: f64 = 1.0 / 8.0;
/// Less of the time than this is not.
const LITTLE: f64 = 0.1;

impl IdleLanes {
    /// Takes a layer with the share of the multipliers that its mapping keeps at work, if it has one, and its cycles.
    pub fn see(&mut self, name: &str, lanes: Option<f64>, cycles: u64) {
        self.cycles = self.cycles.saturating_add(cycles);
        let Some(lanes) = lanes else { return };
        self.layers += 1;
        if lanes > FEW {
            return;
        }
        self.idle_layers += 1;
        self.idle_cycles = self.idle_cycles.saturating_add(cycles);
        if self.worst.as_ref().is_none_or(|(.., most)| cycles > *most) {
            self.worst = Some((name.to_owned(), lanes, cycles));
        }
    }

    /// A sentence for people; `None` where it is not worth one.
    pub fn note(&self, multipliers: u64) -> Option<String> {
        let share = self.idle_cycles as f64 / self.cycles.max(1) as f64;
        let (name, lanes, _) = self.worst.as_ref().filter(|_| share >= LITTLE)?;
        Some(format!(
            "{} of {} layers with multiply-accumulates, {:.0} % of the time, keep at most an eighth of the {multipliers} \
             multipliers at work: their channels do not fill the loops that the array unrolls; `{name}` keeps 1/{:.0}",
            self.idle_layers,
            self.layers,
            share * 100.0,
            1.0 / lanes
        ))
    }
}
