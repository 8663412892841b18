//! Did-you-mean.

/// Words longer than this are compared by their beginnings only.
const COMPARED: usize = 64;

/// The candidate that `word` was most likely meant to be, if one is close.
///
/// Close means a Damerau-Levenshtein distance of at most a third of the longer word (at least 1), case and the
/// difference between `-` and `_` not counted. Of equally close candidates the first wins.
///
/// ```
/// assert_eq!(panarch_toml::did_you_mean("epoch", ["epochs", "seed"]), Some("epochs".to_string()));
/// assert_eq!(panarch_toml::did_you_mean("batch", ["epochs", "seed"]), None);
/// ```
pub fn did_you_mean<I>(word: &str, candidates: I) -> Option<String>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let word = normal(word);
    let mut best: Option<(usize, String)> = None;
    for candidate in candidates {
        let candidate = candidate.as_ref();
        let other = normal(candidate);
        let longer = word.chars().count().max(other.chars().count());
        let distance = strsim::damerau_levenshtein(&word, &other);
        let close = distance <= (longer / 3).max(1) && distance < longer;
        if close && best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, candidate.to_string()));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn normal(word: &str) -> String {
    word.chars()
        .take(COMPARED)
        .flat_map(char::to_lowercase)
        .map(|c| if c == '-' { '_' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn close_words_are_found_and_far_ones_are_not() {
        let known = ["epochs", "batch", "learning_rate", "worst", "k"];
        let table = [
            ("epohcs", Some("epochs")),
            ("Learning-Rate", Some("learning_rate")),
            ("lerning_rte", Some("learning_rate")),
            ("wurst", Some("worst")),
            ("x", None), // every one-letter word is one edit from every other
            ("", None),
            ("dataset", None),
        ];
        for (word, expected) in table {
            assert_eq!(did_you_mean(word, known).as_deref(), expected, "{word}");
        }
    }
}
