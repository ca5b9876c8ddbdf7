//! Contracts of the contracts' own tests.

use std::path::Path;
use std::sync::OnceLock;

use alloy::primitives::Bytes;
use serde_json::Value;

/// What deploys the token that offers what USDC does.
pub fn code() -> Bytes {
    static CODE: OnceLock<Bytes> = OnceLock::new();
    CODE.get_or_init(|| compile("tokens", "UsdLikeToken"))
        .clone()
}

/// What deploys the contract in `contracts/test/<folder>`.
pub fn compile(folder: &str, name: &str) -> Bytes {
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let forge = Path::new(env!("CARGO_MANIFEST_DIR")).join("forge");
    let built = std::process::Command::new(forge)
        .args([
            "build",
            &format!("contracts/test/{folder}/{name}.sol"),
            "--out",
        ])
        .arg(output.join("out"))
        .arg("--cache-path")
        .arg(output.join("cache"))
        .env("FOUNDRY_PROFILE", "default")
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    let artefact = std::fs::read(output.join(format!("out/{name}.sol/{name}.json"))).unwrap();
    let artefact: Value = serde_json::from_slice(&artefact).unwrap();
    artefact["bytecode"]["object"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}
