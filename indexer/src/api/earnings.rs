//! `GET /v1/accounts/{address}/earnings`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::page::{Segment, tagged};
use super::problem::{ApiError, Problem};
use super::value::{Place, hex, parse_address};
use crate::error::Error;

/// How many of the newest credits and claims are listed.
const ENTRIES: i64 = 100;

/// What an account earned in one token.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenEarnings {
    /// The currency: the zero address is ether.
    pub token: String,
    /// All that was ever credited, in the token's smallest unit (decimal).
    #[schema(example = "900000000000000")]
    pub earned_total: String,
    /// All that was ever claimed.
    #[schema(example = "0")]
    pub claimed_total: String,
    /// What can be claimed now.
    #[schema(example = "900000000000000")]
    pub unclaimed: String,
}

/// One credit.
#[derive(Debug, Serialize, ToSchema)]
pub struct Credit {
    /// The currency: the zero address is ether.
    pub token: String,
    /// The content that earned it.
    pub content_id: String,
    /// How much, in the token's smallest unit (decimal).
    pub amount: String,
    /// Where it was credited.
    #[serde(flatten)]
    pub place: Place,
}

/// One claim.
#[derive(Debug, Serialize, ToSchema)]
pub struct Claim {
    /// The currency: the zero address is ether.
    pub token: String,
    /// To whom it went.
    pub to: String,
    /// How much, in the token's smallest unit (decimal).
    pub amount: String,
    /// Where it was claimed.
    #[serde(flatten)]
    pub place: Place,
}

/// An account's earnings on Ethereum.
#[derive(Debug, Serialize, ToSchema)]
pub struct Earnings {
    /// The account.
    pub account: String,
    /// By token; empty when the account never earned anything.
    pub tokens: Vec<TokenEarnings>,
    /// The newest credits, at most 100, newest first.
    pub credits: Vec<Credit>,
    /// The newest claims, at most 100, newest first.
    pub claims: Vec<Claim>,
}

/// What an account has earned and claimed, as creator or as provider.
#[utoipa::path(get, path = "/v1/accounts/{address}/earnings", tag = "accounts",
    params(("address" = String, Path, description = "0x and 40 hex digits, in any case")),
    responses(
        (status = 200, description = "The earnings", body = Earnings),
        (status = 304, description = "As the client has it (`If-None-Match`)"),
        (status = 400, description = "The address is malformed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn get_earnings(
    State(api): State<Api>,
    headers: HeaderMap,
    Segment(address): Segment,
) -> Result<Response, ApiError> {
    let account = parse_address(&address)?;
    let (balances, credits, claims) = api.reader.earnings(account, ENTRIES).await?;
    let earnings = Earnings {
        account: hex(account.as_slice()),
        tokens: balances
            .into_iter()
            .map(|row| TokenEarnings {
                token: hex(&row.token),
                earned_total: row.earned,
                claimed_total: row.claimed,
                unclaimed: row.unclaimed,
            })
            .collect(),
        credits: credits
            .into_iter()
            .map(|row| {
                Ok(Credit {
                    token: hex(&row.token),
                    content_id: hex(&row.content_id),
                    amount: row.amount,
                    place: row.place.try_into()?,
                })
            })
            .collect::<Result<_, Error>>()?,
        claims: claims
            .into_iter()
            .map(|row| {
                Ok(Claim {
                    token: hex(&row.token),
                    to: hex(&row.recipient),
                    amount: row.amount,
                    place: row.place.try_into()?,
                })
            })
            .collect::<Result<_, Error>>()?,
    };
    tagged(&headers, &earnings, None)
}
