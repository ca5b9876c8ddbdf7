-- Views of a content by viewer, for whoever asks whether they have bought it already.
create index views_by_viewer on views (content_id, viewer, block_number desc, log_index desc);
