//! The planner's tests: cases as text in and text out, and laws.

mod advice;
mod choice;
mod laws;
mod refusals;
mod steps;
mod text;
mod windows;
