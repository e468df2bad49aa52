//! Images of this computer and of sites.

use comfy_table::Cell;
use hostler_core::offer::{GpuSoftware, ImageFacts};
use hostler_core::plan::{ImageCandidate, ImageChoice, ImageMatch, ImageObstacle, ImageOutcome, ImageReason};
use hostler_providers::image::Image;

use crate::table::{Column, Width, cell, table};

/// One line per local image.
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
        Column::Left("SOURCE"),
    ];
    table(width, &columns, images.iter().map(row))
}

/// One line per image of a site.
pub fn site_images(images: &[ImageFacts], width: Width) -> String {
    let columns: Vec<Column> =
        facts_columns().into_iter().chain([Column::Right("DISK"), Column::Right("MEMORY")]).collect();
    let row = |image: &ImageFacts| {
        let mut row = facts_of(image);
        row.extend([cell(image.disk), cell(image.memory)]);
        row
    };
    table(width, &columns, images.iter().map(row))
}

/// The choice among a site's images: one line per image, the chosen one first.
pub fn image_choice(choice: &ImageChoice, width: Width) -> String {
    let columns: Vec<Column> =
        [Column::Name("RESULT")].into_iter().chain(facts_columns()).chain([Column::Left("REASON")]).collect();
    let row = |candidate: &ImageCandidate| {
        let mut row = vec![cell(outcome(candidate.outcome))];
        row.extend(facts_of(&candidate.image));
        row.push(cell(reason(candidate)));
        row
    };
    let head = format!("Images for node type {}\n", choice.node_type);
    head + &table(width, &columns, choice.images.iter().map(row))
}

fn outcome(outcome: ImageOutcome) -> &'static str {
    match outcome {
        ImageOutcome::Chosen => "chosen",
        ImageOutcome::Eligible => "eligible",
        ImageOutcome::Rejected => "rejected",
    }
}

fn reason(candidate: &ImageCandidate) -> String {
    match &candidate.reason {
        ImageReason::Unsuitable(obstacle) => obstacle_text(obstacle),
        ImageReason::Suitable { matches, gpus_requested } => {
            let matches = match matches {
                ImageMatch::Name => "has the requested name",
                ImageMatch::System => "runs the requested system",
                ImageMatch::Any => "no image requested",
            };
            let software = match (gpus_requested, candidate.image.gpu_software) {
                (true, GpuSoftware::Cuda) => "includes CUDA for the GPUs",
                (true, GpuSoftware::Rocm) => "includes ROCm for the GPUs",
                (true, GpuSoftware::None) => "includes no GPU software",
                (false, GpuSoftware::None) => "no GPU software needed",
                (false, _) => "includes GPU software that is not needed",
            };
            format!("{matches}, {software}")
        }
    }
}

fn obstacle_text(obstacle: &ImageObstacle) -> String {
    match obstacle {
        ImageObstacle::NotRequested { requested } => format!("is not `{requested}`"),
        ImageObstacle::Arch { image, machine } => format!("is for {image}, the machine is {machine}"),
        ImageObstacle::Memory { needed } => format!("needs {needed} memory"),
        ImageObstacle::Disk { needed } => format!("needs {needed} disk"),
    }
}

fn facts_columns() -> [Column; 5] {
    [
        Column::Name("NAME"),
        Column::Name("ARCH"),
        Column::Name("SYSTEM"),
        Column::Name("GPU SOFTWARE"),
        Column::Name("USER"),
    ]
}

fn facts_of(image: &ImageFacts) -> Vec<Cell> {
    let software = match image.gpu_software {
        GpuSoftware::None => "",
        GpuSoftware::Cuda => "CUDA",
        GpuSoftware::Rocm => "ROCm",
    };
    let system = image.os.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![cell(&image.name), cell(&image.arch), cell(system), cell(software), cell(&image.user)]
}
