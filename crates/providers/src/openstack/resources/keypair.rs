//! The deployment's public key, registered at Nova.

use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Created, Owned, Resource, ResourceDetails, ResourceStatus};
use hostler_core::ticket::{Ref, Ticket};

use super::{bare, bears, ours};
use crate::openstack::error::{ApiError, Refusal, found};
use crate::openstack::keystone::Session;
use crate::openstack::{nova, tickets};
use crate::trouble::Trouble;

/// Registers the key, or finds it. One of the same name that is another key is never used.
pub(in crate::openstack) async fn create(
    session: &Session,
    ticket: &Ticket,
    public_key: &str,
) -> Result<Created, Trouble> {
    let name = tickets::keypair_name(ticket);
    let there = match nova::import_keypair(session, &name, public_key).await {
        Ok(keypair) => keypair,
        Err(ApiError::Refused(Refusal { status: 409, .. })) => nova::keypair(session, &name).await?,
        Err(error) => return Err(error.into()),
    };
    if !is_same_key(&there.public_key, public_key) {
        let message = format!("the keypair `{name}` is another key, with the fingerprint {}", there.fingerprint);
        return Err(Trouble::ask(message, format!("remove it: `openstack keypair delete {name}`")));
    }
    Ok(Created { reference: Ref(name), address: None })
}

/// The type and the key count; the comment does not.
fn is_same_key(one: &str, other: &str) -> bool {
    let key = |text: &str| text.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    key(one) == key(other)
}

pub(in crate::openstack) async fn status(session: &Session, name: &str) -> Result<ResourceStatus, Trouble> {
    let there = found(nova::keypair(session, name).await)?;
    Ok(there.map_or(ResourceStatus::Missing, |_| ResourceStatus::Running { address: None }))
}

pub(in crate::openstack) async fn delete(session: &Session, owned: &Owned) -> Result<(), Trouble> {
    let name = &owned.reference.0;
    if found(nova::keypair(session, name).await)?.is_none() {
        return Ok(());
    }
    bears("keypair", name, &owned.ticket, tickets::of_keypair(name).as_ref())?;
    found(nova::delete_keypair(session, name).await)?;
    Ok(())
}

pub(in crate::openstack) async fn owned(session: &Session) -> Result<Vec<Owned>, ApiError> {
    resources(session).await.map(ours)
}

pub(in crate::openstack) async fn resources(session: &Session) -> Result<Vec<Resource>, ApiError> {
    let resource = |keypair: nova::Keypair| {
        let ticket = tickets::of_keypair(&keypair.name);
        let details = Some(ResourceDetails::Keypair { public_key: keypair.public_key });
        Resource { details, ..bare(ResourceKind::Keypair, keypair.name.clone(), keypair.name, ticket) }
    };
    Ok(nova::keypairs(session).await?.into_iter().map(resource).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_whatever_its_comment_says() {
        assert!(is_same_key("ssh-ed25519 AAAA me", "ssh-ed25519 AAAA\n"));
        assert!(!is_same_key("ssh-ed25519 AAAA me", "ssh-ed25519 AAAB me"));
        assert!(!is_same_key("ssh-rsa AAAA", "ssh-ed25519 AAAA"));
    }
}
