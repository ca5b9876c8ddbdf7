-- Views by provider and contents by CID, for the records and streams that are asked for by those.
create index views_by_provider on views (provider, block_number desc, log_index desc);
create index content_registrations_by_cid on content_registrations (cid);
create index stream_changes_by_provider on stream_changes (provider, block_number desc, log_index desc);
