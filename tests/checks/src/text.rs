//! Search for phrases in text that may be wrapped.

/// Text with each run of white space as one space, and the line of each character.
pub struct Text(Vec<(char, usize)>);

impl Text {
    /// Prepares text that starts at a line. A backslash at the end of a line counts as white space, as it does in Rust's
    /// string literals.
    pub fn new(text: &str, first_line: usize) -> Self {
        let mut line = first_line;
        let mut prepared: Vec<(char, usize)> = Vec::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let continued = character == '\\' && characters.peek() == Some(&'\n');
            if !character.is_whitespace() && !continued {
                prepared.extend(character.to_lowercase().map(|lower| (lower, line)));
            } else if prepared.last().is_none_or(|(last, _)| *last != ' ') {
                prepared.push((' ', line));
            }
            line += usize::from(character == '\n');
        }
        Self(prepared)
    }

    /// The line of each place where the phrase stands as whole words. The phrase is in lower case. A quoted name, as in
    /// `"things"`, does not count: it is a key of a file, or what another program calls something.
    pub fn lines_with(&self, phrase: &str) -> Vec<usize> {
        let wanted: Vec<char> = phrase.chars().collect();
        let text = &self.0;
        let is_word = |index: usize| text.get(index).is_some_and(|(character, _)| is_word(*character));
        (0..text.len())
            .filter(|start| {
                wanted
                    .iter()
                    .enumerate()
                    .all(|(n, wanted)| text.get(start + n).is_some_and(|(found, _)| found == wanted))
                    && (*start == 0 || !is_word(start - 1))
                    && !is_word(start + wanted.len())
                    && !is_quoted(text, *start, wanted.len())
            })
            .map(|start| text[start].1)
            .collect()
    }
}

fn is_quoted(text: &[(char, usize)], start: usize, length: usize) -> bool {
    let at = |index: usize| text.get(index).map_or(' ', |(character, _)| *character);
    start > 0 && "`\"'".contains(at(start - 1)) && "`\"':".contains(at(start + length))
}

/// A name such as `peer_ssh` or `peer-ssh` is one word.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '-'
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn phrases_are_found_across_line_breaks_with_the_line_they_start_at() {
        let text = Text::new("All of it is\n    given\\\n  back. Given back.", 10);
        assert_eq!(text.lines_with("given back"), [11, 12]);
    }

    #[test]
    fn quoted_names_are_not_found() {
        let text = Text::new("`things` \"things\" 'things': {\"things: x\"} a `thing is`", 1);
        assert_eq!(text.lines_with("things"), [0; 0]);
        assert_eq!(text.lines_with("thing"), [1]);
    }

    #[test]
    fn only_whole_words_are_found() {
        let text = Text::new("somethings things-ls a_thing thing's things", 1);
        assert_eq!(text.lines_with("things"), [1]);
        assert_eq!(text.lines_with("thing"), [1]);
    }
}
