-- An announcement stays when its CID was ever registered on chain, also before it was brought here. So what was registered is remembered, and
-- up to where it has been looked for, instead of the block at which each came.
alter table announcements drop column block;
-- The network that brought it first; empty for those that came before this was noted.
alter table announcements add column client text not null default '';

-- The CIDs that creators have registered, whether they still offer them or not. Each has cost its creator a transaction.
create table registered_cids (
    cid text not null,
    constraint registered_cids_pk primary key (cid)
) strict, without rowid;

-- Up to which block the events of a registry have been searched for those.
create table searched_registries (
    -- Its address.
    registry text not null,
    block integer not null,
    -- That block's hash. Where the chain has another one at this height, it is searched from the beginning.
    hash text not null,
    constraint searched_registries_pk primary key (registry)
) strict, without rowid;
