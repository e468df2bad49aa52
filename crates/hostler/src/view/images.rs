//! The images that local machines boot.

use hostler_providers::image::Image;

use crate::table::{Column, Width, cell, table};

/// A line for each.
pub fn images(images: &[Image], width: Width) -> String {
    let row = |image: &Image| {
        let digest: String = image.digest.chars().take(12).collect();
        vec![
            cell(&image.name),
            cell(&image.arch),
            cell(&image.user),
            cell(image.disk),
            cell(image.memory),
            cell(digest),
            cell(&image.origin),
        ]
    };
    let columns = [
        Column::Name("NAME"),
        Column::Name("ARCH"),
        Column::Name("USER"),
        Column::Right("DISK"),
        Column::Right("MEMORY"),
        Column::Name("SHA-256"),
        Column::Left("FROM"),
    ];
    table(width, &columns, images.iter().map(row))
}
