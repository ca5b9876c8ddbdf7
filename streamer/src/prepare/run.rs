//! Running a confined program: its words, its progress, its end.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::confine::Limits;
use crate::error::Code;
use crate::library::Failure;
use crate::store::StoreError;

/// The most that is kept of what a program says.
const MAX_WORDS: u64 = 16 * 1024;

/// Why a file could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It is not a video that can be prepared. A retry does not help.
    #[error("{0}")]
    NotAVideo(String),
    /// It took more time, memory or room than files of its length may take. A retry does not help.
    #[error("{0}")]
    TooMuch(&'static str),
    /// It took more time than files of its length may take.
    #[error("it takes too long to prepare")]
    TooSlow,
    /// It has become larger than its owner has room for.
    #[error("made ready to play it has {size} bytes, and your quota has room for {room}")]
    OverQuota {
        /// What it has become.
        size: u64,
        /// What there is room for.
        room: u64,
    },
    /// The disk is full. A retry helps when there is room.
    #[error("the provider's disk is full")]
    NoRoom,
    /// A program is not installed here. A retry helps when it is.
    #[error("{0} is not installed on this provider")]
    Missing(&'static str),
    /// The content store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of ours, or a program, failed.
    #[error("{0}")]
    Io(std::io::Error),
}

impl From<std::io::Error> for PrepareError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded => Self::NoRoom,
            _ => Self::Io(error),
        }
    }
}

impl PrepareError {
    /// What the item's owner is told; it holds nothing internal.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let (code, detail) = match self {
            Self::NotAVideo(_) | Self::TooMuch(_) | Self::TooSlow => {
                (Code::UnprocessableVideo, self.to_string())
            }
            Self::NoRoom | Self::OverQuota { .. } => (Code::QuotaExceeded, self.to_string()),
            Self::Store(error) => (error.code(), error.public_detail()),
            Self::Missing(_) | Self::Io(_) => (
                Code::Unavailable,
                "the provider cannot prepare videos now; try again".to_owned(),
            ),
        };
        Failure { code, detail }
    }
}

/// A program that runs. It is ended when this is dropped.
pub(super) struct Running {
    pub child: Child,
    pub stdout: ChildStdout,
    /// Its last words, when it has ended. They are read all the time: a full pipe would stop it.
    pub words: JoinHandle<String>,
}

/// Starts a confined program.
pub(super) fn start(mut command: Command, program: &'static str) -> Result<Running, PrepareError> {
    let mut child = command.spawn().map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            PrepareError::Missing("util-linux")
        } else {
            PrepareError::Io(error)
        }
    })?;
    let piped = || PrepareError::Io(std::io::Error::other(format!("{program} has no pipes")));
    let stdout = child.stdout.take().ok_or_else(piped)?;
    let words = tokio::spawn(listen(child.stderr.take().ok_or_else(piped)?));
    Ok(Running {
        child,
        stdout,
        words,
    })
}

async fn listen(mut stderr: ChildStderr) -> String {
    let mut words = Vec::new();
    // What comes after the bound is drained and forgotten.
    let _ = (&mut stderr).take(MAX_WORDS).read_to_end(&mut words).await;
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&words).into_owned()
}

/// What a program's failure means; its words are logged, and never shown: they hold paths.
pub(super) fn failed(words: String, otherwise: &str) -> PrepareError {
    tracing::debug!(%words, "a file could not be read");
    if words.contains("No space left on device") || words.contains("Disk quota exceeded") {
        return PrepareError::NoRoom;
    }
    for program in ["ffmpeg", "ffprobe", "prlimit", "nice"] {
        if words.contains(&format!("execute {program}: No such file"))
            || words.contains(&format!("{program}: No such file or directory"))
                && !words.contains("file:")
        {
            return PrepareError::Missing(program_name(program));
        }
    }
    let refused = words
        .split_once(" not on whitelist")
        .and_then(|(before, _)| {
            let (_, codec) = before.rsplit_once("Codec (")?;
            codec.strip_suffix(')')
        });
    if let Some(codec) = refused {
        return PrepareError::NotAVideo(format!(
            "there is something in it that is not taken: {codec}"
        ));
    }
    if words.contains("Cannot allocate memory") {
        return PrepareError::TooMuch("it takes too much memory to prepare");
    }
    PrepareError::NotAVideo(otherwise.to_owned())
}

fn program_name(program: &str) -> &'static str {
    match program {
        "ffmpeg" | "ffprobe" => "ffmpeg",
        _ => "util-linux",
    }
}

/// Runs ffmpeg to its end, in the time that it has; tells the microseconds of media that it has written.
pub(super) async fn convert(
    command: Command,
    limits: Limits,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<(), PrepareError> {
    use std::os::unix::process::ExitStatusExt;
    let Running {
        mut child,
        stdout,
        words,
    } = start(command, "ffmpeg")?;
    let work = async {
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            let micros = line.strip_prefix("out_time_us=");
            if let Some(micros) = micros.and_then(|micros| micros.trim().parse().ok()) {
                progress(micros);
            }
        }
        child.wait().await
    };
    let status = tokio::time::timeout(limits.wall, work)
        .await
        .map_err(|_| PrepareError::TooSlow)??;
    let words = words.await.unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    // 128 and the signal, where a program in between reports it.
    match status.signal().or(status.code().map(|code| code - 128)) {
        Some(24) => Err(PrepareError::TooSlow), // SIGXCPU
        Some(25) => Err(PrepareError::TooMuch("it becomes too large")), // SIGXFSZ
        _ if words.contains("File too large") => Err(PrepareError::TooMuch("it becomes too large")),
        _ => Err(failed(
            words,
            "it is damaged or of a kind that cannot be prepared",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_of_paths_is_not_told() {
        let error = failed("file:/secret/1: Invalid data".to_owned(), "it is no video");
        let failure = error.failure();
        assert_eq!(failure.code, Code::UnprocessableVideo);
        assert_eq!(failure.detail, "it is no video");
        let full = failed("/x: No space left on device".to_owned(), "");
        assert_eq!(full.failure().code, Code::QuotaExceeded);
        let exotic = failed(
            "[tta @ 0x5] Codec (tta) not on whitelist 'h264'\n".to_owned(),
            "",
        );
        assert!(exotic.to_string().ends_with("not taken: tta"), "{exotic}");
        let missing = failed(
            "prlimit: failed to execute ffmpeg: No such file or directory".to_owned(),
            "",
        );
        assert!(matches!(missing, PrepareError::Missing("ffmpeg")));
    }
}
