-- When a channel was seen to be finished, so that it can be forgotten some time after: seconds since 1970, and the height of the
-- chain then. Null while anything is still awaited of it; a channel that comes back by a reorganisation gets null again.
alter table channels add column finished_at integer;
alter table channels add column finished_height integer
    constraint channels_finished_is_whole check ((finished_at is null) = (finished_height is null));
