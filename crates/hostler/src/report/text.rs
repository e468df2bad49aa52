//! Texts that bars and lines share.

use hostler_core::time::format_duration;
use jiff::SignedDuration;

/// Labels of output lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Labels {
    /// True with several machines: each line names its machine.
    pub(super) several: bool,
}

impl Labels {
    /// A line of program output, safe to print: only the last state of a line that was overwritten (`\r`), without
    /// control characters.
    pub(super) fn output(self, machine: &str, line: &str) -> String {
        let last = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
        let plain = anstream::adapter::strip_str(last).to_string();
        let plain: String =
            plain.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect();
        if self.several { format!("{machine} | {plain}") } else { format!("| {plain}") }
    }
}

/// The first line of an error. The whole error is printed at the end, where it stays visible.
pub(super) fn first_line(error: &str) -> &str {
    error.lines().next().unwrap_or_default().trim_end_matches(':')
}

/// A duration of at least a second, as ` in 4s`.
pub(super) fn took(duration: SignedDuration) -> String {
    if duration.as_secs() > 0 { format!(" in {}", format_duration(duration)) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_program_output_are_stripped() {
        let one = Labels { several: false };
        assert_eq!(one.output("a", "10%\r50%\r100%\r"), "| 100%");
        assert_eq!(one.output("a", "\x1b[2J\x1b[31mred\x1b[0m\x07\tx"), "| red x");
        assert_eq!(Labels { several: true }.output("a-2", "hi"), "a-2 | hi");
    }
}
