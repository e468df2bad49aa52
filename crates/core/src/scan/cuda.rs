//! CUDA in CMake projects.

use super::collect::FileFindings;
use super::finding::Confidence;
use super::packages::note_gpu;

/// Records findings of a `CMakeLists.txt`. Commands inside an `if` are optional, so their findings are guesses.
pub(super) fn scan_cmake(findings: &mut FileFindings<'_>, text: &str) {
    let mut depth = 0_usize;
    for (line, name, arguments) in commands(text) {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        let most = if depth == 0 { Confidence::Implied } else { Confidence::Guessed };
        let has = |word: &str| words.contains(&word);
        let evidence = format!("{name}({})", words.join(" "));
        match name.to_ascii_lowercase().as_str() {
            "if" => depth += 1,
            "endif" => depth = depth.saturating_sub(1),
            "project" if words.iter().skip(1).any(|word| *word == "CUDA") => {
                note_gpu(findings, None, most, line, &evidence);
            }
            "enable_language" if has("CUDA") => {
                let most = if has("OPTIONAL") { Confidence::Guessed } else { most };
                note_gpu(findings, None, most, line, &evidence);
            }
            "find_package" if matches!(words.first(), Some(&("CUDA" | "CUDAToolkit"))) => {
                let most = if has("REQUIRED") { most } else { Confidence::Guessed };
                let version = words.get(1).filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
                note_gpu(findings, version.map(|version| (*version).to_owned()), most, line, &evidence);
            }
            _ => {}
        }
    }
}

/// Commands of a CMake file: line, name, arguments.
fn commands(text: &str) -> Vec<(u32, String, String)> {
    let text = without_comments(text);
    let mut out = Vec::new();
    let (mut rest, mut line) = (text.as_str(), 1_u32);
    while let Some(open) = rest.find('(') {
        let name: String = rest[..open]
            .trim_end()
            .rsplit(|c: char| c.is_whitespace() || c == ')')
            .next()
            .unwrap_or_default()
            .to_owned();
        line += count_lines(&rest[..open]);
        let inner = &rest[open + 1..];
        let end = closing(inner);
        out.push((line, name, inner[..end].replace('"', " ")));
        line += count_lines(&inner[..end]);
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    out
}

/// Offset of the parenthesis that closes the open one.
fn closing(text: &str) -> usize {
    let mut depth = 1_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Removes line comments (`#`) and block comments (`#[[ … ]]`), keeping line numbers.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('#') {
        let (before, comment) = rest.split_at(at);
        out.push_str(before);
        let end = match comment.strip_prefix("#[[") {
            Some(_) => comment.find("]]").map_or(comment.len(), |end| end + 2),
            None => comment.find('\n').unwrap_or(comment.len()),
        };
        out.extend(comment[..end].chars().filter(|c| *c == '\n'));
        rest = &comment[end..];
    }
    out.push_str(rest);
    out
}

fn count_lines(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(0)
}
