//! The planner's tests: cases as text in and text out, and laws.

mod advice;
mod choice;
mod drivers;
mod laws;
mod rejections;
mod steps;
mod terms;
pub(crate) mod text;
mod windows;
