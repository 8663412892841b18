//! Names with `*` in them.

/// Whether `name` matches `pattern`, in which every `*` stands for any run of characters.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars() {
        let cases = [
            ("stage1.depth", "stage1.depth", true),
            ("stage1.depth", "stage1.depths", false),
            ("*", "", true),
            ("*.kernel", "stage1.block2.kernel", true),
            ("stage*.block*.kernel", "stage1.block2.kernel", true),
            ("stage*.block*.kernel", "stage1.kernel", false),
            ("stage*.block1.*", "stage3.block1.ib.kernel", true),
            ("a*a", "a", false),
            ("a*b*c", "abc", true),
            ("a*bb*c", "abc", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
