//! How ffmpeg and ffprobe are run on files that strangers made.
//!
//! Every argument is ours. A stranger's file is opened under a name that we gave it, by the `file:` protocol and no other, only by demuxers
//! that read one file and follow no names in it (never playlists, concatenations or image sequences), and only by decoders of what cameras,
//! phones and editors write. The program runs in a process group of its own, at low priority, without the way to new privileges, with bounds
//! on processor time, memory, open files and the size of what it writes (util-linux's `prlimit`), and the kernel ends it when the streamer
//! ends (`setpriv --pdeathsig`).
//!
//! Where bubblewrap (`bwrap`) is installed and works, the program sees the system's programs and libraries, its input and its output, and
//! nothing else: no keys, no other uploads, no network, no other processes. Elsewhere it has the streamer's rights.

use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::process::Command;

/// The demuxers that may read an upload. Each reads the one file that it is given: none opens what a file names.
pub(super) const FORMATS: &str = "mov,matroska,mpegts,avi,ogg,flv";

/// The decoders that may: of pictures, of sound, and of the subtitles that stand beside them and that ffprobe opens too.
const DECODERS: &str = "h264,hevc,av1,libdav1d,libaom-av1,vp8,libvpx,vp9,libvpx-vp9,mpeg4,mpeg1video,mpeg2video,mpegvideo,h263,h263p,flv,vp6,vp6a,\
    vp6f,theora,vp3,mjpeg,png,prores,dnxhd,dvvideo,cfhd,msmpeg4v2,msmpeg4,wmv1,wmv2,ffv1,ffvhuff,huffyuv,utvideo,rawvideo,v210,qtrle,\
    aac,aac_latm,libfdk_aac,mp1,mp1float,mp2,mp2float,mp3,mp3float,ac3,eac3,opus,libopus,vorbis,libvorbis,flac,alac,dca,truehd,mlp,pcm_u8,pcm_s8,\
    pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw,pcm_bluray,\
    pcm_dvd,s302m,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,nellymoser,speex,libspeex,amrnb,amrwb,wavpack,\
    mov_text,subrip,srt,ass,ssa,webvtt,text,dvdsub,dvbsub,pgssub,xsub,cc_dec,libzvbi_teletextdec";

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

/// What of the data folder a program sees, where it sees no more than it is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    /// The file that it reads.
    pub input: &'a Path,
    /// The folder that it writes to.
    pub output: Option<&'a Path>,
}

/// Whether programs are shut in with bubblewrap. The first who asks waits for it to be tried.
pub(super) fn is_shut_in() -> bool {
    static WORKS: LazyLock<bool> = LazyLock::new(|| {
        ["ffmpeg", "ffprobe"].iter().all(|program| {
            let mut tried = std::process::Command::new("setpriv");
            tried.args(["--no-new-privs", "--"]).args(WALLS);
            tried.args(["--", program, "-version"]);
            tried.stdin(Stdio::null()).stdout(Stdio::null());
            let status = tried.stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        })
    });
    *WORKS
}

/// Everything is new and empty in there but the system's programs and libraries.
const WALLS: [&str; 28] = [
    "bwrap",
    "--unshare-all",
    "--die-with-parent",
    "--new-session",
    "--ro-bind",
    "/usr",
    "/usr",
    "--ro-bind-try",
    "/bin",
    "/bin",
    "--ro-bind-try",
    "/lib",
    "/lib",
    "--ro-bind-try",
    "/lib64",
    "/lib64",
    "--ro-bind-try",
    "/etc/ld.so.cache",
    "/etc/ld.so.cache",
    // Debian's way from a library's name to one of several.
    "--ro-bind-try",
    "/etc/alternatives",
    "/etc/alternatives",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    // Names that are not absolute mean the same in there.
    "--chdir",
    "/",
];

/// A program of ffmpeg's, confined; the caller adds its arguments.
pub(super) fn confined(program: &str, limits: Limits, shown: Shown<'_>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--no-new-privs", "--"])
        .args(["nice", "-n", "10"])
        .arg("prlimit")
        .arg(format!("--cpu={}", limits.processor.as_secs().max(1)))
        .arg(format!("--as={}", limits.memory))
        .arg(format!("--fsize={}", limits.output))
        .args(["--nofile=64", "--core=0", "--"]);
    if is_shut_in() {
        command.args(WALLS);
        command.arg("--ro-bind").args([shown.input, shown.input]);
        if let Some(output) = shown.output {
            command.arg("--bind").args([output, output]);
        }
        command.arg("--");
    }
    command
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
        .args(["-codec_whitelist", DECODERS])
        .arg("-i")
        .arg(name);
}
