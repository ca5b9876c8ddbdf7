-- The provider's side of every channel: its terms, where it stands, and the last payment, which is the money.
--
-- One row a channel, replaced as a whole in one statement: a row is always something that was true at one time.
-- A payment takes the place of the one before it, as in the protocol; earlier ones are worth nothing.
create table channels (
    channel_id text not null,
    -- The index of the provider's key in the seed's derivation. Never used twice.
    key_index integer not null,
    -- JSON: the terms of docs/protocol.md, section 3.1; they give the channel's id and script.
    terms text not null,
    -- JSON: the stage of the channel's life, with its funding and its closing transaction.
    stage text not null,
    -- The last accepted payment; sequence 0 means that there is none.
    sequence integer not null default 0,
    paid_sat integer not null default 0,
    signatures text not null default '[]',
    -- Media that was paid for and not delivered.
    credit_ms integer not null default 0,
    -- Media that was delivered before the funding was confirmed.
    preview_used_ms integer not null default 0,
    -- Seconds since 1970.
    created_at integer not null,
    constraint channels_pk primary key (channel_id),
    constraint channels_key_index_once unique (key_index),
    constraint channels_paid_with_a_payment check ((sequence = 0) = (paid_sat = 0))
) strict;

-- The next unused key index. Rows of channels may be forgotten; their keys are not given out again.
create table next_key (
    singleton integer not null default 1,
    key_index integer not null,
    constraint next_key_pk primary key (singleton),
    constraint next_key_is_one_row check (singleton = 1)
) strict;

insert into next_key (key_index) values (0);
