-- What this provider was given to show: uploads on their way, and the videos that they became.
--
-- One row an item. The id of an upload is the id of its item. A row's columns belong to its state, as the checks say:
-- what an item became is there when it is ready, why it did not when it failed.
create table items (
    -- 32 hex digits, random.
    item_id text not null,
    -- The creator's account as 0x and 40 hex digits in lower case; null when the operator brought it.
    owner text,
    title text not null,
    description text not null default '',
    -- What the file was called where it came from. It is text for people; nothing on disk is named by it.
    file_name text not null default '',
    -- The operator gives it to everybody.
    free integer not null default 0,
    -- The bytes of the upload: how many it will have (null while that is not known), and how many are safe on disk.
    length integer,
    received integer not null default 0,
    state text not null,
    -- Why it failed: a code of docs/protocol.md, section 11, and a sentence.
    failure_code text,
    failure_detail text,
    -- The stored video.
    cid text,
    metadata_cid text,
    picture_cid text,
    size integer,
    duration_ms integer,
    mime_type text,
    width integer,
    height integer,
    -- Milliseconds since 1970.
    created_at integer not null,
    touched_at integer not null,
    constraint items_pk primary key (item_id),
    constraint items_state check (state in ('uploading', 'queued', 'preparing', 'adding', 'ready', 'failed', 'cancelled')),
    constraint items_free check (free in (0, 1)),
    constraint items_received_of_length check (received >= 0 and (length is null or received <= length)),
    constraint items_are_whole_once_uploaded check (state in ('uploading', 'failed', 'cancelled', 'ready') or received = length),
    constraint items_fail_with_a_reason check ((state = 'failed') = (failure_code is not null and failure_detail is not null)),
    constraint items_ready_are_stored check (
        (state = 'ready') = (cid is not null and size is not null and duration_ms is not null and mime_type is not null
                             and width is not null and height is not null)
    )
) strict;

-- Lists are by owner, newest first; the next in the queue is the oldest.
create index items_by_owner on items (owner, created_at);
create index items_by_state on items (state, created_at);
