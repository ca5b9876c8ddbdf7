//! `POST /whip/{content_id}` (RFC 9725): a stream in.

use std::sync::Arc;

use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;

use super::body::{Sdp, bearer, content_id};
use super::connection::{created, ended, named};
use crate::app::App;
use crate::error::{Code, Problem, Result, refused};

/// Connects a publisher. A second one with a good token takes the place of the first.
#[utoipa::path(post, path = "/whip/{content_id}", params(("content_id" = String, Path)), request_body(content = String, content_type = "application/sdp"), responses(
    (status = 201, description = "The SDP answer; Location names the connection", body = String, content_type = "application/sdp"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn publish(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response> {
    let content = content_id(&id)?;
    let token = bearer(request.headers())
        .ok_or_else(|| refused(Code::Unauthorized, "a publish token is needed"))?;
    let address = app.sign_in.publisher(token, content, Timestamp::now())?;
    if app.served_content(content).await?.creator != address {
        return Err(refused(
            Code::Forbidden,
            "the token's account is not the content's creator",
        ));
    }
    let Sdp(sdp) = Sdp::from_request(request, &app).await?;
    let accepted = app.media.publish(content, &sdp).await?;
    app.note_publisher(content, accepted.resource);
    created("whip", content, accepted)
}

/// Ends a publication.
#[utoipa::path(delete, path = "/whip/{content_id}/{resource}", params(("content_id" = String, Path), ("resource" = String, Path)), responses(
    (status = 200, description = "The stream has ended"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let (content, resource) = named(&path)?;
    let token = bearer(&headers)
        .ok_or_else(|| refused(Code::Unauthorized, "the publish token is needed"))?;
    app.sign_in.publisher(token, content, Timestamp::now())?;
    ended(app.end_publisher(content, resource))
}
