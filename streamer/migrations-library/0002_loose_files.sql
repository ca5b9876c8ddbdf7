-- Files of the content store that somebody let go: they are unpinned as soon as no item needs them. Written in the same transaction as the
-- removal of the item, so that a crash in between leaves no pin behind that nobody would remove.
create table loose_files (
    cid text not null,
    constraint loose_files_pk primary key (cid)
) strict;
