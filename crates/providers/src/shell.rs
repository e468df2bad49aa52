//! Text that a shell reads.

/// One word, whatever is in it, and nothing that the shell acts upon.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
