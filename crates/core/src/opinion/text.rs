//! Text of a model's answer, made safe for display.

/// Maximum number of characters shown of an answer's text.
pub(super) const MAX_SHOWN_CHARS: usize = 200;

/// Text of an answer as one line that is safe for a terminal.
pub(super) fn plain(text: &str) -> String {
    let visible = |c| if is_plain(c) { c } else { ' ' };
    let mut shown: String = text.trim().chars().take(MAX_SHOWN_CHARS + 1).map(visible).collect();
    if let Some((end, _)) = shown.char_indices().nth(MAX_SHOWN_CHARS) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// False for control characters, which could move the cursor, and for directional marks, which change the reading
/// order.
pub(super) fn is_plain(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns
}
