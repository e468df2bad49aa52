//! From bytes to lines, in bounded memory.

/// Stands at the end of a line that was longer than we keep.
pub const TRUNCATED: &str = " […]";

/// So much of a line is kept.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// Splits what a program writes into lines.
///
/// A carriage return begins the line anew, as on a terminal: of a progress bar only its last state is a line. Bytes
/// that are no UTF-8 are replaced. The end mark, a line that [`LineSplitter::new`] was told, is taken out, and with it the
/// empty line before it, which our own supervisor wrote to be at the beginning of a line.
pub(super) struct LineSplitter {
    mark: String,
    line: Vec<u8>,
    cut: bool,
    returned: bool,
    held: bool,
    ended: Option<u32>,
}

impl LineSplitter {
    /// Lines up to one that begins with `mark`, on which a number follows.
    pub(super) fn new(mark: String) -> Self {
        Self { mark, line: Vec::new(), cut: false, returned: false, held: false, ended: None }
    }

    /// The number behind the mark, once it was seen.
    pub(super) fn ended(&self) -> Option<u32> {
        self.ended
    }

    /// Takes bytes, and gives each line that they complete to `emit`.
    pub(super) fn feed(&mut self, mut bytes: &[u8], emit: &mut dyn FnMut(&str)) {
        while self.ended.is_none() && !bytes.is_empty() {
            let end = bytes.iter().position(|b| matches!(b, b'\n' | b'\r'));
            self.append(&bytes[..end.unwrap_or(bytes.len())]);
            match end.map(|at| bytes[at]) {
                Some(b'\n') => self.complete(emit),
                Some(_) => self.returned = true,
                None => {}
            }
            bytes = end.map_or(&[], |at| &bytes[at + 1..]);
        }
    }

    /// Gives a last line that has no end.
    pub(super) fn finish(&mut self, emit: &mut dyn FnMut(&str)) {
        if !self.line.is_empty() {
            self.complete(emit);
        }
    }

    fn append(&mut self, part: &[u8]) {
        if self.returned && !part.is_empty() {
            self.returned = false;
            self.cut = false;
            self.line.clear();
        }
        let room = MAX_LINE_BYTES - self.line.len();
        self.cut |= part.len() > room;
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn complete(&mut self, emit: &mut dyn FnMut(&str)) {
        let mut text = String::from_utf8_lossy(&self.line).into_owned();
        if self.cut {
            text.push_str(TRUNCATED);
        }
        (self.cut, self.returned) = (false, false);
        self.line.clear();
        if let Some(code) = text.strip_prefix(&self.mark).and_then(|rest| rest.trim().parse().ok()) {
            self.ended = Some(code);
            return;
        }
        if self.held {
            emit("");
        }
        self.held = text.is_empty();
        if !self.held {
            emit(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> (Vec<String>, Option<u32>) {
        let mut lines = LineSplitter::new("\u{1e}mark ".to_owned());
        let mut seen = Vec::new();
        for piece in pieces {
            lines.feed(piece, &mut |line| seen.push(line.to_owned()));
        }
        lines.finish(&mut |line| seen.push(line.to_owned()));
        (seen, lines.ended())
    }

    #[test]
    fn lines_come_whole_however_the_bytes_are_cut() {
        let text = b"one\r\n\n10%\r20%\rdone\nlast";
        let expected = ["one", "", "done", "last"];
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(split(&[text]).0, expected);
        assert_eq!(split(&single).0, expected);
    }

    #[test]
    fn the_mark_ends_it_and_takes_its_own_empty_line_with_it() {
        assert_eq!(split(&[b"a\n\n\x1emark 3\nlater\n"]), (vec!["a".to_owned()], Some(3)));
        assert_eq!(split(&[b"a\n\n\n\x1emark 0\n"]), (vec!["a".to_owned(), String::new()], Some(0)));
        assert_eq!(split(&[b"no end\n\x1emark 0\n"]), (vec!["no end".to_owned()], Some(0)));
    }

    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let mut lines = LineSplitter::new("\u{1e}mark ".to_owned());
        let mut seen = Vec::new();
        for _ in 0..1000 {
            lines.feed(&[b'x'; 1000], &mut |line| seen.push(line.to_owned()));
        }
        assert_eq!(lines.line.len(), MAX_LINE_BYTES);
        lines.feed(b"\nnext\n", &mut |line| seen.push(line.to_owned()));
        assert!(seen[0].ends_with(TRUNCATED) && seen[0].len() == MAX_LINE_BYTES + TRUNCATED.len());
        assert_eq!(seen[1], "next");
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        assert_eq!(split(&[b"a\xffb\n"]).0, ["a\u{fffd}b"]);
    }
}
