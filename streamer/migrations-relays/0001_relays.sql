-- What this provider sends to Ethereum with its key, and for whom. Written before it is sent; never deleted: a repeat, at
-- any time, is answered with the relay that there was.
create table relays (
    -- The hash of what was signed; for a transaction of the provider's own, random.
    relay_id text not null,
    -- `view`: a viewer's signed payment. `registration`: a creator's signed action. `own`: the provider's own.
    kind text not null,
    state text not null default 'pending',
    -- Who signed.
    account text,
    -- What may be under way once at a time: the nonce that was signed.
    once text,
    -- The call.
    target text not null,
    data blob not null,
    gas integer not null,
    -- Where it was mined; null while it is pending.
    transaction_hash text,
    block_number integer,
    -- 1 when the block is so deep that nobody looks again.
    settled integer not null default 0,
    -- Why it failed.
    detail text,
    -- What it may cost while it is pending, and what it did cost afterwards.
    cost_wei text not null,
    created_at integer not null,
    constraint relays_pk primary key (relay_id),
    constraint relays_kind check (kind in ('view', 'registration', 'stream', 'own')),
    constraint relays_state check (state in ('pending', 'confirmed', 'failed'))
);

create index relays_unsettled on relays (created_at) where settled = 0;
create index relays_recent on relays (created_at);
create unique index relays_once on relays (once) where state = 'pending';

-- Each transaction that was signed for a relay. One with a higher fee takes the place of the one before it.
create table attempts (
    transaction_hash text not null,
    relay_id text not null,
    nonce integer not null,
    raw blob not null,
    max_fee_wei text not null,
    priority_fee_wei text not null,
    sent_at integer not null,
    constraint attempts_pk primary key (transaction_hash),
    constraint attempts_relay foreign key (relay_id) references relays (relay_id)
);

create index attempts_of on attempts (relay_id, sent_at);
