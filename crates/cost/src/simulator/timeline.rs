use panarch_graph::Cycles;

use super::job::Task;
use super::streamed_weights::StreamedWeights;
use super::{Job, Unit};
use crate::layer_time::LayerTime;
use crate::plan::{LayerWork, Rates};

/// The first cycle in which each part of the machine is free, and what it has done.
pub(super) struct Units<'a> {
    free: [u64; Unit::ALL.len()],
    jobs: Option<&'a mut Vec<Job>>,
    layer: usize,
}

impl Units<'_> {
    /// Lets a unit do something that may begin at `ready`; the cycle in which it ends. Nothing to do takes no turn.
    pub fn serve(&mut self, unit: Unit, task: Task, tile: u32, ready: u64, cycles: u64) -> u64 {
        if cycles == 0 {
            return ready;
        }
        let start = ready.max(self.free[unit as usize]);
        if let Some(jobs) = &mut self.jobs {
            jobs.push(Job {
                unit,
                task,
                layer: self.layer,
                tile,
                start: Cycles(start),
                cycles: Cycles(cycles),
            });
        }
        let end = start.saturating_add(cycles);
        self.free[unit as usize] = end;
        end
    }

    /// The same for a layer other than the one at work.
    pub fn serve_for(&mut self, layer: usize, unit: Unit, tile: u32, ready: u64, cycles: u64) -> u64 {
        let current = std::mem::replace(&mut self.layer, layer);
        let end = self.serve(unit, Task::FetchWeights, tile, ready, cycles);
        self.layer = current;
        end
    }
}

/// The run of a planned network.
pub(super) struct Timeline<'a> {
    rates: &'a Rates,
    work: &'a [LayerWork],
    units: Units<'a>,
    weights: StreamedWeights<'a>,
}

/// The whole cycles of a share of a layer's work: shares are rounded so that all of them add up.
pub(super) struct Shares {
    total: u64,
    count: u64,
}

impl Shares {
    pub fn new(cycles: f64, count: u32) -> Self {
        // A rounding error of the plan is no cycle.
        let total = (cycles - 1e-6).ceil().max(0.0);
        Self {
            total: total as u64,
            count: u64::from(count.max(1)),
        }
    }

    pub fn of(&self, index: u32) -> u64 {
        let end = |index: u64| (u128::from(self.total) * u128::from(index) / u128::from(self.count)) as u64;
        end(u64::from(index) + 1) - end(u64::from(index))
    }
}

/// What the tiles of one layer take.
struct Tiles {
    count: u32,
    matrix: Shares,
    vector: Shares,
    load: Shares,
    store: Shares,
    host_in: Shares,
    host_out: Shares,
    feed: Shares,
    drain: Shares,
}

impl<'a> Timeline<'a> {
    pub fn new(rates: &'a Rates, work: &'a [LayerWork], jobs: Option<&'a mut Vec<Job>>) -> Self {
        Self {
            rates,
            work,
            units: Units {
                free: [0; Unit::ALL.len()],
                jobs,
                layer: 0,
            },
            weights: StreamedWeights::new(rates, work),
        }
    }

    /// Where the cycles of each layer went.
    pub fn run(mut self) -> Vec<LayerTime> {
        let mut times = Vec::with_capacity(self.work.len());
        let mut now = 0_u64;
        for (position, layer) in self.work.iter().enumerate() {
            let next_is_chained = self.work.get(position + 1).is_some_and(|next| next.chained);
            self.units.layer = position;
            let issue = Shares::new(layer.issue, 1).of(0);
            let alone = !self.rates.fetch_ahead || (self.rates.weights_share && layer.uses_off_chip(self.rates));
            if !self.rates.fetch_ahead {
                self.weights.wait_until(now.saturating_add(issue));
            }
            self.weights
                .allow(&mut self.units, if alone { position } else { usize::MAX });
            let (end, mut time) = self.layer(position, layer, now.saturating_add(issue), next_is_chained);
            time.issue = issue as f64;
            times.push(time);
            now = end;
        }
        times
    }

