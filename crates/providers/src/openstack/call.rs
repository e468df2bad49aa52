//! Calls to a cloud's services, as values with the type of their answer.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{ApiError, Refusal};
use super::keystone::Service;
use crate::http::{Answer, Body, HttpError, Method, Request, Url};

/// A call whose answer is an `A`. Every status from 200 to 299 is a yes.
#[derive(Debug, Clone)]
pub struct Call<A> {
    pub(super) service: Service,
    pub(super) query: Vec<(String, String)>,
    pub(super) microversion: Option<Microversion>,
    method: Method,
    path: Vec<String>,
    body: Option<Value>,
    read: fn(&Answer) -> Result<A, HttpError>,
    answer: PhantomData<fn() -> A>,
}

impl<A: DeserializeOwned> Call<A> {
    /// Reads what is at a path; every part of it is escaped.
    pub fn get(service: Service, path: &[&str]) -> Self {
        Self::new(Method::GET, service, path, None, Answer::json)
    }

    /// Makes something.
    pub fn post(service: Service, path: &[&str], body: Value) -> Self {
        Self::new(Method::POST, service, path, Some(body), Answer::json)
    }

    /// Changes something.
    pub fn put(service: Service, path: &[&str], body: Value) -> Self {
        Self::new(Method::PUT, service, path, Some(body), Answer::json)
    }
}

impl Call<()> {
    /// Removes something.
    pub fn delete(service: Service, path: &[&str]) -> Self {
        Self::new(Method::DELETE, service, path, None, |_| Ok(()))
    }

    /// Has something done that answers nothing.
    pub fn act(service: Service, path: &[&str], body: Value) -> Self {
        Self::new(Method::POST, service, path, Some(body), |_| Ok(()))
    }
}

impl Call<Vec<u8>> {
    /// Reads what is at a path, and leaves it as it is.
    pub fn raw(service: Service, path: &[&str]) -> Self {
        Self::new(Method::GET, service, path, None, |answer| Ok(answer.body.clone()))
    }
}

impl<A> Call<A> {
    fn new(
        method: Method,
        service: Service,
        path: &[&str],
        body: Option<Value>,
        read: fn(&Answer) -> Result<A, HttpError>,
    ) -> Self {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        Self { service, query: Vec::new(), microversion: None, method, path, body, read, answer: PhantomData }
    }

    /// With one more parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// In this version of Nova's API.
    pub fn at(mut self, version: Microversion) -> Self {
        self.microversion = Some(version);
        self
    }

    pub(super) fn request(&self, mut url: Url) -> Request {
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&self.path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut request = Request::new(self.method.clone(), url);
        if let Some(body) = &self.body {
            request.body = Body::Json(body.clone());
        }
        request
    }

    pub(super) fn read(&self, answer: &Answer) -> Result<A, ApiError> {
        if answer.is_good() { Ok((self.read)(answer)?) } else { Err(Refusal::of(self.service, answer).into()) }
    }
}

/// One page of a list.
pub trait Page: DeserializeOwned {
    /// What is listed.
    type Item;
    /// Whether the service can be asked for pages at all.
    const PAGED: bool;
    /// The link to the next page.
    fn next(&self) -> Option<String>;
    /// What is on this page.
    fn items(self) -> Vec<Self::Item>;
}

/// A link in a list, as Nova and Neutron write it.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct Link {
    rel: String,
    href: String,
}

impl Link {
    pub(super) fn next(links: &[Self]) -> Option<String> {
        links.iter().find(|link| link.rel == "next").map(|link| link.href.clone())
    }
}

/// A version of Nova's API, as `2.52`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Microversion(pub u32, pub u32);

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for Microversion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self(major.parse().map_err(|_| ())?, minor.parse().map_err(|_| ())?))
    }
}
