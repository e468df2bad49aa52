//! Which of the names that there are somebody may have meant.

/// How alike two words must be (1 is equal) for one to be taken for the other.
const NEAR: f64 = 0.8;

/// The name that is nearest to one that isn't there, if any is near.
pub fn near<'n>(text: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let ranked = names.into_iter().map(|name| (strsim::jaro_winkler(text, name), name));
    ranked.filter(|(score, _)| *score > NEAR).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_another_word_is_not() {
        let names = ["docker", "conda", "ray-start", "ray-status"];
        assert_eq!(near("dokcer", names), Some("docker"));
        assert_eq!(near("raystart", names), Some("ray-start"));
        assert_eq!(near("image", names), None);
        assert_eq!(near("docker", []), None);
    }
}
