-- What the indexer knows of one deployment of Paystream's contracts.
--
-- Every row that comes from the chain hangs on the log that caused it, every log hangs on its block, and there is one
-- hash for each block number. So the hash of a row's block is one join away, and taking back a block (`delete from
-- blocks`) takes back all that came of it. Derived tables are only ever appended to: the state of a thing is its latest
-- row, and the state before is there again as soon as that row is gone.
--
-- Amounts are numeric(78, 0), which holds every uint256. Addresses, hashes and ids are bytea. Times are the chain's own,
-- in seconds since the Unix epoch.

-- Where the follower stands. One row: a database mirrors one deployment.
create table follower (
    one boolean primary key default true,
    chain_id bigint not null,
    registry bytea not null,
    splitter bytea not null,
    -- The block before the first that is read; its hash is not known and not needed.
    origin_number bigint not null,
    head_number bigint not null,
    head_hash bytea,
    -- Nothing at or below it is ever taken back.
    finalized_number bigint not null,
    constraint follower_is_one_row check (one),
    constraint follower_head_follows_origin check (head_number >= origin_number)
);

-- The blocks that are known: all that carry a log, and, above the finalized one, all. Those that are final and carry no
-- log are forgotten again.
create table blocks (
    number bigint not null,
    hash bytea not null,
    timestamp bigint not null,
    has_logs boolean not null,
    constraint blocks_pkey primary key (number),
    constraint blocks_hash_is_32_bytes check (octet_length(hash) = 32)
);
create index blocks_without_logs on blocks (number) where not has_logs;

-- The logs as the node gave them: everything below can be made again from these.
create table logs (
    block_number bigint not null,
    log_index bigint not null,
    transaction_hash bytea not null,
    address bytea not null,
    topics bytea[] not null,
    data bytea not null,
    constraint logs_pkey primary key (block_number, log_index),
    constraint logs_block_fkey foreign key (block_number) references blocks (number) on delete cascade
);

-- ContentRegistered: who made what.
create table content_registrations (
    block_number bigint not null,
    log_index bigint not null,
    content_id bytea not null,
    creator bytea not null,
    cid text not null,
    name text not null,
    metadata_uri text not null,
    constraint content_registrations_pkey primary key (block_number, log_index),
    constraint content_registrations_log_fkey foreign key (block_number, log_index) references logs on delete cascade
);
create index content_registrations_by_content on content_registrations (content_id, block_number desc, log_index desc);
create index content_registrations_by_creator on content_registrations (creator, block_number desc, log_index desc);

-- The terms that a registration or an update set.
create table content_terms (
    block_number bigint not null,
    log_index bigint not null,
    content_id bytea not null,
    token bytea not null,
    payout bytea not null,
    creator_share_bps integer not null,
    price_per_view numeric(78, 0) not null,
    price_per_second numeric(78, 0) not null,
    msat_per_second numeric(78, 0) not null,
    constraint content_terms_pkey primary key (block_number, log_index),
    constraint content_terms_log_fkey foreign key (block_number, log_index) references logs on delete cascade
);
create index content_terms_by_content on content_terms (content_id, block_number desc, log_index desc);

-- Whether a content is offered, and when anything about it last changed.
create table content_changes (
    block_number bigint not null,
    log_index bigint not null,
    content_id bytea not null,
    active boolean not null,
    constraint content_changes_pkey primary key (block_number, log_index),
    constraint content_changes_log_fkey foreign key (block_number, log_index) references logs on delete cascade
);
create index content_changes_by_content on content_changes (content_id, block_number desc, log_index desc);

-- The URL under which a provider streams a content; null when the provider has withdrawn it.
create table stream_changes (
    block_number bigint not null,
    log_index bigint not null,
    content_id bytea not null,
    provider bytea not null,
    url text,
    constraint stream_changes_pkey primary key (block_number, log_index),
    constraint stream_changes_log_fkey foreign key (block_number, log_index) references logs on delete cascade
);
create index stream_changes_by_stream on stream_changes (content_id, provider, block_number desc, log_index desc);
create index stream_changes_by_content on stream_changes (content_id, block_number desc, log_index desc);

-- A creator's output script on Bitcoin; empty when the creator cleared it.
create table bitcoin_payouts (
    block_number bigint not null,
    log_index bigint not null,
    creator bytea not null,
    script bytea not null,
    constraint bitcoin_payouts_pkey primary key (block_number, log_index),
    constraint bitcoin_payouts_log_fkey foreign key (block_number, log_index) references logs on delete cascade
);
create index bitcoin_payouts_by_creator on bitcoin_payouts (creator, block_number desc, log_index desc);

-- Views that were paid for.
create table views (
    block_number bigint not null,
    log_index bigint not null,
    content_id bytea not null,
    provider bytea not null,
    viewer bytea not null,
    token bytea not null,
    price numeric(78, 0) not null,
    creator_amount numeric(78, 0) not null,
    provider_amount numeric(78, 0) not null,
    payout bytea not null,
    constraint views_pkey primary key (block_number, log_index),
    constraint views_log_fkey foreign key (block_number, log_index) references logs on delete cascade
);
create index views_by_content on views (content_id, block_number desc, log_index desc);

-- What was credited to an account.
create table credits (
    block_number bigint not null,
    log_index bigint not null,
    token bytea not null,
    account bytea not null,
    content_id bytea not null,
    amount numeric(78, 0) not null,
    constraint credits_pkey primary key (block_number, log_index),
    constraint credits_log_fkey foreign key (block_number, log_index) references logs on delete cascade
);
create index credits_by_account on credits (account, block_number desc, log_index desc);

-- What an account took out.
create table claims (
    block_number bigint not null,
    log_index bigint not null,
    token bytea not null,
    account bytea not null,
    recipient bytea not null,
    amount numeric(78, 0) not null,
    constraint claims_pkey primary key (block_number, log_index),
    constraint claims_log_fkey foreign key (block_number, log_index) references logs on delete cascade
);
create index claims_by_account on claims (account, block_number desc, log_index desc);
