//! Compiles the Solidity sources with forge; `lib.rs` makes Rust bindings from the artefacts.
//!
//! The artefacts go to cargo's own output folder, so that a build here never races with a `forge build` elsewhere.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // The lock file changes with the version of the compiler and of the libraries.
    for input in [
        "build.rs",
        "forge",
        "src",
        "solc",
        "../foundry.toml",
        "../package-lock.json",
    ] {
        println!("cargo::rerun-if-changed={input}");
    }
    match compile() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            for line in message.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn compile() -> Result<(), String> {
    let forge = path_from_cargo("CARGO_MANIFEST_DIR")?.join("forge");
    let out_dir = path_from_cargo("OUT_DIR")?;
    let output = Command::new(&forge)
        .args(["build", "contracts/src", "--out"])
        .arg(out_dir.join("out"))
        .arg("--cache-path")
        .arg(out_dir.join("cache"))
        .env("FOUNDRY_PROFILE", "default")
        .output()
        .map_err(|error| format!("{} cannot be started: {error}", forge.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "the contracts cannot be compiled ({})\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    ))
}

fn path_from_cargo(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable)
        .map(PathBuf::from)
        .ok_or_else(|| format!("cargo has not set {variable}"))
}
