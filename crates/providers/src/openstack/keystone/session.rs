//! A session: calls that carry a token, which is had, kept and renewed as needed.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};

use super::catalog::Service;
use super::token::{Body, Token};
use super::{auth, cache, oidc};
use crate::http::{Answer, Caller, Method, Repeat, Request, Url};
use crate::openstack::call::{Call, Microversion, Page};
use crate::openstack::cloud::{Cloud, Identity, Scope};
use crate::openstack::error::{ApiError, Refusal};

/// Calls to the services of one cloud, as one user.
#[derive(Debug)]
pub struct Session {
    cloud: Cloud,
    caller: Caller,
    kept: Option<PathBuf>,
    page: Option<u32>,
    token: Mutex<Option<Arc<Token>>>,
    compute: OnceCell<Option<Microversion>>,
}

impl Session {
    /// Nothing is asked yet. Tokens are kept in a folder of the user's, where one is given.
    pub fn new(cloud: Cloud, caller: Caller, folder: Option<&std::path::Path>) -> Self {
        let kept = folder.and_then(|folder| cache::file(folder, &cloud));
        Self { cloud, caller, kept, page: None, token: Mutex::default(), compute: OnceCell::new() }
    }

    /// Asks for lists in pages of this size, instead of as the services like it.
    pub fn with_page(mut self, page: u32) -> Self {
        self.page = Some(page);
        self
    }

    /// The cloud.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// A token that is good for a while.
    pub async fn token(&self) -> Result<Arc<Token>, ApiError> {
        let mut held = self.token.lock().await;
        let now = Timestamp::now();
        if held.is_none() {
            *held = self.kept.as_deref().and_then(cache::read).map(Arc::new);
        }
        if let Some(token) = held.as_ref().filter(|token| token.is_fresh(now)) {
            return Ok(Arc::clone(token));
        }
        let token = Arc::new(self.log_in().await?);
        *held = Some(Arc::clone(&token));
        Ok(token)
    }

    /// Logs in, whatever token there is.
    pub async fn log_in(&self) -> Result<Token, ApiError> {
        let answer = match (&self.cloud.identity, auth::body(&self.cloud)) {
            (_, Some(body)) => self.grant(body).await?,
            (Identity::OidcPassword { federation, provider, username, password }, None) => {
                let access = oidc::access_token(&self.caller, provider, username, password).await?;
                self.federate(federation, &access).await?
            }
            (Identity::OidcAccessToken { federation, access_token }, None) => {
                self.federate(federation, access_token).await?
            }
            (Identity::Password { .. } | Identity::ApplicationCredential { .. } | Identity::Token(_), None) => {
                return Err(ApiError::NoToken);
            }
        };
        self.keep(&answer)
    }

    async fn federate(
        &self,
        federation: &crate::openstack::cloud::Federation,
        access: &SecretString,
    ) -> Result<Answer, ApiError> {
        let unscoped = self.caller.send(&oidc::exchange(&self.cloud.auth_url, federation, access)).await?;
        let unscoped = good(unscoped)?;
        if self.cloud.scope == Scope::Unsaid {
            return Ok(unscoped);
        }
        self.grant(auth::by_token(subject_token(&unscoped)?.expose_secret(), &self.cloud.scope)).await
    }

    async fn grant(&self, body: serde_json::Value) -> Result<Answer, ApiError> {
        let mut url = self.cloud.auth_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(["auth", "tokens"]);
        }
        let mut request = Request::new(Method::POST, url).json(body);
        // A token more hurts nobody.
        request.repeat = Repeat::Safe;
        good(self.caller.send(&request).await?)
    }

    fn keep(&self, answer: &Answer) -> Result<Token, ApiError> {
        #[derive(Deserialize)]
        struct Granted {
            token: Body,
        }
        let value = subject_token(answer)?;
        let (body, now) = (answer.json::<Granted>()?.token, Timestamp::now());
        if let Some(file) = &self.kept
            && let Err(error) = cache::write(file, value.expose_secret(), &body, now)
        {
            tracing::debug!("a token can't be kept in `{}`: {error}", file.display());
        }
        Ok(Token::new(value, body, now))
    }

    /// Makes a call, with a new token where the old one is not accepted any more.
    pub async fn call<A>(&self, call: &Call<A>) -> Result<A, ApiError> {
        let token = self.token().await?;
        let answer = self.send(call, &token).await?;
        if answer.status != 401 {
            return call.read(&answer);
        }
        self.forget(&token).await;
        let token = self.token().await?;
        call.read(&self.send(call, &token).await?)
    }

    /// Drops a token that was refused, unless another call has already renewed it.
    async fn forget(&self, refused: &Arc<Token>) {
        let mut held = self.token.lock().await;
        if held.as_ref().is_some_and(|held| held.text() == refused.text()) {
            *held = None;
            self.kept.as_deref().iter().for_each(|file| cache::remove(file));
        }
    }

    async fn send<A>(&self, call: &Call<A>, token: &Token) -> Result<Answer, ApiError> {
        let base = self.address(call.service, token)?;
        let mut request = call.request(base).secret_header("x-auth-token", token.text());
        if let Some(version) = call.microversion {
            request = request.header("openstack-api-version", &format!("compute {version}"));
        }
        Ok(self.caller.send(&request).await?)
    }

    fn address(&self, service: Service, token: &Token) -> Result<Url, ApiError> {
        token.address(service, &self.cloud).ok_or_else(|| ApiError::NoService {
            service,
            region: self.cloud.region.clone(),
            regions: token.regions(),
        })
    }

    /// Whether the cloud has a service.
    pub async fn has(&self, service: Service) -> Result<bool, ApiError> {
        Ok(self.token().await?.address(service, &self.cloud).is_some())
    }

    /// The latest microversion that Nova speaks; none where it doesn't know the word. It is asked once.
    pub async fn compute_version(&self) -> Result<Option<Microversion>, ApiError> {
        #[derive(Deserialize)]
        struct Document {
            version: Version,
        }
        #[derive(Deserialize)]
        struct Version {
            #[serde(default)]
            version: String,
        }
        let ask = || async {
            let call: Call<Document> = Call::get(Service::Compute, &[""]);
            Ok(self.call(&call).await?.version.version.parse().ok())
        };
        self.compute.get_or_try_init(ask).await.copied()
    }

    /// Everything in a list, page after page.
    pub async fn list<P: Page>(&self, call: Call<P>) -> Result<Vec<P::Item>, ApiError> {
        let mut all = Vec::new();
        let mut call = match self.page {
            Some(page) if P::PAGED => call.query("limit", &page.to_string()),
            _ => call,
        };
        loop {
            let page = self.call(&call).await?;
            let next = page.next();
            let items = page.items();
            let is_empty = items.is_empty();
            all.extend(items);
            // Only the query of the link counts: behind a proxy the services don't know their own addresses.
            match next.and_then(|link| query_of(&link)) {
                Some(query) if !is_empty && query != call.query => call.query = query,
                _ => return Ok(all),
            }
        }
    }
}

fn query_of(link: &str) -> Option<Vec<(String, String)>> {
    let base = Url::parse("http://next/").ok()?;
    let url = base.join(link).ok()?;
    Some(url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

fn good(answer: Answer) -> Result<Answer, ApiError> {
    if answer.is_good() { Ok(answer) } else { Err(Refusal::of(Service::Identity, &answer).into()) }
}

fn subject_token(answer: &Answer) -> Result<SecretString, ApiError> {
    answer.header("x-subject-token").map(SecretString::from).ok_or(ApiError::NoToken)
}
