//! Which key was perhaps meant.

/// The key that shares most fields with a word, if it shares any; of equally near ones the first by name.
pub(super) fn nearest<'k>(word: &str, keys: impl Iterator<Item = &'k str>) -> Option<String> {
    let own = fields(word);
    let shared = |key: &str| fields(key).iter().zip(&own).filter(|(a, b)| a == b).count();
    keys.map(|key| (shared(key), key))
        .filter(|(shared, _)| *shared > 0)
        .max_by(|(a, first), (b, second)| a.cmp(b).then_with(|| second.cmp(first)))
        .map(|(_, key)| key.to_owned())
}

fn fields(key: &str) -> Vec<&str> {
    key.split(['-', ' ', ':']).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_key_with_most_equal_fields_is_nearest() {
        let keys = [
            "a-input:7x7x8-kernel:3",
            "a-input:7x7x8-kernel:5",
            "b-input:9x9x8-kernel:7",
        ];
        let found = |word| nearest(word, keys.into_iter());
        assert_eq!(found("a-input:7x7x8-kernel:7").as_deref(), Some(keys[0]));
        assert_eq!(found("b-input:9x9x8-kernel:3").as_deref(), Some(keys[2]));
        assert_eq!(found("nothing"), None);
    }
}
