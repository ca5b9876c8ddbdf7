-- The pins of the content store that the library has made, or that were handed to it with a video that was taken in. Nobody else's is ever
-- taken away: what somebody pins by hand leaves this list, or never comes onto it, and stays pinned when its items are gone. A pin stands here
-- before it is made, so that a crash leaves none behind that nobody would remove.
create table own_pins (
    cid text not null,
    constraint own_pins_pk primary key (cid)
) strict;

-- So far every file of a video was the library's to unpin.
insert into own_pins (cid)
select cid from items where state = 'ready'
union select metadata_cid from items where state = 'ready' and metadata_cid is not null
union select picture_cid from items where state = 'ready' and picture_cid is not null
union select cid from loose_files;
