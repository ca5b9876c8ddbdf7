//! The token that offers what USDC does, of the contracts' own tests.

use std::path::Path;
use std::sync::OnceLock;

use alloy::primitives::Bytes;
use serde_json::Value;

/// What deploys it.
pub fn code() -> Bytes {
    static CODE: OnceLock<Bytes> = OnceLock::new();
    CODE.get_or_init(compile).clone()
}

fn compile() -> Bytes {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("token");
    let forge = Path::new(env!("CARGO_MANIFEST_DIR")).join("forge");
    let output = std::process::Command::new(forge)
        .args(["build", "contracts/test/tokens/UsdLikeToken.sol", "--out"])
        .arg(folder.join("out"))
        .arg("--cache-path")
        .arg(folder.join("cache"))
        .env("FOUNDRY_PROFILE", "default")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let artefact = std::fs::read(folder.join("out/UsdLikeToken.sol/UsdLikeToken.json")).unwrap();
    let artefact: Value = serde_json::from_slice(&artefact).unwrap();
    artefact["bytecode"]["object"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}
