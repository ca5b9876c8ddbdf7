//! How ffmpeg and ffprobe are run on files that strangers made.
//!
//! Every argument is ours. A stranger's file is opened under a name that we gave it, by the `file:` protocol and no other, and only by demuxers
//! that read one file and follow no names in it: never playlists, concatenations or image sequences. The program runs in a process group
//! of its own, at low priority, without the way to new privileges, with bounds on processor time, memory, open files and the size of what it
//! writes (util-linux's `prlimit`), and the kernel ends it when the streamer ends (`setpriv --pdeathsig`).

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// The demuxers that may read an upload. Each reads the one file that it is given: none opens what a file names.
pub(super) const FORMATS: &str = "mov,matroska,mpegts,avi,ogg,flv";

/// What a program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Time on the clock.
    pub wall: Duration,
    /// Time of all processors together.
    pub processor: Duration,
    /// Bytes of address space.
    pub memory: u64,
    /// Bytes of each file that is written.
    pub output: u64,
}

/// A program of ffmpeg's, confined; the caller adds its arguments.
pub(super) fn confined(program: &str, limits: Limits) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--no-new-privs", "--"])
        .args(["nice", "-n", "10"])
        .arg("prlimit")
        .arg(format!("--cpu={}", limits.processor.as_secs().max(1)))
        .arg(format!("--as={}", limits.memory))
        .arg(format!("--fsize={}", limits.output))
        .args(["--nofile=64", "--core=0", "--"])
        .arg(program)
        .args(["-hide_banner", "-loglevel", "error"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .kill_on_drop(true);
    command
}

/// Adds a stranger's file as the input.
pub(super) fn read_from(command: &mut Command, demuxers: &str, file: &Path) {
    let mut name = std::ffi::OsString::from("file:");
    name.push(file);
    command
        .args(["-protocol_whitelist", "file", "-format_whitelist", demuxers])
        .arg("-i")
        .arg(name);
}
