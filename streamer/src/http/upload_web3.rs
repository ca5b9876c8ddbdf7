//! `POST /upload-content-web3`: a small file, stored on chain.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::U256;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Multipart, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use paystream_contracts::ethstorage::{FileName, Mode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::authorisation::Authorised;
use crate::app::App;
use crate::error::{Code, Error, Problem, Result, refused};
use crate::web3::{self, told};

/// How long the answer waits for the end.
const WAIT: Duration = Duration::from_secs(20);
/// What the form adds to the file.
pub(super) const FORM: usize = 16 * 1024;

/// How it is asked for.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Wanted {
    /// `true`: nothing is stored; the answer says what it would cost.
    #[serde(default)]
    estimate: bool,
    /// `true`: also when there is another file of that name, whose place it takes.
    #[serde(default)]
    replace: bool,
    /// `calldata`: as code on the chain, which any node answers. `blobs`: in blobs (EIP-4844), usually for a small part of that, which EthStorage's nodes keep.
    #[serde(default)]
    #[param(value_type = String, pattern = "^(calldata|blobs)$")]
    mode: Mode,
}

/// The form.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct FileForm {
    /// The file. Its name becomes part of the address: letters, digits, dots, hyphens and underscores.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// A file on chain, or on its way there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OnChain {
    /// `web3://<contract>:<chain id>/<name>` (ERC-4804).
    address: String,
    /// Chunks of the whole file: 24,250 bytes of calldata, or 130,044 in a blob.
    chunks: u64,
    /// How many of them are still missing.
    missing: u64,
    /// The gas of those; null unless an estimate was asked for.
    gas: Option<u64>,
    /// What they cost at most (an estimate), or what was paid for them now.
    #[schema(value_type = Option<String>)]
    cost_wei: Option<U256>,
    /// Whether all bytes were read back. Of blobs, only the hashes that the chain keeps are compared, unless the provider asks a node of EthStorage's.
    is_read_back: bool,
}

/// Stores a file on chain, chunk by chunk, and reads it back. The same request again asks how far it is, or goes on after a failure.
#[utoipa::path(post, path = "/upload-content-web3", params(Wanted), request_body(content = FileForm, content_type = "multipart/form-data"), responses(
    (status = 200, body = OnChain, description = "The estimate"),
    (status = 201, body = OnChain, description = "All of it is on chain, and compared"),
    (status = 202, body = OnChain, description = "It is being written: ask again"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    caller: Authorised,
    wanted: Result<Query<Wanted>, QueryRejection>,
    request: Request,
) -> Result<Response> {
    caller.operator()?;
    let Query(wanted) =
        wanted.map_err(|rejection| refused(Code::Malformed, rejection.body_text()))?;
    let Some(web3) = &app.web3 else {
        return Err(refused(
            Code::NotFound,
            "this provider has no directory on chain (--web3-directory)",
        ));
    };
    let (name, file) = form(&app, request).await?;
    let (address, estimate) = web3
        .estimate(&name, &file, wanted.mode, wanted.replace)
        .await?;
    let mut answer = OnChain {
        address,
        chunks: estimate.chunks,
        missing: estimate.missing,
        gas: Some(estimate.gas),
        cost_wei: Some(estimate.cost_wei),
        is_read_back: false,
    };
    if wanted.estimate {
        return Ok(Json(answer).into_response());
    }
    (answer.gas, answer.cost_wei) = (None, None);
    let mut job = web3.store(name, file, wanted.mode, wanted.replace).await?;
    let ended = job.wait_for(|state| matches!(state, web3::State::Ended(_)));
    match tokio::time::timeout(WAIT, ended).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) => {
            return Err(Error::Internal(
                "storing a file on chain broke off".to_owned(),
            ));
        }
        Err(_) => {}
    }
    let state = job.borrow().clone();
    match state {
        web3::State::Ended(Ok(stored)) => {
            answer.missing = 0;
            answer.cost_wei = Some(stored.cost_wei);
            answer.is_read_back = stored.is_read_back;
            Ok((StatusCode::CREATED, Json(answer)).into_response())
        }
        web3::State::Ended(Err(error)) => Err(told(&error)),
        web3::State::Writing(done, all) => {
            answer.missing = all - done;
            Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
        }
    }
}

async fn form(app: &Arc<App>, request: Request) -> Result<(FileName, Bytes)> {
    let mut form = Multipart::from_request(request, app).await.map_err(|_| {
        refused(
            Code::UnsupportedMediaType,
            "the body must be multipart/form-data",
        )
    })?;
    let broken = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(app),
        _ => refused(Code::Malformed, "the form could not be read"),
    };
    let part = form.next_field().await.map_err(broken)?;
    let Some(part) = part.filter(|part| part.name() == Some("file")) else {
        return Err(refused(Code::Malformed, "the form's one part is the file"));
    };
    let name = part.file_name().unwrap_or_default().parse();
    let name = name.map_err(|error| told(&error))?;
    let file = part.bytes().await.map_err(broken)?;
    if file.len() > app.config.web3_max_bytes {
        return Err(too_large(app));
    }
    if form.next_field().await.map_err(broken)?.is_some() {
        return Err(refused(Code::Malformed, "the form's one part is the file"));
    }
    Ok((name, file))
}

fn too_large(app: &App) -> Error {
    let most = app.config.web3_max_bytes;
    refused(
        Code::TooLarge,
        format!("at most {most} bytes are stored on chain"),
    )
}
