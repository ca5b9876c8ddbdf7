//! Who asks, by the bearer token: the operator, or an account that signed in to upload.

use std::sync::Arc;

use alloy::primitives::Address;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;

use super::body::bearer;
use crate::app::App;
use crate::error::{Code, Error, Result, refused};
use crate::sign_in::Purpose;

/// Whom a request comes from. A handler that takes this is answered 401 without a good token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authorised {
    /// Whoever runs the streamer.
    Operator,
    /// An account that signed in (docs/protocol.md, section 14).
    Creator(Address),
}

impl Authorised {
    /// Who holds this token.
    ///
    /// # Errors
    /// `unauthorized` when nobody does (any more).
    pub(super) fn by_token(app: &App, token: Option<&str>) -> Result<Self> {
        let token = token.ok_or_else(|| {
            refused(
                Code::Unauthorized,
                "a token is needed: sign in, or use the operator's",
            )
        })?;
        if (app.operator_token.as_ref()).is_some_and(|operator| operator.is(token)) {
            return Ok(Self::Operator);
        }
        app.sign_in
            .holder(token, Purpose::Upload, Timestamp::now())
            .map(Self::Creator)
            .ok_or_else(|| refused(Code::Unauthorized, "the token is unknown or has expired"))
    }

    /// The creator who asks, if it is not the operator.
    pub(super) fn creator(self) -> Option<Address> {
        match self {
            Self::Operator => None,
            Self::Creator(creator) => Some(creator),
        }
    }

    /// Lets the operator pass.
    ///
    /// # Errors
    /// `forbidden` for anybody else.
    pub(super) fn operator(self) -> Result<()> {
        match self {
            Self::Operator => Ok(()),
            Self::Creator(_) => Err(refused(
                Code::Forbidden,
                "only the operator of this provider may do this",
            )),
        }
    }

    /// Lets the operator and this account pass.
    ///
    /// # Errors
    /// `forbidden` for anybody else.
    pub(super) fn acts_for(self, account: Address) -> Result<()> {
        match self {
            Self::Operator => Ok(()),
            Self::Creator(address) if address == account => Ok(()),
            Self::Creator(address) => Err(refused(
                Code::Forbidden,
                format!("{address} may not do this for {account}"),
            )),
        }
    }
}

impl FromRequestParts<Arc<App>> for Authorised {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self> {
        Self::by_token(app, bearer(&parts.headers))
    }
}
