//! `setup.py` and `setup.cfg`. The former is a program, of which only literal lists and strings are read.

use super::collect::FileFindings;
use super::finding::{Confidence, ScanFact};
use super::{packages, python_version};

/// Scans the arguments of `setup()`.
pub(super) fn scan(findings: &mut FileFindings<'_>, text: &str) {
    let tokens = tokens(text);
    let calls_setup = tokens.windows(2).find(|pair| pair[0].is_name("setup") && pair[1].is_mark('('));
    if let Some(call) = calls_setup
        && findings.at_top()
    {
        findings.add(ScanFact::InstallProject, Confidence::Implied, call[0].line, "setup(");
    }
    if let Some(at) = argument(&tokens, "python_requires")
        && let Some(TokenKind::Text(range)) = tokens.get(at).map(|token| &token.word)
    {
        python_version::note_range(findings, range, tokens[at].line);
    }
    let Some(at) = argument(&tokens, "install_requires") else { return };
    match strings(&tokens, at) {
        Some(list) => list.iter().for_each(|(text, line)| packages::note(findings, text, *line, Confidence::Implied)),
        None => findings
            .problem(tokens[at - 1].line, "`install_requires` is computed at run time; its packages are unknown"),
    }
}

/// Scans the section `options`.
pub(super) fn scan_cfg(findings: &mut FileFindings<'_>, text: &str) {
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
            ("options", "install_requires") => packages::note(findings, value, number, Confidence::Implied),
            ("options", "python_requires") => python_version::note_range(findings, value, number),
            _ => {}
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum TokenKind {
    Name(String),
    Text(String),
    Mark(char),
}

#[derive(Debug, Clone, PartialEq)]
struct PyToken {
    word: TokenKind,
    line: u32,
}

impl PyToken {
    fn is_name(&self, name: &str) -> bool {
        matches!(&self.word, TokenKind::Name(word) if word == name)
    }

    fn is_mark(&self, mark: char) -> bool {
        self.word == TokenKind::Mark(mark)
    }
}

/// Index of an argument's value: after `name =`, or after `"name":` in a dictionary.
fn argument(tokens: &[PyToken], name: &str) -> Option<usize> {
    let is_argument = |pair: &[PyToken]| match &pair[0].word {
        TokenKind::Name(word) => word == name && pair[1].is_mark('='),
        TokenKind::Text(word) => word == name && pair[1].is_mark(':'),
        TokenKind::Mark(_) => false,
    };
    tokens.windows(2).position(is_argument).map(|at| at + 2).filter(|at| *at < tokens.len())
}

/// Strings of a list literal, or of the list assigned to a name.
fn strings(tokens: &[PyToken], at: usize) -> Option<Vec<(String, u32)>> {
    let start = match &tokens[at].word {
        TokenKind::Mark('[' | '(') => at,
        TokenKind::Name(name) if !tokens.get(at + 1).is_some_and(|next| next.is_mark('(') || next.is_mark('.')) => {
            let assigned = |three: &[PyToken]| three[0].is_name(name) && three[1].is_mark('=') && three[2].is_mark('[');
            tokens[..at].windows(3).position(assigned)? + 2
        }
        _ => return None,
    };
    let mut depth = 0_usize;
    let mut out = Vec::new();
    for token in &tokens[start..] {
        match &token.word {
            TokenKind::Mark('[' | '(') => depth += 1,
            TokenKind::Mark(']' | ')') => depth -= 1,
            TokenKind::Text(text) if depth == 1 => out.push((text.clone(), token.line)),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    Some(out)
}

/// Python tokens without comments. A string prefix becomes a name token before the string, which is harmless.
fn tokens(text: &str) -> Vec<PyToken> {
    let mut out = Vec::new();
    let (mut rest, mut line) = (text, 1_u32);
    while let Some(c) = rest.chars().next() {
        let (taken, word) = match c {
            '#' => (rest.find('\n').unwrap_or(rest.len()), None),
            '"' | '\'' => {
                let (taken, inner) = string(rest, c);
                (taken, Some(TokenKind::Text(inner.to_owned())))
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                (end, Some(TokenKind::Name(rest[..end].to_owned())))
            }
            c => (c.len_utf8(), (!c.is_whitespace()).then_some(TokenKind::Mark(c))),
        };
        out.extend(word.map(|word| PyToken { word, line }));
        line += u32::try_from(rest[..taken].matches('\n').count()).unwrap_or(0);
        rest = &rest[taken..];
    }
    out
}

/// Length of a string literal and its contents. An unterminated string ends with its line.
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
    fn required_packages() {
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
