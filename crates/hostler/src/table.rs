//! Tables without lines, readable at any width and by `awk`.

use comfy_table::{Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

/// A non-breaking space, printed as a plain space.
pub const NO_BREAK_SPACE: &str = "\u{a0}";

/// Maximum width in columns; `None` for unlimited.
pub type Width = Option<u16>;

/// Heading and layout of a column.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// Text, wrapped to fit the width.
    Left(&'static str),
    /// Names, never wrapped, so that they can be copied.
    Name(&'static str),
    /// Numbers, right-aligned and never wrapped.
    Right(&'static str),
}

/// A table of rows with one cell per column.
pub fn table(width: Width, columns: &[Column], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty().enforce_styling();
    table.style_text_only();
    match width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table.set_header(columns.iter().map(|column| {
        let (Column::Left(heading) | Column::Name(heading) | Column::Right(heading)) = column;
        Cell::new(heading).add_attribute(Attribute::Bold)
    }));
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if let Some(Column::Name(_) | Column::Right(_)) = columns.get(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        if let Some(Column::Right(_)) = columns.get(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end().replace(NO_BREAK_SPACE, " "))).collect()
}

/// Lines of label and value, with the values aligned: `Name  digits`.
pub fn facts(facts: &[(&str, String)]) -> String {
    let widest = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let indented = format!("\n{}", " ".repeat(widest + 2));
    facts.iter().map(|(name, value)| format!("{name:widest$}  {}\n", value.replace('\n', &indented))).collect()
}

/// A plain cell.
pub fn cell(text: impl ToString) -> Cell {
    Cell::new(text)
}
