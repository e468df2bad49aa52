//! The calendar as an SVG drawing. It loads and runs nothing.

use std::fmt::Write;

use hostler_core::inventory::NodeState;
use hostler_core::time::Window;
use jiff::Timestamp;

use super::model::{Calendar, CalendarLease, Held, Row, minute, step};

/// Sizes in pixels.
const LABELS: f64 = 260.0;
const TIME: f64 = 1_100.0;
const ROW: f64 = 16.0;
const TOP: f64 = 40.0;

pub(super) fn svg(calendar: &Calendar<'_>) -> String {
    let height = TOP + calendar.rows.len() as f64 * ROW + 10.0;
    let width = LABELS + TIME + 10.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<title>Hosts and leases, {} to {} UTC</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        minute(calendar.shown.start()),
        minute(calendar.shown.end())
    );
    out.push_str(&scale(calendar, height));
    for (index, row) in calendar.rows.iter().enumerate() {
        out.push_str(&drawn(calendar, row, TOP + index as f64 * ROW));
    }
    let (left, right) = (x(calendar, calendar.framed.start()), x(calendar, calendar.framed.end()));
    let _ = writeln!(
        out,
        "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"none\" stroke=\"#d00\"><title>{}: {}</title></rect>",
        TOP - 4.0,
        (right - left).max(1.0),
        height - TOP,
        calendar.frame.label(),
        escaped(&calendar.framed.to_string())
    );
    out.push_str("</svg>\n");
    out
}

/// Horizontal position of an instant, clamped to the drawing.
fn x(calendar: &Calendar<'_>, at: Timestamp) -> f64 {
    let shown = &calendar.shown;
    let at = at.clamp(shown.start(), shown.end());
    LABELS + TIME * at.duration_since(shown.start()).as_secs_f64() / shown.duration().as_secs_f64()
}

fn scale(calendar: &Calendar<'_>, height: f64) -> String {
    let mut out = String::new();
    let step = step(&calendar.shown, 12);
    let next =
        |cell: &Window| Window::starting_at(cell.end(), step).ok().filter(|next| next.start() < calendar.shown.end());
    for cell in std::iter::successors(Window::starting_at(calendar.shown.start(), step).ok(), next) {
        let (at, label) = (x(calendar, cell.start()), minute(cell.start()));
        let _ = writeln!(out, "<line x1=\"{at:.1}\" y1=\"28\" x2=\"{at:.1}\" y2=\"{height:.1}\" stroke=\"#ddd\"/>");
        let _ = writeln!(out, "<text x=\"{at:.1}\" y=\"22\">{label}</text>");
    }
    out
}

fn drawn(calendar: &Calendar<'_>, row: &Row<'_>, y: f64) -> String {
    let middle = y + ROW * 0.7;
    let name = escaped(&format!("{}: {} {}", row.site, row.label, row.node_type));
    let mut out = format!("<text x=\"4\" y=\"{middle:.1}\">{name}</text>\n");
    let state = match row.state {
        NodeState::Reservable => None,
        NodeState::Maintenance => Some(("#999", "maintenance")),
        NodeState::Unmapped | NodeState::NeverSynced => Some(("#e8e8e8", "unknown")),
    };
    if let Some((colour, what)) = state {
        out.push_str(&bar(LABELS, LABELS + TIME, y, colour, what));
    }
    for held in &row.held {
        let (left, right) = (x(calendar, held.window.start()), x(calendar, held.window.end()));
        let lease = &calendar.leases[held.lease];
        out.push_str(&bar(left, right, y, &colour(lease), &title(lease, held)));
    }
    out
}

fn bar(left: f64, right: f64, y: f64, colour: &str, title: &str) -> String {
    format!(
        "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"><title>{}</title></rect>\n",
        y + 1.0,
        (right - left).max(0.5),
        ROW - 2.0,
        escaped(title)
    )
}

fn title(lease: &CalendarLease<'_>, held: &Held) -> String {
    let user = if lease.user.is_empty() { String::new() } else { format!(", {}", lease.user) };
    format!("lease {}{user}, {} to {}", lease.id, minute(held.window.start()), minute(held.window.end()))
}

/// Colour of a lease, the same in every drawing.
pub(super) fn colour(lease: &CalendarLease<'_>) -> String {
    let hash = lease.id.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("hsl({}, 55%, {}%)", hash % 360, 55 + hash / 360 % 15)
}

/// Text escaped for XML. Names of leases and users come from other people.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
