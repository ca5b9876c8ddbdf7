//! Everything that runs, put together: what handlers and sessions share, and the order of start and stop.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::{B256, U256};
use alloy::providers::{Provider, ProviderBuilder};
use bitcoin::Address;
use bitcoin::address::NetworkUnchecked;
use paystream_channel::is_payable_script;
use paystream_contracts::Deployment;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announce::Announcer;
use crate::announcements::Announcements;
use crate::bitcoin::{Authentication, BitcoinNode, CoreNode};
use crate::channels::{Book, Chain, ProviderSide, Rules};
use crate::config::Config;
use crate::error::{Code, Error, Result, refused};
use crate::ethereum::{Content, Ethereum};
use crate::http::Slots;
use crate::journal::Journal;
use crate::keys::{ChannelKeys, read_operator_key};
use crate::library::{self, Item, Library, State, Stored};
use crate::media::{Engine, MediaConfig, MediaError, ResourceId};
use crate::operator_token::OperatorToken;
use crate::passes::Passes;
use crate::prepare::{self, Preparer};
use crate::relay::{Budget, Outbox, Pace};
use crate::session::Sessions;
use crate::sign_in::SignIn;
use crate::store::{self, ContentStore, StoreKind, Tidy};
use crate::stored::Films;
use crate::upload::{self, Uploads};
use crate::watcher::Watcher;
use crate::web3::Web3;

impl From<MediaError> for Error {
    fn from(error: MediaError) -> Self {
        match Code::from_wire(error.code()) {
            Some(Code::Unavailable) | None => Self::Internal(error.to_string()),
            Some(code) => refused(code, error.to_string()),
        }
    }
}

/// How long a stop waits for the closes of channels that no session holds.
const SHUTDOWN_CLOSES: Duration = Duration::from_secs(15);

/// The streamer's parts.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The registry.
    pub ethereum: Arc<Ethereum>,
    /// The Bitcoin node.
    pub node: Arc<CoreNode>,
    /// The last view of the chain.
    pub chain: Arc<Chain>,
    /// The stored videos that are read.
    pub films: Arc<Films>,
    /// Places for answers that nobody pays for.
    pub slots: Arc<Slots>,
    /// The channels.
    pub book: Arc<Book>,
    /// The journal.
    pub journal: Journal,
    /// Uploads and stored videos.
    pub library: Arc<Library>,
    /// Uploads on their way.
    pub uploads: Arc<Uploads>,
    /// What makes uploads streamable.
    pub preparer: Arc<Preparer>,
    /// The media engine.
    pub media: Engine,
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// What is sent to Ethereum.
    pub outbox: Arc<Outbox>,
    /// How often a client asks for that.
    pub relay_pace: Pace,
    /// How often a client asks for passes.
    pub pass_pace: Pace,
    /// How often a client signs in.
    pub sign_in_pace: Pace,
    /// What bought views open.
    pub passes: Arc<Passes>,
    /// Who has signed in.
    pub sign_in: SignIn,
    /// What the operator shows, if there is such a token.
    pub operator_token: Option<OperatorToken>,
    /// The operator's directory on chain, if there is one.
    pub web3: Option<Arc<Web3>>,
    /// Content: videos, posters, announcements.
    pub store: Arc<dyn ContentStore>,
    /// Announcements of live streams.
    pub announcements: Arc<Announcements>,
    /// What gives the room of unpinned content back.
    pub tidy: Arc<Tidy>,
    /// The provider's side of every channel.
    pub provider: ProviderSide,
    /// The publisher's connection of each content.
    pub publishers: Mutex<HashMap<B256, ResourceId>>,
    /// Cancelled when the streamer stops.
    pub stop: CancellationToken,
    tasks: TaskTracker,
    /// Held for as long as the streamer runs.
    _data_lock: File,
}

