//! Which commit is being deployed.

use std::path::Path;
use std::process::Command;

use paystream_contracts::deploy::Source;

/// What the bytecode is made from, as paths in the repository.
const INPUTS: [&str; 4] = [
    "contracts/src",
    "contracts/solc",
    "foundry.toml",
    "package-lock.json",
];

/// Asks git about the sources in `root`.
pub fn source(root: &Path) -> Source {
    let commit = git(root, &["rev-parse", "HEAD"]);
    let changes = git(
        root,
        &[&["status", "--porcelain", "--"], &INPUTS[..]].concat(),
    );
    Source {
        clean: commit.is_some() && changes.is_some_and(|changes| changes.is_empty()),
        commit,
    }
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .current_dir(root)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
