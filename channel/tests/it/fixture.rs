//! Channels with fixed keys and scripts, for the vectors and the tables.

use paystream_channel::{
    ChannelTerms, ContentId, Funding, FundingOutput, Network, TermsFields,
    bitcoin::{
        Amount, PubkeyHash, ScriptBuf, ScriptHash, Txid, WPubkeyHash, WScriptHash,
        hashes::Hash,
        secp256k1::{PublicKey, Secp256k1, SecretKey},
    },
};

pub fn secret(byte: u8) -> SecretKey {
    SecretKey::from_slice(&[byte; 32]).unwrap()
}

pub fn viewer_secret() -> SecretKey {
    secret(0x11)
}

pub fn provider_secret() -> SecretKey {
    secret(0x22)
}

pub fn public(secret: &SecretKey) -> PublicKey {
    secret.public_key(&Secp256k1::new())
}

pub fn p2pkh(byte: u8) -> ScriptBuf {
    ScriptBuf::new_p2pkh(&PubkeyHash::from_byte_array([byte; 20]))
}

pub fn p2sh(byte: u8) -> ScriptBuf {
    ScriptBuf::new_p2sh(&ScriptHash::from_byte_array([byte; 20]))
}

pub fn p2wpkh(byte: u8) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([byte; 20]))
}

pub fn p2wsh(byte: u8) -> ScriptBuf {
    ScriptBuf::new_p2wsh(&WScriptHash::from_byte_array([byte; 32]))
}

pub fn p2tr(byte: u8) -> ScriptBuf {
    let (key, _) = public(&secret(byte)).x_only_public_key();
    ScriptBuf::new_p2tr(&Secp256k1::new(), key, None)
}

/// A creator with nine tenths, P2WPKH everywhere, on regtest.
pub fn fields() -> TermsFields {
    TermsFields {
        network: Network::Regtest,
        content_id: ContentId([0xc0; 32]),
        viewer_key: public(&viewer_secret()),
        provider_key: public(&provider_secret()),
        expiry_height: 388,
        fee: Amount::from_sat(316),
        msat_per_second: 20_000,
        creator_share_bps: 9_000,
        creator_script: p2wpkh(0xc1),
        provider_script: p2wpkh(0xb1),
        change_script: p2wpkh(0xa1),
    }
}

pub fn terms() -> ChannelTerms {
    ChannelTerms::new(fields()).unwrap()
}

/// The terms with some fields changed.
pub fn terms_with(change: impl FnOnce(&mut TermsFields)) -> ChannelTerms {
    let mut fields = fields();
    change(&mut fields);
    ChannelTerms::new(fields).unwrap()
}

pub fn output(txid_byte: u8, vout: u32, sat: u64) -> FundingOutput {
    FundingOutput {
        txid: Txid::from_byte_array([txid_byte; 32]),
        vout,
        value: Amount::from_sat(sat),
    }
}

pub fn funding(sat: u64) -> Funding {
    Funding::new(vec![output(0xf1, 1, sat)]).unwrap()
}
