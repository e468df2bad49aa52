//! Demands parsed from text alone, for programs that use hostler as a library.

use std::path::Path;

use super::diagnostic::{Diagnostic, render};
use super::{Demand, DemandInputs, FileAuthor, Overrides, PathBase, complete, parse};

/// Error for an invalid demand text, with all its problems.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidDemand(pub Vec<Diagnostic>);

impl std::fmt::Display for InvalidDemand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(render(&self.0).trim_end())
    }
}

impl std::error::Error for InvalidDemand {}

impl Demand {
    /// Parses a YAML text in the format of a demand file. Relative paths start from the current directory.
    ///
    /// # Errors
    /// [`InvalidDemand`] with all problems of the text.
    pub fn from_yaml(text: &str) -> Result<Self, InvalidDemand> {
        let file = parse("demand", text).map_err(InvalidDemand)?;
        let overrides = Overrides::default();
        let base = PathBase { directory: Path::new("."), author: FileAuthor::User { home: None } };
        let inputs =
            DemandInputs { overrides: &overrides, file: Some(&file), scan: None, base, fallback_name: "demand" };
        Ok(complete(&inputs).map_err(InvalidDemand)?.demand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_text_is_a_complete_demand() {
        let demand = Demand::from_yaml("name: train\nnum_nodes: 2\nresources: {cpus: 8+}\n").unwrap();
        assert_eq!((demand.name.as_str(), demand.groups[0].count.get()), ("train", 2));
    }

    #[test]
    fn error_contains_every_problem() {
        let error = Demand::from_yaml("resources: {acelerators: 1, memry: 4}\n").unwrap_err();
        assert_eq!(error.0.len(), 2);
        assert!(error.to_string().contains("acelerators") && error.to_string().contains("memry"), "{error}");
    }
}
