//! Mistakes in space files: all reported at once, each with its line.

use panarch_space::Space;

use crate::fixtures::text;

/// `line: message` of every problem.
fn problems(toml: &str) -> Vec<String> {
    let Err(diagnostics) = Space::from_toml("test.toml", toml) else {
        return Vec::new();
    };
    let text = |it: &panarch_toml::Diagnostic| {
        let suggestion = it.suggestion.as_ref().map(|text| format!(" [{text}]"));
        format!("{}: {}{}", it.line, it.message, suggestion.unwrap_or_default())
    };
    diagnostics.iter().map(text).collect()
}

/// The small preset with one line replaced.
fn changed(from: &str, to: &str) -> String {
    let text = Space::preset_text("multi-hardware-small").unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// The line of the small preset on which a text first stands.
fn line(of: &str) -> usize {
    let text = Space::preset_text("multi-hardware-small").unwrap();
    text[..text.find(of).unwrap()].lines().count() + 1
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let toml = r#"
name = "broken"
version = 1
resolutions = [2, 32]

[block]
operator = "inverted-botleneck"
kernel = [3, 4]
expansion = [4, 3]
activations = "relu"

[[stem]]
operator = "conv"
kernel = 3
stride = 4
width = 8
activation = "relu"

[[stage]]
depth = [0, 1]
width = []
stride = 2
name = "body"

[[stage]]
depth = 2
width = 16
kernel = { each = [3, 3, 5] }
name = "body"

[[head]]
operator = "global-average-pool"

[[tie]]
decision = "body.wdth"
to = "body.depth"
map = { 0 = 8 }
"#;
    let found = problems(toml);
    let expected = [
        "4: images of 2 pixels are too small: all strides together divide by 4",
        "7: `block.operator` must be one of `skip`, `conv`, `separable`, \
         `inverted-bottleneck`, `fused-inverted-bottleneck`, `bottleneck`, `basic`, `fire`, `edge-chain`, \
         `max-pool` or `average-pool`, found the string \"inverted-botleneck\" [inverted-bottleneck]",
        "8: `block.kernel[1]` must be an odd number, so that the kernel has a centre, found 4",
        "9: `block.expansion[1]` must be larger than the choice before it",
        "10: `block.activations` is not a known key [activation]",
        "20: `body` has stride 2, so that it cannot be left out: its depth must be 1 or more",
        "21: `stage[0].width` has no choices",
        "28: `each` has 3 entries, there are 2 blocks at the largest depth",
        "29: `body` is already the name of stage number 1",
        "32: the last `[[head]]` must be the classifier, and the only one: `operator = \"classifier\"`",
        "35: `body.wdth` matches nothing that is open to choice [body.depth]",
    ];
    assert_eq!(found, expected);
}

#[test]
fn one_mistake_is_one_problem() {
    let last = "operator = \"classifier\"\n";
    // what is replaced, by what, the message that must result
    let table = [
        (
            "version = 1",
            "version = 0",
            "`version` must be a whole number of 1 or more, found 0",
        ),
        (
            "width = [16, 24]",
            "width = [24, 16]",
            "`stage[1].width[1]` must be larger than the choice before it",
        ),
        (
            "kernel = [3, 5]",
            "kernal = [3, 5]",
            "`block.kernal` is not a known key [kernel]",
        ),
        (
            "default_resolution = 28",
            "default_resolution = 30",
            "`default_resolution` 30 is not one of the `resolutions`",
        ),
        (
            "resolutions = [28, 32]",
            "resolutions = [32, 28]",
            "`resolutions` must increase",
        ),
        (
            "name = \"features\"",
            "name = \"fea.tures\"",
            "`fea.tures` is not a name: use letters, digits, `-` and `_`",
        ),
        (
            last,
            "operator = \"linear\"\nwidth = 4\nactivation = \"none\"\n",
            "the last `[[head]]` must be the classifier",
        ),
        (
            "operator = \"global-average-pool\"",
            "operator = \"conv\"\nkernel = 1\nwidth = 8\nactivation = \"relu\"",
            "the network of the largest genotype cannot be built for images of 32 pixels: node `head.classifier`",
        ),
        (
            "operator = \"global-average-pool\"",
            "name = \"features\"\noperator = \"conv\"\nkernel = 1\nwidth = 8",
            "two layers would both be called `head.features`; give one of them another `name`",
        ),
        (
            "\"*.kernel\" = 3",
            "\"*.kernel\" = 4",
            "`4` is not a choice of `stage1.block1.kernel`, which has 3, 5",
        ),
        ("\"*.kernel\" = 3", "\"*.kernl\" = 3", "`*.kernl` matches no decision"),
        (
            "\"*.kernel\" = 3",
            "",
            "the reference `mobilenet-v2-like` leaves `stage1.block1.kernel` open",
        ),
        (
            "\"stage3.width\" = 32",
            "\"stage3.width\" = [24, 32]",
            "2 choices for 1 decisions",
        ),
    ];
    for (from, to, expected) in table {
        let found = problems(&changed(from, to));
        let [only] = found.as_slice() else {
            panic!("{to}: {found:#?}");
        };
        assert!(only.contains(expected), "{to}: {only}");
    }
    let found = problems(&changed("width = [16, 24]", "width = [24, 16]"));
    assert!(
        found[0].starts_with(&format!("{}:", line("width = [16, 24]"))),
        "{found:?}"
    );
}

#[test]
fn mistakes_in_ties() {
    let tied = text("tied").unwrap();
    let table = [
        (
            "{stage}.depth",
            "{stage}.width",
            "is not open to choice, so that nothing can be tied to it",
        ),
        ("1 = 4, 2 = 3", "1 = 4, 4 = 3", "`4` is not a choice of `stage1.depth`"),
        ("1 = 4, 2 = 3,", "1 = 4,", "the map says nothing of `stage1.depth` = 2"),
        (
            "1 = 4,",
            "1 = 7,",
            "`7` is not a choice of `stage1.block1.expansion`, which has 2, 3, 4",
        ),
        (
            "to = \"stage1.depth\"\nmap = { 1 = 5, 2 = 3, 3 = 3 }",
            "to = \"stage1.block1.expansion\"\nmap = { 2 = 5, 3 = 3, 4 = 3 }",
            "is tied itself",
        ),
        (
            "\"stage3.kernel\"",
            "\"stage3.kernels\"",
            "`stage3.kernels` matches nothing that is open to choice [stage3.kernel]",
        ),
    ];
    for (from, to, expected) in table {
        let found = problems(&tied.replacen(from, to, 1));
        assert!(found.iter().any(|it| it.contains(expected)), "{to}: {found:#?}");
    }
}

#[test]
fn cut_and_garbled_files_never_panic() {
    for name in ["multi-hardware-small", "edgetpu-small"] {
        let text = Space::preset_text(name).unwrap();
        for cut in (0..text.len()).step_by(37).filter(|cut| text.is_char_boundary(*cut)) {
            assert!(
                Space::from_toml("cut", &text[..cut]).is_err()
                    || text[cut..].contains("references")
                    || cut + 700 > text.len()
            );
        }
        for (index, _) in text.char_indices().filter(|it| it.1.is_ascii_digit()) {
            for digit in ["0", "99", "-1.5", "[]"] {
                let garbled = format!("{}{digit}{}", &text[..index], &text[index + 1..]);
                if let Ok(space) = Space::from_toml("garbled", &garbled) {
                    space.check(&space.largest()).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_file_over_another_one() {
    let found = |text: &str| match Space::from_toml("own.toml", text) {
        Ok(space) => vec![format!("{} decisions", space.decisions().len())],
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    let own = |rest: &str| format!("base = \"ofa-mbv3-w1.0\"\nname = \"own\"\nversion = 1\n{rest}");
    assert_eq!(found(&own("")), ["45 decisions"]);
    assert_eq!(found(&own("[change.stage1]\nkernel = 3\n")), ["41 decisions"]);
    assert_eq!(
        found("base = \"ofa-mbv3-w1.1\"\nname = \"own\"\nversion = 1"),
        [
            "own.toml:1:8: `ofa-mbv3-w1.1` is neither an embedded space nor a network of the zoo (did you mean `ofa-mbv3-w1.0`?)"
        ]
    );
    assert_eq!(
        found("base = \"ofa-mbv3-w1.0\"\nresolutions = [16]"),
        [
            "own.toml:1:1: `name` is missing: it must be a string",
            "own.toml:1:1: `version` is missing: it must be a whole number of 1 or more",
            "own.toml:2:15: images of 16 pixels are too small: all strides together divide by 32",
        ]
    );
    assert_eq!(
        found(&own(
            "[change.stage9]\nkernel = 3\n[change.stage1]\nkernal = 3\n[[tie]]\ndecision = \"*.expansion\"\nto = \"{stage}.depth\"\nmap = { 2 = 3, 3 = 4, 4 = 5 }\n"
        )),
        [
            "own.toml:4:9: the base has no `stage9` (did you mean `stage1`?)",
            "own.toml:7:1: `stage[0].kernal` is not a known key (did you mean `kernel`?)",
            "own.toml:11:27: `5` is not a choice of `stage1.block1.expansion`, which has 3, 4, 6",
        ]
    );
}

#[test]
fn widths_have_several_forms() {
    let file = |width: &str| {
        format!(
            "name = \"w\"\nversion = 1\nresolutions = [8]\n[[stem]]\noperator = \"conv\"\nkernel = 3\nactivation = \"relu\"\n\
             width = {width}\n[[head]]\noperator = \"global-average-pool\"\n[[head]]\noperator = \"classifier\"\n"
        )
    };
    let found = |width: &str| problems(&file(width));
    assert_eq!(
        found("\"inptu\""),
        [
            "8: `stem[0].width` must be a whole number of channels, or \"input\" for as many as arrive, found the string \"inptu\""
        ]
    );
    assert_eq!(
        found("{ of = 16 }"),
        ["8: `of` needs `times`, the multiples of the base width"]
    );
    assert_eq!(
        found("{ of = 16, times = [1, 0.5] }"),
        ["8: `stem[0].width.times[1]` must be larger than the choice before it"]
    );
    let space = Space::from_toml("w", &file("{ of = 24, times = [0.5, 1, 1.25] }")).unwrap();
    assert_eq!(space.decisions()[0].choices, ["0.5", "1", "1.25"]);
    // 12 and 30 channels are rounded to multiples of 8.
    assert_eq!(space.describe().places[0].width, ["16", "24", "32"]);
}

/// A file with a body and a plain head.
fn with_body(body: &str) -> String {
    format!(
        "name = \"b\"\nversion = 1\nresolutions = [16, 32]\n{body}\n[[head]]\noperator = \"global-average-pool\"\n[[head]]\n\
         operator = \"classifier\"\n"
    )
}

#[test]
fn what_a_stage_and_its_defaults_cannot_say() {
    let conv = "[[stage]]\noperator = \"conv\"\nactivation = \"relu\"\nwidth = 8";
    let ib = "\nexpansion = 2\nactivation = \"relu\"\nwidth = 8";
    let table = [
        (
            format!("{conv}\ndepth = 0\nkernel = 3"),
            "8: a stage has at least one block at its largest depth",
        ),
        (
            format!("[block]\noperator = \"max-pool\"\nkernel = 2\n{conv}\ndepth = 1"),
            "6: `stage1` would have a kernel of 2 in `conv`: only those of pools may be even",
        ),
        (
            format!("[block]\nkernel = {{ each = [3, 5] }}\n{conv}\ndepth = 3"),
            "5: `each` has 2 entries, there are 3 blocks at the largest depth",
        ),
        (
            "[[stem]]\noperator = \"conv\"\nactivation = \"relu\"\nwidth = 8\nkernel = { each = [3, 5] }".to_owned(),
            "8: `each` has 2 entries, there is 1 block at the largest depth",
        ),
        (
            format!(
                "[operators.ib]\nkind = \"inverted-bottleneck\"\nkernel = [3, 5, 7]\n[[stage]]\ndepth = 1{ib}\n\
                 operator = [\"inverted-bottleneck\", \"ib\"]\ninverted-bottleneck = {{ kernel = [3, 5] }}"
            ),
            "6: `stage1.block1.ib.kernel` would be the name of two decisions; call an operator or layer otherwise",
        ),
        (
            format!(
                "[[stem]]\noperator = \"inverted-bottleneck\"{ib}\ninverted-bottleneck = {{ kernel = [3, 5] }}\n\
                 [[stem]]\nname = \"ib\"\noperator = \"conv\"\nkernel = [3, 5]\nwidth = 8\nactivation = \"relu\""
            ),
            "13: `stem.ib.kernel` would be the name of two decisions; call an operator or layer otherwise",
        ),
        (
            "[[stage]]\ndepth = 40\noperator = \"conv\"\nkernel = 1\nactivation = \"relu\"\nwidth = \"input\"\n\
             residual = \"concat\""
                .to_owned(),
            "1: concatenated, the widths of the largest genotype grow to 4294967295; at most 65536 are possible",
        ),
        (
            format!("{conv}\ndepth = 1\nkernel = 31\npadding = 0"),
            "1: the network of the largest genotype cannot be built for images of 16 pixels: node `stage1.block1.conv` \
             (conv2d): a window of 31 does not fit into 16 padded positions",
        ),
        (
            format!("[operators.o]\nkind = \"conv\"\nkernel = 3\noperator = \"conv\"\n{conv}\ndepth = 1\nkernel = 3"),
            "7: `operators.o.operator` is not a known key",
        ),
    ];
    for (body, expected) in table {
        let found = problems(&with_body(&body));
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{expected}: {found:#?}"
        );
    }
    for pool in [
        "[operators.p]\nkind = \"max-pool\"\nkernel = 2\n[[stage]]\ndepth = 1\noperator = \"p\"",
        "[[stage]]\ndepth = 1\noperator = [\"max-pool\", \"average-pool\"]\nmax-pool = { kernel = 2 }\nkernel = 3",
    ] {
        assert_eq!(problems(&with_body(pool)), [""; 0]);
    }
}

#[test]
fn defaults_of_all_stages_hold_in_them() {
    let stage =
        "[[stage]]\ndepth = 1\noperator = [\"conv\", \"max-pool\"]\nkernel = 3\nactivation = \"relu\"\nwidth = 8\n";
    let hash = |body: &str| Space::from_toml("b", &with_body(body)).unwrap().hash();
    let plain = hash(stage);
    for key in ["padding = 0", "ceil = true", "bias = true"] {
        let here = hash(&format!("{stage}{key}"));
        assert_ne!(here, plain, "{key}");
        assert_eq!(hash(&format!("[block]\n{key}\n{stage}")), here, "{key}");
    }
    let scaled = |body: &str| {
        let text = with_body(body).replace("version = 1", "version = 1\nwidth_multiplier = 2");
        Space::from_toml("b", &text).unwrap().hash()
    };
    assert_ne!(scaled(stage), plain);
    assert_eq!(scaled(&format!("[block]\nscale_width = false\n{stage}")), plain);
}

#[test]
fn keys_without_effect_are_reported() {
    let problems = |body: &str| {
        let problems = Space::from_toml("b", &with_body(body)).err();
        let messages = problems.iter().flat_map(|it| it.iter()).map(|it| it.message.clone());
        messages.collect::<Vec<_>>()
    };
    let stage =
        "[[stage]]\ndepth = 1\noperator = [\"conv\", \"max-pool\"]\nkernel = 3\nactivation = \"relu\"\nwidth = 8\n";
    assert!(problems(&format!("{stage}padding = 1\nceil = true")).is_empty());
    assert!(problems(&format!("[block]\nexpansion = 6\n{stage}")).is_empty());
    assert_eq!(
        problems(&format!(
            "{stage}expansion = 6\nshortcut = \"pool-conv\"\nskip.kernel = 3"
        )),
        [
            "`expansion` changes nothing here: it is not for `conv`, `max-pool`",
            "`shortcut` changes nothing here: it is not for `conv`, `max-pool`",
            "`skip` is not among the operators here, so that this changes nothing",
        ]
    );
    assert_eq!(
        problems(&format!("{stage}[change.stage1]\nkernel = 3")),
        ["`change` is for the stages of a `base`; this file has none"]
    );
    assert_eq!(
        problems(&format!("{stage}max-pool.activation = \"relu\"")),
        ["`activation` changes nothing here: it is not for `max-pool`"]
    );
}

#[test]
fn decisions_without_effect_are_inactive() {
    let active = |body: &str, genotype: &str| {
        let space = Space::from_toml("b", &with_body(body)).unwrap();
        let genotype = space.parse_genotype(genotype).unwrap();
        let decisions = space.decisions().iter().zip(space.active(&genotype));
        let active = decisions.filter(|(_, active)| *active);
        active.map(|(decision, _)| decision.name.clone()).collect::<Vec<_>>()
    };
    let pool =
        "[[stage]]\ndepth = 1\noperator = [\"max-pool\", \"conv\"]\nkernel = 3\nactivation = \"relu\"\nwidth = [8, 16]";
    assert_eq!(active(pool, "10"), ["stage1.block1.operator"]);
    assert_eq!(active(pool, "11"), ["stage1.width", "stage1.block1.operator"]);
    let chain = "[[stage]]\ndepth = 1\noperator = \"edge-chain\"\nedge1 = [\"identity\", \"3x3\"]\nedge4 = \"3x3\"\nexpansion = 1\n\
                 activation = [\"none\", \"relu\"]\nlast_activation = \"relu\"\nwidth = 8";
    assert_eq!(active(chain, "01"), ["stage1.block1.edge1"]);
    assert_eq!(active(chain, "11"), ["stage1.block1.edge1", "stage1.block1.activation"]);
}

#[test]
fn a_decision_that_drives_two_properties_is_one_condition() {
    let body = "[[stem]]\noperator = \"conv\"\nkernel = 3\nwidth = 8\nactivation = \"relu\"\n[[stage]]\ndepth = [1, 2, 3]\n\
                operator = [\"skip\", \"conv\"]\nkernel = [3, 5]\nactivation = \"relu\"\nwidth = 8\n[[tie]]\n\
                decision = \"stage1.block2.operator\"\nto = \"stage1.depth\"\nmap = { 1 = \"conv\", 2 = \"conv\", 3 = \"skip\" }";
    let space = Space::from_toml("b", &with_body(body)).unwrap();
    let kernel = space.decisions().iter().find(|it| it.name == "stage1.block2.kernel");
    assert_eq!(kernel.unwrap().conditions[0].to_string(), "stage1.depth = 2");
}
