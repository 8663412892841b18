//! What a cost source says of itself.

use std::collections::HashMap;

use panarch_cost::{CostSource, DeviceProfile, Model, SizeClass};
use panarch_graph::{ContentHash, Network};

fn protocol(source: &dyn CostSource) -> ContentHash {
    source.protocol().unwrap()
}

/// Costs are kept in studies under these: another text, another model or another fallback is another source.
#[test]
fn sources_that_may_answer_otherwise_have_other_protocols() {
    let mut seen: HashMap<ContentHash, String> = HashMap::new();
    for class in [SizeClass::Full, SizeClass::Micro] {
        for profile in DeviceProfile::presets_of(class).unwrap() {
            let models = match profile.accelerator() {
                Some(_) => vec![Model::Analytic, Model::Cycle],
                None if profile.ethos_u().is_some() => vec![Model::Analytic],
                None => continue,
            };
            for model in models {
                let found = protocol(profile.model(model).unwrap().as_ref());
                let name = format!("{} {model:?}", profile.name());
                assert_eq!(found, protocol(profile.model(model).unwrap().as_ref()), "{name}");
                assert_eq!(seen.insert(found, name.clone()), None, "{name}");
            }
        }
    }
    assert!(seen.len() > 10);
}

#[test]
fn a_comment_in_a_profile_is_another_protocol() {
    let text = panarch_cost::preset_text("systolic-32").unwrap();
    let of = |text: &str| {
        let profile = DeviceProfile::from_toml("a.toml", text).unwrap();
        protocol(profile.model(Model::Analytic).unwrap().as_ref())
    };
    assert_eq!(of(text), of(text));
    assert_ne!(of(text), of(&format!("{text}\n# measured again\n")));
}

/// The formula that studies of earlier builds were written with: a change here makes every stored cost be computed again.
#[test]
fn stored_costs_stay_known() {
    let profile = DeviceProfile::preset("systolic-32").unwrap();
    for (model, revision) in [
        (Model::Analytic, "panarch analytic model of a profile v4"),
        (Model::Cycle, "panarch simulator of a profile v2"),
    ] {
        let text = format!("{} {}", profile.hash(), env!("CARGO_PKG_VERSION"));
        let expected = ContentHash::of(revision, text.as_bytes());
        assert_eq!(protocol(profile.model(model).unwrap().as_ref()), expected);
    }
}

/// A source of networks without weights of their own is asked the same question either way.
#[test]
fn weights_change_nothing_where_they_do_not_matter() {
    let network: Network = panarch_space::zoo::network("mobilenet-v2", 1000, 224).unwrap();
    let weights = panarch_graph::Weights::default();
    let profile = DeviceProfile::preset("systolic-32").unwrap();
    let source = profile.model(Model::Analytic).unwrap();
    let with = source.estimate_with_weights(&[(&network, &weights)]);
    assert_eq!(with, source.estimate(std::slice::from_ref(&network)));
    assert!(!source.takes_time());
}
