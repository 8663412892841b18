use panarch_nn::CpuEngine;
use panarch_testkit::{NaiveEngine, engine_conformance};

#[test]
fn the_cpu_engine_conforms() {
    engine_conformance(|| Box::new(CpuEngine::new()));
}

/// Nothing of the suite depends on what one engine does: another one, whose parameters nobody can reach, passes it too.
#[test]
fn the_naive_engine_conforms() {
    engine_conformance(|| Box::new(NaiveEngine::new()));
}
