-- Announcements of live streams that anybody brought and that are not known to be registered on chain yet. One that is registered leaves this
-- table and stays pinned; one that is not registered in time is unpinned first and leaves the table then, so that a crash in between
-- leaves no pin behind that nobody would remove.
create table announcements (
    cid text not null,
    -- The chain's head when it was first brought: its registration is in a later block.
    block integer not null,
    -- When it was brought last. Milliseconds since 1970.
    brought_at integer not null,
    constraint announcements_pk primary key (cid)
) strict;

create index announcements_by_age on announcements (brought_at);
