//! PostgreSQL: the only place that knows SQL. [`write`](self::write) is the follower's, [`read`] is the API's.

pub mod read;
pub mod rows;
