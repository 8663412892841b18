use serde::Serialize;

use super::MatrixWork;

/// What vector work and movement are worth in matrix work, on one machine.
///
/// The matrix unit does `vector` MACs in the time of one element operation, and `moved` MACs in the time in which one element
/// is moved: kv = MACs a second / element operations a second, kd = MACs a second / elements a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Exchange {
    /// kv, in MACs an element operation; at least 0.
    #[serde(rename = "kv_macs")]
    pub vector: f64,
    /// kd, in MACs an element; at least 0.
    #[serde(rename = "kd_macs")]
    pub moved: f64,
}

impl Exchange {
    /// W / (W + kv·V + kd·D): the share of the time in the matrix unit, if nothing overlaps and nothing else takes time; 0 to
    /// 1, and 0 where nothing is done. With kv = kd = k it is E / (E + k) for the raw measure E, which then ranks networks
    /// as the share does.
    #[must_use]
    pub fn share(&self, work: &MatrixWork) -> f64 {
        let matrix = work.matrix.0 as f64;
        let all = self.equivalent(work);
        if all > 0.0 { matrix / all } else { 0.0 }
    }

    /// W + kv·V + kd·D, in MACs.
    fn equivalent(&self, work: &MatrixWork) -> f64 {
        work.matrix.0 as f64 + self.vector * work.vector.0 as f64 + self.moved * work.moved.0 as f64
    }
}