impl App {
    /// Checks the settings, opens the journal and the store, and starts everything but the HTTP interface. No node needs to be up.
    ///
    /// # Errors
    /// When a setting or a file cannot be used.
    pub async fn start(config: Config) -> Result<Arc<Self>> {
        let signer = read_operator_key(&config.operator_key_file)?;
        let deployment = Deployment::load(&config.deployment)
            .map_err(|error| Error::Config(error.to_string()))?;
        let provider = ProviderSide {
            network: config.bitcoin_network,
            account: signer.address(),
            script: payout_script(&config)?,
            channel_blocks: config.channel_blocks,
        };
        let authentication = authentication(&config)?;
        let operator_token = config
            .operator_token_file
            .as_deref()
            .map(OperatorToken::read)
            .transpose()?;
        let web3 = match (config.web3_directory, &config.web3_key_file) {
            (Some(address), Some(key_file)) => {
                let node = config.ethereum_rpc.clone();
                Some(Arc::new(Web3::new(
                    node,
                    address,
                    key_file,
                    config.web3_ethstorage_rpc.clone(),
                )?))
            }
            _ => None,
        };
        make_private(&config.data_dir)?;
        let data_lock = lock(&config.data_dir)?;
        let store = config.content.open(&config.data_dir)?;
        let keys = Arc::new(ChannelKeys::load_or_create(
            &config.data_dir,
            config.bitcoin_network,
        )?);
        let (journal, loaded) = Journal::open(&config.data_dir.join("journal.sqlite")).await?;
        tracing::info!(channels = loaded.records.len(), "opened the journal");

        let library = Arc::new(Library::open(&config.data_dir.join(library::FILE)).await?);
        let (uploads, preparer) = uploads(&config, &library, &store).await?;

        let node = Arc::new(CoreNode::new(config.bitcoin_rpc.clone(), authentication)?);
        let chain = Arc::new(Chain::default());
        let rules = Rules {
            min_confirmations: config.min_confirmations,
            grace: Duration::from_secs(config.bitcoin_grace_seconds),
            max_per_address: config.max_channels_per_address,
        };
        let watched: Arc<dyn BitcoinNode> = Arc::clone(&node) as Arc<dyn BitcoinNode>;
        let book = Book::new(
            journal.clone(),
            loaded,
            Arc::clone(&watched),
            Arc::clone(&chain),
            keys,
            rules,
        );
        let media = Engine::start(MediaConfig {
            listen: config.media_listen,
            announce: config.media_addresses(),
            max_viewers: config.max_sessions,
            max_publishers: config.max_publishers,
            ..MediaConfig::default()
        })
        .map_err(|error| Error::Config(error.to_string()))?;
        let node_of_ethereum = ProviderBuilder::new()
            .connect_http(config.ethereum_rpc.clone())
            .erased();
        let relays = config.data_dir.join("relays.sqlite");
        let outbox = Outbox::open(
            &relays,
            node_of_ethereum.clone(),
            signer.clone(),
            deployment.chain_id,
            Budget {
                max_fee: u128::from(config.max_fee_per_gas_gwei) * 1_000_000_000,
                daily: U256::from(config.relay_daily_gas_wei),
                replace_after: Duration::from_secs(config.replace_after_seconds),
            },
        );
        let outbox = Arc::new(outbox.await?);
        let ethereum = Arc::new(Ethereum::new(
            node_of_ethereum,
            deployment,
            signer,
            Arc::clone(&outbox),
        ));
        let app = Arc::new(Self {
            films: Arc::new(Films::new(Arc::clone(&store))),
            slots: Slots::new(config.max_sessions),
            announcements: Arc::new(Announcements::new(
                Arc::clone(&library),
                Arc::clone(&store),
                Arc::clone(&ethereum),
                preparer.unpinned(),
            )),
            ethereum,
            outbox,
            relay_pace: Pace::of_relays(),
            pass_pace: Pace::of_passes(),
            sign_in_pace: Pace::of_sign_ins(),
            passes: Arc::default(),
            sessions: Sessions::new(config.max_sessions),
            sign_in: SignIn::default(),
            operator_token,
            web3,
            publishers: Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            _data_lock: data_lock,
            config,
            node,
            chain,
            book,
            journal,
            library,
            uploads,
            preparer,
            media,
            store,
            tidy: Arc::default(),
            provider,
        });
        let watcher = Watcher {
            node: watched,
            chain: Arc::clone(&app.chain),
            book: Arc::clone(&app.book),
            poll: Duration::from_millis(app.config.bitcoin_poll_ms),
            idle_close: app.config.idle_close(),
            keep_finished: app.config.keep_finished(),
            fallback_feerate: app.config.fallback_feerate_sat_vb,
            max_feerate: app.config.max_feerate_sat_vb,
        };
        app.tasks.spawn(watcher.run(app.stop.clone()));
        app.tasks
            .spawn(Arc::clone(&app.preparer).run(app.stop.clone()));
        app.tasks
            .spawn(Arc::clone(&app.uploads).clean(app.stop.clone()));
        app.tasks
            .spawn(Arc::clone(&app.announcements).run(app.stop.clone()));
        if app.config.content.store == StoreKind::Embedded {
            let preparer = Arc::clone(&app.preparer);
            let keep = move || {
                let preparer = Arc::clone(&preparer);
                async move { preparer.pin_needed().await }
            };
            app.tasks.spawn(Arc::clone(&app.tidy).run(
                Arc::clone(&app.store),
                keep,
                app.preparer.unpinned(),
                store::SOON,
                app.stop.clone(),
            ));
        }
        app.tasks
            .spawn(Arc::clone(&app.outbox).run(app.stop.clone()));
        let passes = Arc::clone(&app.passes);
        app.tasks
            .spawn(passes.run(app.media.clone(), app.stop.clone()));
        let announcer = Announcer::new(&app)?;
        app.tasks.spawn(announcer.run(app.stop.clone()));
        Ok(app)
    }

