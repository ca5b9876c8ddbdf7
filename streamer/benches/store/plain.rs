//! The peer of delivery: an axum server that gives a file, or a part of it, to everybody.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// Bytes that are read at a time: as many as our blocks have.
const PIECE: usize = 256 * 1024;

/// What of the file is asked for.
#[derive(Deserialize)]
struct Part {
    from: u64,
    length: u64,
}

/// Serves until it is killed; says first where.
pub async fn serve(path: PathBuf) {
    let router = Router::new()
        .route("/file", get(part))
        .with_state(Arc::new(path));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn part(State(path): State<Arc<PathBuf>>, Query(part): Query<Part>) -> impl IntoResponse {
    let mut file = File::open(&*path).await.unwrap();
    file.seek(std::io::SeekFrom::Start(part.from))
        .await
        .unwrap();
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(part.length), PIECE));
    ([(header::CONTENT_LENGTH, part.length.to_string())], body)
}
