//! Login at an OpenID provider that Keystone trusts: the provider's access token is exchanged for Keystone's own.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::http::{Body, HttpClient, Idempotency, Method, Request, Url, http_url};
use crate::openstack::cloud::{Federation, OidcEndpoint, OidcProvider};
use crate::openstack::error::{ApiError, ErrorResponse};

use super::catalog::Service;

/// Requests the provider's token for a user with a password (RFC 6749, section 4.3).
pub(super) async fn access_token(
    client: &HttpClient,
    provider: &OidcProvider,
    username: &str,
    password: &SecretString,
) -> Result<SecretString, ApiError> {
    let mut fields = vec![
        ("grant_type", "password".to_owned()),
        ("client_id", provider.client_id.clone()),
        ("username", username.to_owned()),
        ("password", password.expose_secret().to_owned()),
        ("scope", provider.scope.clone()),
    ];
    if let Some(secret) = &provider.client_secret {
        fields.push(("client_secret", secret.expose_secret().to_owned()));
    }
    let mut request = Request::new(Method::POST, token_endpoint(client, &provider.endpoint).await?);
    request.body = Body::Form(fields);
    // A second token does no harm.
    request.idempotency = Idempotency::Idempotent;
    let answer = client.send(&request).await?;
    if !answer.is_success() {
        return Err(ErrorResponse::new(Service::Identity, &answer).into());
    }
    #[derive(Deserialize)]
    struct OidcToken {
        access_token: String,
    }
    Ok(answer.json::<OidcToken>()?.access_token.into())
}

async fn token_endpoint(client: &HttpClient, endpoint: &OidcEndpoint) -> Result<Url, ApiError> {
    let discovery = match endpoint {
        OidcEndpoint::Token(url) => return Ok(url.clone()),
        OidcEndpoint::Discovery(url) => url,
    };
    #[derive(Deserialize)]
    struct DiscoveryDocument {
        token_endpoint: String,
    }
    let answer = client.send(&Request::new(Method::GET, discovery.clone())).await?;
    if !answer.is_success() {
        return Err(ErrorResponse::new(Service::Identity, &answer).into());
    }
    Ok(http_url(&answer.json::<DiscoveryDocument>()?.token_endpoint)?)
}

/// The request that exchanges the provider's token for an unscoped one of Keystone.
pub(super) fn exchange(auth_url: &Url, federation: &Federation, access_token: &SecretString) -> Request {
    let mut url = auth_url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        let Federation { identity_provider, protocol } = federation;
        path.extend(["OS-FEDERATION", "identity_providers", identity_provider, "protocols", protocol, "auth"]);
    }
    let bearer = format!("Bearer {}", access_token.expose_secret());
    let mut request = Request::new(Method::POST, url).secret_header("authorization", &bearer);
    request.idempotency = Idempotency::Idempotent;
    request
}
