//! What a machine wrote to its console, for the user's eyes.

use virt::connect::Connect;

use super::machine;
use super::names::{Part, volume_of};
use super::pool::Pool;
use super::trouble::Trouble;

/// As much as somebody reads.
const TAIL: u64 = 16 << 10;

/// The end of a machine's console.
pub(super) fn read(connect: &Connect, machine: &str) -> Result<String, Trouble> {
    let ticket = machine::ticket(connect, machine)?;
    let Some(pool) = Pool::find(connect)? else { return Ok(String::new()) };
    let bytes = pool.tail(&volume_of(&ticket, Part::Console), TAIL)?;
    Ok(plain(&String::from_utf8_lossy(&bytes)))
}

/// Without what would move a terminal's cursor, clear it, or have it answer: a guest may write anything.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            // A control sequence ends with a letter or one of a few signs; any other escape has one character.
            '\x1b' => {
                if rest.next() == Some('[') {
                    rest.find(|c| ('@'..='~').contains(c));
                }
            }
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_left() {
        assert_eq!(
            plain("\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS\r\nNo bootable\tdevice.\x07\x1b[6n"),
            "SeaBIOS\nNo bootable\tdevice."
        );
        assert_eq!(plain("cut \x1b[3"), "cut ");
    }
}
