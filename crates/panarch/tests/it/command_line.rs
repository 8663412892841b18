use crate::pictures::{Workplace, expect};

#[test]
fn six_mistakes_are_six_diagnostics() {
    let place = Workplace::new();
    let file = place.path().join("mistakes.toml");
    let text = r#"name = "six mistakes"
sede = 1

[data]
dataset = "fashion-mnits"

[space]
preset = "multi-hardware-smal"

[devices]
names = ["ethos-u55-128", "cube-61"]

[devices.targets]
ethos-u55-128 = "1 ms"
cube-61 = "1 ms"

[search]
evaluations = "many"
"#;
    std::fs::write(&file, text).unwrap();
    let output = place.panarch(&["run", "mistakes.toml"]);
    expect(&output, 2);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    for (place, hint) in [
        ("mistakes.toml:1:", "letters, digits"),
        ("mistakes.toml:2:", "`seed`"),
        ("mistakes.toml:5:", "fashion-mnist"),
        ("mistakes.toml:8:", "multi-hardware-small"),
        ("mistakes.toml:11:", "cube-16"),
        ("mistakes.toml:18:", "`search.evaluations`"),
    ] {
        assert!(errors.contains(place), "nothing at {place} in\n{errors}");
        assert!(errors.contains(hint), "no `{hint}` in\n{errors}");
    }
    assert_eq!(errors.matches("mistakes.toml:").count(), 6, "{errors}");
}

#[test]
fn exit_codes_say_what_kind_of_failure_it_was() {
    let place = Workplace::new();
    place.run_file("[devices.targets]\nreference = \"mobilenet-v2-like\"");
    for (arguments, code) in [
        (&["space", "count", "multi-hardware-small"][..], 0),
        (&["space", "count", "no-such-space"], 2),
        (&["run", "no-such-file.toml"], 2),
        (&["network", "show", "mobilenet-v9"], 2),
        (&["network", "show", "multi-hardware-small:zzz"], 2),
        (&["device", "show", "no-such-device"], 2),
        (&["study", "show", "no-such-study"], 2),
        (&["report", "job.toml"], 2),
        (&["data", "check", "cifar-10"], 3),
        (&["space", "mem", "isynet", "--device", "host"], 2),
        (&["network", "mem", "mobilenet-v3-large", "--device", "edgetpu-v1"], 1),
        (&["no-such-verb"], 2),
    ] {
        let output = place.panarch(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn a_limit_that_nothing_keeps_names_device_and_nearest_value() {
    let place = Workplace::new();
    place.run_file(
        "[devices.targets]\nethos-u55-128 = \"1 us\"\ncortex-a53 = \"9 ms\"\n[search]\ngoals = [\"each\"]\nevaluations = 4\n",
    );
    let output = place.panarch(&["run", "job.toml"]);
    expect(&output, 1);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("`ethos-u55-128` vetoes") && errors.contains("raise that limit to"),
        "{errors}"
    );
}

/// Limits on anything are kept by every search, and one that nothing keeps ends the run before anything is trained.
#[test]
fn a_limit_on_any_quantity_names_whose_it_is_and_the_nearest_value() {
    let targets = "[devices.targets]\nreference = \"mobilenet-v2-like\"\n";
    for (limits, expected) in [
        (
            "[limits]\nmacs = 1000\n",
            "the limit on the network itself vetoes; its limit is 1.00 kMACs",
        ),
        ("[limits]\nparameters = \"0.1 k\"\n", "its limit is 100 parameters"),
        (
            "[limits.ethos-u55-128]\npeak_memory = \"100 B\"\n",
            "`ethos-u55-128` vetoes; its limit is 100 B",
        ),
        (
            "[limits.cortex-a53]\nweights = \"1 KiB\"\n",
            "`cortex-a53` vetoes; its limit is 1.00 KiB",
        ),
        (
            "[limits.cortex-a53]\nlatency = \"1 us\"\n",
            "`cortex-a53` vetoes; its limit is 1.00 µs",
        ),
    ] {
        let place = Workplace::new();
        place.run_file(&format!("{targets}{limits}[search]\nevaluations = 4\n"));
        let output = place.panarch(&["run", "job.toml"]);
        expect(&output, 1);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            errors.contains(expected) && errors.contains("raise that limit to"),
            "{limits}: {errors}"
        );
        assert!(
            !place.path().join("runs/job/supernet.safetensors").exists(),
            "nothing is trained for it"
        );
    }
    let place = Workplace::new();
    place.run_file(&format!(
        "{targets}[limits.cortex-a53]\nenergy = \"1 mJ\"\n[search]\nevaluations = 4\n"
    ));
    let output = place.panarch(&["run", "job.toml"]);
    expect(&output, 2);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("limit on the energy of `cortex-a53`"), "{errors}");
}

#[test]
fn every_read_command_speaks_json_and_csv() {
    let place = Workplace::new();
    for arguments in [
        &["space", "list"][..],
        &["space", "show", "multi-hardware-small"],
        &["space", "count", "--all"],
        &["space", "sample", "multi-hardware-small", "-n", "3"],
        &["space", "mem", "multi-hardware-small", "isynet", "-n", "3"],
        &["network", "mem", "mobilenet-v2", "--layers"],
        &["device", "list"],
        &["network", "list"],
        &["network", "show", "mobilenet-v2"],
        &["data", "list"],
        &["data", "check", "./pictures"],
        &["doctor"],
        &["study", "list", "."],
    ] {
        let json = expect(&place.panarch(&[arguments, &["--format", "json"]].concat()), 0);
        let value: serde_json::Value =
            serde_json::from_str(&json).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        assert!(value.is_array(), "{arguments:?}");
        let csv = expect(&place.panarch(&[arguments, &["--format", "csv"]].concat()), 0);
        assert!(
            csv.lines().next().is_some_and(|header| header.contains(',')),
            "{arguments:?}: {csv}"
        );
    }
}
