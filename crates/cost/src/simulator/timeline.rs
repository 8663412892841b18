use super::Unit;
use super::job::Task;
use super::units::{Timed, Units};
use super::weights::{Pace, Weights};
use crate::layer_time::LayerTime;
use crate::plan::{Ahead, LayerWork, Rates};

/// The run of one layer, tile by tile, from the moment in which it has been issued.
pub(super) struct Timeline<'a> {
    rates: &'a Rates,
    layer: &'a LayerWork,
    units: Units<'a>,
    weights: Weights<'a>,
    /// Cycles of each part for a tile: all tiles of a layer are alike.
    share: f64,
    /// Ends of loading of the next tile to be fed, and of the one behind it.
    loaded: [f64; 2],
    /// Results that have not begun to leave the chip: tile and when it was drained.
    leaving: [Option<(u32, f64)>; 2],
    end: f64,
}

/// A layer's place in the network, and where its jobs are written down.
pub(super) struct Trace<'a> {
    pub layer: usize,
    pub begin: f64,
    pub jobs: &'a mut Vec<Timed>,
}

/// Where the cycles of a layer go, at the pace of its weights that is best.
pub(super) fn layer_time(rates: &Rates, layer: &LayerWork, ahead: Ahead, next_is_chained: bool) -> LayerTime {
    best_pace(rates, layer, ahead, next_is_chained).1
}

/// The same, with all that is done for it written down.
pub(super) fn traced(
    rates: &Rates,
    layer: &LayerWork,
    ahead: Ahead,
    next_is_chained: bool,
    trace: Trace<'_>,
) -> LayerTime {
    let (pace, _) = best_pace(rates, layer, ahead, next_is_chained);
    Timeline::new(rates, layer, ahead, pace, Some(trace)).run(next_is_chained)
}

fn best_pace(rates: &Rates, layer: &LayerWork, ahead: Ahead, next_is_chained: bool) -> (Pace, LayerTime) {
    let mut best = (Pace::ByBlock, LayerTime::default());
    for (number, pace) in Pace::of(rates, layer).iter().enumerate() {
        let time = Timeline::new(rates, layer, ahead, *pace, None).run(next_is_chained);
        if number == 0 || time.total() < best.1.total() {
            best = (*pace, time);
        }
    }
    best
}

impl<'a> Timeline<'a> {
    fn new(rates: &'a Rates, layer: &'a LayerWork, ahead: Ahead, pace: Pace, trace: Option<Trace<'a>>) -> Self {
        let (position, begin, jobs) = trace.map_or((0, 0.0, None), |it| (it.layer, it.begin, Some(it.jobs)));
        Self {
            rates,
            layer,
            units: Units::new(position, begin, jobs),
            weights: Weights::new(rates, layer, ahead, pace),
            share: 1.0 / f64::from(layer.tiles()),
            loaded: [0.0; 2],
            leaving: [None; 2],
            end: 0.0,
        }
    }
}

impl Timeline<'_> {
    fn run(mut self, next_is_chained: bool) -> LayerTime {
        let mut time = LayerTime::default();
        let layer = self.layer;
        let count = layer.tiles();
        let by_matrix = layer.matrix > 0.0;
        let (worker, cycles) = if by_matrix {
            (Unit::Matrix, layer.matrix * self.share)
        } else {
            (Unit::Vector, layer.vector * self.share)
        };
        let mut busy = 0.0;
        // Ends of the jobs of the last two tiles: there are two buffers before and two behind the matrix unit.
        let mut worked = [0.0; 2];
        let mut finished = [0.0; 2];
        self.loaded[0] = self.load(0, 0.0);
        // The first weights come behind the first tile, as they are needed.
        self.weights.begin(&mut self.units);
        self.loaded[1] = self.load(1, 0.0);
        let mut fed = [self.feed(0, 0.0), 0.0];
        fed[1] = self.feed(1, 0.0);
        for tile in 0..count {
            let again = self.weights.turn(&mut self.units, tile);
            let here = self.weights.ready(&mut self.units, tile).max(again);
            let ready = f64::max(fed[0], here).max(finished[0]);
            let done = self.units.serve(worker, Task::Work, tile, ready, cycles);
            let waited = (done - cycles - worked[1]).max(0.0);
            if finished[0] >= fed[0].max(here) {
                time.vector += waited;
            } else if here >= fed[0] {
                time.weights += waited;
            } else {
                time.activations += waited;
            }
            busy += cycles;
            worked = [worked[1], done];
            self.weights.free_after(tile, done);
            // The buffer before the matrix unit is free again.
            let following = self.feed(tile + 2, done);
            let passed = if by_matrix {
                self.units
                    .serve(Unit::Vector, Task::Work, tile, done, layer.vector * self.share)
            } else {
                done
            };
            finished = [finished[1], passed];
            let drained = self
                .units
                .serve(Unit::OnChip, Task::Drain, tile, passed, layer.drain * self.share);
            fed = [fed[1], following];
            self.end = self.end.max(drained);
            // What leaves the chip does so behind what comes in for the tiles ahead.
            self.store();
            self.leaving = [self.leaving[1], Some((tile, drained))];
        }
        self.store();
        self.leaving[0] = self.leaving[1];
        self.store();
        let (worked, finished) = (worked[1], finished[1]);
        let end = if next_is_chained {
            worked.max(finished)
        } else {
            self.end
        };
        time.vector += (finished.min(end) - worked).max(0.0);
        time.activations += (end - finished.max(worked)).max(0.0);
        if by_matrix {
            time.fill = layer.fill.min(busy);
            let after = layer.after.min(busy - time.fill);
            time.compute = busy - time.fill - after;
            time.vector += after;
        } else {
            time.vector += busy;
        }
        time
    }

    /// Feeds a tile that was the earlier of the two loaded, and loads the one after both into its place.
    fn feed(&mut self, tile: u32, ready: f64) -> f64 {
        if tile >= self.layer.tiles() {
            return ready;
        }
        let ready = ready.max(self.loaded[0]);
        let fed = self
            .units
            .serve(Unit::OnChip, Task::Feed, tile, ready, self.layer.feed * self.share);
        self.loaded = [self.loaded[1], self.load(tile + 2, fed)];
        fed
    }

    fn load(&mut self, tile: u32, ready: f64) -> f64 {
        let (spilled, image) = (self.layer.load * self.share, self.layer.host_in * self.share);
        if tile >= self.layer.tiles() || spilled + image <= 0.0 {
            return ready;
        }
        let loaded = self.units.serve(Unit::OffChip, Task::Load, tile, ready, spilled);
        let arrived = self.units.serve(self.host(), Task::Load, tile, ready, image);
        let latency = if tile < 2 {
            self.layer.latency
        } else {
            self.layer.latency_behind
        };
        loaded.max(arrived) + latency
    }

    /// Lets the earlier of the results leave that wait for it.
    fn store(&mut self) {
        let Some((tile, drained)) = self.leaving[0].take() else {
            return;
        };
        let (spilled, result) = (self.layer.store * self.share, self.layer.host_out * self.share);
        let stored = self.units.serve(Unit::OffChip, Task::Store, tile, drained, spilled);
        let host = self.host();
        let sent = self.units.serve(host, Task::Store, tile, drained, result);
        self.end = self.end.max(stored).max(sent);
    }

    const fn host(&self) -> Unit {
        if self.rates.host_shares {
            Unit::OffChip
        } else {
            Unit::Host
        }
    }
}
