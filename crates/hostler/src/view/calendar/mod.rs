//! A calendar of hosts and leases: a row for each node, time to the right.

mod html;
mod model;
mod svg;
mod text;

pub use model::Calendar;

use crate::table::Width;

/// File format of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// An SVG drawing.
    Svg,
    /// An HTML page with the drawing and a table of leases.
    Html,
}

impl Calendar<'_> {
    /// As text for a terminal, readable without colour.
    pub fn text(&self, width: Width) -> String {
        text::text(self, width)
    }

    /// As a file.
    pub fn draw(&self, picture: Picture) -> String {
        match picture {
            Picture::Svg => svg::svg(self),
            Picture::Html => html::html(self),
        }
    }
}
