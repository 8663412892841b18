//! What a network knows and ONNX has no field for, kept in the documentation string of each node.
//!
//! The text is a few `key=value` words; `block=` comes last and takes the rest of the line.

use panarch_graph::Padding;

use super::pooling::pads;

/// The role of an ONNX node in the network.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// One node of the network.
    Node {
        /// The block that the node belongs to; none in files of others.
        block: Option<String>,
        /// PyTorch's momentum of a batch normalisation, exactly.
        momentum: Option<f32>,
        /// True for the product that completes x · sigmoid(x).
        swish: bool,
        /// Of a pool that rounds its size up, which is written in another form: its padding, and whether that counts.
        ceil: Option<(Padding, bool)>,
    },
    /// A node that only serves the next one: a change of rank, the sigmoid of a swish, the zeros around a pool.
    Part,
}

const PART: &str = "part";

impl Note {
    /// The text for the file.
    pub fn text(&self) -> String {
        match self {
            Self::Part => PART.to_owned(),
            Self::Node {
                block,
                momentum,
                swish,
                ceil,
            } => {
                let mut words = Vec::new();
                if *swish {
                    words.push("op=swish".to_owned());
                }
                if let Some(momentum) = momentum {
                    words.push(format!("momentum={momentum}"));
                }
                if let Some((padding, counts)) = ceil {
                    let [top, left, bottom, right] = pads(*padding);
                    words.push(format!("ceil={top},{left},{bottom},{right},{}", u8::from(*counts)));
                }
                if let Some(block) = block {
                    words.push(format!("block={block}"));
                }
                words.join(" ")
            }
        }
    }

    /// Reads the text back. Text of another origin yields a plain node without a block.
    pub fn parse(text: &str) -> Self {
        if text == PART {
            return Self::Part;
        }
        let (mut block, mut momentum, mut swish, mut ceil) = (None, None, false, None);
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(name) = rest.strip_prefix("block=") {
                block = Some(name.to_owned());
                break;
            }
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            if word == "op=swish" {
                swish = true;
            } else if let Some(value) = word.strip_prefix("momentum=") {
                momentum = value.parse().ok();
            } else if let Some(value) = word.strip_prefix("ceil=") {
                ceil = parse_ceil(value);
            }
            rest = after;
        }
        Self::Node {
            block,
            momentum,
            swish,
            ceil,
        }
    }
}

fn parse_ceil(text: &str) -> Option<(Padding, bool)> {
    let numbers: Vec<u32> = text.split(',').take(6).map_while(|word| word.parse().ok()).collect();
    match numbers[..] {
        [top, left, bottom, right, counts @ (0 | 1)] => {
            let padding = Padding {
                before: [top, left],
                after: [bottom, right],
            };
            Some((padding, counts == 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(block: &str) -> Note {
        Note::Node {
            block: Some(block.to_owned()),
            momentum: None,
            swish: false,
            ceil: None,
        }
    }

    #[test]
    fn comes_back_as_it_was_written() {
        for note in [
            Note::Part,
            block("stage2.block1"),
            block(""),
            block("a block with spaces block=x"),
            Note::Node {
                block: Some("stem".to_owned()),
                momentum: Some(0.1),
                swish: false,
                ceil: None,
            },
            Note::Node {
                block: Some("head".to_owned()),
                momentum: None,
                swish: true,
                ceil: None,
            },
            Note::Node {
                block: None,
                momentum: Some(f32::MIN_POSITIVE),
                swish: false,
                ceil: Some((
                    Padding {
                        before: [1, 2],
                        after: [0, 3],
                    },
                    true,
                )),
            },
        ] {
            assert_eq!(Note::parse(&note.text()), note);
        }
    }

    #[test]
    fn text_of_others_is_a_plain_node() {
        let plain = Note::Node {
            block: None,
            momentum: None,
            swish: false,
            ceil: None,
        };
        assert_eq!(Note::parse("a remark, =, momentum=much ceil=1,2"), plain);
        assert_eq!(Note::parse(""), plain);
    }
}
