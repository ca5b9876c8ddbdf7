//! The viewer's wallet: one key, its P2WPKH address, and the transaction that funds a channel out of it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, ensure};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1, SecretKey};
use bitcoin::sighash::{EcdsaSighashType, SighashCache};
use bitcoin::{
    Address, Amount, CompressedPublicKey, FeeRate, PrivateKey, ScriptBuf, Sequence, Transaction,
    TxIn, TxOut, Witness, absolute, transaction,
};
use paystream_channel::{Network, dust_limit};

use super::esplora::Coin;

/// Virtual bytes of what stands in the funding transaction once: counts, version, lock time, a P2WSH and a P2WPKH output.
const BASE_VSIZE: u64 = 11 + 43 + 31;
/// Virtual bytes of each P2WPKH input, rounded up.
const INPUT_VSIZE: u64 = 69;

/// A wallet of one key.
pub(super) struct Wallet {
    secret: SecretKey,
    public: PublicKey,
}

impl Wallet {
    /// Reads the key, or makes one that only its owner may read.
    ///
    /// # Errors
    /// When the file is not a key, may be read by others, or cannot be written.
    pub fn load_or_create(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let text = format!("{}\n", fresh_secret().display_secret());
                match write_new(path, text.as_bytes()) {
                    Ok(()) => eprintln!("made a wallet: {name}. It is money; keep a copy"),
                    // Somebody else was first: theirs is the wallet.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error).with_context(|| format!("{name}")),
                }
                fs::read_to_string(path)
            }
            read => read,
        };
        let text = text.with_context(|| format!("{name}"))?;
        let mode = fs::metadata(path)?.permissions().mode() & 0o777;
        ensure!(
            mode & 0o077 == 0,
            "{name} may be read by others (mode {mode:o}): make it 0600"
        );
        let text = text.trim();
        let secret = match text.parse::<SecretKey>() {
            Ok(secret) => secret,
            Err(_) => {
                PrivateKey::from_wif(text)
                    .ok()
                    .with_context(|| format!("{name}: not a private key (WIF, or 64 hex digits)"))?
                    .inner
            }
        };
        let public = PublicKey::from_secret_key(&Secp256k1::new(), &secret);
        Ok(Self { secret, public })
    }

    /// Where it is paid.
    pub fn script(&self) -> ScriptBuf {
        ScriptBuf::new_p2wpkh(&CompressedPublicKey(self.public).wpubkey_hash())
    }

    /// The same, as an address.
    pub fn address(&self, network: Network) -> Address {
        Address::p2wpkh(&CompressedPublicKey(self.public), network.hrp())
    }

    /// Pays an amount to a script, as output 0, at exactly this fee or, where the rest would be dust, a little more.
    ///
    /// # Errors
    /// When the coins do not reach it.
    pub fn pay(
        &self,
        coins: &[Coin],
        script: ScriptBuf,
        amount: Amount,
        fee: Amount,
    ) -> anyhow::Result<Transaction> {
        let held: Amount = coins.iter().map(|coin| coin.value).sum();
        let spent = amount
            .checked_add(fee)
            .context("an amount is out of range")?;
        let rest = held
            .checked_sub(spent)
            .context("the wallet's coins do not reach the amount")?;
        let mut output = vec![TxOut {
            value: amount,
            script_pubkey: script,
        }];
        if rest >= dust_limit(&self.script()) {
            output.push(TxOut {
                value: rest,
                script_pubkey: self.script(),
            });
        }
        let mut transaction = Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: coins
                .iter()
                .map(|coin| TxIn {
                    previous_output: coin.outpoint,
                    sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                    ..TxIn::default()
                })
                .collect(),
            output,
        };
        let secp = Secp256k1::new();
        let mut witnesses = Vec::with_capacity(coins.len());
        let mut cache = SighashCache::new(&transaction);
        for (index, coin) in coins.iter().enumerate() {
            let hash = cache.p2wpkh_signature_hash(
                index,
                &self.script(),
                coin.value,
                EcdsaSighashType::All,
            )?;
            let signature =
                secp.sign_ecdsa(&Message::from_digest(hash.to_byte_array()), &self.secret);
            let signature = bitcoin::ecdsa::Signature::sighash_all(signature);
            witnesses.push(Witness::p2wpkh(&signature, &self.public));
        }
        for (input, witness) in transaction.input.iter_mut().zip(witnesses) {
            input.witness = witness;
        }
        Ok(transaction)
    }
}

