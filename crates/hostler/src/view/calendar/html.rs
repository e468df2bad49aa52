//! The calendar as an HTML page: the drawing and a table of leases. The page loads and runs nothing.

use super::model::{Calendar, Frame, minute};
use super::svg::{colour, escaped, svg};

pub(super) fn html(calendar: &Calendar<'_>) -> String {
    let mut rows = String::new();
    for lease in &calendar.leases {
        let cells = [
            lease.id.to_owned(),
            lease.user.to_owned(),
            lease.nodes.to_string(),
            minute(lease.start),
            minute(lease.end),
        ];
        let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
        rows.push_str(&format!("<tr><td style=\"background:{}\"></td>{cells}</tr>\n", colour(lease)));
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Hosts and leases</title>\n<style>\n\
         body {{ font-family: sans-serif; margin: 1em; }}\n\
         table {{ border-collapse: collapse; margin-top: 1em; }}\n\
         th, td {{ text-align: left; padding: 0.15em 0.8em 0.15em 0; }}\n\
         .drawing {{ overflow-x: auto; }}\n</style>\n</head>\n<body>\n<h1>Hosts and leases</h1>\n\
         <p>{} to {} (UTC), {} nodes, {} leases. Red frame: {}. Dark grey: maintenance. Light grey: unknown.</p>\n\
         <div class=\"drawing\">\n{}</div>\n<table>\n\
         <thead><tr><th></th><th>lease</th><th>user</th><th>nodes</th><th>start</th><th>end</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</body>\n</html>\n",
        minute(calendar.shown.start()),
        minute(calendar.shown.end()),
        calendar.rows.len(),
        calendar.leases.len(),
        match calendar.frame {
            Frame::Earliest => "the earliest free window",
            Frame::Requested => "the requested window, in which too few nodes are free",
        },
        svg(calendar)
    )
}
