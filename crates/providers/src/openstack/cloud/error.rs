//! Errors in the description of a cloud.

/// Reason that no cloud can be read from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCloud {
    /// The file is not YAML of the known structure.
    #[error("`{file}` can't be read: {why}")]
    Yaml {
        /// Name of the file.
        file: &'static str,
        /// Position or kind of the error.
        why: String,
    },
    /// `clouds.yaml` has no cloud of this name.
    #[error("there is no cloud `{0}` in `clouds.yaml`")]
    Unknown(String),
    /// A required key is missing.
    #[error("the cloud `{cloud}` has no {what}: set {how}")]
    Missing {
        /// Name of the cloud.
        cloud: String,
        /// The missing value.
        what: &'static str,
        /// The key and variable that set it.
        how: &'static str,
    },
    /// A value is invalid.
    #[error("the cloud `{cloud}` can't be used: {why}")]
    Invalid {
        /// Name of the cloud.
        cloud: String,
        /// Description of the value.
        why: String,
    },
}