    /// Stops: sessions get their end, channels with a payment are closed, tasks finish, the journal is written.
    pub async fn shut_down(&self) {
        self.stop.cancel();
        self.uploads.interrupt();
        self.sessions.shut_down().await;
        self.tasks.close();
        self.tasks.wait().await;
        let closes = self.book.close_all_paid();
        if tokio::time::timeout(SHUTDOWN_CLOSES, closes).await.is_err() {
            tracing::warn!(
                "not all channels could be closed in time; they are after the next start, when nobody uses them"
            );
        }
        self.media.shutdown().await;
        self.library.close().await;
        tracing::info!("stopped in good order");
    }

    /// A content of the registry that this provider serves.
    ///
    /// # Errors
    /// `unknown_content`, `forbidden`; unavailable when the node does not answer.
    pub async fn served_content(&self, id: B256) -> Result<Content> {
        let content = self.ethereum.content(id).await?;
        self.serves_creator(content.creator)?;
        Ok(content)
    }

    /// The stored video behind a content of the registry; `None` when it is none of this provider's.
    ///
    /// # Errors
    /// `unknown_content`, `forbidden`; unavailable when the node does not answer.
    pub async fn stored(&self, id: B256) -> Result<Option<(Item, Stored)>> {
        if self.library.all_ready().is_empty() {
            return Ok(None);
        }
        let content = self.served_content(id).await?;
        Ok(self.stored_of(&content))
    }

    /// The stored video behind a content that has been looked up.
    #[must_use]
    pub fn stored_of(&self, content: &Content) -> Option<(Item, Stored)> {
        let item = self.library.stored(content.creator, content.id)?;
        let State::Ready(stored) = &item.state else {
            return None;
        };
        let stored = stored.clone();
        self.films.note(stored.cid, content.id);
        Some((item, *stored))
    }

