//! What a sender says of a file.

use crate::error::{Code, Result, refused};
use crate::library::Item;

/// The longest title, in characters, and the longest description, in bytes: the document about them is at most 16 KiB.
const MAX_TITLE: usize = 200;
const MAX_DESCRIPTION: usize = 5000;
const MAX_FILE_NAME: usize = 255;

/// What a sender says of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// The title; the file's name where it is missing.
    pub title: Option<String>,
    /// What it is about.
    pub description: String,
    /// What the file is called there.
    pub file_name: String,
    /// Given to everybody.
    pub free: bool,
}

/// Takes over what a sender says, when it can be shown to people.
///
/// # Errors
/// `malformed` when it cannot.
pub fn describe(item: &mut Item, said: Description) -> Result<()> {
    let file_name: String = said
        .file_name
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_FILE_NAME)
        .collect();
    let title = said.title.unwrap_or_default();
    let title = title.trim();
    if title.chars().count() > MAX_TITLE || title.chars().any(char::is_control) {
        return Err(refused(
            Code::Malformed,
            format!("a title is one line of at most {MAX_TITLE} characters"),
        ));
    }
    let unusual = |character: char| character.is_control() && !"\n\r\t".contains(character);
    if said.description.len() > MAX_DESCRIPTION || said.description.chars().any(unusual) {
        return Err(refused(
            Code::Malformed,
            format!("a description is text of at most {MAX_DESCRIPTION} bytes"),
        ));
    }
    item.title = match (title.is_empty(), file_name.is_empty()) {
        (false, _) => title.to_owned(),
        (true, false) => file_name.chars().take(MAX_TITLE).collect(),
        (true, true) => "Untitled".to_owned(),
    };
    item.description = said.description;
    item.file_name = file_name;
    item.free = said.free;
    Ok(())
}