/// The fee of a funding transaction of so many inputs.
pub(super) fn funding_fee(inputs: u64, rate: FeeRate) -> anyhow::Result<Amount> {
    let vsize = BASE_VSIZE + inputs.saturating_mul(INPUT_VSIZE);
    rate.fee_vb(vsize).context("the fee is out of range")
}

/// The largest coins that reach an amount.
pub(super) fn choose(mut coins: Vec<Coin>, amount: Amount) -> Vec<Coin> {
    coins.sort_by_key(|coin| std::cmp::Reverse(coin.value));
    let mut held = Amount::ZERO;
    let needed = coins
        .iter()
        .take_while(|coin| {
            let more = held < amount;
            held += coin.value;
            more
        })
        .count();
    coins.truncate(needed);
    coins
}

/// A key that nobody has had.
pub(super) fn fresh_secret() -> SecretKey {
    loop {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes[..]);
        if let Ok(secret) = SecretKey::from_slice(&bytes) {
            return secret;
        }
    }
}

/// Writes a file that only its owner may read, whole or not at all, and on disk when this returns. What is there is never replaced.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Under a name of its own and of mode 0600; unlike a rename, what gives it its name fails where a file is.
    let mut partial = tempfile::NamedTempFile::new_in(folder)?;
    partial.write_all(bytes)?;
    partial.as_file().sync_all()?;
    partial
        .persist_noclobber(path)
        .map_err(|failed| failed.error)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallet_is_made_once_for_its_owner_alone_and_read_in_both_forms() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wallet.key");
        let made = Wallet::load_or_create(&file).unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = Wallet::load_or_create(&file).unwrap();
        assert_eq!(again.script(), made.script());

        let wif = PrivateKey::new(made.secret, bitcoin::NetworkKind::Test).to_wif();
        fs::write(&file, format!("{wif}\n")).unwrap();
        let imported = Wallet::load_or_create(&file).unwrap();
        assert_eq!(imported.script(), made.script());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Wallet::load_or_create(&file).is_err());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, "no key").unwrap();
        assert!(Wallet::load_or_create(&file).is_err());
        assert_eq!(
            fs::read(&file).unwrap(),
            b"no key",
            "it is never written over"
        );
    }

    #[test]
    fn a_file_that_is_there_is_not_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wallet.key");
        write_new(&file, b"first").unwrap();
        let second = write_new(&file, b"second").unwrap_err();
        assert_eq!(second.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_rest_comes_back_unless_it_is_dust_and_too_little_is_refused() {
        let secret = SecretKey::from_slice(&[9; 32]).unwrap();
        let public = PublicKey::from_secret_key(&Secp256k1::new(), &secret);
        let wallet = Wallet { secret, public };
        let coins = [Coin {
            outpoint: bitcoin::OutPoint::null(),
            value: Amount::from_sat(10_000),
            confirmed: true,
        }];
        let paid = |amount| {
            let (amount, fee) = (Amount::from_sat(amount), Amount::from_sat(300));
            wallet.pay(&coins, wallet.script(), amount, fee)
        };
        let values = |amount| {
            let transaction = paid(amount).unwrap();
            let values = transaction.output.iter();
            values
                .map(|output| output.value.to_sat())
                .collect::<Vec<_>>()
        };
        assert_eq!(values(5000), [5000, 4700]);
        assert_eq!(values(9406), [9406, 294]);
        assert_eq!(values(9407), [9407]);
        assert_eq!(values(9700), [9700]);
        assert!(paid(9701).is_err());
        let built = paid(5000).unwrap();
        let vsize = built.vsize() as u64;
        assert!(vsize <= BASE_VSIZE + INPUT_VSIZE, "{vsize}");
    }
}