    /// Whether this provider serves a creator's contents.
    ///
    /// # Errors
    /// `forbidden` when it does not.
    pub fn serves_creator(&self, creator: alloy::primitives::Address) -> Result<()> {
        let allowed = &self.config.allow_creator;
        if allowed.is_empty() || allowed.contains(&creator) {
            return Ok(());
        }
        Err(refused(
            Code::Forbidden,
            format!("this provider does not serve the creator {creator}"),
        ))
    }

    /// Whether somebody is publishing this content now.
    #[must_use]
    pub fn is_live(&self, content: B256) -> bool {
        self.media.stream(content).is_some_and(|stream| stream.live)
    }

    /// Notes the publisher's connection of a content.
    pub fn note_publisher(&self, content: B256, resource: ResourceId) {
        self.publishers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(content, resource);
    }

    /// Ends the publisher's connection of a content, if it is this one.
    #[must_use]
    pub fn end_publisher(&self, content: B256, resource: ResourceId) -> bool {
        let mut publishers = self
            .publishers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if publishers.get(&content) != Some(&resource) {
            return false;
        }
        publishers.remove(&content);
        self.media.remove(resource)
    }
}

/// Uploads that are not ready yet, of all creators together.
const MOST_ITEMS: u64 = 10_000;

async fn uploads(
    config: &Config,
    library: &Arc<Library>,
    store: &Arc<dyn ContentStore>,
) -> Result<(Arc<Uploads>, Arc<Preparer>)> {
    let folder = config.data_dir.join("uploads");
    let preparer = Preparer::open(
        Arc::clone(library),
        Arc::clone(store),
        folder.clone(),
        config.data_dir.join("prepared"),
        prepare::Bounds {
            at_a_time: config.max_preparations as usize,
            memory: config.preparation_memory_bytes,
            creator_bytes: config.creator_quota_bytes,
        },
    );
    let preparer = Arc::new(preparer.await?);
    let bounds = upload::Bounds {
        upload_bytes: config.max_upload_bytes,
        creator_bytes: config.creator_quota_bytes,
        creator_items: config.creator_quota_items,
        items: MOST_ITEMS,
        at_a_time: config.max_uploads as usize,
        patience: upload::LONGEST_SILENCE,
        abandoned_after: Duration::from_secs(config.upload_expiry_seconds),
    };
    let uploads = Uploads::open(
        Arc::clone(library),
        Arc::clone(store),
        Arc::clone(&preparer),
        folder,
        bounds,
    );
    Ok((Arc::new(uploads.await?), preparer))
}

fn payout_script(config: &Config) -> Result<bitcoin::ScriptBuf> {
    let invalid = |why: String| Error::Config(format!("--bitcoin-payout: {why}"));
    let address = Address::<NetworkUnchecked>::from_str(&config.bitcoin_payout)
        .map_err(|error| invalid(error.to_string()))?;
    let address = address
        .require_network(config.bitcoin_network.bitcoin())
        .map_err(|error| invalid(error.to_string()))?;
    let script = address.script_pubkey();
    if !is_payable_script(&script) {
        return Err(invalid("not an address of a standard kind".to_owned()));
    }
    Ok(script)
}

fn authentication(config: &Config) -> Result<Authentication> {
    match (
        &config.bitcoin_cookie_file,
        &config.bitcoin_rpc_user,
        &config.bitcoin_rpc_password_file,
    ) {
        (Some(cookie), _, _) => Ok(Authentication::Cookie(cookie.clone())),
        (None, Some(user), Some(password_file)) => Ok(Authentication::User {
            user: user.clone(),
            password_file: password_file.clone(),
        }),
        (None, _, _) => Err(Error::Config(
            "the Bitcoin node needs a cookie file, or a user and a password file".to_owned(),
        )),
    }
}

/// Two streamers on one journal would each sign what the other does not know of.
///
/// # Errors
/// When the folder is in use.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let failed = |source| Error::File {
        path: path.clone(),
        source,
    };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Config(format!(
            "{}: a streamer, or `store gc`, uses this folder",
            folder.display()
        ))),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn make_private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| Error::File {
            path: folder.to_owned(),
            source,
        })
}
