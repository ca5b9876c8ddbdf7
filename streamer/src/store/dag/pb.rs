//! The two messages that a block of a file is made of: dag-pb's node around UnixFS's data.

use bytes::Bytes;

/// A link of a [`PbNode`].
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PbLink {
    /// The child's CID, in bytes.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub hash: Option<Bytes>,
    /// Empty in a file.
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    /// The size of the child with all below it; nothing here relies on it.
    #[prost(uint64, optional, tag = "3")]
    pub tsize: Option<u64>,
}

/// A dag-pb block.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PbNode {
    /// The children, in the file's order.
    #[prost(message, repeated, tag = "2")]
    pub links: Vec<PbLink>,
    /// A [`UnixFs`] message.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub data: Option<Bytes>,
}

/// UnixFS's `Type` of a leaf of older files.
pub(super) const RAW: i32 = 0;
/// UnixFS's `Type` of a file.
pub(super) const FILE: i32 = 2;

/// What a dag-pb block says of the file.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UnixFs {
    /// Raw, file, directory, …
    #[prost(int32, optional, tag = "1")]
    pub kind: Option<i32>,
    /// Bytes of the file that stand in the block itself, before those of the children.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub data: Option<Bytes>,
    /// The bytes of the file in and under this block.
    #[prost(uint64, optional, tag = "3")]
    pub filesize: Option<u64>,
    /// The bytes of the file under each child.
    #[prost(uint64, repeated, packed = "false", tag = "4")]
    pub blocksizes: Vec<u64>,
}
