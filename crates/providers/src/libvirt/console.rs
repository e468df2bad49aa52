//! Console output of machines.

use super::error::CallFailure;
use super::machine;
use super::names::{MachineVolume, volume_name};
use super::pool::Pool;
use super::rpc::Connection;

/// Bytes of console output to show: some 200 lines.
const TAIL: usize = 16 << 10;

/// End of a machine's console output, without control characters.
pub(super) fn read(connection: &Connection, machine: &str) -> Result<String, CallFailure> {
    let ticket = machine::ticket(connection, machine)?;
    let Some(pool) = Pool::find(connection)? else { return Ok(String::new()) };
    let bytes = pool.tail(&volume_name(&ticket, MachineVolume::Console), TAIL)?;
    Ok(printable(&String::from_utf8_lossy(&bytes)))
}

/// Text without the sequences that move a terminal's cursor, clear it or make it answer: a guest can print anything.
fn printable(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            // A control sequence ends with a letter or one of a few signs. Any other escape has one character.
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
    fn control_sequences_are_removed() {
        assert_eq!(
            printable("\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS\r\nNo bootable\tdevice.\x07\x1b[6n"),
            "SeaBIOS\nNo bootable\tdevice."
        );
        assert_eq!(printable("cut \x1b[3"), "cut ");
    }
}
