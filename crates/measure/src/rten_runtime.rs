use std::io;
use std::sync::Arc;

use rten::{Dimension, Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensorView;
use rten_tensor::prelude::*;

use crate::runtime::check_images;
use crate::{MeasureError, Runtime, Session, threads};

/// rten: pure Rust, built in, in a thread pool of its own.
pub struct RtenRuntime {
    threads: u32,
    pool: Arc<ThreadPool>,
    /// Why there is no pool: rten would silently use other threads than asked for.
    refused: Option<(io::ErrorKind, String)>,
}

impl RtenRuntime {
    /// Its name in profiles and provenance.
    pub const NAME: &'static str = "rten";
    /// The version that is built in.
    pub const VERSION: &'static str = "0.27.0";

    const DEBUG_VERSION: &'static str = "0.27.0 (debug build)";

    /// The runtime with a pool of this many threads, at least one.
    #[must_use]
    pub fn new(threads: u32) -> Self {
        let threads = threads.max(1);
        Self {
            threads,
            refused: threads::can_start(threads)
                .err()
                .map(|error| (error.kind(), error.to_string())),
            pool: Arc::new(ThreadPool::with_num_threads(threads as usize)),
        }
    }
}

impl Runtime for RtenRuntime {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn version(&self) -> &str {
        // What a debug build measures must not be taken for what rten can do, nor be cached as such.
        if cfg!(debug_assertions) {
            Self::DEBUG_VERSION
        } else {
            Self::VERSION
        }
    }

    fn threads(&self) -> u32 {
        self.threads
    }

    fn load(&self, onnx: &[u8]) -> Result<Box<dyn Session>, MeasureError> {
        let refuse = |reason: String| MeasureError::Load {
            runtime: Self::NAME.to_owned(),
            reason,
        };
        if let Some((kind, reason)) = &self.refused {
            return Err(MeasureError::Threads {
                count: self.threads,
                source: io::Error::new(*kind, reason.clone()),
            });
        }
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(onnx.to_vec())
            .map_err(|error| refuse(error.to_string()))?;
        let axes = model.input_shape(0).unwrap_or_default();
        let [
            _,
            Dimension::Fixed(channels),
            Dimension::Fixed(height),
            Dimension::Fixed(width),
        ] = axes[..]
        else {
            return Err(refuse(format!(
                "the input has axes {axes:?}, not [batch, channels, height, width]"
            )));
        };
        Ok(Box::new(RtenSession {
            model,
            image: [channels, height, width],
            pool: Arc::clone(&self.pool),
        }))
    }
}

struct RtenSession {
    model: Model,
    image: [usize; 3],
    pool: Arc<ThreadPool>,
}

impl Session for RtenSession {
    fn run(&mut self, images: &[f32], batch: usize) -> Result<Vec<f32>, MeasureError> {
        check_images(images, batch, self.image)?;
        let fail = |reason: String| MeasureError::Run {
            runtime: RtenRuntime::NAME.to_owned(),
            reason,
        };
        let [channels, height, width] = self.image;
        let input = NdTensorView::from_data([batch, channels, height, width], images);
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        let inputs = self.model.input_ids().iter().take(1).map(|id| (*id, input.into()));
        let outputs = self
            .model
            .run(inputs.collect(), self.model.output_ids(), Some(options))
            .map_err(|error| fail(error.to_string()))?;
        let mut results = Vec::new();
        for output in outputs {
            let output = output
                .into_tensor::<f32>()
                .ok_or_else(|| fail("a result is not f32".to_owned()))?;
            results.extend(output.iter());
        }
        Ok(results)
    }

    fn outputs(&self) -> Vec<String> {
        let ids = self.model.output_ids().iter();
        let name = |id: &NodeId| {
            self.model
                .node_info(*id)
                .and_then(|info| info.name().map(str::to_owned))
        };
        ids.map(|id| name(id).unwrap_or_default()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_in_the_lock_file() {
        let lock = include_str!("../../../Cargo.lock");
        let entry = format!("name = \"rten\"\nversion = \"{}\"", RtenRuntime::VERSION);
        assert!(lock.contains(&entry), "rten in Cargo.lock is another version");
        assert!(RtenRuntime::DEBUG_VERSION.starts_with(RtenRuntime::VERSION));
    }
}
