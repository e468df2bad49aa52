//! Splits bytes into lines, in bounded memory.

/// Ends a line that was truncated to 16 KiB.
pub const TRUNCATED: &str = " […]";

/// Bytes kept of a line.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// Splits the output of a program into lines.
///
/// A carriage return restarts the line, as on a terminal: of a progress bar only the last state becomes a line. Invalid
/// UTF-8 is replaced. The end marker is removed, together with the empty line before it, which the supervisor writes so
/// that the marker starts a line.
pub(super) struct LineSplitter {
    marker: String,
    line: Vec<u8>,
    cut: bool,
    returned: bool,
    held: bool,
    exit_status: Option<u32>,
}

impl LineSplitter {
    /// Lines up to one that starts with `marker`, followed by an exit status.
    pub(super) fn new(marker: String) -> Self {
        Self { marker, line: Vec::new(), cut: false, returned: false, held: false, exit_status: None }
    }

    /// Exit status after the marker, once seen.
    pub(super) fn exit_status(&self) -> Option<u32> {
        self.exit_status
    }

    /// Adds bytes, and calls `emit` for each line that they complete.
    pub(super) fn feed(&mut self, mut bytes: &[u8], emit: &mut dyn FnMut(&str)) {
        while self.exit_status.is_none() && !bytes.is_empty() {
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

    /// Emits a last line without line end.
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
        let free = MAX_LINE_BYTES - self.line.len();
        self.cut |= part.len() > free;
        self.line.extend_from_slice(&part[..part.len().min(free)]);
    }

    fn complete(&mut self, emit: &mut dyn FnMut(&str)) {
        let mut text = String::from_utf8_lossy(&self.line).into_owned();
        if self.cut {
            text.push_str(TRUNCATED);
        }
        (self.cut, self.returned) = (false, false);
        self.line.clear();
        if let Some(code) = text.strip_prefix(&self.marker).and_then(|rest| rest.trim().parse().ok()) {
            self.exit_status = Some(code);
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
        (seen, lines.exit_status())
    }

    #[test]
    fn lines_are_whole_however_the_bytes_are_split() {
        let text = b"one\r\n\n10%\r20%\rdone\nlast";
        let expected = ["one", "", "done", "last"];
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(split(&[text]).0, expected);
        assert_eq!(split(&single).0, expected);
    }

    #[test]
    fn marker_ends_the_output_and_its_empty_line_is_removed() {
        assert_eq!(split(&[b"a\n\n\x1emark 3\nlater\n"]), (vec!["a".to_owned()], Some(3)));
        assert_eq!(split(&[b"a\n\n\n\x1emark 0\n"]), (vec!["a".to_owned(), String::new()], Some(0)));
        assert_eq!(split(&[b"no end\n\x1emark 0\n"]), (vec!["no end".to_owned()], Some(0)));
    }

    #[test]
    fn endless_line_uses_bounded_memory() {
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
    fn invalid_utf8_is_replaced() {
        assert_eq!(split(&[b"a\xffb\n"]).0, ["a\u{fffd}b"]);
    }
}
