//! `setup.py` and `setup.cfg`. The first is a program: only what stands in it as plain lists and strings is read.

use super::finding::{Confidence, Fact};
use super::notes::Notes;
use super::{packages, python_version};

/// `setup.py`: the arguments of `setup()`.
pub(super) fn scan(notes: &mut Notes<'_>, text: &str) {
    let tokens = tokens(text);
    let calls_setup = tokens.windows(2).find(|pair| pair[0].is_name("setup") && pair[1].is_mark('('));
    if let Some(call) = calls_setup
        && notes.at_top()
    {
        notes.add(Fact::InstallProject, Confidence::Implied, call[0].line, "setup(");
    }
    if let Some(at) = argument(&tokens, "python_requires")
        && let Some(Word::Text(range)) = tokens.get(at).map(|token| &token.word)
    {
        python_version::note_range(notes, range, tokens[at].line);
    }
    let Some(at) = argument(&tokens, "install_requires") else { return };
    match strings(&tokens, at) {
        Some(list) => list.iter().for_each(|(text, line)| packages::note(notes, text, *line, Confidence::Implied)),
        None => notes.problem(tokens[at - 1].line, "`install_requires` is computed, so its packages are not known"),
    }
}

/// `setup.cfg`: the section `options`.
pub(super) fn scan_cfg(notes: &mut Notes<'_>, text: &str) {
    let (mut section, mut key) = ("", "");
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            (section, key) = (name, "");
            continue;
        }
        let value = match line.split_once('=') {
            Some((name, value)) if !line.starts_with(char::is_whitespace) => {
                key = name.trim();
                value.trim()
            }
            _ => trimmed,
        };
        match (section, key) {
            ("options", "install_requires") => packages::note(notes, value, number, Confidence::Implied),
            ("options", "python_requires") => python_version::note_range(notes, value, number),
            _ => {}
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Word {
    Name(String),
    Text(String),
    Mark(char),
}

#[derive(Debug, Clone, PartialEq)]
struct Token {
    word: Word,
    line: u32,
}

impl Token {
    fn is_name(&self, name: &str) -> bool {
        matches!(&self.word, Word::Name(word) if word == name)
    }

    fn is_mark(&self, mark: char) -> bool {
        self.word == Word::Mark(mark)
    }
}

/// Where the value of an argument begins: after `name =`, or after `"name":` in a dictionary.
fn argument(tokens: &[Token], name: &str) -> Option<usize> {
    let is_argument = |pair: &[Token]| match &pair[0].word {
        Word::Name(word) => word == name && pair[1].is_mark('='),
        Word::Text(word) => word == name && pair[1].is_mark(':'),
        Word::Mark(_) => false,
    };
    tokens.windows(2).position(is_argument).map(|at| at + 2).filter(|at| *at < tokens.len())
}

/// The strings of a list, or of the list that a name was given before.
fn strings(tokens: &[Token], at: usize) -> Option<Vec<(String, u32)>> {
    let start = match &tokens[at].word {
        Word::Mark('[' | '(') => at,
        Word::Name(name) if !tokens.get(at + 1).is_some_and(|next| next.is_mark('(') || next.is_mark('.')) => {
            let assigned = |three: &[Token]| three[0].is_name(name) && three[1].is_mark('=') && three[2].is_mark('[');
            tokens[..at].windows(3).position(assigned)? + 2
        }
        _ => return None,
    };
    let mut depth = 0_usize;
    let mut out = Vec::new();
    for token in &tokens[start..] {
        match &token.word {
            Word::Mark('[' | '(') => depth += 1,
            Word::Mark(']' | ')') => depth -= 1,
            Word::Text(text) if depth == 1 => out.push((text.clone(), token.line)),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    Some(out)
}

/// Python's words, without its comments. Prefixes of strings stand as names before them and do no harm.
fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let (mut rest, mut line) = (text, 1_u32);
    while let Some(c) = rest.chars().next() {
        let (taken, word) = match c {
            '#' => (rest.find('\n').unwrap_or(rest.len()), None),
            '"' | '\'' => {
                let (taken, inner) = string(rest, c);
                (taken, Some(Word::Text(inner.to_owned())))
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                (end, Some(Word::Name(rest[..end].to_owned())))
            }
            c => (c.len_utf8(), (!c.is_whitespace()).then_some(Word::Mark(c))),
        };
        out.extend(word.map(|word| Token { word, line }));
        line += u32::try_from(rest[..taken].matches('\n').count()).unwrap_or(0);
        rest = &rest[taken..];
    }
    out
}

/// How much a string takes, and what is in it. One that does not end on its line ends there.
fn string(text: &str, quote: char) -> (usize, &str) {
    let triple: String = [quote; 3].iter().collect();
    if let Some(inner) = text.strip_prefix(triple.as_str()) {
        let end = inner.find(triple.as_str());
        return end.map_or((text.len(), inner), |end| (end + 6, &inner[..end]));
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return (at, &text[1..at]),
            c if c == quote => return (at + 1, &text[1..at]),
            _ => {}
        }
    }
    (text.len(), &text[1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(text: &str) -> Option<Vec<String>> {
        let tokens = tokens(text);
        let list = strings(&tokens, argument(&tokens, "install_requires")?)?;
        Some(list.into_iter().map(|(text, _)| text).collect())
    }

    #[test]
    fn the_required_packages() {
        for (text, expect) in [
            ("setup(install_requires=['a', \"b>=1\"], extras_require={'x': ['torch']})", &["a", "b>=1"][..]),
            ("deps = [ # 'no'\n 'a',\n]\nsetup(install_requires=deps)", &["a"]),
            ("setup(**{'install_requires': ('a', r'b')})", &["a", "b"]),
            ("'''install_requires=[\"no\"]'''\nsetup(install_requires=[])", &[]),
            ("setup(install_requires=['a' if x['y'] else 'b'])", &["a", "b"]),
        ] {
            let expect = expect.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(required(text), Some(expect), "{text}");
        }
        for text in ["", "setup(install_requires=", "setup(install_requires=read('x'))", "setup(install_requires=x.y)"]
        {
            assert_eq!(required(text), None, "{text}");
        }
    }
}
