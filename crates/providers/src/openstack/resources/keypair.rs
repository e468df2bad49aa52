//! The deployment's public key, registered at Nova.

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Created, Owned, Resource, ResourceDetails, ResourceStatus};
use hostler_core::ticket::{Ref, Ticket};

use super::{check_ticket, minimal, with_tickets};
use crate::failure::CallFailure;
use crate::openstack::error::{ApiError, ErrorResponse, none_if_missing};
use crate::openstack::keystone::KeystoneSession;
use crate::openstack::{nova, tickets};

/// Registers the key, or finds it. A different key under the same name is an error.
pub(in crate::openstack) async fn create(
    session: &KeystoneSession,
    ticket: &Ticket,
    public_key: &str,
) -> Result<Created, CallFailure> {
    let name = tickets::resource_name(ticket);
    let registered = match nova::import_keypair(session, &name, public_key).await {
        Ok(keypair) => keypair,
        Err(ApiError::Response(ErrorResponse { status: 409, .. })) => nova::keypair(session, &name).await?,
        Err(error) => return Err(error.into()),
    };
    if !is_same_key(&registered.public_key, public_key) {
        let message =
            format!("the keypair `{name}` is a different key, with the fingerprint {}", registered.fingerprint);
        return Err(CallFailure::needs_user(message, format!("delete it: `openstack keypair delete {name}`")));
    }
    Ok(Created { reference: Ref(name), address: None })
}

/// Compares type and key, and ignores the comment.
fn is_same_key(one: &str, other: &str) -> bool {
    let key = |text: &str| text.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    key(one) == key(other)
}

pub(in crate::openstack) async fn status(session: &KeystoneSession, name: &str) -> Result<ResourceStatus, CallFailure> {
    let keypair = none_if_missing(nova::keypair(session, name).await)?;
    Ok(keypair.map_or(ResourceStatus::Missing, |_| ResourceStatus::Running { address: None }))
}

pub(in crate::openstack) async fn delete(session: &KeystoneSession, owned: &Owned) -> Result<(), CallFailure> {
    let name = &owned.reference.0;
    if none_if_missing(nova::keypair(session, name).await)?.is_none() {
        return Ok(());
    }
    check_ticket(owned.kind, name, &owned.ticket, tickets::from_resource_name(name).as_ref())?;
    none_if_missing(nova::delete_keypair(session, name).await)?;
    Ok(())
}

pub(in crate::openstack) async fn owned(session: &KeystoneSession) -> Result<Vec<Owned>, ApiError> {
    resources(session).await.map(with_tickets)
}

pub(in crate::openstack) async fn resources(session: &KeystoneSession) -> Result<Vec<Resource>, ApiError> {
    let resource = |keypair: nova::NovaKeypair| {
        let ticket = tickets::from_resource_name(&keypair.name);
        let details = Some(ResourceDetails::Keypair { public_key: keypair.public_key });
        Resource { details, ..minimal(ResourceKind::Keypair, keypair.name.clone(), keypair.name, ticket) }
    };
    Ok(nova::keypairs(session).await?.into_iter().map(resource).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_without_their_comments() {
        assert!(is_same_key("ssh-ed25519 AAAA me", "ssh-ed25519 AAAA\n"));
        assert!(!is_same_key("ssh-ed25519 AAAA me", "ssh-ed25519 AAAB me"));
        assert!(!is_same_key("ssh-rsa AAAA", "ssh-ed25519 AAAA"));
    }
}
