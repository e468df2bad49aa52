//! Consent to a later start than planned.

/// Reaction if the planned hosts are taken before the plan is applied, so that the deployment could only start later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LaterStart {
    /// The operation fails, and reports the earliest start.
    #[default]
    Refused,
    /// The demand is planned again, with the later start.
    Accepted,
}