    fn layer(&mut self, position: usize, layer: &LayerWork, begin: u64, next_is_chained: bool) -> (u64, LayerTime) {
        let mut time = LayerTime::default();
        if layer.is_empty() {
            return (begin, time);
        }
        let count = layer.tiles();
        let share = |cycles: f64| Shares::new(cycles, count);
        let tiles = Tiles {
            count,
            matrix: share(layer.matrix),
            vector: share(layer.vector),
            load: share(layer.load),
            store: share(layer.store),
            host_in: share(layer.host_in),
            host_out: share(layer.host_out),
            feed: share(layer.feed),
            drain: share(layer.drain),
        };
        let by_matrix = layer.matrix > 0.0;
        let (worker, worker_shares) = if by_matrix {
            (Unit::Matrix, &tiles.matrix)
        } else {
            (Unit::Vector, &tiles.vector)
        };
        let mut busy = 0.0;
        // Ends of the jobs of the last two tiles: there are two buffers before and two behind the matrix unit.
        let mut worked = [begin; 2];
        let mut finished = [begin; 2];
        let mut loaded = [self.load(&tiles, 0, begin), begin];
        if count > 1 {
            loaded[1] = self.load(&tiles, 1, begin);
        }
        // Ends of the feeding of this tile and the next.
        let mut fed = [self.feed(&tiles, 0, begin, &mut loaded), begin];
        if count > 1 {
            fed[1] = self.feed(&tiles, 1, begin, &mut loaded);
        }
        let mut end = begin;
        for tile in 0..count {
            let here = self.weights.ready(position, layer.block_of(tile));
            let ready = fed[0].max(here).max(finished[0]);
            let cycles = worker_shares.of(tile);
            let done = self.units.serve(worker, Task::Work, tile, ready, cycles);
            let waited = (done - cycles).saturating_sub(worked[1]) as f64;
            if finished[0] >= fed[0].max(here) {
                time.vector += waited;
            } else if here >= fed[0] {
                time.weights += waited;
            } else {
                time.activations += waited;
            }
            busy += cycles as f64;
            worked = [worked[1], done];
            if layer.frees_block_after(tile) {
                self.weights.free(&mut self.units, position, layer.block_of(tile), done);
            }
            if tile + 2 >= count && layer.store == 0.0 && self.rates.fetch_ahead {
                self.weights.allow(&mut self.units, usize::MAX);
            }
            // The buffer before the matrix unit is free again.
            let mut following = fed[1];
            if tile + 2 < count {
                following = self.feed(&tiles, tile + 2, done, &mut loaded);
            }
            let passed = if by_matrix {
                self.units
                    .serve(Unit::Vector, Task::Work, tile, done, tiles.vector.of(tile))
            } else {
                done
            };
            finished = [finished[1], passed];
            let drained = self
                .units
                .serve(Unit::OnChip, Task::Drain, tile, passed, tiles.drain.of(tile));
            fed = [fed[1], following];
            end = end.max(self.store(&tiles, tile, drained));
        }
        let (worked, finished) = (worked[1], finished[1]);
        if next_is_chained {
            end = worked;
        }
        time.vector += finished.min(end).saturating_sub(worked) as f64;
        time.activations += end.saturating_sub(finished.max(worked)) as f64;
        if by_matrix {
            time.fill = layer.fill.min(busy);
            let after = layer.after.min(busy - time.fill);
            time.compute = busy - time.fill - after;
            time.vector += after;
        } else {
            time.vector += busy;
        }
        (end, time)
    }

    /// Feeds a tile that was the earlier of the two loaded, and loads the one after both into its place.
    fn feed(&mut self, tiles: &Tiles, tile: u32, ready: u64, loaded: &mut [u64; 2]) -> u64 {
        let ready = ready.max(loaded[0]);
        let fed = self
            .units
            .serve(Unit::OnChip, Task::Feed, tile, ready, tiles.feed.of(tile));
        let later = if tile + 2 < tiles.count {
            self.load(tiles, tile + 2, fed)
        } else {
            fed
        };
        *loaded = [loaded[1], later];
        fed
    }

    fn load(&mut self, tiles: &Tiles, tile: u32, ready: u64) -> u64 {
        let (spilled, image) = (tiles.load.of(tile), tiles.host_in.of(tile));
        if spilled == 0 && image == 0 {
            return ready;
        }
        let loaded = self.units.serve(Unit::OffChip, Task::Load, tile, ready, spilled);
        let arrived = self.units.serve(self.host(), Task::Load, tile, ready, image);
        loaded.max(arrived).saturating_add(self.latency())
    }

    fn store(&mut self, tiles: &Tiles, tile: u32, ready: u64) -> u64 {
        let stored = self
            .units
            .serve(Unit::OffChip, Task::Store, tile, ready, tiles.store.of(tile));
        let host = self.host();
        self.units
            .serve(host, Task::Store, tile, ready, tiles.host_out.of(tile))
            .max(stored)
    }

    const fn host(&self) -> Unit {
        if self.rates.host_shares {
            Unit::OffChip
        } else {
            Unit::Host
        }
    }

    fn latency(&self) -> u64 {
        self.rates.latency.ceil() as u64
    }
}
